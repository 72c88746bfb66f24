// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "event.h"

namespace Asyncoro {

Event::~Event()
{
    while (Detail::EventAwaiter *waiter = m_waiters.takeFirst())
        waiter->endDestroyed();
}

void Event::set()
{
    checkThread("Event::set()");
    m_set = true;
    pulse();
}

void Event::pulse()
{
    checkThread("Event::pulse()");
    while (Detail::EventAwaiter *waiter = m_waiters.takeFirst())
        waiter->complete();
}

bool Detail::EventAwaiter::start()
{
    if (m_event.m_set)
        return false;
    m_event.m_waiters.append(this);
    return true;
}

} // namespace Asyncoro
