// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "condition.h"

#include <limits>

namespace Asyncoro {

namespace {

// Waits for a lock until it is there or destroyed, terminated or not.
class TakeAgainAwaiter final : public Detail::AcquireAwaiter<Lock>
{
public:
    explicit TakeAgainAwaiter(Lock &lock)
        : AcquireAwaiter(lock, QDeadlineTimer::Forever)
    {
        setUninterruptible();
    }
    Lock::Guard await_resume() { return std::move(m_guard); }
};

} // namespace

bool Detail::ConditionAwaiter::start()
{
    m_started = true;
    m_condition.m_waiters.append(this);
    Lock::lend(m_guard);
    return true;
}

Condition::~Condition()
{
    while (m_notified.takeFirst()) { } // so they see that it is gone
    while (Detail::ConditionAwaiter *waiter = m_waiters.takeFirst())
        waiter->endDestroyed();
}

void Condition::check(const Lock::Guard &guard) const
{
    checkThread("Condition::wait()");
    if (!guard)
        throw Error(QStringLiteral("Condition::wait(): the guard does not hold its lock"));
    Detail::LocalCoro::current()->throwIfCancelled();
}

Task<> Condition::wait(Lock::Guard &guard, QDeadlineTimer deadline)
{
    check(guard);
    co_await waitOnce(guard, deadline);
}

Task<bool> Condition::waitOnce(Lock::Guard &guard, QDeadlineTimer deadline)
{
    Detail::ConditionAwaiter waiter(*this, guard, deadline);
    std::exception_ptr error;
    try {
        co_await waiter;
    } catch (...) {
        error = std::current_exception();
    }
    // From here on *this may be gone.
    if (waiter.m_started)
        co_await takeAgain(guard);
    const bool exists = waiter.isLinked(); // if so, it was notified
    if (exists)
        waiter.unlink();
    if (!error && Detail::LocalCoro::current()->mustEndNow())
        error = std::make_exception_ptr(Cancelled());
    if (exists && error)
        notifyOne(); // so that the notification is not lost
    if (error)
        std::rethrow_exception(error);
    if (!guard)
        throw Destroyed(QStringLiteral("Condition::wait(): the lock was destroyed"));
    co_return exists;
}

Task<> Condition::takeAgain(Lock::Guard &guard)
{
    Lock *const lock = Lock::lentBy(guard);
    if (lock)
        Lock::giveBack(guard, co_await TakeAgainAwaiter(*lock));
}

void Condition::notify(int count)
{
    checkThread("Condition::notify()");
    for (; count > 0; --count) {
        Detail::ConditionAwaiter *waiter = m_waiters.takeFirst();
        if (!waiter)
            break;
        m_notified.append(waiter);
        waiter->complete();
    }
}

void Condition::notifyAll()
{
    notify(std::numeric_limits<int>::max());
}

void Condition::throwDestroyed()
{
    throw Destroyed(QStringLiteral("Condition::wait(): the condition was destroyed"));
}

} // namespace Asyncoro
