// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "detail/threadcall.h"

#include "resumeon.h"

#include <QMutex>
#include <QThread>

#include <memory>

namespace Asyncoro {

ThreadEnded::~ThreadEnded() = default;

namespace Detail {

void throwPoolCleared()
{
    throw Error(QStringLiteral("the thread pool was cleared before it made the call"));
}

void throwThreadEnded()
{
    throw ThreadEnded(QStringLiteral("the thread does not run, or ended before what was to run on it"));
}

// --- ThreadCall ---

ThreadCall::ThreadCall() = default;
ThreadCall::~ThreadCall() = default;

bool ThreadCall::changeState(State from, State to)
{
    const QMutexLocker lock(&m_mutex);
    if (m_state != from)
        return false;
    m_state = to;
    return true;
}

void ThreadCall::perform()
{
    if (changeState(State::New, State::Running) && invoke())
        finish();
}

void ThreadCall::refuse()
{
    if (changeState(State::New, State::Running))
        finish();
}

void ThreadCall::abandon()
{
    if (changeState(State::New, State::Running))
        finish();
    else
        requestStop();
}

bool ThreadCall::setWaker(const Waker &waker)
{
    const QMutexLocker lock(&m_mutex);
    if (m_state == State::Ended)
        return false;
    m_waker = waker;
    return true;
}

void ThreadCall::finish()
{
    destroyFunction();
    Waker waker;
    {
        const QMutexLocker lock(&m_mutex);
        m_state = State::Ended;
        waker = std::exchange(m_waker, {});
    }
    waker.wake();
}

// --- Piece ---

void Piece::start(const Coro<> &coro)
{
    coro.setDaemon(); // whoever waits for it keeps exec() running
    const QMutexLocker lock(&m_mutex);
    m_coro = coro;
    if (m_terminated)
        m_coro.terminate();
}

void Piece::terminate() noexcept
{
    const QMutexLocker lock(&m_mutex);
    m_terminated = true;
    m_coro.terminate();
}

// --- waits ---

ThreadCallWait::ThreadCallWait(ThreadCall::Pointer call)
    : ThreadCallWait(std::move(call), QDeadlineTimer::Forever)
{
    setUninterruptible();
}

ThreadCallWait::ThreadCallWait(ThreadCall::Pointer call, const QDeadlineTimer &deadline)
    : Suspension(deadline)
    , m_call(std::move(call))
{
}

ThreadCallWait::~ThreadCallWait() = default;

bool ThreadCallWait::start()
{
    return m_call->setWaker(waker());
}

QString ThreadCallWait::operation() const
{
    return QStringLiteral("a call on another thread");
}

namespace {

/** What is under way to a thread, which may end at any moment. */
struct Delivery {
    explicit Delivery(ThreadCall::Pointer threadCall)
        : call(std::move(threadCall))
    {
    }
    /** On the thread itself. */
    void release()
    {
        const QMutexLocker lock(&mutex);
        QObject::disconnect(threadFinished);
        delete std::exchange(receiver, nullptr);
    }

    const ThreadCall::Pointer call;
    QMutex mutex; // held until the delivery is complete
    QObject *receiver = nullptr; // owning; lives on that thread
    QMetaObject::Connection threadFinished;
};

bool deliver(QThread *thread, const ThreadCall::Pointer &call)
{
    if (!thread)
        return false;
    const auto delivery = std::make_shared<Delivery>(call);
    auto receiver = std::make_unique<QObject>();
    const QMutexLocker lock(&delivery->mutex);
    // Called by the thread itself, unless the connection is cut before.
    delivery->threadFinished = QObject::connect(thread, &QThread::finished, [delivery] {
        delivery->release();
        delivery->call->refuse();
    });
    // First the connection, then the question: a thread says that it does not run any more before it emits the signal.
    if (!thread->isRunning()) {
        QObject::disconnect(delivery->threadFinished);
        return false;
    }
    receiver->moveToThread(thread);
    delivery->receiver = receiver.release();
    QMetaObject::invokeMethod(
        delivery->receiver,
        [delivery] {
            {
                const QMutexLocker locked(&delivery->mutex);
                QObject::disconnect(delivery->threadFinished);
                std::exchange(delivery->receiver, nullptr)->deleteLater();
            }
            delivery->call->perform();
        },
        Qt::QueuedConnection);
    return true;
}

} // namespace

ThreadCallOnThread::ThreadCallOnThread(QThread *thread, ThreadCall::Pointer call)
    : ThreadCallWait(std::move(call), QDeadlineTimer::Forever)
    , m_thread(thread)
{
}

bool ThreadCallOnThread::start()
{
    if (!ThreadCallWait::start())
        return false;
    if (deliver(m_thread, m_call))
        return true;
    m_call->refuse();
    return false;
}

} // namespace Detail
} // namespace Asyncoro
