// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoronetwork_export.h"

#include <Asyncoro/Location>
#include <Asyncoro/StreamError>

#include <QAbstractSocket>

namespace Asyncoro {

/** A connection failed or is gone. The message says which operation, with whom and why. */
class ASYNCORO_NETWORK_EXPORT SocketError : public StreamError
{
public:
    /** The message is made of these: "recv(), 127.0.0.1:80: the socket was closed". `peer` may be invalid. */
    SocketError(QAbstractSocket::SocketError code, const QString &operation, const Location &peer,
                const QString &reason);
    /** For what concerns no peer with a Location, but a path, a URL, a group or a value: `subject`, if there is one. */
    SocketError(QAbstractSocket::SocketError code, const QString &operation, const QString &subject,
                const QString &reason);
    ~SocketError() override;

    /** Qt's reason; OperationError if the socket was closed by this side or never connected. */
    [[nodiscard]] QAbstractSocket::SocketError code() const { return m_code; }

    /** The other end; invalid if there is none (listen(), bind()), or none with a Location (local and WebSockets). */
    [[nodiscard]] Location peer() const { return m_peer; }

protected:
    /** For what is no operation of a socket. */
    SocketError(QAbstractSocket::SocketError code, const QString &message);

private:
    QAbstractSocket::SocketError m_code;
    Location m_peer;
};

} // namespace Asyncoro
