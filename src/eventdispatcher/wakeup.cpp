// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "wakeup_p.h"

#include <QtLogging>

#include <cerrno>
#include <cstring>

#include <sys/eventfd.h>
#include <unistd.h>

namespace Asyncoro::Detail {

namespace {

int makeEventDescriptor()
{
    const int descriptor = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (descriptor < 0)
        qFatal("EventDispatcher: cannot make an eventfd: %s", std::strerror(errno));
    return descriptor;
}

} // namespace

WakeUp::WakeUp()
    : m_descriptor(makeEventDescriptor())
{
}

WakeUp::~WakeUp()
{
    ::close(m_descriptor);
}

void WakeUp::signal() const noexcept
{
    const int error = errno; // a signal handler may call wake()
    while (::eventfd_write(m_descriptor, 1) != 0 && errno == EINTR) { }
    errno = error;
}

void WakeUp::drain() const noexcept
{
    eventfd_t count = 0;
    ::eventfd_read(m_descriptor, &count);
}

void WakeUp::renew()
{
    ::close(m_descriptor);
    m_descriptor = makeEventDescriptor();
}

} // namespace Asyncoro::Detail
