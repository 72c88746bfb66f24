// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/Event>
#include <Asyncoro/Lock>
#include <Asyncoro/Task>

namespace Asyncoro::Detail {

/** Where those who send wait while there is no room: they pass one after the other, in the order in which they came. */
class Gate
{
public:
    explicit Gate(bool open) { setOpen(open); }

    void setOpen(bool open)
    {
        if (!open)
            m_open.clear();
        else if (!m_open.isSet())
            m_open.set();
    }

    /** Whether one passes at once: it is open, and nobody waits before it. */
    [[nodiscard]] bool isFree() const { return m_open.isSet() && !m_turn.isHeld(); }

    [[nodiscard]] bool isOpen() const { return m_open.isSet(); }
    /** Until it is open: for the one whose turn it is. */
    Task<> opened(QDeadlineTimer deadline) { co_await m_open.wait(deadline); }

    /** Until it is one's turn and the gate is open. The next one's turn comes when the guard is released. */
    Task<Lock::Guard> pass(QDeadlineTimer deadline)
    {
        Lock::Guard turn = co_await m_turn.acquire(deadline);
        co_await m_open.wait(deadline);
        co_return turn;
    }

private:
    Lock m_turn;
    Event m_open;
};

} // namespace Asyncoro::Detail
