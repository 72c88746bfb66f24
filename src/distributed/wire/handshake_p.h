// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QByteArray>

#include <optional>

namespace Asyncoro::Detail {

/**
 * The first bytes of a connection, from both sides: who I am, what I speak, and a challenge. Fixed in size, so that
 * nothing else is parsed before both sides have proved that they know the secret.
 */
struct Hello {
    static constexpr qsizetype Size = 64;
    static constexpr qsizetype IncarnationSize = 16;
    static constexpr qsizetype NonceSize = 32;
    static constexpr quint16 ProtocolVersion = 4;

    /** What a process is like, and what it can do beyond the protocol's version; both sides ignore what they do not know. */
    enum Flag : quint16 {
        MayBeBusy = 1, ///< its event loop may stand still while a job computes: silence alone does not mean that it is lost
        Resumes = 2, ///< it goes on with a session over another connection when one breaks
    };

    quint16 version = ProtocolVersion;
    quint16 oldestVersion = ProtocolVersion; // that it understands
    quint16 flags = Resumes;
    quint16 port = 0; // where it is to be called; 0 if it does not listen
    QByteArray incarnation; // random, of this run of the process
    QByteArray nonce; // random, of this connection

    [[nodiscard]] QByteArray toBytes() const;
    /** Nothing if the bytes are not the beginning of our protocol. */
    [[nodiscard]] static std::optional<Hello> fromBytes(const QByteArray &bytes);

    [[nodiscard]] bool understands(const Hello &other) const
    {
        return other.version >= oldestVersion && version >= other.oldestVersion;
    }
};

/** What the side that connects wants, after both hellos; its proof follows. */
struct SessionRequest {
    static constexpr qsizetype AddressSize = 16;
    static constexpr qsizetype Size = 16 + AddressSize;
    /** No session has this name, so that the answer is Gone, and its proof all that comes of it. */
    static constexpr quint64 OnlyProof = 2;

    quint64 session = 0; // to go on with; 0: a new one
    quint64 received = 0; // how many bytes of that session it has
    QByteArray address = QByteArray(AddressSize, 0); // where it is to be called, IPv6; all 0: where the connection comes from

    [[nodiscard]] QByteArray toBytes() const;
    [[nodiscard]] static SessionRequest fromBytes(const QByteArray &bytes);
};

/** What the side that accepted makes of that. */
enum class Verdict : quint8 {
    Accepted = 1, ///< a new session
    WrongSecret,
    Duplicate, ///< there is a connection between the two already, or one is being made from the other side
    Busy, ///< too many peers have connected from that address
    Resumed, ///< the session goes on
    Gone, ///< there is no such session any more
};

/** The answer of the side that accepted; its proof follows, unless the other side's was wrong. */
struct SessionAnswer {
    static constexpr qsizetype Size = 17;

    Verdict verdict{};
    quint64 session = 0; // if there is one: its name, an odd number
    quint64 received = 0; // how many bytes of the session it has

    [[nodiscard]] QByteArray toBytes() const;
    [[nodiscard]] static SessionAnswer fromBytes(const QByteArray &bytes);
};

inline constexpr qsizetype ProofSize = 32;

enum class Side : char { Connecting = 'C', Accepting = 'A' };

/**
 * The proof of `side` that it knows the secret: HMAC-SHA-256, with the secret as its key, over a label, the side, the
 * channel binding of a secure connection, and all bytes that both sides have sent before it. A replayed proof fails by the
 * nonces, a reflected one by the side, and one that somebody between two secure connections passes on by the binding.
 */
QByteArray makeProof(const QByteArray &secret, Side side, const QByteArray &transcript);

/** Takes the same time wherever the two differ. */
bool equalInConstantTime(const QByteArray &a, const QByteArray &b);

/** `size` bytes that cannot be guessed. */
QByteArray randomBytes(qsizetype size);

} // namespace Asyncoro::Detail
