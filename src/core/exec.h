// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "coro.h"

namespace Asyncoro {

/**
 * Runs the event loop until every coroutine of the process that is no daemon has ended, or QCoreApplication::exit() is
 * called; then terminates what is left on this thread and lets it clean up.
 *
 * @return what exit() was given; else 0, or 1 if a coroutine failed and nobody waited for it (the log says which).
 */
ASYNCORO_CORE_EXPORT int exec();

namespace Detail {
ASYNCORO_CORE_EXPORT void runUntilEnded(const Coro<> &coro, QDeadlineTimer deadline);
} // namespace Detail

/**
 * Blocks ordinary code, such as a test or a main function, until `coro` has ended; the event loop runs meanwhile.
 *
 * Gives the coroutine's value or throws what finish() would. Not for use inside a coroutine: that throws an Error.
 */
template<typename T>
T waitFor(const Coro<T> &coro, QDeadlineTimer deadline = QDeadlineTimer::Forever)
{
    Detail::runUntilEnded(coro, deadline);
    return coro.finish().await_resume();
}

/** The same for a task, which is started. */
template<typename T>
T waitFor(Task<T> task, QDeadlineTimer deadline = QDeadlineTimer::Forever)
{
    return waitFor(spawn(std::move(task)), deadline);
}

} // namespace Asyncoro
