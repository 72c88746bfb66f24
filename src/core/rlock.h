// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/acquirable.h"

namespace Asyncoro {

/**
 * A Lock that the coroutine which holds it may acquire again: it is free when the last of these guards is gone.
 *
 * For functions that need the lock and are called by others that may hold it. What counts is Coro<>::self(): tasks that
 * the coroutine awaits belong to it, and so do the arms of whenAll() and whenAny(), which its own RLock thus does not
 * keep apart; coroutines that it spawns do not. Plain code counts as one more coroutine. For the rest it is as Lock.
 */
class ASYNCORO_CORE_EXPORT RLock : public Detail::Acquirable<RLock>
{
public:
    /** Holds the lock for the coroutine that acquired it, wherever it is moved, until destroyed or by release(). */
    using Guard = Detail::Guard<RLock>;

    RLock() = default;

    /**
     * Waits for the lock and gives a guard that holds it.
     *
     * Completes without suspending if the lock is free or held by this coroutine, even with a deadline in the past.
     * Otherwise the last guard hands it over to the coroutine that has waited longest, which resumes in the
     * scheduler's next round on the same thread. Any number of coroutines may wait. Throws TimedOut if the deadline
     * passes first and Destroyed if the lock is destroyed; terminating the coroutine ends the wait at once. One that
     * is terminated after it was handed the lock gets it.
     */
    [[nodiscard]] Detail::AcquireAwaiter<RLock> acquire(QDeadlineTimer deadline = QDeadlineTimer::Forever)
    {
        checkThread("RLock::acquire()");
        return {*this, deadline};
    }

    /** Holds the lock if it was free or held by this coroutine; else an empty guard. */
    Guard tryAcquire()
    {
        checkThread("RLock::tryAcquire()");
        return acquireNow(1, Detail::LocalCoro::current());
    }

    /** Whether anybody holds it. */
    [[nodiscard]] bool isHeld() const
    {
        checkThread("RLock::isHeld()");
        return !m_guards.isEmpty();
    }

private:
    friend Guard;
    friend class Detail::Acquirable<RLock>;
    friend class Detail::AcquireAwaiter<RLock>;
    static constexpr bool HasPermits = false;
    static constexpr const char *Name = "RLock";

    [[nodiscard]] bool admits(int, const Detail::LocalCoro *coro) const
    {
        return m_guards.isEmpty() || m_owner == idOf(coro);
    }
    [[nodiscard]] bool isFreeFor(int) const { return m_guards.isEmpty(); }
    void taken(int, const Detail::LocalCoro *coro) { m_owner = idOf(coro); }
    void released(int) { serve(); }

    static quint64 idOf(const Detail::LocalCoro *coro) { return coro ? coro->identity()->id() : 0; }

    quint64 m_owner = 0; // valid while held
};

} // namespace Asyncoro
