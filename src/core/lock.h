// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/acquirable.h"

namespace Asyncoro {

class Condition;

namespace Detail {
class ConditionAwaiter;
} // namespace Detail

/**
 * Lets one coroutine at a time into a piece of work that waits in between.
 *
 *     const auto guard = co_await lock.acquire();
 *     co_await socket.write(request);      // nobody else writes before the guard is gone
 *     co_await socket.write(body);
 *
 * (Where nothing is awaited in between, coroutines of one thread need no lock.)
 *
 * For the coroutines of one thread, the one that made it; on another one every function throws an Error. A coroutine
 * that acquires again what it holds waits for itself: that needs an RLock. If the lock is destroyed, those who wait are
 * thrown Destroyed, and a guard that is left holds nothing.
 */
class ASYNCORO_CORE_EXPORT Lock : public Detail::Acquirable<Lock>
{
public:
    /** Holds the lock, and releases it when it is destroyed or by release(). */
    using Guard = Detail::Guard<Lock>;

    Lock() = default;
    ~Lock();

    /**
     * Waits for the lock and gives the guard that holds it.
     *
     * Completes without suspending if the lock is free, even with a deadline in the past. Otherwise the one who holds
     * it hands it over to the one who has waited longest, who resumes in the scheduler's next round on the same
     * thread. Any number of coroutines may wait. Throws TimedOut if the deadline passes first and Destroyed if the
     * lock is destroyed; terminating the coroutine ends the wait at once. One that is terminated after it was handed
     * the lock gets it.
     */
    [[nodiscard]] Detail::AcquireAwaiter<Lock> acquire(QDeadlineTimer deadline = QDeadlineTimer::Forever)
    {
        checkThread("Lock::acquire()");
        return {*this, deadline};
    }

    /** Holds the lock if it was free; else an empty guard. */
    Guard tryAcquire()
    {
        checkThread("Lock::tryAcquire()");
        return acquireNow(1);
    }

    /** Whether anybody holds it. */
    [[nodiscard]] bool isHeld() const
    {
        checkThread("Lock::isHeld()");
        return !m_guards.isEmpty();
    }

private:
    friend Guard;
    friend class Condition;
    friend class Detail::ConditionAwaiter;
    friend class Detail::Acquirable<Lock>;
    friend class Detail::AcquireAwaiter<Lock>;
    static constexpr bool HasPermits = false;
    static constexpr const char *Name = "Lock";

    [[nodiscard]] bool admits(int, const Detail::LocalCoro *) const { return m_guards.isEmpty(); }
    [[nodiscard]] bool isFreeFor(int) const { return m_guards.isEmpty(); }
    void taken(int, const Detail::LocalCoro *) { }
    void released(int) { serve(); }

    // For Condition: the guard lets others have its lock, but still knows when that is destroyed.
    static void lend(Guard &guard);
    /** The lock that the guard has lent; nullptr if it is destroyed. */
    static Lock *lentBy(const Guard &guard);
    /** The guard holds again what `held` holds. */
    static void giveBack(Guard &guard, Guard held);

    Detail::IntrusiveList<Guard> m_lent;
};

} // namespace Asyncoro
