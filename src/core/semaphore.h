// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/acquirable.h"

namespace Asyncoro {

/**
 * A number of permits, which coroutines take and give back: so many at a time may do something, or so much of something
 * is there.
 *
 *     Semaphore downloads(4);
 *     const auto guard = co_await downloads.acquire();     // at most four are past this line
 *
 * Fair: who has waited longest is served first, and nobody overtakes one who waits for many permits.
 *
 * For the coroutines of one thread, the one that made it; on another one every function throws an Error. If the
 * semaphore is destroyed, those who wait are thrown Destroyed, and guards that are left hold nothing.
 */
class ASYNCORO_CORE_EXPORT Semaphore : public Detail::Acquirable<Semaphore>
{
public:
    /** Holds permits, and gives them back when it is destroyed or by release(). keep() leaves them taken. */
    using Guard = Detail::Guard<Semaphore>;

    /** Throws an Error if `permits` is negative. */
    explicit Semaphore(int permits);

    /**
     * Waits for `count` permits and gives the guard that holds them.
     *
     * Completes without suspending if so many are there and nobody waits, even with a deadline in the past. Otherwise
     * resumes in the scheduler's next round on the same thread. Any number of coroutines may wait. Throws TimedOut if
     * the deadline passes first, Destroyed if the semaphore is destroyed, and an Error at once if `count` is not
     * positive; terminating the coroutine ends the wait at once. One that is terminated after it was given the
     * permits gets them.
     */
    [[nodiscard]] Detail::AcquireAwaiter<Semaphore> acquire(int count = 1,
                                                            QDeadlineTimer deadline = QDeadlineTimer::Forever)
    {
        checkThread("Semaphore::acquire()");
        checkCount(count);
        return {*this, deadline, count};
    }
    /** One permit. */
    [[nodiscard]] Detail::AcquireAwaiter<Semaphore> acquire(QDeadlineTimer deadline) { return acquire(1, deadline); }

    /** Holds `count` permits if they were there and nobody waits; else an empty guard. */
    Guard tryAcquire(int count = 1)
    {
        checkThread("Semaphore::tryAcquire()");
        checkCount(count);
        return acquireNow(count);
    }

    /** Adds permits: those that a guard has kept, or new ones. An Error if `count` is not positive or too big. */
    void release(int count = 1);

    /** How many permits are there now. */
    [[nodiscard]] int available() const
    {
        checkThread("Semaphore::available()");
        return m_available;
    }

private:
    friend Guard;
    friend class Detail::Acquirable<Semaphore>;
    friend class Detail::AcquireAwaiter<Semaphore>;
    static constexpr bool HasPermits = true;
    static constexpr const char *Name = "Semaphore";

    static void checkCount(int count)
    {
        if (count < 1) [[unlikely]]
            throwWrongCount(count);
    }
    [[noreturn]] static void throwWrongCount(int count);

    [[nodiscard]] bool admits(int count, const Detail::LocalCoro *) const
    {
        return m_available >= count && m_waiters.isEmpty();
    }
    [[nodiscard]] bool isFreeFor(int count) const { return m_available >= count; }
    void taken(int count, const Detail::LocalCoro *) { m_available -= count; }
    void released(int count)
    {
        m_available += count;
        serve();
    }
    void kept(int count) { m_total -= count; }

    int m_available;
    int m_total; // with what guards hold, which will come back
};

} // namespace Asyncoro
