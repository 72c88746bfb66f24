// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/ThreadPool>

#include <QMutex>

#include <deque>
#include <memory>

namespace Asyncoro::Detail {

/**
 * Calls on one file: made one after the other, in the order in which they were given, on threads for files. Whoever has
 * several to make gives them all, so that none waits for the event loop in between.
 */
class FileQueue : public std::enable_shared_from_this<FileQueue>
{
public:
    /** As onFileThread(), once the calls before it have ended. */
    template<typename Function>
    [[nodiscard]] auto run(Function &&function);

    void add(ThreadCall::Pointer call);

private:
    void makeCalls();

    QMutex m_mutex; // guards what follows
    std::deque<ThreadCall::Pointer> m_calls;
    bool m_running = false;
};

/** Queues a call and waits for its end; to abandon it abandons the call. */
class ThreadCallInQueue : public ThreadCallWait
{
public:
    ThreadCallInQueue(std::shared_ptr<FileQueue> queue, ThreadCall::Pointer call)
        : ThreadCallWait(std::move(call), QDeadlineTimer::Forever)
        , m_queue(std::move(queue))
    {
    }

protected:
    bool start() override
    {
        if (!ThreadCallWait::start())
            return false;
        m_queue->add(m_call);
        return true;
    }
    void abandon() noexcept override { m_call->abandon(); }

private:
    const std::shared_ptr<FileQueue> m_queue;
};

template<typename Function>
auto FileQueue::run(Function &&function)
{
    using Call = PlainThreadCall<std::decay_t<Function>>;
    ThreadCall::Pointer call(new Call(throwPoolCleared, std::forward<Function>(function)));
    return ThreadCallAwaiter<ThreadCallInQueue, typename Call::Value>(shared_from_this(), std::move(call));
}

} // namespace Asyncoro::Detail
