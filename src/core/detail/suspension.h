// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorocore_export.h"

#include <QDeadlineTimer>
#include <QExplicitlySharedDataPointer>
#include <QString>

#include <coroutine>
#include <limits>

namespace Asyncoro::Detail {

class CoroData;
class LocalCoro;
struct PromiseBase;
using CoroPointer = QExplicitlySharedDataPointer<CoroData>;

/** Ends one wait of one coroutine, from any thread; without effect once that wait has ended. */
class ASYNCORO_CORE_EXPORT Waker
{
public:
    Waker() noexcept;
    explicit Waker(LocalCoro *coro);
    Waker(const Waker &);
    Waker(Waker &&) noexcept;
    Waker &operator=(const Waker &);
    Waker &operator=(Waker &&) noexcept;
    ~Waker();

    void wake() const;
    /** Who waits; null for none. */
    [[nodiscard]] const CoroPointer &coro() const { return m_coro; }

private:
    CoroPointer m_coro;
    quint32 m_wait = 0;
};

/** Moments are nanoseconds of the steady clock, as QDeadlineTimer::deadlineNSecs() gives them. */
using Moment = qint64;
inline constexpr Moment Never = std::numeric_limits<Moment>::max();

[[nodiscard]] inline Moment toMoment(const QDeadlineTimer &deadline)
{
    return deadline.isForever() ? Never : deadline.deadlineNSecs();
}

/**
 * One wait of one coroutine: the base of everything of ours that can be awaited.
 *
 * It lies in the frame of the coroutine that waits. A wait ends in one of three ways: what was waited for has
 * come (complete()), the deadline has passed, or it is interrupted, by a cancellation or an exception that somebody
 * throws into the coroutine. In the last two cases abandon() takes the wait out of wherever start() had put it,
 * before the coroutine goes on.
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
        m_frame = &waiting.promise();
        return begin(waiting.promise().coro, waiting);
    }

protected:
    explicit Suspension(const QDeadlineTimer &deadline)
        : m_deadline(toMoment(deadline))
    {
    }
    virtual ~Suspension() = default;

    /** Whether there is anything to wait for; if so, the wait is entered where complete() will find it. */
    virtual bool start() = 0;

    /** Takes out what start() entered. */
    virtual void abandon() noexcept = 0;

    /** What is waited for, in errors and lists of coroutines: "Lock::acquire()". */
    [[nodiscard]] virtual QString operation() const = 0;

    /** Whether nothing but code of this process can end the wait: no socket, no timer, no user. */
    [[nodiscard]] virtual bool isInternal() const { return false; }

    /** From now on nothing interrupts this wait: for what must come to its end even in a cancelled coroutine. */
    void setUninterruptible() { m_uninterruptible = true; }

    /** What was waited for has come: the coroutine is made ready. On the coroutine's thread. */
    void complete();

    /** In start() and later: calls complete() from any thread, unless the wait has ended before. */
    [[nodiscard]] Waker waker() const { return Waker(m_coro); }

    /** Throws what interrupted the wait, mostly Cancelled; returns false if the deadline passed. */
    bool isComplete() const
    {
        if (m_end == End::Interrupted) [[unlikely]]
            throwInterruption();
        return m_end == End::Complete;
    }
    /** The same, and throws TimedOut, which names operation(), if the deadline passed. */
    void throwUnlessComplete() const
    {
        if (m_end != End::Complete) [[unlikely]]
            throwIncomplete();
    }

    /** The coroutine that waits. */
    [[nodiscard]] LocalCoro *coro() const { return m_coro; }
    /** Until when; time-outs around it may end it before that. */
    [[nodiscard]] Moment deadline() const { return m_deadline; }

private:
    friend class Insight;
    friend class LocalCoro;
    friend class CoroScheduler;

    enum class End : quint8 { Complete, DeadlinePassed, Interrupted };

    bool begin(LocalCoro *coro, std::coroutine_handle<> handle);
    bool beginWithDeadline(Moment deadline);
    [[noreturn]] void throwInterruption() const;
    [[noreturn]] void throwIncomplete() const;

    LocalCoro *m_coro = nullptr; // not owning
    PromiseBase *m_frame = nullptr; // where it waits: the frame that holds this
    Moment m_deadline;
    End m_end = End::Complete;
    bool m_uninterruptible = false;
};

} // namespace Asyncoro::Detail
