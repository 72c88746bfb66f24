// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// How a coroutine's waits begin, end and are interrupted.

#include "coroextras_p.h"
#include "coroscheduler_p.h"
#include "detail/localcoro.h"
#include "detail/scopedata.h"
#include "error.h"
#include "task.h"

namespace Asyncoro::Detail {

// --- Suspension ---

bool Suspension::begin(LocalCoro *coro, std::coroutine_handle<> handle)
{
    m_coro = coro;
    if (coro->m_interrupted && !m_uninterruptible && coro->mayInterrupt(m_frame)) [[unlikely]] {
        coro->m_frame = m_frame;
        m_end = End::Interrupted;
        return false;
    }
    ++coro->m_waitNumber;
    if (!start())
        return false;
    const Moment deadline = m_uninterruptible ? m_deadline : std::min(m_deadline, coro->m_scopeDeadline);
    if (deadline != Never && !beginWithDeadline(deadline))
        return false;
    coro->m_suspension = this;
    coro->m_next = handle;
    return true;
}

bool Suspension::beginWithDeadline(Moment deadline)
{
    const Moment present = CoroScheduler::now();
    if (deadline > present) {
        m_coro->m_scheduler->addDeadline(m_coro, deadline);
        return true;
    }
    abandon();
    if (m_deadline <= present) {
        m_end = End::DeadlinePassed;
    } else {
        m_coro->m_scope->expire(present);
        m_coro->m_frame = m_frame;
        m_end = End::Interrupted;
    }
    return false;
}

void Suspension::complete()
{
    m_coro->endWait(End::Complete);
}

void Suspension::throwInterruption() const
{
    m_coro->m_frame = m_frame;
    m_coro->throwInterruption();
}

void Suspension::throwIncomplete() const
{
    if (m_end == End::Interrupted)
        throwInterruption();
    throw TimedOut(operation());
}

void throwNotToBeAwaited(bool wasAwaited)
{
    throw Error(wasAwaited ? QStringLiteral("co_await: this Task was awaited before, which can be done once")
                           : QStringLiteral("co_await: there is no task in this Task, or it was moved away"));
}

// --- Waker ---

Waker::Waker() noexcept = default;

Waker::Waker(LocalCoro *coro)
    : m_coro(coro)
    , m_wait(coro->waitNumber())
{
}

Waker::Waker(const Waker &) = default;
Waker::Waker(Waker &&) noexcept = default;
Waker &Waker::operator=(const Waker &) = default;
Waker &Waker::operator=(Waker &&) noexcept = default;
Waker::~Waker() = default;

void Waker::wake() const
{
    if (m_coro)
        static_cast<LocalCoro *>(m_coro.data())->completeWait(m_wait);
}

// --- CancelScope ---

CancelScope::CancelScope(Kind kind, Moment deadline)
    : m_coro(&LocalCoro::currentOrThrow("a time-out, a scope or a shield"))
    , m_deadline(deadline)
    , m_kind(kind)
{
    static thread_local quint32 lastNumber = 0;
    m_number = ++lastNumber;
    m_outer = std::exchange(m_coro->m_scope, this);
    m_coro->updateInterruption();
}

CancelScope::~CancelScope()
{
    // Mostly the innermost; but a generator may keep one open while its caller closes another.
    CancelScope **place = &m_coro->m_scope;
    while (*place != this)
        place = &(*place)->m_outer;
    *place = m_outer;
    m_coro->updateInterruption();
}

void CancelScope::cancel()
{
    m_cancelled = true;
    m_coro->updateInterruption();
    m_coro->requestStops();
}

void CancelScope::cancel(const CoroPointer &coro, quint32 number)
{
    auto *const local = static_cast<LocalCoro *>(coro.data());
    local->callOnOwnThread([local, number] {
        for (CancelScope *scope = local->m_scope; scope; scope = scope->m_outer) {
            if (scope->m_number == number)
                return scope->cancel();
        }
    });
}

void CancelScope::expire(Moment present)
{
    for (CancelScope *scope = this; scope; scope = scope->m_outer) {
        if (!scope->m_cancelled && scope->m_deadline <= present)
            scope->m_cancelled = scope->m_timedOut = true;
        if (scope->m_kind == Shielded && !m_coro->m_forced)
            break;
    }
    m_coro->updateInterruption();
    m_coro->requestStops();
}

bool CancelScope::isEffectivelyCancelled() const
{
    for (const CancelScope *scope = this; scope; scope = scope->m_outer) {
        if (scope->m_cancelled)
            return true;
        if (scope->m_kind == Shielded && !m_coro->m_forced)
            return false;
    }
    return false;
}

bool CancelScope::isCancelledAround() const
{
    return m_outer->isEffectivelyCancelled();
}

std::stop_token CancelScope::stopToken()
{
    if (!m_stop.stop_possible()) {
        m_stop = std::stop_source();
        if (isEffectivelyCancelled())
            m_stop.request_stop();
    }
    return m_stop.get_token();
}

// --- LocalCoro ---

void LocalCoro::updateInterruption()
{
    Moment deadline = Never;
    bool cancelled = false;
    for (CancelScope *scope = m_scope; scope; scope = scope->m_outer) {
        if (scope->m_cancelled)
            cancelled = true;
        else
            deadline = std::min(deadline, scope->m_deadline);
        if (scope->m_kind == CancelScope::Shielded && !m_forced)
            break;
    }
    m_scopeDeadline = deadline;
    m_interrupted = cancelled || (m_extras && (!m_extras->thrown.empty() || m_extras->hotSwap));
    if (m_interrupted)
        interruptWait();
}

void LocalCoro::requestStops()
{
    for (CancelScope *scope = m_scope; scope; scope = scope->m_outer) {
        if (scope->m_stop.stop_possible() && scope->isEffectivelyCancelled())
            scope->m_stop.request_stop();
    }
}

void LocalCoro::interruptWait()
{
    if (m_suspension && !m_suspension->m_uninterruptible && mayInterrupt(m_suspension->m_frame))
        endWait(Suspension::End::Interrupted);
}

bool LocalCoro::mayInterrupt(const PromiseBase *frame) const
{
    if (isCancelled())
        return true;
    if (!m_extras)
        return false;
    if (!m_extras->thrown.empty() && !isShielded())
        return true;
    return m_extras->hotSwap && m_hotSwappable && frame == m_bodyFrame && m_scope == &m_rootScope;
}

bool LocalCoro::isShielded() const
{
    if (m_forced)
        return false;
    for (const CancelScope *scope = m_scope; scope; scope = scope->m_outer) {
        if (scope->m_kind == CancelScope::Shielded)
            return true;
    }
    return false;
}

void LocalCoro::throwInterruption()
{
    if (isCancelled() || !m_extras)
        throw Cancelled();
    if (!m_extras->thrown.empty()) {
        const std::exception_ptr exception = std::move(m_extras->thrown.front());
        m_extras->thrown.pop_front();
        updateInterruption();
        std::rethrow_exception(exception);
    }
    const HotSwapRequest request(std::exchange(m_extras->hotSwap, nullptr));
    updateInterruption();
    throw request;
}

void LocalCoro::cancel(bool force)
{
    m_terminated = true;
    m_rootScope.m_cancelled = true;
    m_forced = m_forced || force;
    if (m_forced)
        interruptEndedWait();
    updateInterruption();
    requestStops();
}

// What the coroutine would do with the outcome may need what is just being destroyed. What it was given (a message, a
// guard, a socket) is destroyed with the wait.
void LocalCoro::interruptEndedWait()
{
    if (m_endedWait && !m_endedWait->m_uninterruptible)
        m_endedWait->m_end = Suspension::End::Interrupted;
}

void LocalCoro::endWait(Suspension::End end)
{
    Suspension *const suspension = std::exchange(m_suspension, nullptr);
    if (end != Suspension::End::Complete)
        suspension->abandon();
    if (m_timerIndex != NoTimer)
        m_scheduler->removeDeadline(this);
    suspension->m_end = end;
    m_endedWait = suspension;
    m_scheduler->enqueue(this);
}

void LocalCoro::endWaitAtDeadline(Moment present)
{
    m_scheduler->removeDeadline(this);
    if (m_suspension->m_deadline <= present)
        endWait(Suspension::End::DeadlinePassed);
    else
        m_scope->expire(present);
}

bool LocalCoro::yield(std::coroutine_handle<> next, const PromiseBase *frame)
{
    m_frame = frame;
    if (m_interrupted && mayInterrupt(frame))
        return false;
    m_next = next;
    m_scheduler->enqueue(this);
    return true;
}

void LocalCoro::throwIfCancelled() const
{
    if (isCancelled())
        throw Cancelled();
}

void LocalCoro::throwIfInterrupted()
{
    if (m_interrupted && mayInterrupt(m_frame))
        throwInterruption();
}

} // namespace Asyncoro::Detail
