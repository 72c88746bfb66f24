// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "../../src/distributed/wire/frame_p.h"
#include "../../src/distributed/wire/handshake_p.h"

#include <Asyncoro/AsyncServer>
#include <Asyncoro/AsyncSocket>
#include <Asyncoro/Coro>

#include <QCborArray>

namespace DistributedTest {

using Asyncoro::AsyncSocket;
using Asyncoro::Location;
using Asyncoro::Task;
using Asyncoro::Detail::FrameHeader;
using Asyncoro::Detail::FrameKind;
using Asyncoro::Detail::Hello;
using Asyncoro::Detail::SessionAnswer;
using Asyncoro::Detail::SessionRequest;
using Asyncoro::Detail::Side;
using Asyncoro::Detail::Verdict;

/** A frame as bytes. */
inline QByteArray frameOf(FrameKind kind, const QByteArray &body)
{
    QByteArray bytes(FrameHeader::Size, '\0');
    FrameHeader{kind, quint32(body.size())}.write(bytes.data());
    return bytes + body;
}

inline QByteArray frameOf(FrameKind kind, const QCborArray &items)
{
    return frameOf(kind, items.toCborValue().toCbor());
}

/** A value of a type that CBOR has none for. */
inline QCborValue typed(const QString &name, const QCborValue &content)
{
    return QCborValue(QCborTag(0x4153), QCborArray{name, content});
}

/** Speaks the protocol byte by byte, and can be told to speak it wrong. */
class RawPeer
{
public:
    RawPeer()
    {
        ours.port = 0;
        ours.flags = 0; // cannot resume, so that what breaks is over
        ours.incarnation = Asyncoro::Detail::randomBytes(Hello::IncarnationSize);
        ours.nonce = Asyncoro::Detail::randomBytes(Hello::NonceSize);
    }

    /** Connects, and exchanges hellos. */
    Task<> greet(Location location)
    {
        co_await socket.connect(location);
        co_await socket.sendAll(ours.toBytes());
        theirs = co_await socket.recvAll(Hello::Size);
    }

    /** Of the side that connects; reflected: as if it was that of the other one. */
    [[nodiscard]] QByteArray proof(Side side = Side::Connecting) const
    {
        return Asyncoro::Detail::makeProof(secret, side, ours.toBytes() + theirs + request.toBytes());
    }

    /** What follows the hellos. */
    [[nodiscard]] QByteArray introduction() const { return request.toBytes() + proof(); }

    /** Receives the answer, with the proof of the other side. */
    Task<SessionAnswer> receiveAnswer()
    {
        const QByteArray answer = co_await socket.recvAll(SessionAnswer::Size);
        const QByteArray theirProof = co_await socket.recvAll(Asyncoro::Detail::ProofSize);
        const QByteArray transcript = ours.toBytes() + theirs + introduction() + answer;
        if (theirProof != Asyncoro::Detail::makeProof(secret, Side::Accepting, transcript))
            throw Asyncoro::Error(QStringLiteral("it does not know the secret"));
        co_return SessionAnswer::fromBytes(answer);
    }

    /** All of a handshake, whatever the answer. */
    Task<SessionAnswer> introduce(Location location)
    {
        co_await greet(location);
        co_await socket.sendAll(introduction());
        co_return co_await receiveAnswer();
    }

    /** All of a handshake that succeeds. */
    Task<> join(Location location)
    {
        if ((co_await introduce(location)).verdict != Verdict::Accepted)
            throw Asyncoro::Error(QStringLiteral("the handshake failed"));
    }

    struct Frame {
        FrameKind kind{};
        QCborArray items;
        QByteArray bytes; // of all of it
    };

    /** The next frame that is no sign of life. */
    Task<Frame> receiveFrame()
    {
        for (;;) {
            const QByteArray head = co_await socket.recvAll(FrameHeader::Size);
            const std::optional<FrameHeader> header = FrameHeader::read(head.constData());
            if (!header)
                throw Asyncoro::Error(QStringLiteral("no frame"));
            const QByteArray body = co_await socket.recvAll(header->length);
            if (header->kind != FrameKind::Ping && header->kind != FrameKind::Acknowledge)
                co_return Frame{header->kind, QCborValue::fromCbor(body).toArray(), head + body};
        }
    }

    /** True once the other side has closed, in order or not; what comes before is dropped. */
    Task<bool> isClosed()
    {
        try {
            while (!(co_await socket.recv()).isEmpty()) { }
        } catch (const Asyncoro::SocketError &) {
        }
        co_return true;
    }

    AsyncSocket socket;
    Hello ours;
    QByteArray theirs; // hello
    SessionRequest request;
    QByteArray secret = "s3cret";
};

/** Answers whoever connects to `server` as a process that speaks only another version; until that one closes. */
inline Task<> answerWithVersion(Asyncoro::AsyncServer &server, quint16 version)
{
    RawPeer peer;
    peer.socket = co_await server.accept();
    co_await peer.socket.recvAll(Hello::Size);
    peer.ours.version = peer.ours.oldestVersion = version;
    co_await peer.socket.sendAll(peer.ours.toBytes());
    co_await peer.isClosed();
}

} // namespace DistributedTest
