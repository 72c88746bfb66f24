// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "coro.h"

namespace Asyncoro {

/**
 * Runs the event loop until every coroutine of the process that is no daemon has ended, or QCoreApplication::exit() is
 * called; then calls the exit handlers, terminates what is left on this thread and lets it clean up. What cleans up
 * behind a shield() has five seconds for that.
 *
 * @return what exit() was given; else 0, or 1 if a coroutine failed and nobody waited for it (the log says which).
 */
ASYNCORO_CORE_EXPORT int exec();

/**
 * Has exec() call `function` before it ends: when all coroutines that are no daemons have ended, and daemons still run;
 * or after all were terminated, if QCoreApplication::exit() ends it. Handlers of higher priority come first, of equal
 * ones the later one. A handler may start coroutines, whose end is waited for before the next one. What it throws is
 * logged. From any thread.
 *
 * @return a number for removeExitHandler().
 */
ASYNCORO_CORE_EXPORT int atExit(std::function<void()> function, int priority = 0);
/** Forgets a handler. From any thread. */
ASYNCORO_CORE_EXPORT void removeExitHandler(int number);

/**
 * Blocks ordinary code until every coroutine of the process that is no daemon has ended; the event loop runs meanwhile.
 * Unlike exec() it terminates nothing, and can be called again. Not for use inside a coroutine: that throws an Error.
 *
 * @return false if the deadline passed first.
 */
ASYNCORO_CORE_EXPORT bool waitForAll(QDeadlineTimer deadline = QDeadlineTimer::Forever);

namespace Detail {
ASYNCORO_CORE_EXPORT void throwInsideCoroutine();
ASYNCORO_CORE_EXPORT void runUntilEnded(const Coro<> &coro, QDeadlineTimer deadline);
/**
 * Has `routine` called at the end of each application object, when the coroutines of the main thread have been
 * terminated; the one that was added last first. Any thread.
 */
ASYNCORO_CORE_EXPORT void addPostRoutine(void (*routine)());
} // namespace Detail

/**
 * Blocks ordinary code, such as a test or a main function, until `coro` has ended; the event loop runs meanwhile.
 *
 * Gives the coroutine's value or throws what finish() would. After TimedOut the coroutine goes on: to end it, use
 * withTimeout() inside. Not for use inside a coroutine: that throws an Error.
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
    Detail::throwInsideCoroutine(); // before the task is started
    return waitFor(spawn(std::move(task)), deadline);
}

} // namespace Asyncoro
