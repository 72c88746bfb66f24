// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asyncwebsocketserver.h"

#include <Asyncoro/Event>
#include <Asyncoro/Lock>
#include <Asyncoro/Timeout>

#include <QBasicTimer>
#include <QLoggingCategory>
#include <QSocketNotifier>
#include <QSslConfiguration>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTimerEvent>
#include <QWebSocket>
#include <QWebSocketServer>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <utility>

Q_LOGGING_CATEGORY(lcWebSockets, "asyncoro.websockets", QtInfoMsg)

namespace Asyncoro {

using namespace std::chrono_literals;

namespace Detail {

namespace {

constexpr int TryAgainLater = 1013; // a close code that Qt does not name
constexpr auto RetryAccepting = 100ms; // others than our connections may give descriptors back
constexpr auto WarningInterval = 60s;

} // namespace

/** What an AsyncWebSocketServer and the coroutines that wait for it share. */
class WebSocketServerData final : public QObject
{
public:
    WebSocketServerData(const QString &name, QWebSocketServer::SslMode mode)
        : server(name, mode)
    {
        connect(&server, &QWebSocketServer::newConnection, this, [this] { takeConnections(); });
        connect(&server, &QWebSocketServer::closed, this, [this] { changed.pulse(); });
        for (const QTcpServer *const tcp : server.findChildren<QTcpServer *>()) // the one that accepts
            connect(tcp, &QTcpServer::newConnection, this, [this] { hasAccepted = true; });
    }

    bool listen(const QHostAddress &address, quint16 port)
    {
        if (!server.listen(address, port))
            return false;
        for (QSocketNotifier *const notifier : server.findChildren<QSocketNotifier *>())
            notifier->installEventFilter(this);
        return true;
    }

    static Task<AsyncWebSocket> accept(std::shared_ptr<WebSocketServerData> data, QDeadlineTimer deadline)
    {
        const auto guard = co_await data->accepting.acquire(deadline);
        for (;;) {
            if (!data->server.isListening())
                throw SocketError(QAbstractSocket::OperationError, QStringLiteral("accept()"), QString(),
                                  QStringLiteral("the server does not listen"));
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
        if (!isFull() && std::exchange(paused, false) && !retryTimer.isActive())
            server.resumeAccepting();
    }

    // When the descriptors run out QTcpServer either does not accept any more, for good, or, as it takes each error for
    // the one before, tries to accept again and again.
    void pauseWithoutResources(int error)
    {
        if (nextWarning.hasExpired()) {
            qCWarning(lcWebSockets, "cannot accept connections at port %d, trying on: %s", server.serverPort(),
                      qUtf8Printable(qt_error_string(error)));
            nextWarning.setRemainingTime(WarningInterval);
        }
        server.pauseAccepting();
        retryTimer.start(RetryAccepting, this);
    }

    void close()
    {
        retryTimer.stop();
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

protected:
    // For the notifier of the QTcpServer: sees what comes of it.
    bool eventFilter(QObject *notifier, QEvent *event) override
    {
        if (event->type() != QEvent::SockAct)
            return false;
        hasAccepted = false;
        errno = 0;
        notifier->event(event);
        const int error = errno;
        if (!hasAccepted && (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM))
            pauseWithoutResources(error);
        return true;
    }

    void timerEvent(QTimerEvent *event) override
    {
        if (event->timerId() != retryTimer.timerId())
            return;
        retryTimer.stop();
        if (!paused)
            server.resumeAccepting();
    }

private:
    QBasicTimer retryTimer; // runs while the descriptors have run out
    QDeadlineTimer nextWarning{0}; // not one for each connection that is short of a descriptor
    bool hasAccepted = false; // since the notifier has told of a connection
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
        throw SocketError(QAbstractSocket::OperationError, QStringLiteral("listen()"), QString(),
                          QStringLiteral("the server listens already, at ") + location().toString());
    if (!m_data->listen(address, port))
        throw SocketError(QAbstractSocket::AddressInUseError, QStringLiteral("listen()"), QString(),
                          QStringLiteral("cannot listen at port %1 on %2: %3")
                              .arg(port)
                              .arg(address.toString(), server()->errorString()));
}

Task<AsyncWebSocket> AsyncWebSocketServer::accept(QDeadlineTimer deadline)
{
    return Detail::namingTimeOut(QStringLiteral("accept(), ") + location().toString(),
                                 Detail::WebSocketServerData::accept(m_data, deadline));
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
