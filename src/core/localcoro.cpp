// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "coroscheduler_p.h"
#include "detail/localcoro.h"
#include "error.h"
#include "task.h"

namespace Asyncoro::Detail {

// --- Suspension ---

bool Suspension::begin(LocalCoro *coro, std::coroutine_handle<> handle)
{
    m_coro = coro;
    if (coro->m_cancelled && !m_uninterruptible) {
        m_end = End::Terminated;
        return false;
    }
    ++coro->m_waitNumber;
    if (!start())
        return false;
    if (m_deadline != Never) {
        if (m_deadline <= CoroScheduler::now()) {
            abandon();
            m_end = End::DeadlinePassed;
            return false;
        }
        coro->m_scheduler->addDeadline(coro, m_deadline);
    }
    coro->m_suspension = this;
    coro->m_next = handle;
    return true;
}

void Suspension::complete()
{
    m_coro->endWait(End::Complete);
}

bool Suspension::isComplete() const
{
    if (m_end == End::Terminated)
        throw Cancelled();
    return m_end == End::Complete;
}

void Suspension::throwUnlessComplete() const
{
    if (!isComplete())
        throw TimedOut(operation());
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

// --- receive ---

bool ReceiveSuspension::start()
{
    const MessageQueue &mailbox = coro()->m_mailbox;
    for (m_index = 0; m_index < mailbox.size(); ++m_index) {
        if (accepts(mailbox.at(m_index)))
            return false;
    }
    coro()->m_receiving = this;
    return true;
}

void ReceiveSuspension::abandon() noexcept
{
    coro()->m_receiving = nullptr;
}

QString ReceiveSuspension::operation() const
{
    return m_type.isValid() ? QStringLiteral("receive<%1>()").arg(QLatin1StringView(m_type.name()))
                            : QStringLiteral("receive()");
}

Message ReceiveSuspension::takeMessage()
{
    throwUnlessComplete();
    return coro()->m_mailbox.take(m_index);
}

// --- LocalCoro ---

LocalCoro::LocalCoro()
    : CoroData(nextId())
    , m_scheduler(&CoroScheduler::forThisThread())
    , m_inbox(m_scheduler->inbox())
{
    m_membership.coro = this;
}

LocalCoro::~LocalCoro() = default;

LocalCoro *LocalCoro::current() noexcept
{
    return currentCoro;
}

bool LocalCoro::isOnOwnThread() const noexcept
{
    // Another scheduler may come to lie where an old one was; but then all coroutines of the old one have ended.
    return currentScheduler == m_scheduler;
}

void LocalCoro::launch()
{
    m_scheduler->add(this);
}

bool LocalCoro::send(Message &&message)
{
    if (state() != CoroState::Running)
        return false;
    if (!isOnOwnThread())
        return m_inbox->post({.kind = Inbox::Request::Send, .coro = CoroPointer(this), .message = std::move(message)});
    accept(std::move(message));
    return true;
}

Task<void> LocalCoro::deliver(Message message, QDeadlineTimer)
{
    if (!send(std::move(message)))
        throw CoroEnded(name() + QStringLiteral(" has ended: the message was not delivered"));
    co_return;
}

void LocalCoro::terminate()
{
    if (isOnOwnThread())
        cancel();
    else
        m_inbox->post({.kind = Inbox::Request::Terminate, .coro = CoroPointer(this), .message = {}});
}

void LocalCoro::setDaemon(bool daemon)
{
    if (isOnOwnThread())
        m_scheduler->setDaemon(this, daemon);
    else
        m_inbox->post(
            {.kind = Inbox::Request::SetDaemon, .daemon = daemon, .coro = CoroPointer(this), .message = {}});
}

void LocalCoro::completeWait(quint32 wait)
{
    if (!isOnOwnThread())
        m_inbox->post({.kind = Inbox::Request::CompleteWait, .wait = wait, .coro = CoroPointer(this), .message = {}});
    else if (m_suspension && m_waitNumber == wait)
        endWait(Suspension::End::Complete);
}

void LocalCoro::accept(Message &&message)
{
    m_mailbox.append(std::move(message));
    if (m_receiving && m_receiving->accepts(m_mailbox.at(m_mailbox.size() - 1))) {
        m_receiving->m_index = m_mailbox.size() - 1;
        m_receiving = nullptr;
        endWait(Suspension::End::Complete);
    }
}

void LocalCoro::cancel(bool force)
{
    m_cancelled = true;
    if (m_suspension && (force || !m_suspension->m_uninterruptible))
        endWait(Suspension::End::Terminated);
}

void LocalCoro::endWait(Suspension::End end)
{
    Suspension *const suspension = std::exchange(m_suspension, nullptr);
    if (end != Suspension::End::Complete)
        suspension->abandon();
    if (m_timerIndex != NoTimer)
        m_scheduler->removeDeadline(this);
    suspension->m_end = end;
    m_scheduler->enqueue(this);
}

void LocalCoro::yield(std::coroutine_handle<> next)
{
    m_next = next;
    m_scheduler->enqueue(this);
}

void LocalCoro::throwIfCancelled() const
{
    if (m_cancelled)
        throw Cancelled();
}

void LocalCoro::resume()
{
    LocalCoro *const interrupted = std::exchange(currentCoro, this);
    bool ended = false;
    std::coroutine_handle<> next = m_next;
    if (!m_started) {
        if (m_cancelled) {
            ended = true;
        } else {
            m_started = true;
            next = startBody();
        }
    }
    if (!ended) {
        do {
            m_transfer = nullptr;
            next.resume();
            next = m_transfer;
        } while (next);
        ended = m_bodyEnded;
    }
    if (ended)
        end();
    currentCoro = interrupted;
}

void LocalCoro::end()
{
    CoroState state = CoroState::Terminated;
    std::exception_ptr error;
    if (m_started) {
        try {
            takeResult();
            state = CoroState::Finished;
        } catch (const Cancelled &) {
            // as after terminate()
        } catch (...) {
            state = CoroState::Failed;
            error = std::current_exception();
        }
    }
    destroyBody();
    announceEnd(state, std::move(error));
    m_mailbox = {};
    m_scheduler->remove(this); // which may delete it
}

} // namespace Asyncoro::Detail
