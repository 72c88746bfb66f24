// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asyncserver.h"

#include "asyncserver_p.h"
#include "baresocket_p.h"

#include <QLoggingCategory>
#include <QTimerEvent>

#include <cerrno>

#ifdef Q_OS_UNIX
#include <sys/socket.h>
#include <unistd.h>
#endif

Q_LOGGING_CATEGORY(lcNetwork, "asyncoro.network", QtInfoMsg)

namespace Asyncoro {

namespace Detail {

namespace {

constexpr int Backlog = 4096; // the system takes its own limit if that is lower

std::exception_ptr notListening()
{
    return std::make_exception_ptr(
        SocketError(QAbstractSocket::OperationError, QStringLiteral("accept()"), QString(),
                    QStringLiteral("the server does not listen")));
}

void closeDescriptor([[maybe_unused]] qintptr descriptor)
{
#ifdef Q_OS_UNIX
    ::close(int(descriptor));
#else
    QTcpSocket().setSocketDescriptor(descriptor);
#endif
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
    connect(this, &QTcpServer::acceptError, this, [this] { pauseWithoutResources(errorString()); });
}

ServerData::~ServerData()
{
    shut();
    if (m_serving)
        m_serving->onDestroyed();
}

void ServerData::shut()
{
    if (m_notifier) {
        m_notifier->setEnabled(false);
        m_notifier.release()->deleteLater(); // it may be what has called this
    }
    m_retryTimer.stop();
    close();
    for (const ConnectedDescriptor &connection : std::exchange(m_pending, {}))
        closeDescriptor(connection.descriptor);
    while (AcceptAwaiter *const waiter = m_waiters.takeFirst())
        waiter->fail(notListening());
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

void ServerData::setAhead(qsizetype count)
{
    m_ahead = count;
    update();
}

// Looks for connections while they are wanted. QTcpServer does not do that where we can: once it has found the queue
// empty it takes every later error for that, too, and tries to accept again and again when the descriptors run out.
void ServerData::update()
{
    const bool looking = isListening() && !m_retryTimer.isActive() && wantsMore();
#ifdef Q_OS_UNIX
    if (!m_notifier && looking && socketDescriptor() != -1) {
        pauseAccepting();
        m_notifier = std::make_unique<QSocketNotifier>(socketDescriptor(), QSocketNotifier::Read);
        connect(m_notifier.get(), &QSocketNotifier::activated, this, [this] { acceptAll(); });
    }
    if (m_notifier) {
        m_notifier->setEnabled(looking);
        return;
    }
#endif
    setMaxPendingConnections(looking ? 1 : 0);
    if (looking)
        resumeAccepting();
}

void ServerData::acceptAll()
{
#ifdef Q_OS_UNIX
    while (m_notifier && wantsMore()) {
        if (ConnectedDescriptor connection = acceptConnection(int(socketDescriptor())); connection.descriptor != -1) {
            take(std::move(connection));
            continue;
        }
        const int error = errno;
        const NotAccepted why = whyNotAccepted(error);
        if (why == NotAccepted::ClientGone)
            continue;
        if (why == NotAccepted::NotListening)
            return shut();
        if (why == NotAccepted::OutOfResources)
            pauseWithoutResources(qt_error_string(error));
        break;
    }
    if (m_notifier)
        update();
#endif
}

void ServerData::incomingConnection(qintptr descriptor)
{
    take({descriptor, {}, 0});
    update();
}

void ServerData::take(ConnectedDescriptor connection)
{
    if (AcceptAwaiter *const waiter = m_waiters.takeFirst()) {
        waiter->m_accepted = std::move(connection);
        waiter->complete();
    } else {
        m_pending.append(std::move(connection));
    }
}

void ServerData::pauseWithoutResources(const QString &why)
{
    if (m_nextWarning.hasExpired()) {
        qCWarning(lcNetwork, "cannot accept connections at port %d, trying on: %s", serverPort(), qUtf8Printable(why));
        m_nextWarning.setRemainingTime(AcceptWarningInterval);
    }
    m_retryTimer.start(RetryAccepting, this);
    update();
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
    update();
}

// --- AcceptAwaiter ---

AcceptAwaiter::AcceptAwaiter(ServerData *data, const QDeadlineTimer &deadline)
    : ExternalWait("accept()", deadline)
    , m_data(data)
{
}

AcceptAwaiter::~AcceptAwaiter()
{
    if (m_accepted.descriptor != -1)
        closeDescriptor(m_accepted.descriptor);
}

bool AcceptAwaiter::start()
{
    if (!m_data->m_pending.isEmpty()) {
        m_accepted = m_data->m_pending.takeFirst();
        return false;
    }
    if (!m_data->isListening()) {
        setFailed(notListening());
        return false;
    }
    m_data->m_waiters.append(this);
    m_data->update();
    return true;
}

void AcceptAwaiter::abandon() noexcept
{
    unlink();
    m_data->update();
}

AsyncSocket AcceptAwaiter::await_resume()
{
    throwUnlessDone();
    if (!m_accepted.peerAddress.isNull())
        return AsyncSocket(std::make_unique<SocketData>(std::exchange(m_accepted, {})));
    auto socket = std::make_unique<QTcpSocket>();
    socket->setReadBufferSize(ReadBufferSize); // before its first byte is read
    if (socket->setSocketDescriptor(m_accepted.descriptor))
        m_accepted.descriptor = -1;
    // Else it has gone already, as its first operation will say: no matter of the server's.
    return AsyncSocket(socket.release());
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
    const auto error = [](QAbstractSocket::SocketError code, const QString &reason) {
        return SocketError(code, QStringLiteral("listen()"), QString(), reason);
    };
    if (m_data->isListening())
        throw error(QAbstractSocket::OperationError,
                    QStringLiteral("the server listens already, at ") + location().toString());
    if (address.isNull()) // a misspelt one; for Qt that is all addresses
        throw error(QAbstractSocket::SocketAddressNotAvailableError,
                    QStringLiteral("this is no address, for all write QHostAddress::Any"));
    if (!m_data->listen(address, port))
        throw error(m_data->serverError(), Detail::listenProblem(*m_data, address, port));
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
