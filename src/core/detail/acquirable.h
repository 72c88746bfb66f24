// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "localcoro.h"
#include "ofonethread.h"
#include "waiter.h"

#include <utility>

namespace Asyncoro::Detail {

template<typename Object>
class Acquirable;
template<typename Object>
class AcquireAwaiter;

/**
 * Holds what was acquired, and releases it when it is destroyed.
 *
 * It can be moved, also into another coroutine of the same thread. If the lock or semaphore is destroyed first, the
 * guard holds nothing any more. A destructor that has something to release on another thread ends the program.
 */
template<typename Object>
class [[nodiscard("a guard that is not kept in a variable releases at once")]] Guard final : ListLink
{
public:
    /** Holds nothing. */
    Guard() noexcept = default;
    Guard(Guard &&other) noexcept { takeFrom(other); }
    Guard &operator=(Guard &&other) noexcept
    {
        if (this != &other) {
            release();
            takeFrom(other);
        }
        return *this;
    }
    ~Guard() { release(); }

    /** Whether it holds anything. */
    [[nodiscard]] explicit operator bool() const { return isLinked(); }

    /** Releases now what it holds; without effect if that is nothing. */
    void release()
    {
        if (!isLinked())
            return;
        m_object->checkThread("Guard::release()");
        unlink();
        m_object->released(m_count);
    }

    /** How many permits it holds. */
    [[nodiscard]] int count() const
        requires Object::HasPermits
    {
        return isLinked() ? m_count : 0;
    }

    /** Leaves the permits taken: now it is on you to give them back, by Semaphore::release(), or not. */
    void keep()
        requires Object::HasPermits
    {
        if (!isLinked())
            return;
        m_object->checkThread("Guard::keep()");
        unlink();
        m_object->kept(m_count);
    }

private:
    friend Object;
    friend class Acquirable<Object>;
    friend class IntrusiveList<Guard>;

    void takeFrom(Guard &other) noexcept
    {
        if (!other.isLinked())
            return;
        m_object = other.m_object;
        m_count = other.m_count;
        replace(other);
    }

    Object *m_object = nullptr; // not owning; valid while linked
    int m_count = 0;
};

/** A wait for an object that is held by others. It gets its guard from the one that releases: nobody comes between. */
template<typename Object>
class AcquireAwaiter : public Waiter
{
public:
    AcquireAwaiter(Object &object, const QDeadlineTimer &deadline, int count = 1)
        : Waiter(deadline)
        , m_object(object)
        , m_count(count)
    {
    }

    Guard<Object> await_resume()
    {
        Suspension::throwUnlessComplete();
        if (!m_guard) // the object was destroyed, perhaps after it was handed over
            throwDestroyed();
        return std::move(m_guard);
    }

protected:
    bool start() override { return !m_object.acquireOrEnter(*this); }
    void abandon() noexcept override
    {
        unlink();
        m_object.serve(); // the next one may want less
    }
    [[nodiscard]] QString operation() const override
    {
        return QLatin1StringView(Object::Name) + QStringLiteral("::acquire()");
    }

    Guard<Object> m_guard;

private:
    friend class Acquirable<Object>;
    Object &m_object; // gone, perhaps, once the wait has ended
    const int m_count;
};

/**
 * Base of what coroutines acquire and wait for in a queue. Object derives from it and says in
 *
 *     bool admits(int count, const LocalCoro *coro) const     whether a newcomer gets it now
 *     bool isFreeFor(int count) const                         whether the first of the queue gets it now
 *     void taken(int count, const LocalCoro *coro), released(int count)
 *
 * what that means; `coro` is the coroutine that acquires, nullptr for plain code.
 */
template<typename Object>
class Acquirable : public OfOneThread
{
protected:
    Acquirable() = default;
    ~Acquirable()
    {
        while (m_guards.takeFirst()) { } // they hold nothing any more
        while (AcquireAwaiter<Object> *waiter = m_waiters.takeFirst())
            waiter->complete(); // without a guard
    }

    /** Gives the guard at once if the object is to be had; else an empty one. */
    Guard<Object> acquireNow(int count, const LocalCoro *coro = nullptr)
    {
        Guard<Object> guard;
        if (object().admits(count, coro))
            take(guard, count, coro);
        return guard;
    }

    /** Gives the awaiter its guard, or enters it in the queue and returns false. */
    bool acquireOrEnter(AcquireAwaiter<Object> &waiter)
    {
        if (object().admits(waiter.m_count, waiter.coro())) {
            take(waiter.m_guard, waiter.m_count, waiter.coro());
            return true;
        }
        m_waiters.append(&waiter);
        return false;
    }

    /** Hands over to those who wait first, as far as it goes. */
    void serve()
    {
        while (AcquireAwaiter<Object> *waiter = m_waiters.first()) {
            if (!object().isFreeFor(waiter->m_count))
                break;
            waiter->unlink();
            take(waiter->m_guard, waiter->m_count, waiter->coro());
            waiter->complete();
        }
    }

    IntrusiveList<Guard<Object>> m_guards; // those that hold something
    IntrusiveList<AcquireAwaiter<Object>> m_waiters;

private:
    friend class Guard<Object>;

    Object &object() { return static_cast<Object &>(*this); }

    void take(Guard<Object> &guard, int count, const LocalCoro *coro)
    {
        object().taken(count, coro);
        guard.m_object = &object();
        guard.m_count = count;
        m_guards.append(&guard);
    }
};

} // namespace Asyncoro::Detail
