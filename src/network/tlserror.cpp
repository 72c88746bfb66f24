// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "tlserror.h"

namespace Asyncoro {

namespace {

QAbstractSocket::SocketError codeOf(TlsError::Reason reason)
{
    switch (reason) {
    case TlsError::Reason::ClosedByPeer:
    case TlsError::Reason::Truncated:
        return QAbstractSocket::RemoteHostClosedError;
    case TlsError::Reason::UnreadableFile:
    case TlsError::Reason::KeyMismatch:
    case TlsError::Reason::BadConfiguration:
        return QAbstractSocket::SslInvalidUserDataError;
    default:
        return QAbstractSocket::SslHandshakeFailedError;
    }
}

} // namespace

TlsError::TlsError(Reason reason, const QString &operation, const Location &peer, const QString &text)
    : SocketError(codeOf(reason), operation, peer, text)
    , m_reason(reason)
{
}

TlsError::TlsError(Reason reason, const QString &message)
    : SocketError(codeOf(reason), message)
    , m_reason(reason)
{
}

TlsError::~TlsError() = default;

} // namespace Asyncoro
