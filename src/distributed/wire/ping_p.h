// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QByteArray>
#include <QHostAddress>
#include <QStringList>

#include <optional>

namespace Asyncoro::Detail {

/**
 * A datagram by which processes find each other. All have the same size, so that an answer is never larger than what it
 * answers, and all of it is under a MAC. docs/wire-format.md describes it byte by byte.
 *
 * A question is answered by those whom it looks for, and names its asker's own services; an announcement only says who
 * is there. Who asked connects to who answered: the answer has the question's nonce, which nobody could have known
 * before, so that questions and answers of earlier days lead to nothing.
 */
struct Ping
{
    static constexpr qsizetype Size = 352;
    static constexpr quint16 ProtocolVersion = 1;
    static constexpr qsizetype IncarnationSize = 16;
    static constexpr qsizetype NonceSize = 16;
    static constexpr qsizetype AddressSize = 64; // of texts: bytes of UTF-8
    static constexpr qsizetype NameSize = 64;
    static constexpr qsizetype ServicesSize = 112; // together, with a space between two
    static constexpr qsizetype ServiceSize = 32;

    enum class Kind : quint8 { Question = 1, Answer, Announcement };

    quint16 version = ProtocolVersion;
    quint16 oldestVersion = ProtocolVersion; // that it understands
    Kind kind = Kind::Question;
    bool direct =
        false; // sent to one address: the process that gets it there passes it on to the others of its machine
    QByteArray incarnation; // of who sends it
    QByteArray nonce; // of the question
    QString address; // where it listens; empty: the address that the datagram comes from
    quint16 port = 0;
    QString name;
    QStringList services;
    QString lookingFor; // the service that is wanted; empty: any process

    /** A name that is too long is cut off; other texts must fit, see fits(). */
    [[nodiscard]] QByteArray toBytes(const QByteArray &secret) const;

    /** Whether a service may have that name, and a list of them may be sent. */
    [[nodiscard]] static bool isService(const QString &name);
    [[nodiscard]] static bool fits(const QStringList &services);
};

/** What is wrong with bytes that came instead of a ping of ours. */
enum class PingFault : quint8 {
    None,
    NotAPing, ///< another size or beginning
    OtherVersion, ///< which one is in PingReading::version
    WrongSecret, ///< or altered on its way
    Malformed, ///< its sender knows the secret, but made an error
};

struct PingReading
{
    std::optional<Ping> ping; // only if there is no fault
    PingFault fault = PingFault::None;
    quint16 version = 0; // as it claims; nothing proves that if there is a fault
    bool direct = false; // likewise
};

/** Any bytes, from anybody. */
[[nodiscard]] PingReading readPing(const QByteArray &bytes, const QByteArray &secret);

/**
 * What the process that got a direct ping sends to the others of its machine, over loopback only: they share a port,
 * and the system gives what is for one address to one of them.
 */
struct PassedPing
{
    static constexpr qsizetype Size = 8 + 2 + Ping::AddressSize + Ping::Size;

    QHostAddress from; // where the ping came from
    quint16 port = 0;
    QByteArray ping;

    [[nodiscard]] QByteArray toBytes() const;
    /** Nothing if the bytes are something else. */
    [[nodiscard]] static std::optional<PassedPing> fromBytes(const QByteArray &bytes);
};

} // namespace Asyncoro::Detail
