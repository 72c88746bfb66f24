// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "signalstream.h"

#include "detail/localcoro.h"
#include "error.h"

#include <QMutex>
#include <QThread>
#include <QVarLengthArray>

namespace Asyncoro::Detail {

// --- Wait ---

SignalStreamState::Wait::Wait(std::shared_ptr<SignalStreamState> state, const QDeadlineTimer &deadline)
    : Suspension(deadline)
    , m_state(std::move(state))
{
}

SignalStreamState::Wait::~Wait() = default;

bool SignalStreamState::Wait::enter()
{
    const QMutexLocker lock(&m_state->m_mutex);
    if (m_state->m_ended)
        return false;
    m_state->m_waits.append(this);
    return true;
}

void SignalStreamState::Wait::abandon() noexcept
{
    const QMutexLocker lock(&m_state->m_mutex);
    if (isLinked()) // if not, the end has come, and this coroutine learns of it too late
        unlink();
}

QString SignalStreamState::Wait::operation() const
{
    const QMetaMethod &signal = m_state->m_signal;
    const char *const sender = signal.enclosingMetaObject() ? signal.enclosingMetaObject()->className() : "?";
    return QStringLiteral("next signal %1::%2()").arg(QLatin1StringView(sender), QLatin1StringView(signal.name()));
}

void SignalStreamState::Wait::throwEnded() const
{
    throw Destroyed(
        QStringLiteral("%1 cannot come any more: its sender or the stream was destroyed, or the connection cut")
            .arg(operation()));
}

// --- SignalStreamState ---

SignalStreamState::SignalStreamState(const QMetaMethod &signal)
    : m_signal(signal)
    , m_thread(QThread::currentThread())
{
}

SignalStreamState::~SignalStreamState() = default;

void SignalStreamState::end()
{
    QVarLengthArray<Waker, 4> wakers;
    {
        const QMutexLocker lock(&m_mutex);
        m_ended = true;
        while (Wait *const wait = m_waits.takeFirst())
            wakers.append(wait->waker());
    }
    for (const Waker &waker : std::as_const(wakers))
        waker.wake();
}

bool SignalStreamState::hasEnded() const
{
    const QMutexLocker lock(&m_mutex);
    return m_ended;
}

void SignalStreamState::checkThread() const
{
    if (QThread::currentThread() != m_thread)
        throw Error(QStringLiteral("a SignalStream can be used on the thread only that made it"));
}

SignalStreamState::Wait *SignalStreamState::takeFirstWait()
{
    const QMutexLocker lock(&m_mutex);
    return m_waits.takeFirst();
}

} // namespace Asyncoro::Detail
