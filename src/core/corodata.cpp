// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "coro.h"
#include "coroscheduler_p.h"
#include "error.h"

#include <QLoggingCategory>
#include <QVarLengthArray>

Q_LOGGING_CATEGORY(lcCore, "asyncoro.core", QtInfoMsg)

namespace Asyncoro::Detail {

CoroData::CoroData(quint64 id)
    : m_id(id)
{
}

CoroData::~CoroData() = default;

quint64 CoroData::nextId()
{
    static std::atomic<quint64> last = 0;
    return ++last;
}

void CoroData::setMailboxLimit(quint32)
{
    throw Error(QStringLiteral("%1 runs in another process: only there can its mailbox be given a limit").arg(name()));
}

std::exception_ptr CoroData::error() const
{
    const QMutexLocker lock(&m_mutex);
    return m_error;
}

QString CoroData::name() const
{
    const QMutexLocker lock(&m_mutex);
    return m_name.isEmpty() ? QStringLiteral("coroutine %1").arg(m_id) : m_name;
}

void CoroData::setName(const QString &name)
{
    const QMutexLocker lock(&m_mutex);
    m_name = name;
}

bool CoroData::addEndWaiter(EndWaiter *waiter)
{
    watchEnd();
    const QMutexLocker lock(&m_mutex);
    if (m_state != CoroState::Running)
        return false;
    m_endWaiters.append(waiter);
    return true;
}

void CoroData::removeEndWaiter(EndWaiter *waiter) noexcept
{
    const QMutexLocker lock(&m_mutex);
    if (waiter->isLinked()) // if not, the end has come, and the waiter's thread will learn of it too late
        waiter->unlink();
}

void CoroData::addMonitor(const CoroPointer &observer)
{
    watchEnd();
    {
        const QMutexLocker lock(&m_mutex);
        if (m_state == CoroState::Running) {
            m_monitors.append(observer);
            return;
        }
        m_endMonitored = true;
    }
    setEndObserved();
    observer->send(Message::fromValue(ExitNotice(Coro<>(CoroPointer(this)))));
}

void CoroData::removeMonitor(const CoroPointer &observer)
{
    const QMutexLocker lock(&m_mutex);
    m_monitors.removeOne(observer);
}

bool CoroData::addEndObserver(const std::shared_ptr<EndObserver> &observer)
{
    watchEnd();
    const QMutexLocker lock(&m_mutex);
    if (m_state != CoroState::Running)
        return false;
    for (const EndObserverEntry &entry : m_endObservers) {
        if (entry.observer == observer.get())
            return true;
    }
    m_endObservers.push_front({observer.get(), observer});
    return true;
}

void CoroData::removeEndObserver(const EndObserver *observer) noexcept
{
    const QMutexLocker lock(&m_mutex);
    m_endObservers.remove_if([observer](const EndObserverEntry &entry) { return entry.observer == observer; });
}

void CoroData::addLink(const CoroPointer &other)
{
    watchEnd();
    {
        const QMutexLocker lock(&m_mutex);
        if (m_state == CoroState::Running) {
            if (!m_links.contains(other))
                m_links.append(other);
            return;
        }
    }
    breakLinks({other});
}

void CoroData::removeLink(const CoroPointer &other)
{
    const QMutexLocker lock(&m_mutex);
    m_links.removeOne(other);
}

void CoroData::breakLinks(const QList<CoroPointer> &links)
{
    if (links.isEmpty() || state() == CoroState::Finished)
        return;
    setEndObserved();
    const ExitNotice notice{Coro<>(CoroPointer(this))};
    for (const CoroPointer &other : links)
        other->throwInto(std::make_exception_ptr(LinkedCoroEnded(notice)));
}

void CoroData::announceEnd(CoroState state, std::exception_ptr error)
{
    QVarLengthArray<Waker, 4> wakers;
    QList<CoroPointer> monitors;
    std::forward_list<EndObserverEntry> observers;
    QList<CoroPointer> links;
    {
        const QMutexLocker lock(&m_mutex);
        m_error = std::move(error);
        m_state.store(state, std::memory_order_release);
        while (EndWaiter *waiter = m_endWaiters.takeFirst())
            wakers.append(waiter->waker);
        monitors.swap(m_monitors); // kept, they and this one could own each other for ever
        m_endMonitored = !monitors.isEmpty();
        links.swap(m_links);
        observers.swap(m_endObservers);
    }
    for (const EndObserverEntry &entry : std::as_const(observers)) {
        if (const auto observer = entry.life.lock())
            observer->coroEnded(*this);
    }
    for (const Waker &waker : std::as_const(wakers))
        waker.wake();
    breakLinks(links);
    if (monitors.isEmpty())
        return;
    setEndObserved();
    const Message notice = Message::fromValue(ExitNotice(Coro<>(CoroPointer(this))));
    for (const CoroPointer &observer : std::as_const(monitors))
        observer->send(Message(notice));
}

void CoroData::announceRestart()
{
    const QMutexLocker lock(&m_mutex);
    m_error = nullptr;
    m_endObserved = false;
    m_endMonitored = false;
    m_state.store(CoroState::Running, std::memory_order_release);
}

bool CoroData::isMonitoredFailure() const
{
    const QMutexLocker lock(&m_mutex);
    return m_state == CoroState::Failed && m_endMonitored;
}

} // namespace Asyncoro::Detail
