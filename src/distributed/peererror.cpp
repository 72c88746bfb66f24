// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "peererror.h"

namespace Asyncoro {

PeerLost::PeerLost(const Location &peer, const QString &reason)
    : Error(QStringLiteral("%1: %2").arg(peer.toString(), reason))
    , m_peer(peer)
    , m_reason(reason)
{
}

RemoteError::RemoteError(const QString &type, const QString &message)
    : Error(message)
    , m_type(type)
{
}

PeerLost::~PeerLost() = default;
PeerRefused::~PeerRefused() = default;
RemoteError::~RemoteError() = default;
WireError::~WireError() = default;

} // namespace Asyncoro
