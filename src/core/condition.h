// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "lock.h"
#include "task.h"

#include <concepts>
#include <functional>

namespace Asyncoro {

class Condition;

namespace Detail {

/** A wait for a notification, during which the guard does not hold its lock. */
class ASYNCORO_CORE_EXPORT ConditionAwaiter final : public Waiter
{
public:
    ConditionAwaiter(Condition &condition, Lock::Guard &guard, const QDeadlineTimer &deadline)
        : Waiter(deadline)
        , m_condition(condition)
        , m_guard(guard)
    {
    }
    void await_resume() const { throwUnlessComplete(); }

protected:
    bool start() override;
    QString operation() const override { return QStringLiteral("Condition::wait()"); }

private:
    friend class Asyncoro::Condition;
    Condition &m_condition; // gone, perhaps, once the wait has ended
    Lock::Guard &m_guard;
    bool m_started = false;
};

} // namespace Detail

/**
 * Lets coroutines that hold a Lock wait until another one has changed what the lock guards.
 *
 *     auto guard = co_await lock.acquire();
 *     co_await changed.wait(guard, [&] { return !orders.isEmpty(); });
 *     serve(orders.takeFirst());                           // the lock is held
 *
 * and elsewhere, with the lock held or not: `orders << order; changed.notifyOne();`
 *
 * For the coroutines of one thread, the one that made it; on another one every function throws an Error. If it is
 * destroyed, those who wait are thrown Destroyed; those who are notified already go on.
 */
class ASYNCORO_CORE_EXPORT Condition : public Detail::OfOneThread
{
public:
    Condition() = default;
    ~Condition();

    /**
     * Releases the lock that `guard` holds, waits for a notification and takes the lock again, behind those who wait
     * for it. `guard` must stay where it is meanwhile. Suspends, unless the deadline is in the past and nobody else
     * wants the lock. Resumes on the same thread.
     *
     * Any number of coroutines may wait, each with a guard of its own. Throws TimedOut if the deadline passes before
     * the notification, Destroyed if the condition is destroyed first, and an Error if `guard` holds nothing;
     * terminating the coroutine ends the wait. Whatever the outcome, **the lock is held again** afterwards, and the
     * wait for that neither times out nor can be cancelled. (Only if the lock itself was destroyed, `guard` is empty;
     * one that is notified then throws Destroyed.) One that is terminated after it was notified returns, so that no
     * notification is lost.
     */
    [[nodiscard]] Task<> wait(Lock::Guard &guard, QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Waits until `predicate()`, which is called with the lock held, is true. Completes without suspending if it is. If
     * the deadline passes, it is asked once more before TimedOut is thrown. For the rest as above.
     */
    template<std::predicate Predicate>
    [[nodiscard]] Task<> wait(Lock::Guard &guard, Predicate predicate,
                              QDeadlineTimer deadline = QDeadlineTimer::Forever)
    {
        check(guard);
        bool exists = true; // *this
        while (!std::invoke(predicate)) {
            if (!exists)
                throwDestroyed();
            try {
                exists = co_await waitOnce(guard, deadline);
            } catch (const TimedOut &) {
                if (!std::invoke(predicate))
                    throw;
                break;
            }
        }
    }

    /** Wakes the one who has waited longest, if anybody waits. */
    void notifyOne() { notify(1); }
    /** Wakes those `count` who have waited longest, or all if there are fewer. */
    void notify(int count);
    /** Wakes all who wait now. */
    void notifyAll();

private:
    friend class Detail::ConditionAwaiter;

    /** Throws what prevents a wait. In a coroutine. */
    void check(const Lock::Guard &guard) const;
    /** One wait; gives whether the condition still exists. */
    Task<bool> waitOnce(Lock::Guard &guard, QDeadlineTimer deadline);
    static Task<> takeAgain(Lock::Guard &guard);
    [[noreturn]] static void throwDestroyed();

    Detail::IntrusiveList<Detail::ConditionAwaiter> m_waiters;
    Detail::IntrusiveList<Detail::ConditionAwaiter> m_notified; // until they have the lock again
};

} // namespace Asyncoro
