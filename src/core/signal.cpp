// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "signal.h"

#include "coroscheduler_p.h"
#include "error.h"

#include <array>

namespace Asyncoro::Detail {

namespace {

// A link and its wait know each other and may go away on two threads at once. What changes that is done with a mutex
// that belongs to neither: one of a few, by the address of the wait. Prime, so that all are used.
constexpr std::size_t MutexCount = 31;
constinit std::array<QBasicMutex, MutexCount> mutexes;

QBasicMutex &mutexOf(const SignalWait *wait)
{
    return mutexes[(quintptr(wait) / alignof(SignalWait)) % MutexCount];
}

} // namespace

QObject *signalReceiver()
{
    return &CoroScheduler::forThisThread();
}

// --- SignalLink ---

SignalLink::SignalLink(SignalWait *wait) noexcept
    : m_wait(wait)
{
    wait->m_link = this;
}

// Only before it is connected, so on the thread of the wait and without a mutex.
SignalLink::SignalLink(SignalLink &&other) noexcept
    : m_wait(other.m_wait.exchange(nullptr))
{
    if (SignalWait *const wait = m_wait)
        wait->m_link = this;
}

SignalWait *SignalLink::takeWait() noexcept
{
    SignalWait *const wait = m_wait.exchange(nullptr, std::memory_order_acq_rel);
    if (wait)
        wait->m_link.store(nullptr, std::memory_order_release);
    return wait;
}

void SignalLink::endWait()
{
    SignalWait *const wait = m_wait.load(std::memory_order_acquire);
    Waker waker;
    {
        const QMutexLocker lock(&mutexOf(wait));
        if (!m_wait.load(std::memory_order_relaxed))
            return; // the wait has just ended
        waker = wait->waker();
        wait->m_link.store(nullptr, std::memory_order_release); // from here on the wait may be gone
    }
    waker.wake();
}

// --- SignalWait ---

SignalWait::SignalWait(const QDeadlineTimer &deadline)
    : Suspension(deadline)
{
}

SignalWait::~SignalWait()
{
    cutLink();
}

bool SignalWait::start()
{
    m_starting = true; // a sender may emit the signal when it is connected
    m_connection = connectTo(signalReceiver());
    m_starting = false;
    return m_link.load(std::memory_order_acquire) != nullptr;
}

void SignalWait::abandon() noexcept
{
    cutLink();
    QObject::disconnect(m_connection);
}

void SignalWait::cutLink() noexcept
{
    if (!m_link.load(std::memory_order_acquire))
        return;
    const QMutexLocker lock(&mutexOf(this));
    if (SignalLink *const link = m_link.exchange(nullptr))
        link->m_wait.store(nullptr, std::memory_order_release);
}

void SignalWait::endDelivered()
{
    m_delivered = true;
    if (!m_starting)
        complete();
}

QString SignalWait::operation() const
{
    const QMetaMethod method = signalMethod();
    const char *const sender = method.enclosingMetaObject() ? method.enclosingMetaObject()->className() : "?";
    return QStringLiteral("signal %1::%2()").arg(QLatin1StringView(sender), QLatin1StringView(method.name()));
}

void SignalWait::throwUnlessDelivered() const
{
    throwUnlessComplete();
    if (!m_delivered) {
        throw Destroyed(QStringLiteral("%1 cannot come any more: its sender was destroyed, or disconnected by others")
                            .arg(operation()));
    }
}

} // namespace Asyncoro::Detail
