// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asyncsocket.h"

#include "asyncsocket_p.h"
#include "baresocket_p.h"

#ifdef Q_OS_UNIX
#include <cerrno>

#include <sys/socket.h>
#endif

namespace Asyncoro {

namespace Detail {

void SocketData::connectByName(const QString &host, quint16 port)
{
    const auto connected = [this](std::unique_ptr<QTcpSocket> winner) {
        m_connector.reset();
        if (winner) {
            takeSocket();
            setSocket(std::move(winner));
        }
        onConnected();
    };
    const auto failed = [this](QAbstractSocket::SocketError code, const QString &text) {
        setUnconnected(State::Unconnected, code, text);
    };
    m_connector = std::make_unique<HostConnector>(
        *m_socket, host, port, HostConnector::Callbacks{.connected = connected, .failed = failed});
    m_connector->start();
}

ConnectAwaiter::ConnectAwaiter(SocketData *data, const QString &host, quint16 port, const QDeadlineTimer &deadline)
    : ExternalWait("connect()", deadline)
    , m_data(data)
    , m_host(host)
    , m_port(port)
{
    m_data->checkThread(operationName());
}

bool ConnectAwaiter::start()
{
    if (m_data->m_state == SocketData::State::Connected && m_data->isReadEnded())
        m_data->close(true); // for isConnected() it is not connected any more
    if (m_data->m_state == SocketData::State::Connecting || m_data->m_state == SocketData::State::Connected) {
        setFailed(std::make_exception_ptr(
            SocketError(QAbstractSocket::OperationError, operation(), Location(m_host, m_port),
                        QStringLiteral("the socket is connected or connecting already"))));
        return false;
    }
    m_data->startConnecting(m_host, m_port);
    if (m_data->m_state == SocketData::State::Connecting) {
        m_data->m_connecting = this;
        return true;
    }
    if (m_data->m_state != SocketData::State::Connected)
        setFailed(m_data->failure(operationName()));
    return false;
}

void ConnectAwaiter::abandon() noexcept
{
    m_data->m_connecting = nullptr;
    m_data->setUnconnected(SocketData::State::Unconnected, QAbstractSocket::OperationError,
                           QStringLiteral("the attempt to connect was given up"));
    m_data->m_socket->abort();
}

} // namespace Detail

AsyncSocket::AsyncSocket()
    : AsyncSocket(new QTcpSocket)
{
}

AsyncSocket::AsyncSocket(QTcpSocket *socket)
    : AsyncStream(std::make_unique<Detail::SocketData>(std::unique_ptr<QTcpSocket>(socket)))
{
}

AsyncSocket::AsyncSocket(std::unique_ptr<Detail::SocketData> data)
    : AsyncStream(std::move(data))
{
}

AsyncSocket::~AsyncSocket() = default;
AsyncSocket::AsyncSocket(AsyncSocket &&other) noexcept = default;
AsyncSocket &AsyncSocket::operator=(AsyncSocket &&other) noexcept = default;

AsyncSocket AsyncSocket::adopt(qintptr descriptor)
{
    if (Detail::ConnectedDescriptor connection = Detail::connectionOf(descriptor); !connection.peerAddress.isNull())
        return AsyncSocket(std::make_unique<Detail::SocketData>(std::move(connection)));
    auto socket = std::make_unique<QTcpSocket>();
    QString problem;
#ifdef Q_OS_UNIX
    sockaddr_storage peer{}; // QTcpSocket would take anything
    socklen_t size = sizeof peer;
    if (::getpeername(int(descriptor), reinterpret_cast<sockaddr *>(&peer), &size) != 0)
        problem = qt_error_string(errno);
#endif
    if (problem.isEmpty() && !socket->setSocketDescriptor(descriptor))
        problem = socket->errorString();
    if (!problem.isEmpty()) {
        const auto text = QStringLiteral("descriptor %1 is of no use as a connected socket: %2");
        throw SocketError(QAbstractSocket::UnsupportedSocketOperationError, QStringLiteral("adopt()"), QString(),
                          text.arg(descriptor).arg(problem));
    }
    return AsyncSocket(socket.release());
}

Detail::SocketData *AsyncSocket::socketData() const
{
    return static_cast<Detail::SocketData *>(data());
}

std::unique_ptr<QTcpSocket> AsyncSocket::release()
{
    data()->checkThread("release()");
    return socketData()->release();
}

qintptr AsyncSocket::releaseDescriptor()
{
    data()->checkThread("releaseDescriptor()");
    return socketData()->releaseDescriptor();
}

Detail::ConnectAwaiter AsyncSocket::connect(const QString &host, quint16 port, Deadline deadline)
{
    return {socketData(), host, port, data()->deadline(deadline)};
}

bool AsyncSocket::isConnected() const
{
    return socketData()->state() == Detail::SocketData::State::Connected && !socketData()->isReadEnded();
}

Location AsyncSocket::peerLocation() const
{
    return socketData()->peer();
}

Location AsyncSocket::localLocation() const
{
    return socketData()->local();
}

qintptr AsyncSocket::socketDescriptor() const
{
    return socketData()->descriptor();
}

QTcpSocket *AsyncSocket::socket() const
{
    data()->checkThread("socket()");
    return socketData()->socket();
}

} // namespace Asyncoro
