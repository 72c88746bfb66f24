// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "systemcall_p.h"
#include "waitstop_p.h"

#include <QMutex>

#include <array>
#include <poll.h>
#include <unistd.h>
#include <utility>
#if __has_include(<sys/eventfd.h>)
#include <sys/eventfd.h>
#endif

namespace Asyncoro::Detail {

void WaitStop::release()
{
    const QMutexLocker lock(&m_mutex);
    if (const int wake = std::exchange(m_wake, -1); wake != -1)
        ::close(wake);
}

void WaitStop::stop()
{
    const QMutexLocker lock(&m_mutex);
    m_stopped = true;
#ifdef EFD_NONBLOCK
    if (m_wake != -1)
        ::eventfd_write(m_wake, 1);
#endif
}

void WaitStop::allow()
{
    const QMutexLocker lock(&m_mutex);
    m_stopped = false;
#ifdef EFD_NONBLOCK
    eventfd_t count = 0;
    if (m_wake != -1)
        ::eventfd_read(m_wake, &count);
#endif
}

std::error_code WaitStop::wait(int descriptor, short events, int milliseconds)
{
    {
        const QMutexLocker lock(&m_mutex);
        if (m_stopped)
            return std::make_error_code(std::errc::operation_canceled);
#ifdef EFD_NONBLOCK
        if (m_wake == -1)
            m_wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (m_wake == -1)
            return lastError();
#endif
    }
    std::array<pollfd, 2> waited{pollfd{.fd = descriptor, .events = events, .revents = 0},
                                 pollfd{.fd = m_wake, .events = POLLIN, .revents = 0}};
    if (retried([&] { return ::poll(waited.data(), waited.size(), milliseconds); }) == -1)
        return lastError();
    return waited[1].revents != 0 ? std::make_error_code(std::errc::operation_canceled) : std::error_code();
}

} // namespace Asyncoro::Detail
