// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncwebsocket.h"

#include <Asyncoro/Location>

#include <QHostAddress>

#include <optional>

QT_BEGIN_NAMESPACE
class QSslConfiguration;
class QWebSocketServer;
QT_END_NAMESPACE

namespace Asyncoro {

namespace Detail {

class WebSocketServerData;

} // namespace Detail

/**
 * Listens for WebSockets and gives them to coroutines.
 *
 * It can be moved but not copied, and belongs to the thread that made it. Its destructor closes it, see close().
 */
class ASYNCORO_WEBSOCKETS_EXPORT AsyncWebSocketServer
{
public:
    /** `name` is sent in the handshake. */
    explicit AsyncWebSocketServer(const QString &name = {});
    /** For "wss://", with a certificate and its key in the configuration. */
    AsyncWebSocketServer(const QString &name, const QSslConfiguration &configuration);
    ~AsyncWebSocketServer();
    AsyncWebSocketServer(AsyncWebSocketServer &&other) noexcept;
    AsyncWebSocketServer &operator=(AsyncWebSocketServer &&other) noexcept;

    /** Starts to listen, at any free port if that is 0. Throws SocketError, which says what stands in the way. */
    void listen(const QHostAddress &address, quint16 port = 0);

    /**
     * Waits for a connection that has come through the handshake, and gives it. Clients that fail in it, or take longer
     * than QWebSocketServer::handshakeTimeout(), are dropped. What a client sends before it is accepted is kept for
     * recv(). With QWebSocketServer::maxPendingConnections() that nobody accepts, it takes no more of them from the
     * system; those that are in the handshake then are closed with code 1013, "try again later". While the process is
     * out of descriptors, connections wait in the system, too.
     *
     * Completes without suspending if there is one. Resumes on the same thread. Any number of coroutines may wait; they
     * are served in the order of the calls. Throws SocketError if the server does not listen or is closed, TimedOut if
     * the deadline passes first. Timing out or being cancelled takes no connection.
     */
    [[nodiscard]] Task<AsyncWebSocket> accept(QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /** Stops to listen, drops connections that nobody has accepted, and wakes all who wait with SocketError. */
    void close();

    [[nodiscard]] bool isListening() const;
    /** Where it listens; invalid if it does not. */
    [[nodiscard]] Location location() const;

    /** What is wrapped, for its options, such as sub-protocols. It still belongs to this object. */
    [[nodiscard]] QWebSocketServer *server() const;

private:
    std::shared_ptr<Detail::WebSocketServerData> m_data;
};

} // namespace Asyncoro
