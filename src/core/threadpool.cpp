// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "threadpool.h"

#include <QMutex>
#include <QVarLengthArray>

#include <atomic>

namespace Asyncoro {

namespace Detail {

class CallCounter
{
public:
    void begin()
    {
        const QMutexLocker lock(&m_mutex);
        ++m_calls;
    }
    void end()
    {
        QVarLengthArray<Waker, 4> wakers;
        {
            const QMutexLocker lock(&m_mutex);
            if (--m_calls > 0)
                return;
            while (JoinAwaiter *const waiter = m_waiters.takeFirst())
                wakers.append(waiter->waker());
        }
        for (const Waker &waker : std::as_const(wakers))
            waker.wake();
    }
    bool enter(JoinAwaiter *waiter)
    {
        const QMutexLocker lock(&m_mutex);
        if (m_calls == 0)
            return false;
        m_waiters.append(waiter);
        return true;
    }
    void remove(JoinAwaiter *waiter)
    {
        const QMutexLocker lock(&m_mutex);
        if (waiter->isLinked()) // if not, it is woken just now, too late
            waiter->unlink();
    }

private:
    QMutex m_mutex; // guards what follows
    qsizetype m_calls = 0;
    IntrusiveList<JoinAwaiter> m_waiters;
};

namespace {

/** In the queue of a pool, which destroys it when it has run, or when it is cleared. */
class Runner final : public QRunnable
{
public:
    Runner(ThreadCall::Pointer call, CallCounterPointer counter)
        : m_call(std::move(call))
        , m_counter(std::move(counter))
    {
        if (m_counter)
            m_counter->begin();
        m_complete.store(true, std::memory_order_release);
    }
    Runner(const Runner &) = delete;
    Runner &operator=(const Runner &) = delete;
    ~Runner() override
    {
        static_cast<void>(m_complete.load(std::memory_order_acquire));
        m_call->refuse(); // without effect if it was made
        if (m_counter)
            m_counter->end();
    }
    void run() override
    {
        static_cast<void>(m_complete.load(std::memory_order_acquire));
        m_call->perform();
    }

private:
    const ThreadCall::Pointer m_call;
    const CallCounterPointer m_counter;
    // The pool's queue orders all this anyway, but within Qt, where the thread sanitizer does not see it.
    std::atomic<bool> m_complete = false;
};

} // namespace

// --- ThreadCallInPool ---

ThreadCallInPool::ThreadCallInPool(QThreadPool *pool, ThreadCall::Pointer call, CallCounterPointer counter)
    : ThreadCallWait(std::move(call), QDeadlineTimer::Forever)
    , m_pool(pool)
    , m_counter(std::move(counter))
{
}

ThreadCallInPool::~ThreadCallInPool() = default;

bool ThreadCallInPool::start()
{
    if (!ThreadCallWait::start())
        return false;
    m_pool->start(new Runner(m_call, m_counter));
    return true;
}

// --- JoinAwaiter ---

JoinAwaiter::JoinAwaiter(CallCounterPointer counter, const QDeadlineTimer &deadline)
    : Suspension(deadline)
    , m_counter(std::move(counter))
{
}

JoinAwaiter::~JoinAwaiter() = default;

bool JoinAwaiter::start()
{
    return m_counter->enter(this);
}

void JoinAwaiter::abandon() noexcept
{
    m_counter->remove(this);
}

} // namespace Detail

ThreadPool::ThreadPool(int threadCount)
    : m_counter(std::make_shared<Detail::CallCounter>())
{
    m_pool.setMaxThreadCount(threadCount);
}

ThreadPool::~ThreadPool()
{
    m_pool.waitForDone();
}

} // namespace Asyncoro
