// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asyncserver.h"

#include "asyncserver_p.h"
#include "asyncsocket_p.h"

#include <QLoggingCategory>
#include <QTimer>

Q_LOGGING_CATEGORY(lcNetwork, "asyncoro.network", QtInfoMsg)

namespace Asyncoro {

using namespace std::chrono_literals;

namespace Detail {

namespace {

constexpr int MaxPendingConnections = 30;
constexpr int Backlog = 4096; // the system takes its own limit if that is lower
constexpr auto RetryAccepting = 100ms;

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
    setMaxPendingConnections(MaxPendingConnections);
    setListenBacklogSize(Backlog);
    connect(this, &QTcpServer::acceptError, this, [this] { onAcceptError(); });
}

ServerData::~ServerData()
{
    shut();
}

void ServerData::shut()
{
    close();
    while (AcceptAwaiter *const waiter = m_waiters.takeFirst()) {
        waiter->m_failure = notListening();
        waiter->complete();
    }
}

void ServerData::incomingConnection(qintptr descriptor)
{
    m_outOfResources = false;
    auto socket = std::make_unique<QTcpSocket>();
    socket->setReadBufferSize(ReadBufferSize); // before its first byte is read
    if (!socket->setSocketDescriptor(descriptor))
        return;
    if (AcceptAwaiter *const waiter = m_waiters.takeFirst()) {
        waiter->m_socket = std::move(socket);
        waiter->complete();
    } else {
        socket->setParent(this);
        addPendingConnection(socket.release());
    }
}

// QTcpServer has paused: the descriptors have run out, or a client was gone before it was accepted.
void ServerData::onAcceptError()
{
    if (!std::exchange(m_outOfResources, true))
        qCWarning(lcNetwork, "cannot accept connections at port %d, trying on: %s", serverPort(),
                  qUtf8Printable(errorString()));
    QTimer::singleShot(RetryAccepting, this, [this] { resumeAccepting(); });
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
    if (m_data->hasPendingConnections()) {
        m_socket.reset(m_data->nextPendingConnection());
        m_socket->setParent(nullptr); // the server may be gone before it is taken
        return false;
    }
    if (!m_data->isListening()) {
        m_failure = notListening();
        return false;
    }
    m_data->m_waiters.append(this);
    return true;
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
    if (!m_data->listen(address, port))
        throw SocketError(m_data->serverError(), Detail::listenProblem(*m_data, address, port));
}

Detail::AcceptAwaiter AsyncServer::accept(QDeadlineTimer deadline)
{
    return {m_data.get(), deadline};
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
