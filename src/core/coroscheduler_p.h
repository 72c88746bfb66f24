// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/localcoro.h"

#include <QAbstractEventDispatcher>
#include <QBasicTimer>
#include <QEventLoop>
#include <QMutex>
#include <QObject>
#include <QPointer>

#include <vector>

namespace Asyncoro::Detail {

/** What other threads ask of the coroutines of one thread. Outlives its scheduler as long as a coroutine knows it. */
class Inbox
{
public:
    struct Request {
        enum Kind : quint8 { Send, Terminate, CompleteWait, SetDaemon, Call } kind;
        bool daemon = false;
        quint32 wait = 0;
        CoroPointer coro;
        Message message = {};
        std::function<void()> call = {};
    };

    explicit Inbox(CoroScheduler *scheduler);

    /** Of the thread whose inbox it is, for people. */
    [[nodiscard]] QString threadName() const { return m_threadName; }

    /** False if that thread runs coroutines no more. Any thread. */
    bool post(Request &&request);
    std::vector<Request> takeAll();
    void close();

private:
    const QString m_threadName;
    QMutex m_mutex;
    CoroScheduler *m_scheduler; // nullptr once closed
    std::vector<Request> m_requests;
};

/**
 * Resumes the coroutines of one thread: a queue of those that are ready, drained by one posted event within a time
 * slice, and a heap of deadlines over one timer.
 */
class CoroScheduler : public QObject
{
public:
    CoroScheduler();
    ~CoroScheduler() override;

    /** The calling thread's; made at the first call. */
    [[nodiscard]] static CoroScheduler &forThisThread();

    void add(LocalCoro *coro);
    void remove(LocalCoro *coro);
    void setDaemon(LocalCoro *coro, bool daemon);
    void enqueue(LocalCoro *coro);

    void addDeadline(LocalCoro *coro, Moment deadline);
    void removeDeadline(LocalCoro *coro);

    [[nodiscard]] const std::shared_ptr<Inbox> &inbox() const { return m_inbox; }
    [[nodiscard]] QString threadName() const { return m_inbox->threadName(); }

    /** Those of all threads that run coroutines. Any thread. */
    [[nodiscard]] static std::vector<std::shared_ptr<Inbox>> inboxes();
    /** The same, for a debugger. */
    [[nodiscard]] static const std::vector<CoroScheduler *> &schedulersUnlocked();

    /** Runs the event loop until no coroutine of the process is left but daemons; then ends this thread's daemons. */
    int exec();

    /** Runs the event loop until then; false if the deadline passes first. */
    bool waitForAll(const QDeadlineTimer &deadline);

    /** Cancels every coroutine of this thread, shields or not, and resumes them until they have ended. */
    void terminateAll();
    void endApplication();

    [[nodiscard]] static Moment now() { return QDeadlineTimer::current().deadlineNSecs(); }

protected:
    bool event(QEvent *event) override;
    void timerEvent(QTimerEvent *event) override;

private:
    friend class Insight;
    struct Deadline {
        Moment moment;
        LocalCoro *coro; // not owning: it waits
    };

    void beginApplication();
    void postDrain();
    void drain();
    void cancelAll(bool force);
    bool breakLastWaits();
    void terminateGracefully();
    int runUntilIdle();
    void runUntilNoneIsLeft();
    void watchDispatcher();
    void resumeMeasured(LocalCoro *coro);
    void reportDeadlock();
    void takeRequests();
    void armTimer();
    void place(std::size_t index, const Deadline &deadline);
    void siftUp(std::size_t index, const Deadline &deadline);
    void siftDown(std::size_t index, const Deadline &deadline);

    IntrusiveList<LocalCoro> m_ready;
    IntrusiveList<LocalCoro::Membership> m_members;
    std::vector<Deadline> m_deadlines; // a heap: the earliest first
    std::shared_ptr<Inbox> m_inbox;
    bool m_begins; // an application, as far as this knows: only that of the main thread looks after it
    QPointer<QAbstractEventDispatcher> m_dispatcher;
    QBasicTimer m_timer;
    Moment m_armed = Never;
    QEventLoop *m_endLoop = nullptr; // runs until the last coroutine has ended
    bool m_drainPosted = false;
    bool m_draining = false;
    bool m_deadlockReported = false; // and nothing has gone on since
};

int addExitHandler(std::function<void()> function, int priority);
void removeExitHandler(int number);

// initial-exec: reached without a call, even from a shared library.
/** The coroutine that runs on this thread; nullptr outside of coroutines. */
[[gnu::tls_model("initial-exec")]] extern constinit thread_local LocalCoro *currentCoro;
/** The scheduler of this thread; nullptr if no coroutine was ever started on it. */
[[gnu::tls_model("initial-exec")]] extern constinit thread_local CoroScheduler *currentScheduler;

/** Whether run times are measured. */
extern std::atomic<bool> measuring;

/** Failures that nobody waited for. */
extern std::atomic<int> unobservedFailures;

} // namespace Asyncoro::Detail
