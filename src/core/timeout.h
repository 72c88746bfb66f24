// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/arms.h"

namespace Asyncoro {

namespace Detail {

/** Does `task`. Its TimedOut says that `operation` did, and not the lock or the event that it waited for within. */
template<typename T>
Task<T> namingTimeOut(QString operation, Task<T> task)
{
    try {
        if constexpr (std::is_void_v<T>)
            co_await std::move(task);
        else
            co_return co_await std::move(task);
    } catch (const TimedOut &) {
        throw TimedOut(operation);
    }
}

template<typename T>
Task<T> runWithTimeout(QDeadlineTimer deadline, Task<T> task)
{
    bool timedOut = false;
    {
        CancelScope scope(CancelScope::Open, toMoment(deadline));
        try {
            if constexpr (std::is_void_v<T>) {
                co_await std::move(task);
                co_return;
            } else {
                co_return co_await std::move(task);
            }
        } catch (const Cancelled &) {
            timedOut = scope.hasTimedOut() && !scope.isCancelledAround();
            if (!timedOut)
                throw;
        }
    }
    throw TimedOut(QStringLiteral("withTimeout()"));
}

template<typename T>
Task<T> runShielded(Task<T> task)
{
    CancelScope scope(CancelScope::Shielded);
    co_return co_await std::move(task);
}

/** Asks a scope to stop when a stop token is. */
class ASYNCORO_CORE_EXPORT StopLink
{
public:
    explicit StopLink(const CancelScope &scope)
        : m_coro(scope.coro())
        , m_number(scope.number())
    {
    }
    void operator()() const { CancelScope::cancel(m_coro, m_number); }

private:
    CoroPointer m_coro;
    quint32 m_number;
};

template<typename T>
Task<T> runUntilStopped(std::stop_token token, Task<T> task)
{
    CancelScope scope(CancelScope::Open);
    const std::stop_callback callback(std::move(token), StopLink(scope));
    co_return co_await std::move(task);
}

} // namespace Detail

/**
 * Does `awaited`, a Task or anything else that can be awaited, in the coroutine that awaits this, and cancels it when
 * the deadline passes: `co_await withTimeout(5s, fetch(url))`. What is inside sees the same mailbox and Coro::self();
 * children and time-outs inside have no longer than this.
 *
 * Completes when that has, without suspending if that does not; resumes on the same thread; gives its value. Throws
 * TimedOut if the deadline has passed before, after what is inside has cleaned up; a value that comes in spite of that
 * counts. Cancelling passes through. Await it where you write it: what is no task is held by reference.
 */
template<typename Awaited>
[[nodiscard]] auto withTimeout(QDeadlineTimer deadline, Awaited &&awaited) -> Task<Detail::AwaitedValue<Awaited>>
{
    return Detail::runWithTimeout(deadline, Detail::arm(std::forward<Awaited>(awaited)));
}

/**
 * Does `awaited` to its end, even in a coroutine that is cancelled meanwhile or was before: for what has to be tidied
 * up. Cancellation, time-outs from around and throwInto() wait until the next `co_await` behind it. Give what is inside
 * a time-out of its own: `co_await shield(withTimeout(1s, connection.close()))`.
 *
 * Completes when that has, without suspending if that does not; resumes on the same thread; gives its value, throws
 * what it throws. At the end of the program, exec() waits five seconds for what is shielded, then it is cancelled; so
 * it is at once when the thread ends or the QObject is destroyed that the coroutine belongs to. Await it where you
 * write it: what is no task is held by reference.
 */
template<typename Awaited>
[[nodiscard]] auto shield(Awaited &&awaited) -> Task<Detail::AwaitedValue<Awaited>>
{
    return Detail::runShielded(Detail::arm(std::forward<Awaited>(awaited)));
}

/**
 * Does `awaited` and cancels it when `token` is asked to stop, from whichever thread: for code that hands out a
 * std::stop_source. Completes when that has; resumes on the same thread; gives its value, and throws Cancelled if it
 * was stopped: catch that to go on, for the coroutine itself is not cancelled. Await it where you write it: what is no
 * task is held by reference.
 */
template<typename Awaited>
[[nodiscard]] auto withStopToken(std::stop_token token, Awaited &&awaited) -> Task<Detail::AwaitedValue<Awaited>>
{
    return Detail::runUntilStopped(std::move(token), Detail::arm(std::forward<Awaited>(awaited)));
}

/**
 * A token that is asked to stop when the coroutine that runs now is cancelled, or the withTimeout(), withScope() or
 * withStopToken() in which this is called: for code that knows no coroutines, such as a function in a thread pool.
 * Throws an Error outside of coroutines.
 */
[[nodiscard]] ASYNCORO_CORE_EXPORT std::stop_token currentStopToken();

/** When the withTimeout() around the caller cancels it, at the latest; QDeadlineTimer::Forever if none does. */
[[nodiscard]] ASYNCORO_CORE_EXPORT QDeadlineTimer currentDeadline();

} // namespace Asyncoro
