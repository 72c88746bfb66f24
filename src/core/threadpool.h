// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/threadcall.h"
#include "error.h"

#include <QThreadPool>

#include <memory>

namespace Asyncoro {

namespace Detail {

/** Counts the calls of a ThreadPool that have not ended. */
class CallCounter;
using CallCounterPointer = std::shared_ptr<CallCounter>;

/** Queues a call in a pool and waits for its end; to abandon it abandons the call. */
class ASYNCORO_CORE_EXPORT ThreadCallInPool : public ThreadCallWait
{
public:
    ThreadCallInPool(QThreadPool *pool, ThreadCall::Pointer call, CallCounterPointer counter = {});
    ~ThreadCallInPool() override;

protected:
    bool start() override;
    void abandon() noexcept override { m_call->abandon(); }

private:
    QThreadPool *const m_pool; // not owning, used at the beginning only
    CallCounterPointer m_counter;
};

class ASYNCORO_CORE_EXPORT JoinAwaiter final : public Suspension, public ListLink
{
public:
    JoinAwaiter(CallCounterPointer counter, const QDeadlineTimer &deadline);
    ~JoinAwaiter() override;
    void await_resume() const { throwUnlessComplete(); }

protected:
    bool start() override;
    void abandon() noexcept override;
    QString operation() const override { return QStringLiteral("ThreadPool::join()"); }

private:
    friend class CallCounter;
    const CallCounterPointer m_counter;
};

template<typename F, typename... A>
auto callInPool(QThreadPool *pool, CallCounterPointer counter, F &&function, A &&...arguments)
{
    using Call = StoppableCall<std::decay_t<F>, std::decay_t<A>...>;
    static_assert(Call::IsCallable,
                  "the function cannot be called with these arguments (they are copied or moved to the other thread; a "
                  "parameter that is a non-const reference needs std::ref)");
    using Value = typename Call::Result;
    static_assert(!std::is_reference_v<Value>, "a function for another thread cannot return a reference");
    static_assert(!TaskValue<Value>::IsTask,
                  "threads of a pool run no coroutines: spawn() it here, or use resumeOn() with a QThread");
    using Plain = PlainThreadCall<std::decay_t<F>, std::decay_t<A>...>;
    ThreadCall::Pointer call(new Plain(throwPoolCleared, std::forward<F>(function), std::forward<A>(arguments)...));
    return ThreadCallAwaiter<ThreadCallInPool, Value>(pool, std::move(call), std::move(counter));
}

} // namespace Detail

/**
 * Threads for functions that block: computations, or libraries that know nothing of event loops.
 *
 *     ThreadPool pool(4);
 *     const QImage image = co_await pool.run(decode, bytes);
 *
 * Its functions may be called from any thread. The destructor blocks until all calls have been made.
 */
class ASYNCORO_CORE_EXPORT ThreadPool
{
public:
    /** By default as many threads as the machine has processors. A thread is started when there is a call for it. */
    explicit ThreadPool(int threadCount = QThread::idealThreadCount());
    ~ThreadPool();
    ThreadPool(const ThreadPool &) = delete;
    ThreadPool &operator=(const ThreadPool &) = delete;

    /**
     * Calls `function(arguments...)` on a thread of the pool, which it may block, and gives its value or throws its
     * exception. If the first parameter is a std::stop_token, that is passed, too.
     *
     * Always suspends; the call is queued by `co_await`, behind those before it. Resumes on the coroutine's thread. Any
     * number may overlap. Function and arguments are copied or moved, and destroyed on either thread. Throws what the
     * function throws, an Error if the pool is cleared. Cancelling leaves at once: a call that has not begun is not
     * made, one that has is asked to stop by its token, goes on in the background, and what it gives is dropped.
     */
    template<typename Function, typename... Arguments>
    [[nodiscard]] auto run(Function &&function, Arguments &&...arguments)
    {
        return Detail::callInPool(&m_pool, m_counter, std::forward<Function>(function),
                                  std::forward<Arguments>(arguments)...);
    }

    /**
     * Waits until no call of run() is queued or runs.
     *
     * Completes without suspending if there is none. Resumes on the coroutine's thread. Any number of coroutines may
     * wait. Throws TimedOut if the deadline passes first. Cancelling does nothing to the calls. The pool may be
     * destroyed meanwhile, which makes them all.
     */
    [[nodiscard]] Detail::JoinAwaiter join(QDeadlineTimer deadline = QDeadlineTimer::Forever)
    {
        return {m_counter, deadline};
    }

    /** The Qt object behind it, for its settings. */
    [[nodiscard]] QThreadPool *threadPool() { return &m_pool; }

private:
    const Detail::CallCounterPointer m_counter;
    QThreadPool m_pool;
};

/** As ThreadPool::run(), in Qt's global pool: QThreadPool::globalInstance(). */
template<typename Function, typename... Arguments>
[[nodiscard]] auto runInPool(Function &&function, Arguments &&...arguments)
{
    return Detail::callInPool(QThreadPool::globalInstance(), nullptr, std::forward<Function>(function),
                              std::forward<Arguments>(arguments)...);
}

} // namespace Asyncoro
