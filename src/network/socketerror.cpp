// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "socketerror.h"

namespace Asyncoro {

SocketError::SocketError(QAbstractSocket::SocketError code, const QString &message)
    : Error(message)
    , m_code(code)
{
}

EndOfStream::EndOfStream(const QByteArray &partial, const QString &message)
    : Error(message)
    , m_partial(partial)
{
}

SocketError::~SocketError() = default;
EndOfStream::~EndOfStream() = default;
MessageTooLong::~MessageTooLong() = default;

} // namespace Asyncoro
