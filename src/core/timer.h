// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "signal.h"
#include "task.h"

#include <QChronoTimer>
#include <QTimer>

#include <concepts>

/**
 * @file
 * `co_await timer`, for a QTimer or QChronoTimer (or a pointer to one): waits for its next time-out.
 *
 * Never completes without suspending. Resumes on the coroutine's thread. Any number of coroutines may wait for one
 * timer. A timer that is stopped is waited for until it has been started and has timed out; waiting does not start it.
 * Throws Destroyed if the timer is null or is destroyed meanwhile. Cancelling leaves the timer alone.
 */

namespace Asyncoro::Detail {

template<std::derived_from<QTimer> Timer>
struct Await<Timer> {
    static auto from(const Timer &timer) { return signal(&timer, &QTimer::timeout); }
};
template<std::derived_from<QTimer> Timer>
struct Await<Timer *> {
    static auto from(const Timer *timer) { return signal(timer, &QTimer::timeout); }
};
template<std::derived_from<QChronoTimer> Timer>
struct Await<Timer> {
    static auto from(const Timer &timer) { return signal(&timer, &QChronoTimer::timeout); }
};
template<std::derived_from<QChronoTimer> Timer>
struct Await<Timer *> {
    static auto from(const Timer *timer) { return signal(timer, &QChronoTimer::timeout); }
};

} // namespace Asyncoro::Detail
