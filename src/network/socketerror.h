// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoronetwork_export.h"

#include <Asyncoro/Error>

#include <QAbstractSocket>

namespace Asyncoro {

/** A connection failed or is gone. The message says which operation, with whom and why. */
class ASYNCORO_NETWORK_EXPORT SocketError : public Error
{
public:
    SocketError(QAbstractSocket::SocketError code, const QString &message);
    ~SocketError() override;

    /** Qt's reason; OperationError if the socket was closed by this side or never connected. */
    [[nodiscard]] QAbstractSocket::SocketError code() const { return m_code; }

private:
    QAbstractSocket::SocketError m_code;
};

/** The peer ended its stream in an orderly way before all that was asked for had come. */
class ASYNCORO_NETWORK_EXPORT EndOfStream : public Error
{
public:
    EndOfStream(const QByteArray &partial, const QString &message);
    ~EndOfStream() override;

    /**
     * What did come, the length of a message included; taken out of the stream. Empty if the stream ended between two
     * operations, which is how most conversations end.
     */
    [[nodiscard]] QByteArray partial() const { return m_partial; }

private:
    QByteArray m_partial;
};

/** A message is longer than its receiver accepts, or than the framing can tell. */
class ASYNCORO_NETWORK_EXPORT MessageTooLong : public Error
{
public:
    using Error::Error;
    ~MessageTooLong() override;
};

} // namespace Asyncoro
