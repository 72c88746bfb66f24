// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "directsocket_p.h"

#include "asyncsocket_p.h"

#include <cerrno>
#include <iterator>

#ifdef Q_OS_UNIX
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#endif

namespace Asyncoro::Detail::DirectSocket {

#if defined(Q_OS_UNIX) && !defined(Q_OS_DARWIN)

qint64 receive(int descriptor, char *to, qint64 maxSize)
{
    return ::recv(descriptor, to, size_t(maxSize), MSG_DONTWAIT);
}

qint64 send(int descriptor, QByteArrayView header, QByteArrayView bytes)
{
    constexpr int Flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    qint64 sent = 0;
    if (header.isEmpty()) { // most often; the other call takes longer
        sent = ::send(descriptor, bytes.data(), size_t(bytes.size()), Flags);
    } else {
        iovec parts[] = {{.iov_base = const_cast<char *>(header.data()), .iov_len = size_t(header.size())},
                         {.iov_base = const_cast<char *>(bytes.data()), .iov_len = size_t(bytes.size())}};
        msghdr message{};
        message.msg_iov = parts;
        message.msg_iovlen = std::size(parts);
        sent = ::sendmsg(descriptor, &message, Flags);
    }
    return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : sent;
}

void endWriting(int descriptor)
{
    ::shutdown(descriptor, SHUT_WR);
}

int writeErrorOf(int descriptor)
{
    pollfd state{.fd = descriptor, .events = 0, .revents = 0};
    if (::poll(&state, 1, 0) <= 0)
        return 0;
    int error = 0;
    socklen_t size = sizeof error;
    return ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0 ? error : EPIPE;
}

int duplicate(int descriptor)
{
    return ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
}

#else

qint64 receive(int, char *, qint64)
{
    return -1;
}

qint64 send(int, QByteArrayView, QByteArrayView)
{
    return 0;
}

void endWriting(int) { }

int writeErrorOf(int)
{
    return 0;
}

int duplicate(int)
{
    return -1;
}

#endif

void discardUnread(int descriptor)
{
    char bytes[8192];
    for (qint64 size = 1, total = 0; size > 0 && total < ReadBufferSize; total += size)
        size = receive(descriptor, bytes, sizeof bytes);
}

QAbstractSocket::SocketError codeOf(int error)
{
    switch (error) {
    case ECONNRESET:
    case EPIPE:
        return QAbstractSocket::RemoteHostClosedError;
    case ETIMEDOUT:
        return QAbstractSocket::SocketTimeoutError;
    default:
        return QAbstractSocket::NetworkError;
    }
}

QString textOf(int error)
{
    switch (error) {
    case ECONNRESET:
        return QStringLiteral("the peer reset the connection");
    case EPIPE:
        return QStringLiteral("the peer closed the connection");
    default:
        return qt_error_string(error);
    }
}

} // namespace Asyncoro::Detail::DirectSocket
