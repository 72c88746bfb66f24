// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "serverthread_p.h"

#include "asyncserver_p.h"
#include "closing_p.h"

#include <Asyncoro/ResumeOn>
#include <Asyncoro/Thread>
#include <Asyncoro/Timeout>

#include <QScopeGuard>

#include <cerrno>

#ifdef Q_OS_UNIX
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#endif

namespace Asyncoro::Detail {

namespace {

#ifdef Q_OS_LINUX
/**
 * A socket of its own at the port of `descriptor`, or an invalid one. Each of them has its own queue, so that no thread
 * wakes up for a connection that another one takes. The port was free when the first one came; what allows others to
 * come to it is set afterwards, so that two programs do not share it by accident.
 */
ListeningDescriptor listenAtSamePort(int descriptor, int backlog)
{
    const auto set = [](int fd, int level, int option, int value) {
        return setsockopt(fd, level, option, &value, sizeof value) == 0;
    };
    sockaddr_storage storage{};
    auto *const address = reinterpret_cast<sockaddr *>(&storage);
    socklen_t size = sizeof storage;
    if (getsockname(descriptor, address, &size) != 0 || !set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1))
        return ListeningDescriptor(-1);
    const int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ListeningDescriptor result(fd);
    if (fd == -1 || !set(fd, SOL_SOCKET, SO_REUSEADDR, 1) || !set(fd, SOL_SOCKET, SO_REUSEPORT, 1))
        return ListeningDescriptor(-1);
    if (storage.ss_family == AF_INET6) {
        int onlyIPv6 = 0;
        socklen_t length = sizeof onlyIPv6;
        if (getsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &onlyIPv6, &length) != 0
            || !set(fd, IPPROTO_IPV6, IPV6_V6ONLY, onlyIPv6))
            return ListeningDescriptor(-1);
    }
    if (bind(fd, address, size) != 0 || listen(fd, backlog) != 0)
        return ListeningDescriptor(-1);
    return result;
}
#endif

} // namespace

// --- ListeningDescriptor ---

ListeningDescriptor::~ListeningDescriptor()
{
#ifdef Q_OS_UNIX
    if (isValid())
        ::close(int(m_descriptor));
#endif
}

ListeningDescriptor listenBeside([[maybe_unused]] qintptr descriptor, [[maybe_unused]] int backlog)
{
    QString why = QStringLiteral("this system has no way to do that");
#ifdef Q_OS_LINUX
    if (ListeningDescriptor own = listenAtSamePort(int(descriptor), backlog); own.isValid())
        return own;
#endif
#ifdef Q_OS_UNIX
    if (ListeningDescriptor same(fcntl(int(descriptor), F_DUPFD_CLOEXEC, 0)); same.isValid())
        return same;
    why = qt_error_string(errno);
#endif
    throw SocketError(QAbstractSocket::SocketResourceError, QStringLiteral("serve()"), QString(),
                      QStringLiteral("cannot listen on a further thread: ") + why);
}

// --- ServerThread ---

ServerThread::ServerThread(Serving &serving, const Serving::Body &body, int number)
    : m_serving(serving)
    , m_body(body)
{
    m_thread.setObjectName(QStringLiteral("server %1").arg(number));
    if (serving.m_options.prepareThread)
        serving.m_options.prepareThread(&m_thread);
    m_context.moveToThread(&m_thread);
    m_serving.m_threads.push_back(this);
}

ServerThread::~ServerThread()
{
    m_thread.quit();
    m_thread.wait();
    std::erase(m_serving.m_threads, this);
    m_serving.m_changed.pulse();
}

Task<> ServerThread::run(ListeningDescriptor descriptor)
{
    m_thread.start();
    std::exception_ptr failure;
    try {
        co_await resumeOn(&m_thread, &ServerThread::serve, this, std::move(descriptor));
    } catch (...) {
        failure = std::current_exception();
    }
    m_thread.quit();
    co_await shield(m_thread);
    if (failure)
        std::rethrow_exception(failure);
}

void ServerThread::stop(const QDeadlineTimer &deadline)
{
    QMetaObject::invokeMethod(&m_context, [this, deadline] {
        m_end = deadline;
        if (m_server)
            m_server->stop(deadline);
    }, Qt::QueuedConnection);
}

Task<> ServerThread::serve(ListeningDescriptor descriptor)
{
    if (m_end)
        co_return;
    ServerData server;
    if (!server.setSocketDescriptor(descriptor.take()))
        throw SocketError(server.serverError(), QStringLiteral("serve()"), QString(),
                          QStringLiteral("cannot listen on a further thread: ") + server.errorString());
    m_server = &server;
    const auto forget = qScopeGuard([this] { m_server = nullptr; });
    co_await m_body(&server);
    co_await allClosed(*m_end);
}

} // namespace Asyncoro::Detail
