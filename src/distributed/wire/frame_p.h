// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QByteArrayView>
#include <QtEndian>

#include <optional>

namespace Asyncoro::Detail {

/** What a frame is for; its body is a CBOR array as the comment says. docs/wire-format.md describes each. */
enum class FrameKind : quint8 {
    Send = 1, ///< [coroutine, message]
    Deliver, ///< [number, coroutine, message]; answered
    Terminate, ///< [coroutine]
    Watch, ///< [coroutine]: tell with Ended how it ends
    Ended, ///< [coroutine, state, type of the error, text of the error, value]
    Call, ///< [number, function, arguments, whether to answer with the coroutine's handle at once, signature]; answered
    Cancel, ///< [number]: the caller no longer waits for the answer
    Value, ///< [number, value]: the answer
    Failure, ///< [number, type, text]: the answer is an exception
    Ping, ///< [received]: are you there? Answered
    Goodbye, ///< [reason]: closes in order
    Pong, ///< [received]: the answer to Ping
    Acknowledge, ///< [received]: so many bytes of this session's frames are here
    Full, ///< [coroutine]: its mailbox is full; send it nothing
    Room, ///< [coroutine]: it has room again
    Throw, ///< [coroutine, type of the error, text of the error]
    Resume, ///< [coroutine, value]
    Link, ///< [coroutine, other coroutine]: the first is thrown LinkedCoroEnded if the other one ends without finishing
    Unlink, ///< [coroutine, other coroutine]
    Monitor, ///< [coroutine, other coroutine]: the first is sent an ExitNotice when the other one ends
    SendAll, ///< [coroutines, message]
    DeliverAll, ///< [number, coroutines, message]; answered
    Publish, ///< [number, channel, crossings, least number of subscribers, milliseconds, message]; answered unless number 0
    Subscribe, ///< [number, channel, coroutine or channel]; answered unless number 0
    Unsubscribe, ///< [channel, coroutine or channel]
    Close, ///< [channel]: of the receiver
    Closed, ///< [channel]: of the sender
};
inline constexpr quint8 LastFrameKind = quint8(FrameKind::Closed);

/** In front of every frame: magic, version, kind and the length of the body; eight bytes in network order. */
struct FrameHeader {
    static constexpr quint16 Magic = 0xac05;
    static constexpr quint8 Version = 2;
    static constexpr qsizetype Size = 8;
    static constexpr quint32 MaxLength = 64 * 1024 * 1024;

    FrameKind kind{};
    quint32 length = 0;

    void write(char *target) const
    {
        qToBigEndian(Magic, target);
        target[2] = char(Version);
        target[3] = char(kind);
        qToBigEndian(length, target + 4);
    }

    /** Nothing if the bytes are no header that we understand. */
    [[nodiscard]] static std::optional<FrameHeader> read(const char *source)
    {
        const auto kind = quint8(source[3]);
        const FrameHeader header{FrameKind(kind), qFromBigEndian<quint32>(source + 4)};
        if (qFromBigEndian<quint16>(source) != Magic || quint8(source[2]) != Version || kind == 0 || kind > LastFrameKind
            || header.length > MaxLength)
            return {};
        return header;
    }
};

} // namespace Asyncoro::Detail
