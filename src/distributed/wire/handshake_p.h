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
    static constexpr quint16 ProtocolVersion = 1;

    enum Flag : quint16 {
        MayBeBusy = 1, ///< its event loop may stand still while a job computes: silence alone does not mean that it is lost
    };

    quint16 version = ProtocolVersion;
    quint16 oldestVersion = ProtocolVersion; // that it understands
    quint16 flags = 0;
    quint16 port = 0; // where it listens; 0 if it does not
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

/** What the side that accepted says after it has seen the other's proof; one byte, its own proof follows if accepted. */
enum class Verdict : quint8 {
    Accepted = 1,
    WrongSecret,
    Duplicate, ///< there is a connection between the two already, or one is being made from the other side
    Busy, ///< too many connections
};

inline constexpr qsizetype ProofSize = 32;

enum class Side : char { Connecting = 'C', Accepting = 'A' };

/**
 * The proof of `side` that it knows the secret: HMAC-SHA-256, with the secret as its key, over a label, the side and both
 * hellos. A replayed proof fails by the nonces, a reflected one by the side.
 */
QByteArray makeProof(const QByteArray &secret, Side side, const QByteArray &connectingHello, const QByteArray &acceptingHello);

/** Takes the same time wherever the two differ. */
bool equalInConstantTime(const QByteArray &a, const QByteArray &b);

/** `size` bytes that cannot be guessed. */
QByteArray randomBytes(qsizetype size);

} // namespace Asyncoro::Detail
