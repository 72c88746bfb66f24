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

CoroData::~CoroData()
{
    if (state() == CoroState::Failed && !m_endObserved) {
        ++unobservedFailures;
        qCWarning(lcCore).noquote() << name() << "failed, and nobody waited for it:" << errorText(m_error);
    }
}

quint64 CoroData::nextId()
{
    static std::atomic<quint64> last = 0;
    return ++last;
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

void CoroData::announceEnd(CoroState state, std::exception_ptr error)
{
    struct Wait {
        CoroPointer coro;
        quint32 number;
    };
    QVarLengthArray<Wait, 4> waits;
    QList<CoroPointer> monitors;
    std::forward_list<EndObserverEntry> observers;
    {
        const QMutexLocker lock(&m_mutex);
        m_error = std::move(error);
        m_state.store(state, std::memory_order_release);
        while (EndWaiter *waiter = m_endWaiters.takeFirst())
            waits.append({CoroPointer(waiter->coro), waiter->wait});
        monitors.swap(m_monitors);
        observers.swap(m_endObservers);
    }
    for (const EndObserverEntry &entry : std::as_const(observers)) {
        if (const auto observer = entry.life.lock())
            observer->coroEnded(*this);
    }
    for (const Wait &wait : std::as_const(waits))
        static_cast<LocalCoro *>(wait.coro.data())->completeWait(wait.number);
    if (monitors.isEmpty())
        return;
    setEndObserved();
    const Message notice = Message::fromValue(ExitNotice(Coro<>(CoroPointer(this))));
    for (const CoroPointer &observer : std::as_const(monitors))
        observer->send(Message(notice));
}

} // namespace Asyncoro::Detail
