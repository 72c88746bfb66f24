// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "closing_p.h"

#include <Asyncoro/Event>

namespace Asyncoro::Detail {

namespace {

thread_local int closing = 0;
thread_local Event *waiting = nullptr; // in allClosed()

} // namespace

Closing::Closing()
{
    ++closing;
}

Closing::~Closing()
{
    if (--closing == 0 && waiting)
        waiting->set();
}

Task<> allClosed(QDeadlineTimer deadline)
{
    if (closing == 0)
        co_return;
    struct Watch {
        Watch() { waiting = &event; }
        ~Watch() { waiting = nullptr; }
        Event event;
    } watch;
    try {
        co_await watch.event.wait(deadline);
    } catch (const TimedOut &) {
        // what is not sent by now is lost with the thread
    }
}

} // namespace Asyncoro::Detail
