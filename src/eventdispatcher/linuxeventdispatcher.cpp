// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "linuxeventdispatcher_p.h"

#include "adaptivespin_p.h"
#include "epollset_p.h"
#include "timerqueue_p.h"
#include "wakeup_p.h"

#include <QCoreApplication>
#include <QSocketNotifier>
#include <QThread>
#include <qyieldcpu.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include <pthread.h>

namespace Asyncoro::Detail {

namespace {

// Each child process counts from its parent's number.
std::atomic<int> forks = 0;

void countForks()
{
    [[maybe_unused]] static const int once
        = ::pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
}

} // namespace

class LinuxEventDispatcher::Private
{
public:
    void renewAfterFork();
    void wait(Moment until, bool inExec);
    [[nodiscard]] bool spin(Moment until, bool inExec);

    WakeUp wakeUp;
    // Counted, as a turn within a turn must not take an interruption away from the outer one.
    std::atomic<quint32> interruptions = 0;
    quint32 seenInterruptions = 0; // by the turns that have begun
    EpollSet sockets{wakeUp};
    TimerQueue timers;
    const bool maySpin = qEnvironmentVariable("ASYNCORO_SPIN") != u"off";
    AdaptiveSpin adaptiveSpin;
    int forksSeen = forks.load(std::memory_order_relaxed);
};

void LinuxEventDispatcher::Private::renewAfterFork()
{
    const int count = forks.load(std::memory_order_relaxed);
    if (std::exchange(forksSeen, count) != count) {
        wakeUp.renew();
        sockets.renew();
    }
}

void LinuxEventDispatcher::Private::wait(Moment until, bool inExec)
{
    const Moment start = until == AtOnce ? Never : now();
    if (until <= start) {
        sockets.wait(AtOnce, inExec);
        return;
    }
    if (!maySpin || !adaptiveSpin.isWorthwhile() || !spin(std::min(until, start + AdaptiveSpin::Longest), inExec))
        sockets.wait(wakeUp.prepareToWait() ? until : AtOnce, inExec);
    adaptiveSpin.addWait(now() - start);
}

// Whether there is a reason not to sleep. Nobody has to wake a thread that spins by a system call.
bool LinuxEventDispatcher::Private::spin(Moment until, bool inExec)
{
    do {
        sockets.wait(AtOnce, inExec);
        if (sockets.isReady() || wakeUp.isWoken())
            return true;
        qYieldCpu();
    } while (now() < until);
    return false;
}

LinuxEventDispatcher::LinuxEventDispatcher(QObject *parent)
    : QAbstractEventDispatcherV2(parent)
    , d(std::make_unique<Private>())
{
    countForks();
}

LinuxEventDispatcher::~LinuxEventDispatcher() = default;

bool LinuxEventDispatcher::processEvents(QEventLoop::ProcessEventsFlags flags)
{
    d->renewAfterFork();
    // Taken before posted events are sent: those that come later wake anew.
    const quint32 interruptions = d->interruptions.load();
    const bool interrupted = std::exchange(d->seenInterruptions, interruptions) != interruptions;
    const bool woken = d->wakeUp.take();
    QCoreApplication::sendPostedEvents();

    const bool withSockets = !flags.testFlag(QEventLoop::ExcludeSocketNotifiers);
    const bool withTimers = !flags.testFlag(QEventLoop::X11ExcludeTimers);
    // To have sent posted events is enough for who asked for events. QEventLoop::exec() only wants to be told when to
    // leave, by interrupt(), and is spared a turn.
    const bool inExec = flags.testFlag(QEventLoop::EventLoopExec);
    const bool done = interrupted || (woken && !inExec);
    const bool mayBlock = flags.testFlag(QEventLoop::WaitForMoreEvents) && !done && !d->wakeUp.isWoken();
    if (mayBlock)
        Q_EMIT aboutToBlock();

    bool wokenUp = false;
    const bool leaves = d->interruptions.load() != interruptions;
    if (!leaves) {
        if (withSockets)
            d->sockets.applyChanges();
        const Moment until = !mayBlock ? AtOnce : withTimers ? d->timers.nextMoment() : Never;
        if (withSockets)
            d->wait(until, inExec);
        else if (mayBlock && d->wakeUp.prepareToWait())
            d->sockets.waitForWakeUp(until);
        wokenUp = mayBlock && d->wakeUp.take();
    }
    if (mayBlock)
        Q_EMIT awake();
    int handled = woken || wokenUp;
    if (leaves)
        return handled > 0;

    if (wokenUp && !inExec)
        QCoreApplication::sendPostedEvents(); // who waits for an event gets it now, and not after the next wait
    if (withSockets)
        handled += d->sockets.activateReady();
    if (withTimers)
        handled += d->timers.sendDue();
    return handled > 0;
}

void LinuxEventDispatcher::registerSocketNotifier(QSocketNotifier *notifier)
{
    if (notifier->socket() < 0)
        qWarning("EventDispatcher: a socket notifier needs a descriptor");
    else if (notifier->thread() != thread() || thread() != QThread::currentThread())
        qWarning("EventDispatcher: a socket notifier cannot be enabled from another thread");
    else
        d->sockets.add(notifier);
}

void LinuxEventDispatcher::unregisterSocketNotifier(QSocketNotifier *notifier)
{
    if (notifier->socket() < 0)
        qWarning("EventDispatcher: a socket notifier needs a descriptor");
    else if (notifier->thread() != thread() || thread() != QThread::currentThread())
        qWarning("EventDispatcher: a socket notifier (descriptor %lld) cannot be disabled from another thread",
                 qlonglong(notifier->socket()));
    else
        d->sockets.remove(notifier);
}

void LinuxEventDispatcher::registerTimer(Qt::TimerId timerId, Duration interval, Qt::TimerType timerType,
                                         QObject *object)
{
    if (timerId <= Qt::TimerId::Invalid || interval < Duration::zero() || !object)
        qWarning("EventDispatcher::registerTimer: invalid arguments");
    else if (object->thread() != thread() || thread() != QThread::currentThread())
        qWarning("EventDispatcher: a timer cannot be started from another thread");
    else
        d->timers.add(timerId, interval, timerType, object);
}

bool LinuxEventDispatcher::unregisterTimer(Qt::TimerId timerId)
{
    if (timerId <= Qt::TimerId::Invalid) {
        qWarning("EventDispatcher::unregisterTimer: invalid argument");
        return false;
    }
    if (thread() != QThread::currentThread()) {
        qWarning("EventDispatcher: a timer cannot be stopped from another thread");
        return false;
    }
    return d->timers.remove(timerId);
}

bool LinuxEventDispatcher::unregisterTimers(QObject *object)
{
    if (!object) {
        qWarning("EventDispatcher::unregisterTimers: invalid argument");
        return false;
    }
    if (object->thread() != thread() || thread() != QThread::currentThread()) {
        qWarning("EventDispatcher: a timer cannot be stopped from another thread");
        return false;
    }
    return d->timers.removeAll(object);
}

QList<QAbstractEventDispatcher::TimerInfoV2> LinuxEventDispatcher::timersForObject(QObject *object) const
{
    if (!object) {
        qWarning("EventDispatcher::timersForObject: invalid argument");
        return {};
    }
    return d->timers.timers(object);
}

QAbstractEventDispatcher::Duration LinuxEventDispatcher::remainingTime(Qt::TimerId timerId) const
{
    if (timerId <= Qt::TimerId::Invalid) {
        qWarning("EventDispatcher::remainingTime: invalid argument");
        return std::chrono::milliseconds(-1);
    }
    return d->timers.remaining(timerId);
}

void LinuxEventDispatcher::wakeUp()
{
    d->wakeUp.wake();
}

void LinuxEventDispatcher::interrupt()
{
    ++d->interruptions;
    d->wakeUp.wake();
}

} // namespace Asyncoro::Detail
