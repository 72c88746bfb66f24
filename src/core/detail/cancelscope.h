// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "suspension.h"

#include <stop_token>

namespace Asyncoro::Detail {

/**
 * A part of what a coroutine does that can be cancelled by itself: while it is cancelled, each wait inside it throws
 * Cancelled.
 *
 * It lies in a frame of the coroutine that makes it; the outermost one is the coroutine as a whole. After the idea of
 * the same name in Python's Trio. On the coroutine's thread only.
 */
class ASYNCORO_CORE_EXPORT CancelScope
{
public:
    enum Kind : quint8 {
        Open, ///< what cancels the coroutine around it cancels this, too
        Shielded, ///< only this itself can be cancelled, and what is inside
    };

    /** Opens a scope in the coroutine that runs now. */
    explicit CancelScope(Kind kind, Moment deadline = Never);
    /** Closes it. */
    ~CancelScope();
    CancelScope(const CancelScope &) = delete;
    CancelScope &operator=(const CancelScope &) = delete;

    void cancel();
    /** Cancels the scope of that number, from any thread, if it is open still. */
    static void cancel(const CoroPointer &coro, quint32 number);

    [[nodiscard]] bool isCancelled() const { return m_cancelled; }
    /** Whether it was cancelled, and that by its deadline. */
    [[nodiscard]] bool hasTimedOut() const { return m_timedOut; }
    /** Whether a wait right behind it would throw Cancelled. */
    [[nodiscard]] bool isCancelledAround() const;

    [[nodiscard]] LocalCoro *coro() const { return m_coro; }
    [[nodiscard]] quint32 number() const { return m_number; }

    /** Is asked to stop when a wait in this scope would throw Cancelled. */
    [[nodiscard]] std::stop_token stopToken();

private:
    friend class LocalCoro;
    friend class Suspension;
    CancelScope() = default;
    [[nodiscard]] bool isEffectivelyCancelled() const;
    /** Cancels this and those around it whose deadline has passed. */
    void expire(Moment present);

    CancelScope *m_outer = nullptr;
    LocalCoro *m_coro = nullptr;
    Moment m_deadline = Never;
    std::stop_source m_stop{std::nostopstate};
    quint32 m_number = 0;
    Kind m_kind = Open;
    bool m_cancelled = false;
    bool m_timedOut = false;
};

} // namespace Asyncoro::Detail
