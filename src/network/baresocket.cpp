// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "baresocket_p.h"

#include "asyncsocket_p.h"
#include "directsocket_p.h"

#include <QEvent>
#include <QNetworkInterface>

#ifdef Q_OS_UNIX
#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#endif

namespace Asyncoro::Detail {

#ifdef Q_OS_UNIX

namespace {

QHostAddress hostOf(const sockaddr_storage &address)
{
    QHostAddress host(reinterpret_cast<const sockaddr *>(&address));
    if (address.ss_family == AF_INET6) {
        if (const auto scope = reinterpret_cast<const sockaddr_in6 &>(address).sin6_scope_id; scope != 0)
            host.setScopeId(QNetworkInterface::interfaceNameFromIndex(int(scope)));
    }
    return host;
}

quint16 portOf(const sockaddr_storage &address)
{
    return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6 &>(address).sin6_port
                                               : reinterpret_cast<const sockaddr_in &>(address).sin_port);
}

// What is sent goes out at once: we gather what belongs together ourselves.
void setLowDelay(int descriptor)
{
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

} // namespace

int acceptDescriptor(int listening, sockaddr_storage *peer)
{
    socklen_t size = sizeof *peer;
    auto *const generic = reinterpret_cast<sockaddr *>(peer);
    socklen_t *const length = peer ? &size : nullptr;
#ifdef Q_OS_LINUX
    return ::accept4(listening, generic, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
    const int descriptor = ::accept(listening, generic, length);
    if (descriptor != -1)
        ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    return descriptor;
#endif
}

NotAccepted whyNotAccepted(int error)
{
    switch (error) {
    case EAGAIN:
        return NotAccepted::NoneThere;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
        return NotAccepted::NotListening;
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return NotAccepted::ClientGone;
    default:
        return NotAccepted::OutOfResources;
    }
}

ConnectedDescriptor acceptConnection(int listening)
{
    sockaddr_storage peer{};
    const int descriptor = acceptDescriptor(listening, &peer);
    if (descriptor == -1)
        return {};
    setLowDelay(descriptor);
    if (!DirectSocket::Exists)
        return {descriptor, {}, 0};
    return {descriptor, hostOf(peer), portOf(peer)};
}

ConnectedDescriptor connectionOf(qintptr descriptor)
{
    ConnectedDescriptor connection{descriptor, {}, 0};
    if (!DirectSocket::Exists)
        return connection;
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    int type = 0;
    socklen_t typeSize = sizeof type;
    const int number = int(descriptor);
    if (::getpeername(number, reinterpret_cast<sockaddr *>(&peer), &size) == 0
        && (peer.ss_family == AF_INET || peer.ss_family == AF_INET6)
        && ::getsockopt(number, SOL_SOCKET, SO_TYPE, &type, &typeSize) == 0 && type == SOCK_STREAM
        && ::fcntl(number, F_SETFL, ::fcntl(number, F_GETFL) | O_NONBLOCK) == 0) {
        setLowDelay(number);
        connection.peerAddress = hostOf(peer);
        connection.peerPort = portOf(peer);
    }
    return connection;
}

#else

ConnectedDescriptor connectionOf(qintptr descriptor)
{
    return {descriptor, {}, 0};
}

#endif

BareSocket::BareSocket(SocketData *data, ConnectedDescriptor connection)
    : QSocketNotifier(QSocketNotifier::Read)
    , m_data(data)
    , m_connection(std::move(connection))
{
    setSocket(m_connection.descriptor);
}

BareSocket::~BareSocket()
{
    close();
}

void BareSocket::close()
{
    if (!isOpen())
        return;
    [[maybe_unused]] const qintptr descriptor = take();
#ifdef Q_OS_UNIX
    ::close(int(descriptor));
#endif
}

qintptr BareSocket::take()
{
    setEnabled(false);
    return std::exchange(m_connection.descriptor, -1);
}

Location BareSocket::local() const
{
#ifdef Q_OS_UNIX
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (isOpen() && ::getsockname(int(m_connection.descriptor), reinterpret_cast<sockaddr *>(&address), &size) == 0)
        return locationOf(hostOf(address), portOf(address));
#endif
    return {};
}

bool BareSocket::event(QEvent *event)
{
    if (event->type() != QEvent::SockAct)
        return QSocketNotifier::event(event);
    m_data->onReadActivated();
    return true;
}

} // namespace Asyncoro::Detail
