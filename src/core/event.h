// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorocore_export.h"
#include "detail/ofonethread.h"
#include "detail/waiter.h"

namespace Asyncoro {

class Event;

namespace Detail {

class ASYNCORO_CORE_EXPORT EventAwaiter final : public Waiter
{
public:
    EventAwaiter(Event &event, const QDeadlineTimer &deadline)
        : Waiter(deadline)
        , m_event(event)
    {
    }
    void await_resume() const { throwUnlessComplete(); }

protected:
    bool start() override;
    QString operation() const override { return QStringLiteral("Event::wait()"); }

private:
    friend class Asyncoro::Event;
    Event &m_event;
};

} // namespace Detail

/**
 * Something that coroutines wait for: it is set or not.
 *
 * For the coroutines of one thread, the one that made it; on another one every function throws an Error. If the event
 * is destroyed, those who wait are thrown Destroyed; those whom set() or pulse() has woken go on, so that it may be
 * destroyed right after.
 */
class ASYNCORO_CORE_EXPORT Event : public Detail::OfOneThread
{
public:
    Event() = default;
    ~Event();

    [[nodiscard]] bool isSet() const
    {
        checkThread("Event::isSet()");
        return m_set;
    }
    /** Wakes all who wait, in the order in which they came, and lets later ones through. */
    void set();
    /** Later ones wait again. Those that were woken go on. */
    void clear()
    {
        checkThread("Event::clear()");
        m_set = false;
    }
    /** Wakes all who wait now, and only those. */
    void pulse();

    /**
     * Waits until the event is set.
     *
     * Completes without suspending if it is, even with a deadline in the past: `wait(0s)` polls. Resumes on the same
     * thread, in the scheduler's next round. Any number of coroutines may wait. Throws TimedOut if the deadline passes
     * first and Destroyed if the event is destroyed; terminating the coroutine ends the wait at once.
     */
    [[nodiscard]] Detail::EventAwaiter wait(QDeadlineTimer deadline = QDeadlineTimer::Forever)
    {
        checkThread("Event::wait()");
        return {*this, deadline};
    }

private:
    friend class Detail::EventAwaiter;
    Detail::IntrusiveList<Detail::EventAwaiter> m_waiters;
    bool m_set = false;
};

} // namespace Asyncoro
