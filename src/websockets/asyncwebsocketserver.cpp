// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asyncwebsocketserver.h"

#include <Asyncoro/Event>
#include <Asyncoro/Lock>

#include <QSslConfiguration>
#include <QTcpSocket>
#include <QWebSocket>
#include <QWebSocketServer>

#include <algorithm>
#include <deque>
#include <utility>

namespace Asyncoro {

namespace Detail {

namespace {

constexpr int TryAgainLater = 1013; // a close code that Qt does not name

} // namespace

/** What an AsyncWebSocketServer and the coroutines that wait for it share. */
class WebSocketServerData
{
public:
    WebSocketServerData(const QString &name, QWebSocketServer::SslMode mode)
        : server(name, mode)
    {
        QObject::connect(&server, &QWebSocketServer::newConnection, &server, [this] { takeConnections(); });
        QObject::connect(&server, &QWebSocketServer::closed, &server, [this] { changed.pulse(); });
    }

    static Task<AsyncWebSocket> accept(std::shared_ptr<WebSocketServerData> data, QDeadlineTimer deadline)
    {
        const auto guard = co_await data->accepting.acquire(deadline);
        for (;;) {
            if (!data->server.isListening())
                throw SocketError(QAbstractSocket::OperationError,
                                  QStringLiteral("accept(): the server does not listen"));
            if (!data->pending.empty()) {
                AsyncWebSocket socket = std::move(data->pending.front());
                data->pending.pop_front();
                data->acceptOn();
                co_return socket;
            }
            co_await data->changed.wait(deadline);
        }
    }

    /** QWebSocketServer keeps the connection itself as its own: it would end with the server. */
    void handOver(QWebSocket &socket) const
    {
        for (QTcpSocket *const tcp : server.findChildren<QTcpSocket *>()) {
            if (tcp->peerPort() == socket.peerPort() && tcp->peerAddress() == socket.peerAddress())
                tcp->setParent(&socket);
        }
    }

    /** At once, since a QWebSocket reads on and gives its messages to nobody if nobody listens to it yet. */
    void takeConnections()
    {
        while (QWebSocket *const connection = server.nextPendingConnection()) {
            handOver(*connection);
            AsyncWebSocket socket(connection);
            if (!server.isListening()) // one that was in the handshake meanwhile
                continue;
            if (!isFull())
                pending.push_back(std::move(socket));
            else // likewise
                socket.close(TryAgainLater, QStringLiteral("too many connections wait to be accepted"));
        }
        if (isFull() && !std::exchange(paused, true))
            server.pauseAccepting();
        changed.pulse();
    }

    void acceptOn()
    {
        if (!isFull() && std::exchange(paused, false))
            server.resumeAccepting();
    }

    void close()
    {
        server.close();
        pending.clear();
        paused = false; // one that listens anew is not
    }

    [[nodiscard]] bool isFull() const
    {
        return qsizetype(pending.size()) >= std::max(server.maxPendingConnections(), 1);
    }

    Lock accepting; // who accepts, or waits to
    Event changed; // pulsed when there is a connection, or none will come any more
    QWebSocketServer server;
    std::deque<AsyncWebSocket> pending; // through the handshake, not accepted yet
    bool paused = false; // `server` is, until some of them are accepted
};

} // namespace Detail

AsyncWebSocketServer::AsyncWebSocketServer(const QString &name)
    : m_data(std::make_shared<Detail::WebSocketServerData>(name, QWebSocketServer::NonSecureMode))
{
}

AsyncWebSocketServer::AsyncWebSocketServer(const QString &name, const QSslConfiguration &configuration)
    : m_data(std::make_shared<Detail::WebSocketServerData>(name, QWebSocketServer::SecureMode))
{
    server()->setSslConfiguration(configuration);
}

AsyncWebSocketServer::~AsyncWebSocketServer()
{
    if (m_data)
        close();
}

AsyncWebSocketServer::AsyncWebSocketServer(AsyncWebSocketServer &&other) noexcept = default;

AsyncWebSocketServer &AsyncWebSocketServer::operator=(AsyncWebSocketServer &&other) noexcept
{
    AsyncWebSocketServer moved(std::move(other));
    std::swap(m_data, moved.m_data); // what this was is closed with it
    return *this;
}

void AsyncWebSocketServer::listen(const QHostAddress &address, quint16 port)
{
    if (isListening())
        throw SocketError(QAbstractSocket::OperationError,
                          QStringLiteral("listen(): the server listens already, at ") + location().toString());
    if (!server()->listen(address, port))
        throw SocketError(QAbstractSocket::AddressInUseError,
                          QStringLiteral("cannot listen at port %1 on %2: %3")
                              .arg(port)
                              .arg(address.toString(), server()->errorString()));
}

Task<AsyncWebSocket> AsyncWebSocketServer::accept(QDeadlineTimer deadline)
{
    return Detail::WebSocketServerData::accept(m_data, deadline);
}

void AsyncWebSocketServer::close()
{
    m_data->close();
}

bool AsyncWebSocketServer::isListening() const
{
    return m_data->server.isListening();
}

Location AsyncWebSocketServer::location() const
{
    return isListening() ? Location(server()->serverAddress().toString(), server()->serverPort()) : Location();
}

QWebSocketServer *AsyncWebSocketServer::server() const
{
    return &m_data->server;
}

} // namespace Asyncoro
