// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asyncserver.h"

#include "asyncserver_p.h"

#include <QLoggingCategory>
#include <QTimerEvent>

#ifdef Q_OS_UNIX
#include <unistd.h>
#endif

Q_LOGGING_CATEGORY(lcNetwork, "asyncoro.network", QtInfoMsg)

namespace Asyncoro {

using namespace std::chrono_literals;

namespace Detail {

namespace {

constexpr int Backlog = 4096; // the system takes its own limit if that is lower
constexpr auto RetryAccepting = 100ms; // others than our connections may give descriptors back
constexpr auto WarningInterval = 60s;

std::exception_ptr notListening()
{
    return std::make_exception_ptr(
        SocketError(QAbstractSocket::OperationError, QStringLiteral("accept(): the server does not listen")));
}

QString listenProblem(const QTcpServer &server, const QHostAddress &address, quint16 port)
{
    const QString host = address.toString();
    switch (server.serverError()) {
    case QAbstractSocket::AddressInUseError:
        return QStringLiteral("port %1 on %2 is in use: choose another one, or end the program that has it")
            .arg(port)
            .arg(host);
    case QAbstractSocket::SocketAccessError:
        return QStringLiteral("no permission to listen at port %1 on %2: choose one from 1024 up").arg(port).arg(host);
    case QAbstractSocket::SocketAddressNotAvailableError:
        return QStringLiteral("cannot listen on %1: it is no address of this machine").arg(host);
    default:
        return QStringLiteral("cannot listen at port %1 on %2: %3").arg(port).arg(host, server.errorString());
    }
}

} // namespace

// --- ServerData ---

ServerData::ServerData()
{
    setMaxPendingConnections(0);
    setListenBacklogSize(Backlog);
    connect(this, &QTcpServer::acceptError, this, [this] { onAcceptError(); });
}

ServerData::~ServerData()
{
    shut();
    if (m_serving)
        m_serving->onDestroyed();
}

void ServerData::shut()
{
    close();
    m_retryTimer.stop();
    while (AcceptAwaiter *const waiter = m_waiters.takeFirst()) {
        waiter->m_failure = notListening();
        waiter->complete();
    }
    if (m_serving)
        m_serving->onClosed();
}

void ServerData::stop(const QDeadlineTimer &deadline)
{
    if (m_serving)
        m_serving->stop(deadline);
    shut();
}

void ServerData::setServing(Serving *serving)
{
    if (serving && m_serving)
        throw Error(QStringLiteral("serve(): the server is served already, at ")
                    + locationOf(serverAddress(), serverPort()).toString());
    m_serving = serving;
}

// QTcpServer stops to look for connections when it holds as many as it may, or at an error.
void ServerData::add(AcceptAwaiter *waiter)
{
    m_waiters.append(waiter);
    setMaxPendingConnections(1);
    if (!m_retryTimer.isActive())
        resumeAccepting();
}

void ServerData::incomingConnection(qintptr descriptor)
{
    auto socket = std::make_unique<QTcpSocket>();
    socket->setReadBufferSize(ReadBufferSize); // before its first byte is read
    if (!socket->setSocketDescriptor(descriptor)) {
        qCWarning(lcNetwork).noquote() << "cannot use a connection that came in:" << socket->errorString();
#ifdef Q_OS_UNIX
        ::close(int(descriptor));
#endif
        return;
    }
    AcceptAwaiter *const waiter = m_waiters.takeFirst();
    if (m_waiters.isEmpty())
        setMaxPendingConnections(0);
    if (!waiter)
        return; // somebody has changed that number
    waiter->m_socket = std::move(socket);
    waiter->complete();
}

// QTcpServer has paused: the descriptors or the memory have run out, or a client was gone before it was accepted.
void ServerData::onAcceptError()
{
    if (serverError() == QAbstractSocket::NetworkError) { // of that client
        resumeAccepting();
        return;
    }
    if (m_nextWarning.hasExpired()) {
        qCWarning(lcNetwork, "cannot accept connections at port %d, trying on: %s", serverPort(),
                  qUtf8Printable(errorString()));
        m_nextWarning.setRemainingTime(WarningInterval);
    }
    m_retryTimer.start(RetryAccepting, this);
}

void ServerData::timerEvent(QTimerEvent *event)
{
    if (event->timerId() == m_retryTimer.timerId())
        retry();
    else
        QTcpServer::timerEvent(event);
}

void ServerData::retry()
{
    if (!m_retryTimer.isActive())
        return;
    m_retryTimer.stop();
    resumeAccepting();
}

// --- AcceptAwaiter ---

AcceptAwaiter::AcceptAwaiter(ServerData *data, const QDeadlineTimer &deadline)
    : Suspension(deadline)
    , m_data(data)
{
}

AcceptAwaiter::~AcceptAwaiter() = default;

bool AcceptAwaiter::start()
{
    if (!m_data->isListening()) {
        m_failure = notListening();
        return false;
    }
    m_data->add(this);
    return true;
}

void AcceptAwaiter::abandon() noexcept
{
    unlink();
    if (m_data->m_waiters.isEmpty())
        m_data->setMaxPendingConnections(0);
}

AsyncSocket AcceptAwaiter::await_resume()
{
    throwUnlessComplete();
    if (m_failure)
        std::rethrow_exception(m_failure);
    return AsyncSocket(m_socket.release());
}

} // namespace Detail

// --- AsyncServer ---

AsyncServer::AsyncServer()
    : m_data(std::make_unique<Detail::ServerData>())
{
}

AsyncServer::~AsyncServer() = default;
AsyncServer::AsyncServer(AsyncServer &&other) noexcept = default;
AsyncServer &AsyncServer::operator=(AsyncServer &&other) noexcept = default;

void AsyncServer::listen(const QHostAddress &address, quint16 port)
{
    if (m_data->isListening())
        throw SocketError(QAbstractSocket::OperationError,
                          QStringLiteral("listen(): the server listens already, at ") + location().toString());
    if (address.isNull()) // a misspelt one; for Qt that is all addresses
        throw SocketError(QAbstractSocket::SocketAddressNotAvailableError,
                          QStringLiteral("listen(): this is no address, for all write QHostAddress::Any"));
    if (!m_data->listen(address, port))
        throw SocketError(m_data->serverError(), Detail::listenProblem(*m_data, address, port));
}

Detail::AcceptAwaiter AsyncServer::accept(QDeadlineTimer deadline)
{
    return {m_data.get(), deadline};
}

void AsyncServer::stop(QDeadlineTimer deadline)
{
    m_data->stop(deadline);
}

void AsyncServer::close()
{
    m_data->shut();
}

bool AsyncServer::isListening() const
{
    return m_data->isListening();
}

Location AsyncServer::location() const
{
    return Detail::locationOf(m_data->serverAddress(), m_data->serverPort());
}

QTcpServer *AsyncServer::server() const
{
    return m_data.get();
}

} // namespace Asyncoro
