// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "socketerror.h"

namespace Asyncoro {

SocketError::SocketError(QAbstractSocket::SocketError code, const QString &operation, const Location &peer,
                         const QString &reason)
    : StreamError(operation, peer.isValid() ? peer.toString() : QString(), reason)
    , m_code(code)
    , m_peer(peer)
{
}

SocketError::SocketError(QAbstractSocket::SocketError code, const QString &operation, const QString &subject,
                         const QString &reason)
    : StreamError(operation, subject, reason)
    , m_code(code)
{
}

SocketError::SocketError(QAbstractSocket::SocketError code, const QString &message)
    : StreamError(message)
    , m_code(code)
{
}

SocketError::~SocketError() = default;

} // namespace Asyncoro
