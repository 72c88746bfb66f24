// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorocore_export.h"

#include <QDeadlineTimer>

#include <coroutine>
#include <limits>

namespace Asyncoro::Detail {

class LocalCoro;
struct PromiseBase;

/** Moments are nanoseconds of the steady clock, as QDeadlineTimer::deadlineNSecs() gives them. */
using Moment = qint64;
inline constexpr Moment Never = std::numeric_limits<Moment>::max();

/**
 * One wait of one coroutine: the base of everything of ours that can be awaited.
 *
 * It lies in the frame of the coroutine that waits. A wait ends in one of three ways: what was waited for has
 * come (complete()), the deadline has passed, or the coroutine was terminated. In the last two cases abandon()
 * takes the wait out of wherever start() had put it, before the coroutine goes on.
 */
class ASYNCORO_CORE_EXPORT Suspension
{
public:
    Suspension(const Suspension &) = delete;
    Suspension &operator=(const Suspension &) = delete;

    [[nodiscard]] bool await_ready() const noexcept { return false; }

    template<typename Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> waiting)
    {
        static_assert(std::is_base_of_v<PromiseBase, Promise>,
                      "this can only be awaited in a coroutine that returns Asyncoro::Task");
        return begin(waiting.promise().coro, waiting);
    }

protected:
    explicit Suspension(const QDeadlineTimer &deadline)
        : m_deadline(deadline.isForever() ? Never : deadline.deadlineNSecs())
    {
    }
    virtual ~Suspension() = default;

    /** Whether there is anything to wait for; if so, the wait is entered where complete() will find it. */
    virtual bool start() = 0;

    /** Takes out what start() entered. */
    virtual void abandon() noexcept = 0;

    /** What was waited for has come: the coroutine is made ready. On the coroutine's thread. */
    void complete();

    /** Throws Cancelled if the wait ended by termination; returns false if the deadline passed. */
    bool isComplete() const;
    /** The same, and throws TimedOut, which says that `operation` timed out, if the deadline passed. */
    void throwUnlessComplete(const char *operation) const;

    /** The coroutine that waits. */
    [[nodiscard]] LocalCoro *coro() const { return m_coro; }

private:
    friend class LocalCoro;

    enum class End : quint8 { Complete, DeadlinePassed, Terminated };

    bool begin(LocalCoro *coro, std::coroutine_handle<> handle);

    LocalCoro *m_coro = nullptr; // not owning
    Moment m_deadline;
    End m_end = End::Complete;
};

} // namespace Asyncoro::Detail
