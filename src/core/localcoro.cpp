// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "coroextras_p.h"
#include "coroscheduler_p.h"
#include "detail/localcoro.h"
#include "detail/scopedata.h"
#include "error.h"
#include "task.h"

#include <QLoggingCategory>
#include <QThread>

Q_DECLARE_LOGGING_CATEGORY(lcCore)
Q_LOGGING_CATEGORY(lcMailbox, "asyncoro.mailbox", QtCriticalMsg) // off

namespace Asyncoro::Detail {

LocalCoro::LocalCoro()
    : CoroData(nextId())
    , m_scheduler(&CoroScheduler::forThisThread())
    , m_inbox(m_scheduler->inbox())
{
    m_membership.coro = this;
    m_sibling.coro = this;
    m_rootScope.m_coro = this;
}

LocalCoro::~LocalCoro()
{
    if (state() == CoroState::Failed && !isEndObserved()) {
        ++unobservedFailures;
        qCWarning(lcCore).noquote() << origin() << "failed, and nobody waited for it:" << errorText(error());
    }
}

LocalCoro *LocalCoro::current() noexcept
{
    return currentCoro;
}

LocalCoro &LocalCoro::currentOrThrow(const char *operation)
{
    if (!currentCoro)
        throw Error(QStringLiteral("%1: only in a coroutine").arg(QLatin1StringView(operation)));
    return *currentCoro;
}

bool LocalCoro::isOnOwnThread() const noexcept
{
    // Another scheduler may come to lie where an old one was; but then all coroutines of the old one have ended.
    return currentScheduler == m_scheduler;
}

CoroExtras &LocalCoro::extras()
{
    if (!m_extras)
        m_extras = std::make_unique<CoroExtras>();
    return *m_extras;
}

// --- life ---

void LocalCoro::launch(const Launch &launch)
{
    m_startedAt = launch.where;
    if (currentCoro)
        m_parent = currentCoro->m_identity->id();
    if (launch.isArm)
        m_identity = currentCoro->m_identity;
    if (launch.context)
        bindTo(launch.context);
    if (launch.scope) {
        m_daemon = true; // the coroutine that has the scope waits for it anyway
        m_rootScope.m_deadline = m_scopeDeadline = launch.scope->deadline();
    }
    m_scheduler->add(this);
    if (launch.scope)
        launch.scope->add(this);
}

void LocalCoro::bindTo(QObject *context)
{
    if (context->thread() != QThread::currentThread())
        throw Error(QStringLiteral("spawn(): the object that the coroutine belongs to lives on another thread"));
    // The object may be destroyed by a piece of the coroutine itself, so it is held meanwhile.
    extras().contextConnection = QObject::connect(context, &QObject::destroyed, m_scheduler, [this] {
        const CoroPointer guard(this);
        endNow();
    });
}

void LocalCoro::resume()
{
    LocalCoro *const interrupted = std::exchange(currentCoro, this);
    m_running = true;
    m_endedWait = nullptr;
    bool ended = false;
    std::coroutine_handle<> next = m_next;
    if (!m_started) [[unlikely]] {
        if (isCancelled()) {
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
    m_running = false;
    if (ended)
        end();
    currentCoro = interrupted;
}

void LocalCoro::end()
{
    CoroState state = CoroState::Terminated;
    std::exception_ptr error;
    std::shared_ptr<HotSwapOffer> accepted;
    if (m_started) {
        try {
            takeResult();
            state = CoroState::Finished;
        } catch (const Cancelled &) {
            if (m_rootScope.m_timedOut && !m_terminated) {
                state = CoroState::Failed;
                error = std::make_exception_ptr(TimedOut(QStringLiteral("what %1 is part of").arg(name())));
            }
        } catch (const HotSwapRequest &request) {
            accepted = request.offer();
        } catch (...) {
            state = CoroState::Failed;
            error = std::current_exception();
        }
    }
    destroyBody();
    if (accepted) {
        restart(*accepted->state);
        m_scheduler->enqueue(this);
        accepted->state->settle(HotSwapState::Accepted);
        return;
    }

    const CoroPointer guard(this);
    ScopeData *const scope = std::exchange(m_parentScope, nullptr);
    announceEnd(state, error);
    if (!isMonitoredFailure())
        m_mailbox = {};
    if (m_extras) {
        if (m_extras->hotSwap)
            m_extras->hotSwap->state->settle(HotSwapState::Ended);
        for (const auto &delivery : m_extras->deliveries)
            delivery->settle(Delivery::Ended);
        QObject::disconnect(m_extras->contextConnection);
        m_extras.reset();
    }
    m_scheduler->remove(this);
    if (scope)
        scope->childEnded(this, error);
}

void LocalCoro::restart(HotSwapState &swap)
{
    replaceBody(swap);
    m_started = false;
    m_bodyEnded = false;
}

void LocalCoro::endNow()
{
    cancel(true);
    if (m_running)
        return; // its next wait throws
    // What it waits for may be its children, which cannot wait for anything themselves now.
    for (ScopeData *scope = m_scopes; scope; scope = scope->outer())
        scope->endChildrenNow();
    if (isLinked()) {
        unlink();
        resume();
    }
}

// --- from any thread ---

bool LocalCoro::callOnOwnThread(std::function<void()> function)
{
    if (isOnOwnThread()) {
        const CoroPointer guard(this);
        function();
        return true;
    }
    return m_inbox->post({.kind = Inbox::Request::Call, .coro = CoroPointer(this), .call = std::move(function)});
}

bool LocalCoro::send(Message &&message, quint32 limit)
{
    if (state() != CoroState::Running)
        return false;
    if (!isOnOwnThread())
        return m_inbox->post({.kind = Inbox::Request::Send, .coro = CoroPointer(this), .message = std::move(message)});
    if (ReceiveSuspension *const receiver = receiverOf(message)) {
        handOver(receiver, std::move(message));
        return true;
    }
    if (isMailboxFull(limit) || (limit != NoLimit && isRoomAwaited())) [[unlikely]]
        return false;
    append(std::move(message));
    return true;
}

bool LocalCoro::resumeWith(Message &&value)
{
    if (state() != CoroState::Running)
        return false;
    if (!isOnOwnThread())
        return callOnOwnThread([this, value = std::move(value)]() mutable { resumeWith(std::move(value)); });
    for (ReceiveSuspension *receiver = m_receivers.first(); receiver; receiver = m_receivers.after(receiver)) {
        if (receiver->m_kind == ReceiveSuspension::Resumption) {
            handOver(receiver, std::move(value));
            return true;
        }
    }
    return false;
}

bool LocalCoro::throwInto(std::exception_ptr exception)
{
    if (state() != CoroState::Running)
        return false;
    return callOnOwnThread([this, exception = std::move(exception)] {
        if (state() != CoroState::Running)
            return;
        extras().thrown.push_back(exception);
        updateInterruption();
    });
}

void LocalCoro::terminate()
{
    if (isOnOwnThread())
        cancel();
    else
        m_inbox->post({.kind = Inbox::Request::Terminate, .coro = CoroPointer(this)});
}

void LocalCoro::setDaemon(bool daemon)
{
    if (isOnOwnThread())
        m_scheduler->setDaemon(this, daemon);
    else
        m_inbox->post({.kind = Inbox::Request::SetDaemon, .daemon = daemon, .coro = CoroPointer(this)});
}

void LocalCoro::setMailboxLimit(quint32 limit)
{
    callOnOwnThread([this, limit] {
        if (state() == CoroState::Running) {
            extras().mailboxLimit = limit;
            acceptDeliveries();
        }
    });
}

void LocalCoro::completeWait(quint32 wait)
{
    if (!isOnOwnThread())
        m_inbox->post({.kind = Inbox::Request::CompleteWait, .wait = wait, .coro = CoroPointer(this)});
    else if (m_suspension && m_waitNumber == wait)
        endWait(Suspension::End::Complete);
}

void LocalCoro::hotSwap(const std::shared_ptr<HotSwapState> &swap)
{
    if (!callOnOwnThread([this, swap] { acceptHotSwap(swap); }))
        swap->settle(HotSwapState::Ended);
}

void LocalCoro::acceptHotSwap(const std::shared_ptr<HotSwapState> &swap)
{
    if (isMonitoredFailure()) {
        restart(*swap);
        m_rootScope.m_cancelled = m_rootScope.m_timedOut = m_terminated = m_interrupted = false;
        announceRestart();
        addMonitor(CoroPointer(static_cast<LocalCoro *>(swap->requester.coro().data())->identity()));
        m_scheduler->add(this);
        swap->settle(HotSwapState::Accepted);
    } else if (state() != CoroState::Running) {
        swap->settle(HotSwapState::Ended);
    } else if (!m_started) {
        destroyBody();
        restart(*swap);
        swap->settle(HotSwapState::Accepted);
    } else {
        extras().hotSwap = std::make_shared<HotSwapOffer>(swap); // an older one that was not seen is refused so
        updateInterruption();
    }
}

// --- the mailbox ---

ReceiveSuspension *LocalCoro::receiverOf(const Message &message)
{
    for (ReceiveSuspension *receiver = m_receivers.first(); receiver;) {
        if (receiver->accepts(message))
            return receiver;
        ReceiveSuspension *const next = m_receivers.after(receiver);
        if (receiver->m_failure) [[unlikely]]
            handOver(receiver, {});
        receiver = next;
    }
    return nullptr;
}

void LocalCoro::handOver(ReceiveSuspension *receiver, Message &&message)
{
    receiver->unlink();
    receiver->m_message = std::move(message);
    receiver->coro()->endWait(Suspension::End::Complete);
}

bool LocalCoro::isMailboxFull(quint32 limit) const
{
    return m_mailbox.size() >= (m_extras ? m_extras->mailboxLimit.value_or(limit) : limit);
}

bool LocalCoro::isRoomAwaited() const
{
    return m_extras && !m_extras->deliveries.empty();
}

void LocalCoro::append(Message &&message)
{
    if (m_mailbox.append(std::move(message))) [[unlikely]]
        reportMailbox();
}

void LocalCoro::reportMailbox() const
{
    qCWarning(lcMailbox).noquote() << origin() << "has" << m_mailbox.size() << "messages waiting: it does not keep up";
}

bool ReceiveSuspension::chooses(const Message &) const
{
    return true;
}

bool ReceiveSuspension::accepts(const Message &message)
{
    switch (m_kind) {
    case AnyMessage:
        return true;
    case MessageOfType:
        return message.metaType() == m_type;
    case ChosenMessage:
        try {
            return (!m_type.isValid() || message.metaType() == m_type) && chooses(message);
        } catch (...) {
            m_failure = std::current_exception();
            return false;
        }
    case Resumption:
        return false;
    }
    Q_UNREACHABLE_RETURN(false);
}

bool ReceiveSuspension::start()
{
    LocalCoro *const owner = coro()->m_identity;
    if (m_kind != Resumption) {
        MessageQueue &mailbox = owner->m_mailbox;
        for (quint32 index = 0; index < mailbox.size(); ++index) {
            if (accepts(mailbox.at(index))) {
                m_message = mailbox.take(index);
                if (owner->m_extras) [[unlikely]]
                    owner->acceptDeliveries();
                return false;
            }
            if (m_failure) [[unlikely]]
                return false;
        }
    }
    if (owner->m_extras && owner->acceptDelivery(this)) [[unlikely]]
        return false;
    owner->m_receivers.append(this);
    return true;
}

QString ReceiveSuspension::operation() const
{
    if (m_kind == Resumption)
        return QStringLiteral("suspend()");
    return m_type.isValid() ? QStringLiteral("receive<%1>()").arg(QLatin1StringView(m_type.name()))
                            : QStringLiteral("receive()");
}

Message ReceiveSuspension::takeUnchecked()
{
    if (m_failure) [[unlikely]]
        std::rethrow_exception(m_failure);
    return std::move(m_message);
}

void LocalCoro::enqueue(const std::shared_ptr<Delivery> &delivery)
{
    const bool posted = callOnOwnThread([this, delivery] {
        if (state() != CoroState::Running) {
            delivery->settle(Delivery::Ended);
            return;
        }
        extras().deliveries.push_back(delivery);
        acceptDeliveries();
    });
    if (!posted)
        delivery->settle(Delivery::Ended);
}

void LocalCoro::acceptDeliveries()
{
    if (!m_extras)
        return;
    auto &deliveries = m_extras->deliveries;
    bool isBlocked = false; // by one that waits for room: later ones with a limit do not overtake it
    for (std::size_t next = 0; next < deliveries.size();) {
        const std::shared_ptr<Delivery> delivery = deliveries[next];
        ReceiveSuspension *const receiver = delivery->isForRoomOnly ? nullptr : receiverOf(delivery->message);
        if (!receiver && (isMailboxFull(delivery->limit) || (isBlocked && delivery->limit != NoLimit))) {
            if (m_extras->mailboxLimit && m_receivers.isEmpty())
                break;
            isBlocked = true;
            ++next;
            continue;
        }
        deliveries.erase(deliveries.begin() + qptrdiff(next));
        delivery->liesInMailbox = !receiver;
        if (!delivery->settle(Delivery::Delivered) || delivery->isForRoomOnly)
            continue;
        if (receiver)
            handOver(receiver, std::move(delivery->message));
        else
            append(std::move(delivery->message));
    }
}

bool LocalCoro::acceptDelivery(ReceiveSuspension *receiver)
{
    auto &deliveries = m_extras->deliveries;
    for (std::size_t next = 0; next < deliveries.size();) {
        const std::shared_ptr<Delivery> delivery = deliveries[next];
        if (!delivery->isForRoomOnly && receiver->accepts(delivery->message)) {
            deliveries.erase(deliveries.begin() + qptrdiff(next));
            if (delivery->settle(Delivery::Delivered)) {
                receiver->m_message = std::move(delivery->message);
                return true;
            }
        } else if (receiver->m_failure) {
            return true;
        } else {
            ++next;
        }
    }
    return false;
}

namespace {

class DeliverSuspension final : public Suspension
{
public:
    DeliverSuspension(LocalCoro *target, std::shared_ptr<Delivery> delivery, const QDeadlineTimer &deadline)
        : Suspension(deadline)
        , m_target(target)
        , m_delivery(std::move(delivery))
    {
    }

    void await_resume() const
    {
        throwUnlessComplete();
        if (m_delivery->state == Delivery::Ended)
            throw CoroEnded(QStringLiteral("%1 has ended: the message was not delivered").arg(m_target->name()));
    }

protected:
    bool start() override
    {
        m_delivery->sender = waker();
        m_target->enqueue(m_delivery);
        return m_delivery->state == Delivery::Waiting;
    }
    void abandon() noexcept override { m_delivery->settle(Delivery::GivenUp); }
    QString operation() const override { return QStringLiteral("delivery to %1").arg(m_target->name()); }
    bool isInternal() const override { return true; }

private:
    LocalCoro *const m_target; // not owning: the caller does
    const std::shared_ptr<Delivery> m_delivery;
};

} // namespace

Task<void> LocalCoro::deliver(Message message, QDeadlineTimer deadline)
{
    return deliver(std::move(message), deadline, NoLimit);
}

Task<void> LocalCoro::deliver(Message message, QDeadlineTimer deadline, quint32 limit, bool *liesInMailbox)
{
    const CoroPointer guard(this);
    if (isOnOwnThread()) {
        if (state() != CoroState::Running)
            throw CoroEnded(QStringLiteral("%1 has ended: the message was not delivered").arg(name()));
        if (send(std::move(message), limit))
            co_return;
    }
    auto delivery = std::make_shared<Delivery>();
    delivery->message = std::move(message);
    delivery->limit = limit;
    co_await DeliverSuspension(this, delivery, deadline);
    if (liesInMailbox)
        *liesInMailbox = delivery->liesInMailbox;
}

Task<void> LocalCoro::awaitRoom(quint32 limit)
{
    const CoroPointer guard(this);
    auto delivery = std::make_shared<Delivery>();
    delivery->isForRoomOnly = true;
    delivery->limit = limit;
    co_await DeliverSuspension(this, std::move(delivery), QDeadlineTimer::Forever);
}

} // namespace Asyncoro::Detail
