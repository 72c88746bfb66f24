// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "coroscheduler_p.h"

#include "detail/scopedata.h"
#include "error.h"
#include "exec.h"

#include <QCoreApplication>
#include <QEvent>
#include <QLoggingCategory>
#include <QThread>
#include <QTimer>
#include <QTimerEvent>

#include <algorithm>

Q_DECLARE_LOGGING_CATEGORY(lcCore)
// These two are off, since they cost time.
Q_LOGGING_CATEGORY(lcSlice, "asyncoro.slice", QtCriticalMsg)
Q_LOGGING_CATEGORY(lcDeadlock, "asyncoro.deadlock", QtCriticalMsg)

namespace Asyncoro::Detail {

constinit thread_local LocalCoro *currentCoro = nullptr;
constinit thread_local CoroScheduler *currentScheduler = nullptr;
std::atomic<int> unobservedFailures = 0;

namespace {

// A quarter of a frame at 60 Hz: whatever busy coroutines do, a window, socket or timer has its turn within that time.
constexpr Moment SliceLength = 4'000'000;
// A coroutine that runs longer than this makes windows stutter.
constexpr Moment LongSlice = 50'000'000;
constexpr qsizetype MaxReported = 20;
// The clock is read after so many resumptions, not after each.
constexpr quint32 ResumptionsPerLook = 8;
// How long coroutines may go on behind shields once the program is to end.
constexpr std::chrono::seconds ShieldGrace(5);
// A heap with four children a node: fewer levels, and a node's children share a cache line.
constexpr std::size_t Branches = 4;

QBasicMutex processMutex; // guards what follows, up to the exit handlers
std::vector<CoroScheduler *> schedulers; // of all threads
std::vector<QEventLoop *> idleLoops; // of waitForAll()

struct ExitHandler {
    std::function<void()> function;
    int priority;
    int number;
};
std::vector<ExitHandler> exitHandlers; // the next to be called is the last

std::function<void()> takeExitHandler()
{
    const QMutexLocker lock(&processMutex);
    if (exitHandlers.empty())
        return {};
    std::function<void()> function = std::move(exitHandlers.back().function);
    exitHandlers.pop_back();
    return function;
}

std::atomic<int> runningCoros = 0; // of the process, without daemons
std::atomic<bool> quitWhenIdle = false; // exec() runs

std::atomic<bool> idleQuit = false; // exec() ends because the last coroutine has ended

struct SchedulerOwner {
    ~SchedulerOwner() { delete std::exchange(currentScheduler, nullptr); }
};

std::vector<void (*)()> postRoutines; // guarded by processMutex

std::atomic<bool> endIsAwaited = false; // of the application object that there is

void endApplication()
{
    if (currentScheduler)
        currentScheduler->endApplication();
    QMutexLocker lock(&processMutex);
    const std::vector<void (*)()> routines = postRoutines;
    lock.unlock();
    for (auto routine = routines.crbegin(); routine != routines.crend(); ++routine)
        (*routine)();
    unobservedFailures = 0;
    endIsAwaited = false;
}

void awaitEndOfApplication()
{
    if (!endIsAwaited.exchange(true))
        qAddPostRoutine(endApplication);
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
    if (runningCoros.fetch_add(change) + change != 0)
        return;
    if (quitWhenIdle)
        QMetaObject::invokeMethod(qApp, quitIfIdle, Qt::QueuedConnection);
    const QMutexLocker lock(&processMutex);
    for (QEventLoop *loop : idleLoops)
        QMetaObject::invokeMethod(loop, &QEventLoop::quit, Qt::QueuedConnection);
}

/** Has the coroutines that are ready resumed. One per turn of the event loop, so it is not from the heap. */
class DrainEvent : public QEvent
{
public:
    DrainEvent()
        : QEvent(eventType())
    {
    }
    static Type eventType()
    {
        static const int type = registerEventType();
        return Type(type);
    }
    static void *operator new(std::size_t size) { return allocateFrame(size); }
    static void operator delete(void *memory, std::size_t size) { freeFrame(memory, size); }
};

} // namespace

QString nameOfThisThread()
{
    if (QThread::isMainThread())
        return QStringLiteral("main");
    if (const QString name = QThread::currentThread()->objectName(); !name.isEmpty())
        return name;
    return QString::number(quintptr(QThread::currentThreadId()), 16);
}

Inbox::Inbox(CoroScheduler *scheduler)
    : m_threadName(nameOfThisThread())
    , m_scheduler(scheduler)
{
}

void addPostRoutine(void (*routine)())
{
    awaitEndOfApplication();
    const QMutexLocker lock(&processMutex);
    postRoutines.push_back(routine);
}

int addExitHandler(std::function<void()> function, int priority)
{
    static int lastNumber = 0;
    const QMutexLocker lock(&processMutex);
    const auto place = std::ranges::upper_bound(exitHandlers, priority, {}, &ExitHandler::priority);
    exitHandlers.insert(place, {std::move(function), priority, ++lastNumber});
    return lastNumber;
}

void removeExitHandler(int number)
{
    const QMutexLocker lock(&processMutex);
    std::erase_if(exitHandlers, [number](const ExitHandler &handler) { return handler.number == number; });
}

bool Inbox::post(Request &&request)
{
    const QMutexLocker lock(&m_mutex);
    if (!m_scheduler)
        return false;
    m_requests.push_back(std::move(request));
    if (m_requests.size() == 1) // otherwise the event is under way
        QCoreApplication::postEvent(m_scheduler, new DrainEvent);
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
    , m_begins(QThread::isMainThread())
{
    {
        const QMutexLocker lock(&processMutex);
        schedulers.push_back(this);
    }
    // While their event loop still exists, so that what they own is destroyed in order.
    if (!m_begins)
        connect(thread(), &QThread::finished, this, &CoroScheduler::terminateAll, Qt::DirectConnection);
}

CoroScheduler::~CoroScheduler()
{
    terminateAll();
    {
        const QMutexLocker lock(&processMutex);
        std::erase(schedulers, this);
    }
    m_inbox->close();
    takeRequests(); // what came in meanwhile: for coroutines that have ended
}

std::vector<std::shared_ptr<Inbox>> CoroScheduler::inboxes()
{
    const QMutexLocker lock(&processMutex);
    std::vector<std::shared_ptr<Inbox>> result;
    for (const CoroScheduler *scheduler : schedulers)
        result.push_back(scheduler->m_inbox);
    return result;
}

const std::vector<CoroScheduler *> &CoroScheduler::schedulersUnlocked()
{
    return schedulers;
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
    if (!endIsAwaited.load(std::memory_order_relaxed) || m_begins) [[unlikely]]
        beginApplication();
    coro->ref.ref(); // until it has ended
    m_members.append(&coro->m_membership);
    if (!coro->m_daemon)
        countRunning(+1);
    enqueue(coro);
}

void CoroScheduler::remove(LocalCoro *coro)
{
    coro->m_membership.unlink();
    if (m_endLoop && m_members.isEmpty())
        m_endLoop->quit();
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
        QCoreApplication::postEvent(this, new DrainEvent);
}

bool CoroScheduler::event(QEvent *event)
{
    if (event->type() != DrainEvent::eventType())
        return QObject::event(event);
    m_drainPosted = false;
    m_deadlockReported = false;
    drain();
    return true;
}

void CoroScheduler::drain()
{
    if (m_dispatcher != QAbstractEventDispatcher::instance())
        watchDispatcher();
    takeRequests();
    const bool nested = std::exchange(m_draining, true);
    const bool measured = measuring.load(std::memory_order_relaxed) || lcSlice().isWarningEnabled();
    const Moment sliceEnd = now() + SliceLength;
    for (quint32 n = 1;; ++n) {
        LocalCoro *coro = m_ready.takeFirst();
        if (!coro)
            break;
        if (measured) [[unlikely]]
            resumeMeasured(coro);
        else
            coro->resume();
        if (n % ResumptionsPerLook == 0 && now() >= sliceEnd)
            break;
    }
    m_draining = nested;
    if (!m_ready.isEmpty())
        postDrain();
    armTimer();
}

// A coroutine may run an event loop of its own, such as a dialog's exec(). The others go on inside that one: where it
// is about to wait while some are ready, they are drained there.
void CoroScheduler::watchDispatcher()
{
    m_dispatcher = QAbstractEventDispatcher::instance();
    connect(m_dispatcher, &QAbstractEventDispatcher::aboutToBlock, this, [this] {
        if (!m_ready.isEmpty())
            postDrain();
        else if (lcDeadlock().isWarningEnabled())
            reportDeadlock();
        armTimer();
    });
}

void CoroScheduler::resumeMeasured(LocalCoro *coro)
{
    const CoroPointer guard(coro);
    const Moment start = now();
    coro->resume();
    const Moment time = now() - start;
    coro->m_runTime += time;
    if (time >= LongSlice) {
        qCWarning(lcSlice).noquote() << coro->origin() << "ran for" << time / 1'000'000
                                     << "ms without a wait: nothing else of its thread did meanwhile";
    }
}

// While an event loop waits only for coroutines, and these for each other.
void CoroScheduler::reportDeadlock()
{
    if (m_deadlockReported || !m_deadlines.empty() || runningCoros == 0 || inboxes().size() > 1)
        return;
    QStringList waiting;
    for (auto *member = m_members.first(); member; member = m_members.after(member)) {
        const LocalCoro &coro = *member->coro;
        if (!coro.m_suspension || !coro.m_suspension->isInternal())
            return;
        if (waiting.size() < MaxReported)
            waiting << QStringLiteral("%1 waits for %2").arg(coro.origin(), coro.m_suspension->operation());
        else if (waiting.size() == MaxReported)
            waiting << QStringLiteral("and others");
    }
    m_deadlockReported = true;
    qCWarning(lcDeadlock).noquote() << "all coroutines wait, and no coroutine, timer or socket of theirs can wake them:"
                                    << waiting.join(QStringLiteral("; "));
}

void CoroScheduler::takeRequests()
{
    for (Inbox::Request &request : m_inbox->takeAll()) {
        auto *coro = static_cast<LocalCoro *>(request.coro.data());
        switch (request.kind) {
        case Inbox::Request::Send:
            // Its sender could not be told of a full mailbox.
            if (coro->state() == CoroState::Running && !coro->send(std::move(request.message)))
                coro->append(std::move(request.message));
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
        case Inbox::Request::Call:
            request.call();
            break;
        }
    }
}

int CoroScheduler::runUntilIdle()
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
    return code;
}

int CoroScheduler::exec()
{
    const int code = runUntilIdle();
    const bool interrupted = runningCoros > 0;
    if (interrupted)
        terminateGracefully();
    while (const std::function<void()> handler = takeExitHandler()) {
        try {
            handler();
        } catch (...) {
            qCWarning(lcCore).noquote() << "an exit handler failed:" << errorText(std::current_exception());
        }
        if (interrupted)
            runUntilNoneIsLeft();
        else
            runUntilIdle();
    }
    terminateGracefully();
    return code != 0 ? code : std::min(unobservedFailures.load(), 1);
}

bool CoroScheduler::waitForAll(const QDeadlineTimer &deadline)
{
    QEventLoop loop;
    QTimer timer;
    timer.setSingleShot(true);
    timer.callOnTimeout(&loop, &QEventLoop::quit);
    while (runningCoros > 0 && !deadline.hasExpired()) {
        {
            const QMutexLocker lock(&processMutex);
            idleLoops.push_back(&loop);
        }
        if (!deadline.isForever())
            timer.start(std::chrono::ceil<std::chrono::milliseconds>(deadline.remainingTimeAsDuration()));
        if (runningCoros > 0) // if not, it may have come to that before the loop was listed
            loop.exec();
        const QMutexLocker lock(&processMutex);
        std::erase(idleLoops, &loop);
    }
    return runningCoros == 0;
}

void CoroScheduler::cancelAll(bool force)
{
    // A cancelled coroutine cannot wait any more, so it ends when it is resumed; but it may start others.
    for (bool progress = true; progress && !m_members.isEmpty();) {
        for (auto *member = m_members.first(); member; member = m_members.after(member))
            member->coro->cancel(force);
        progress = !m_ready.isEmpty(); // none if all that is left runs further up the stack, or is shielded
        if (!progress && force)
            progress = breakLastWaits();
        while (LocalCoro *coro = m_ready.takeFirst())
            coro->resume();
    }
}

// Nothing on this thread can end these waits any more, be they uninterruptible.
bool CoroScheduler::breakLastWaits()
{
    for (auto *member = m_members.first(); member; member = m_members.after(member)) {
        LocalCoro *const coro = member->coro;
        bool hasChildren = false; // which end first
        for (const ScopeData *scope = coro->m_scopes; scope; scope = scope->outer())
            hasChildren = hasChildren || scope->hasChildren();
        if (coro->m_suspension && !hasChildren)
            coro->endWait(Suspension::End::Interrupted);
    }
    return !m_ready.isEmpty();
}

void CoroScheduler::terminateGracefully()
{
    cancelAll(false);
    runUntilNoneIsLeft(); // they clean up behind shields
    for (auto *member = m_members.first(); member; member = m_members.after(member)) {
        qCWarning(lcCore).noquote() << member->coro->name() << "has not ended" << ShieldGrace.count()
                                    << "seconds after the program was to end: its shield is ignored";
    }
    terminateAll();
}

void CoroScheduler::runUntilNoneIsLeft()
{
    if (m_members.isEmpty())
        return;
    QEventLoop loop;
    m_endLoop = &loop;
    QTimer::singleShot(ShieldGrace, &loop, &QEventLoop::quit);
    loop.exec();
    m_endLoop = nullptr;
}

void CoroScheduler::terminateAll()
{
    cancelAll(true);
    m_timer.stop();
    m_armed = Never;
}

void CoroScheduler::endApplication()
{
    terminateAll();
    m_begins = true;
}

// Before the first coroutine. The events and the timer of a former application object have gone with it.
void CoroScheduler::beginApplication()
{
    awaitEndOfApplication();
    if (!std::exchange(m_begins, false))
        return;
    QCoreApplication::removePostedEvents(this);
    m_timer.stop();
    m_armed = Never;
    m_drainPosted = false;
    postDrain(); // for what other threads have sent meanwhile
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
        m_deadlines.front().coro->endWaitAtDeadline(present);
    armTimer();
}

} // namespace Asyncoro::Detail
