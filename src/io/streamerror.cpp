// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "streamerror.h"

namespace Asyncoro {

StreamError::StreamError(const QString &operation, const QString &subject, const QString &reason)
    : Error(operation + (subject.isEmpty() ? QString() : QStringLiteral(", ") + subject) + QStringLiteral(": ")
            + reason)
    , m_operation(operation)
{
}

StreamError::StreamError(const QString &message)
    : Error(message)
{
}

EndOfStream::EndOfStream(const QByteArray &partial, const QString &message)
    : Error(message)
    , m_partial(partial)
{
}

StreamError::~StreamError() = default;
EndOfStream::~EndOfStream() = default;
MessageTooLong::~MessageTooLong() = default;

} // namespace Asyncoro
