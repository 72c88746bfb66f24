// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "coroscheduler_p.h"

#include <QCoreApplication>
#include <QEvent>
#include <QThread>
#include <QTimerEvent>

namespace Asyncoro::Detail {

constinit thread_local LocalCoro *currentCoro = nullptr;
constinit thread_local CoroScheduler *currentScheduler = nullptr;
std::atomic<int> unobservedFailures = 0;

namespace {

// Half of a frame at 60 Hz: a busy queue leaves the rest to windows, sockets and timers.
constexpr Moment SliceLength = 8'000'000;
// The clock is read after so many resumptions, not after each.
constexpr quint32 ResumptionsPerLook = 8;
// A heap with four children a node: fewer levels, and a node's children share a cache line.
constexpr std::size_t Branches = 4;

std::atomic<int> runningCoros = 0; // of the process, without daemons
std::atomic<bool> quitWhenIdle = false; // exec() runs

std::atomic<bool> idleQuit = false; // exec() ends because the last coroutine has ended

struct SchedulerOwner {
    ~SchedulerOwner() { delete std::exchange(currentScheduler, nullptr); }
};

void terminateAllOfMainThread()
{
    if (currentScheduler)
        currentScheduler->terminateAll();
}

void quitIfIdle()
{
    if (runningCoros > 0)
        return;
    idleQuit = true;
    QCoreApplication::exit(0);
}

void countRunning(int change)
{
    if (runningCoros.fetch_add(change) + change == 0 && quitWhenIdle)
        QMetaObject::invokeMethod(qApp, quitIfIdle, Qt::QueuedConnection);
}

QEvent::Type drainEventType()
{
    static const int type = QEvent::registerEventType();
    return QEvent::Type(type);
}

} // namespace

bool Inbox::post(Request &&request)
{
    const QMutexLocker lock(&m_mutex);
    if (!m_scheduler)
        return false;
    m_requests.push_back(std::move(request));
    if (m_requests.size() == 1) // otherwise the event is under way
        QCoreApplication::postEvent(m_scheduler, new QEvent(drainEventType()));
    return true;
}

std::vector<Inbox::Request> Inbox::takeAll()
{
    const QMutexLocker lock(&m_mutex);
    return std::exchange(m_requests, {});
}

void Inbox::close()
{
    const QMutexLocker lock(&m_mutex);
    m_scheduler = nullptr;
}

CoroScheduler::CoroScheduler()
    : m_inbox(std::make_shared<Inbox>(this))
{
    // While their event loop still exists, so that what they own is destroyed in order.
    if (QThread::isMainThread())
        qAddPostRoutine(terminateAllOfMainThread);
    else
        connect(thread(), &QThread::finished, this, &CoroScheduler::terminateAll, Qt::DirectConnection);
}

CoroScheduler::~CoroScheduler()
{
    terminateAll();
    m_inbox->close();
    takeRequests(); // what came in meanwhile: for coroutines that have ended
}

CoroScheduler &CoroScheduler::forThisThread()
{
    if (!currentScheduler) {
        static thread_local SchedulerOwner owner;
        currentScheduler = new CoroScheduler;
    }
    return *currentScheduler;
}

void CoroScheduler::add(LocalCoro *coro)
{
    coro->ref.ref(); // until it has ended
    m_members.append(&coro->m_membership);
    countRunning(+1);
    enqueue(coro);
}

void CoroScheduler::remove(LocalCoro *coro)
{
    coro->m_membership.unlink();
    if (!coro->m_daemon)
        countRunning(-1);
    if (!coro->ref.deref())
        delete coro;
}

void CoroScheduler::setDaemon(LocalCoro *coro, bool daemon)
{
    if (coro->m_daemon == daemon || coro->state() != CoroState::Running)
        return;
    coro->m_daemon = daemon;
    countRunning(daemon ? -1 : +1);
}

void CoroScheduler::enqueue(LocalCoro *coro)
{
    m_ready.append(coro);
    if (!m_draining)
        postDrain();
}

void CoroScheduler::postDrain()
{
    if (!std::exchange(m_drainPosted, true))
        QCoreApplication::postEvent(this, new QEvent(drainEventType()));
}

bool CoroScheduler::event(QEvent *event)
{
    if (event->type() != drainEventType())
        return QObject::event(event);
    m_drainPosted = false;
    drain();
    return true;
}

void CoroScheduler::drain()
{
    if (m_dispatcher != QAbstractEventDispatcher::instance())
        watchDispatcher();
    takeRequests();
    const bool nested = std::exchange(m_draining, true);
    const Moment sliceEnd = now() + SliceLength;
    for (quint32 n = 1;; ++n) {
        LocalCoro *coro = m_ready.takeFirst();
        if (!coro)
            break;
        coro->resume();
        if (n % ResumptionsPerLook == 0 && now() >= sliceEnd)
            break;
    }
    m_draining = nested;
    if (!m_ready.isEmpty())
        postDrain();
    armTimer();
}

// A coroutine may run an event loop of its own, such as a dialog's exec(). The others go on inside that one: where it is
// about to wait while some are ready, they are drained there.
void CoroScheduler::watchDispatcher()
{
    m_dispatcher = QAbstractEventDispatcher::instance();
    connect(m_dispatcher, &QAbstractEventDispatcher::aboutToBlock, this, [this] {
        if (!m_ready.isEmpty())
            postDrain();
        armTimer();
    });
}

void CoroScheduler::takeRequests()
{
    for (Inbox::Request &request : m_inbox->takeAll()) {
        auto *coro = static_cast<LocalCoro *>(request.coro.data());
        switch (request.kind) {
        case Inbox::Request::Send:
            coro->send(std::move(request.message));
            break;
        case Inbox::Request::Terminate:
            coro->cancel();
            break;
        case Inbox::Request::CompleteWait:
            coro->completeWait(request.wait);
            break;
        case Inbox::Request::SetDaemon:
            setDaemon(coro, request.daemon);
            break;
        }
    }
}

int CoroScheduler::exec()
{
    int code = 0;
    quitWhenIdle = true;
    while (runningCoros > 0) {
        idleQuit = false;
        code = QCoreApplication::exec();
        if (!idleQuit)
            break; // somebody called QCoreApplication::exit()
    }
    quitWhenIdle = false;
    terminateAll();
    return code != 0 ? code : std::min(unobservedFailures.load(), 1);
}

void CoroScheduler::terminateAll()
{
    // A terminated coroutine cannot wait any more, so it ends when it is resumed; but it may start others.
    bool force = false;
    while (!m_members.isEmpty()) {
        for (auto *member = m_members.first(); member; member = m_members.after(member))
            member->coro->cancel(force);
        if (m_ready.isEmpty()) {
            if (force)
                break; // all that is left runs further up the stack
            force = true; // nothing else can end the waits that are left
        }
        while (LocalCoro *coro = m_ready.takeFirst())
            coro->resume();
    }
    m_timer.stop();
    m_armed = Never;
}

// --- deadlines ---

void CoroScheduler::addDeadline(LocalCoro *coro, Moment deadline)
{
    m_deadlines.emplace_back();
    siftUp(m_deadlines.size() - 1, {deadline, coro});
    if (!m_draining)
        armTimer();
}

void CoroScheduler::removeDeadline(LocalCoro *coro)
{
    const std::size_t index = std::exchange(coro->m_timerIndex, LocalCoro::NoTimer);
    const Deadline last = m_deadlines.back();
    m_deadlines.pop_back();
    if (index == m_deadlines.size())
        return;
    if (index > 0 && last.moment < m_deadlines[(index - 1) / Branches].moment)
        siftUp(index, last);
    else
        siftDown(index, last);
}

void CoroScheduler::place(std::size_t index, const Deadline &deadline)
{
    m_deadlines[index] = deadline;
    deadline.coro->m_timerIndex = quint32(index);
}

void CoroScheduler::siftUp(std::size_t index, const Deadline &deadline)
{
    while (index > 0) {
        const std::size_t parent = (index - 1) / Branches;
        if (m_deadlines[parent].moment <= deadline.moment)
            break;
        place(index, m_deadlines[parent]);
        index = parent;
    }
    place(index, deadline);
}

void CoroScheduler::siftDown(std::size_t index, const Deadline &deadline)
{
    for (;;) {
        const std::size_t firstChild = index * Branches + 1;
        if (firstChild >= m_deadlines.size())
            break;
        const std::size_t end = std::min(firstChild + Branches, m_deadlines.size());
        std::size_t earliest = firstChild;
        for (std::size_t child = firstChild + 1; child < end; ++child) {
            if (m_deadlines[child].moment < m_deadlines[earliest].moment)
                earliest = child;
        }
        if (m_deadlines[earliest].moment >= deadline.moment)
            break;
        place(index, m_deadlines[earliest]);
        index = earliest;
    }
    place(index, deadline);
}

void CoroScheduler::armTimer()
{
    if (m_deadlines.empty() || m_deadlines.front().moment >= m_armed)
        return; // a timer that goes off early is set anew then: cheaper than moving it at each change
    if (!QAbstractEventDispatcher::instance())
        return; // no event loop yet: the first drain sets it
    m_armed = m_deadlines.front().moment;
    const auto left = std::chrono::nanoseconds(std::max<Moment>(m_armed - now(), 0));
    m_timer.start(std::chrono::ceil<std::chrono::milliseconds>(left), Qt::PreciseTimer, this);
}

void CoroScheduler::timerEvent(QTimerEvent *)
{
    m_timer.stop();
    m_armed = Never;
    const Moment present = now();
    while (!m_deadlines.empty() && m_deadlines.front().moment <= present)
        m_deadlines.front().coro->endWaitAtDeadline();
    armTimer();
}

} // namespace Asyncoro::Detail
