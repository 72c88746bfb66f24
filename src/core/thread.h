// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "signal.h"
#include "task.h"

#include <QThread>

#include <concepts>

/**
 * @file
 * `co_await thread`, for a QThread or a pointer to one: waits until it has ended, which is when it has emitted
 * finished().
 *
 * Completes without suspending if it has ended already. Resumes on the coroutine's thread. Any number of coroutines may
 * wait for one thread. One that was not started yet is waited for until it was started and has ended. Throws Destroyed
 * if it is null or is destroyed before it has run. Cancelling leaves the thread alone. What it still does after
 * finished() is little: to delete the QThread, or what it used, QThread::wait() first.
 */

namespace Asyncoro::Detail {

class ASYNCORO_CORE_EXPORT ThreadEndAwaiter final : public SignalAwaiter<decltype(&QThread::finished)>
{
public:
    explicit ThreadEndAwaiter(const QThread *thread)
        : SignalAwaiter(thread, &QThread::finished, QDeadlineTimer::Forever)
        , m_thread(thread)
    {
    }
    void await_resume()
    {
        if (m_ended)
            throwUnlessComplete();
        else
            SignalAwaiter::await_resume();
    }

protected:
    bool start() override;

private:
    const QThread *const m_thread; // not owning, used at the beginning only
    bool m_ended = false;
};

template<std::derived_from<QThread> Thread>
struct Await<Thread> {
    static ThreadEndAwaiter from(const Thread &thread) { return ThreadEndAwaiter(&thread); }
};
template<std::derived_from<QThread> Thread>
struct Await<Thread *> {
    static ThreadEndAwaiter from(const Thread *thread) { return ThreadEndAwaiter(thread); }
};

} // namespace Asyncoro::Detail
