// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorocore_export.h"
#include "detail/intrusivelist.h"
#include "detail/suspension.h"

namespace Asyncoro {

class Event;

namespace Detail {

class ASYNCORO_CORE_EXPORT EventAwaiter final : public Suspension, public ListLink
{
public:
    EventAwaiter(Event &event, const QDeadlineTimer &deadline)
        : Suspension(deadline)
        , m_event(event)
    {
    }
    void await_resume() const { throwUnlessComplete(); }

protected:
    bool start() override;
    void abandon() noexcept override { unlink(); }
    QString operation() const override { return QStringLiteral("Event::wait()"); }
    bool isInternal() const override { return true; }

private:
    friend class Asyncoro::Event;
    Event &m_event;
};

} // namespace Detail

/**
 * A condition that coroutines wait for: it is set or not.
 *
 * For coroutines of one thread, which must also be the one that sets it. It must outlive those who wait.
 */
class ASYNCORO_CORE_EXPORT Event
{
public:
    Event() = default;
    ~Event();
    Event(const Event &) = delete;
    Event &operator=(const Event &) = delete;

    [[nodiscard]] bool isSet() const { return m_set; }
    /** Wakes all who wait, in the order in which they came, and lets later ones through. */
    void set();
    /** Later ones wait again. Those that were woken go on. */
    void clear() { m_set = false; }
    /** Wakes all who wait now, and only those. */
    void pulse();

    /**
     * Waits until the event is set.
     *
     * Completes without suspending if it is. Resumes on the same thread, in the scheduler's next round. Any number of
     * coroutines may wait. Throws TimedOut if the deadline passes first, in any other case only Cancelled.
     */
    [[nodiscard]] Detail::EventAwaiter wait(QDeadlineTimer deadline = QDeadlineTimer::Forever)
    {
        return {*this, deadline};
    }

private:
    friend class Detail::EventAwaiter;
    Detail::IntrusiveList<Detail::EventAwaiter> m_waiters;
    bool m_set = false;
};

} // namespace Asyncoro
