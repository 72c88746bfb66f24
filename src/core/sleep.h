// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/localcoro.h"
#include "detail/suspension.h"

#include <chrono>

namespace Asyncoro {

namespace Detail {

class SleepAwaiter final : public Suspension
{
public:
    explicit SleepAwaiter(const QDeadlineTimer &deadline)
        : Suspension(deadline)
    {
    }
    void await_resume() const { static_cast<void>(isComplete()); }

protected:
    bool start() override { return true; }
    void abandon() noexcept override { }
    QString operation() const override { return QStringLiteral("sleep()"); }
};

template<typename T>
struct Await;

/** `co_await 10ms` is the same as `co_await sleep(10ms)`. */
template<typename Rep, typename Period>
struct Await<std::chrono::duration<Rep, Period>> {
    static SleepAwaiter from(std::chrono::duration<Rep, Period> duration)
    {
        return SleepAwaiter(QDeadlineTimer(std::chrono::ceil<std::chrono::nanoseconds>(duration)));
    }
};

class YieldAwaiter
{
public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template<typename Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> waiting)
    {
        m_coro = waiting.promise().coro;
        return m_coro->yield(waiting, &waiting.promise());
    }
    void await_resume() const { m_coro->throwIfInterrupted(); }

private:
    LocalCoro *m_coro = nullptr;
};

} // namespace Detail

/**
 * Waits until the time is over or the moment has come; `sleep(QDeadlineTimer::Forever)` until terminated. For a time,
 * `co_await 10ms` is the same.
 *
 * Completes without suspending if it is over already. Resumes on the same thread, never early, and with the accuracy of
 * a precise QTimer. Throws only Cancelled.
 */
[[nodiscard]] inline Detail::SleepAwaiter sleep(QDeadlineTimer deadline)
{
    return Detail::SleepAwaiter(deadline);
}

/**
 * Lets the other coroutines that are ready go first. Between two turns the event loop gets its share, too, so that a
 * long computation that yields now and then keeps a program responsive. Always suspends; resumes on the same thread.
 * Throws only Cancelled.
 */
[[nodiscard]] inline Detail::YieldAwaiter yield()
{
    return {};
}

} // namespace Asyncoro
