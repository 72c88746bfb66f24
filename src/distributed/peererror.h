// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodistributed_export.h"

#include <Asyncoro/Error>
#include <Asyncoro/Location>

namespace Asyncoro {

/** The other process cannot be reached any more, or could not be reached at all. */
class ASYNCORO_DISTRIBUTED_EXPORT PeerLost : public Error
{
public:
    PeerLost(const Location &peer, const QString &reason);
    ~PeerLost() override;

    [[nodiscard]] Location peer() const { return m_peer; }
    /** The message without the peer. */
    [[nodiscard]] QString reason() const { return m_reason; }

private:
    Location m_peer;
    QString m_reason;
};

/** The other process does not take part with this one: another secret, or a version that does not fit. */
class ASYNCORO_DISTRIBUTED_EXPORT PeerRefused : public Error
{
public:
    using Error::Error;
    ~PeerRefused() override;
};

/** A function called on another process failed there with an exception of a type that has no counterpart here. */
class ASYNCORO_DISTRIBUTED_EXPORT RemoteError : public Error
{
public:
    RemoteError(const QString &type, const QString &message);
    ~RemoteError() override;

    /** The name of the exception's type over there. */
    [[nodiscard]] QString type() const { return m_type; }

private:
    QString m_type;
};

/** A value that cannot be sent, or bytes that stand for no value. */
class ASYNCORO_DISTRIBUTED_EXPORT WireError : public Error
{
public:
    using Error::Error;
    ~WireError() override;
};

} // namespace Asyncoro
