// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "localchannel_p.h"

#include <QLoggingCategory>
#include <QMutexLocker>
#include <QVarLengthArray>

#include <algorithm>
#include <bit>

namespace {
Q_LOGGING_CATEGORY(lcChannel, "asyncoro.channel", QtInfoMsg)
}

namespace Asyncoro::Detail {

namespace {

// Held while a channel is subscribed to another one, so that two threads cannot close a circle between them.
QBasicMutex &hierarchyMutex()
{
    static QBasicMutex mutex;
    return mutex;
}

} // namespace

ChannelData::ChannelData(quint64 id, const QString &name)
    : m_id(id)
    , m_name(name)
{
}

ChannelData::~ChannelData() = default;

void ChannelData::throwClosed(QLatin1StringView operation) const
{
    throw ChannelClosed(QStringLiteral("%1: channel \"%2\" has been closed").arg(operation, m_name));
}

void observeChannel(ChannelData &channel, const std::shared_ptr<ChannelObserver> &observer)
{
    if (channel.isLocal() && !static_cast<LocalChannel &>(channel).addObserver(observer))
        observer->channelClosed(channel);
}

LocalChannel::LocalChannel(const QString &name, Transform transform)
    : ChannelData(CoroData::nextId(), name)
    , m_state(new State)
{
    m_state->transform = std::move(transform);
}

LocalChannel::~LocalChannel()
{
    if (m_state)
        stopObserving(*m_state);
}

LocalChannel::StatePointer LocalChannel::state() const
{
    const QMutexLocker lock(&m_mutex);
    return m_state;
}

template<typename Change>
bool LocalChannel::changeState(Change change)
{
    StatePointer before; // destroyed after the lock is released: that may call destructors of the user
    const QMutexLocker lock(&m_mutex);
    if (!m_state)
        return false;
    if (m_state->ref.loadAcquire() > 1) { // somebody is sending
        before = m_state;
        m_state.detach();
    }
    return change(*m_state);
}

void LocalChannel::setTransform(Transform transform)
{
    changeState([&transform](State &next) {
        next.transform.swap(transform);
        return true;
    });
}

// --- the lists of subscribers ---

std::vector<CoroPointer> &LocalChannel::State::listFor(const CoroPointer &coro)
{
    Carrier *const carrier = coro->carrier();
    if (!carrier)
        return coros;
    const auto group = std::ranges::find(groups, carrier, &Group::carrier);
    return group != groups.end() ? group->coros : groups.emplace_back(Group{carrier, {}}).coros;
}

bool LocalChannel::State::insert(const Subscriber &subscriber)
{
    if (subscriber.channel) {
        if (std::ranges::find(channels, subscriber.channel) != channels.end())
            return false;
        channels.push_back(subscriber.channel);
        return true;
    }
    std::vector<CoroPointer> &list = listFor(subscriber.coro);
    // Two handles of a coroutine elsewhere need not share their data; those of one list are of one process.
    if (std::ranges::find(list, subscriber.coro->id(), &CoroData::id) != list.end())
        return false;
    list.push_back(subscriber.coro);
    return true;
}

template<typename Matches>
CoroPointer LocalChannel::State::takeCoro(Matches matches)
{
    const auto takeFrom = [&matches](std::vector<CoroPointer> &list) {
        const auto found = std::ranges::find_if(list, matches);
        if (found == list.end())
            return CoroPointer();
        CoroPointer taken = std::move(*found);
        list.erase(found);
        return taken;
    };
    CoroPointer taken = takeFrom(coros);
    for (auto group = groups.begin(); !taken && group != groups.end(); ++group) {
        taken = takeFrom(group->coros);
        if (group->coros.empty()) {
            groups.erase(group);
            break;
        }
    }
    return taken;
}

ChannelData::Subscriber LocalChannel::State::take(const Subscriber &subscriber)
{
    if (subscriber.channel)
        return std::erase(channels, subscriber.channel) > 0 ? subscriber : Subscriber();
    return {takeCoro([&](const CoroPointer &other) {
                return other->id() == subscriber.coro->id() && other->carrier() == subscriber.coro->carrier();
            }),
            {}};
}

template<typename Function>
void LocalChannel::State::forEachCoro(Function function) const
{
    std::ranges::for_each(coros, function);
    for (const Group &group : groups)
        std::ranges::for_each(group.coros, function);
}

int LocalChannel::State::liveCount() const
{
    auto count = std::ranges::count_if(channels, [](const Pointer &channel) { return !channel->isClosed(); });
    forEachCoro([&count](const CoroPointer &coro) { count += coro->state() == CoroState::Running; });
    return int(count);
}

// --- subscribers ---

bool LocalChannel::subscribe(const Subscriber &subscriber)
{
    if (!insert(subscriber))
        throwClosed(QLatin1StringView("subscribe()"));
    // Observed when it is in the list, so that it cannot end unseen in between.
    const bool live = subscriber.coro
        ? subscriber.coro->addEndObserver(std::static_pointer_cast<LocalChannel>(shared_from_this()))
        : !subscriber.channel->isClosed();
    if (live)
        wakeSatisfied();
    else
        unsubscribe(subscriber);
    return live;
}

Task<bool> LocalChannel::subscribeConfirmed(Subscriber subscriber, QDeadlineTimer)
{
    const auto guard = shared_from_this();
    co_return subscribe(subscriber);
}

bool LocalChannel::insert(const Subscriber &subscriber)
{
    QMutexLocker hierarchy(subscriber.channel ? &hierarchyMutex() : nullptr);
    if (subscriber.channel && (subscriber.channel.get() == this || subscriber.channel->passesOnTo(this))) {
        throw Error(QStringLiteral("subscribe(): channel \"%1\" passes its messages on to channel \"%2\" already, "
                                   "which would pass them back")
                        .arg(subscriber.channel->name(), name()));
    }
    return changeState([&](State &next) {
        next.insert(subscriber);
        return true;
    });
}

bool LocalChannel::passesOnTo(const ChannelData *other) const
{
    const StatePointer current = state();
    return current && std::ranges::any_of(current->channels, [other](const Pointer &channel) {
        return channel.get() == other || channel->passesOnTo(other);
    });
}

bool LocalChannel::unsubscribe(const Subscriber &subscriber)
{
    Subscriber removed;
    changeState([&](State &next) {
        removed = next.take(subscriber);
        return true;
    });
    if (removed.coro)
        removed.coro->removeEndObserver(this);
    return removed.coro || removed.channel;
}

void LocalChannel::coroEnded(CoroData &coro) noexcept
{
    CoroPointer removed; // destroyed after the lock is released
    changeState([&](State &next) {
        removed = next.takeCoro([&coro](const CoroPointer &other) { return other.data() == &coro; });
        return true;
    });
}

int LocalChannel::subscriberCount() const
{
    const StatePointer current = state();
    return current ? current->liveCount() : 0;
}

// --- messages ---

bool LocalChannel::send(Message &&message, int crossings)
{
    const StatePointer current = state();
    if (!current)
        return false;
    if (current->transform && !transform(*current, message))
        return true;
    std::exception_ptr error; // of a message that cannot be sent elsewhere: those who are here get it nevertheless
    const auto attempt = [&error](const auto &send) {
        try {
            send();
        } catch (...) {
            error = std::current_exception();
        }
    };
    for (const Pointer &channel : current->channels) {
        attempt([&] {
            if (!channel->send(Message(message), crossings) && channel->isClosed())
                unsubscribe({{}, Pointer(channel)});
        });
    }
    for (const Group &group : current->groups)
        attempt([&] { group.carrier->sendToAll(group.coros, message); });
    for (const CoroPointer &coro : current->coros) {
        if (!coro->send(&coro == &current->coros.back() ? std::move(message) : Message(message)))
            notSent(coro);
    }
    if (error)
        std::rethrow_exception(error);
    return true;
}

void LocalChannel::notSent(const CoroPointer &coro)
{
    if (coro->state() != CoroState::Running) {
        unsubscribe({CoroPointer(coro), {}});
        return;
    }
    // At the first, the second, the fourth time and so on: a flood of messages must not become a flood of lines.
    const quint64 count = ++m_dropped;
    if (std::has_single_bit(count)) {
        qCWarning(lcChannel).noquote() << "channel" << name() << "dropped a message for" << coro->name()
                                       << "whose mailbox is full; messages that it has dropped so far:" << count;
    }
}

bool LocalChannel::transform(const State &state, Message &message) const
{
    try {
        message = state.transform(name(), message);
    } catch (...) {
        qCWarning(lcChannel).noquote() << "channel" << name() << "dropped a message, for its transform failed:"
                                       << errorText(std::current_exception());
        return false;
    }
    return message.isValid();
}

void LocalChannel::pack(Message message, QDeadlineTimer deadline, int crossings, Parcels &parcels)
{
    const StatePointer current = state();
    if (!current || (current->transform && !transform(*current, message)))
        return;
    for (const Pointer &channel : current->channels)
        channel->pack(message, deadline, crossings, parcels);
    for (const Group &group : current->groups)
        parcels.elsewhere.push_back(group.carrier->deliverToAll(group.coros, message, deadline));
    for (const CoroPointer &coro : current->coros)
        parcels.here.emplace_back(coro, message);
}

namespace {

/** The message's way into a full mailbox, or one of another thread; 0 if it does not come there. */
Task<int> deliverParcel(CoroPointer coro, Message message, QDeadlineTimer deadline)
{
    try {
        co_await coro->deliver(std::move(message), deadline);
    } catch (const Error &) {
        co_return 0;
    }
    co_return 1;
}

struct TerminatedAtEnd {
    std::vector<Coro<int>> coros;
    ~TerminatedAtEnd()
    {
        for (const Coro<int> &coro : coros)
            coro.terminate();
    }
};

} // namespace

Task<int> LocalChannel::deliver(Message message, int atLeast, QDeadlineTimer deadline, int crossings)
{
    const auto self = std::static_pointer_cast<LocalChannel>(shared_from_this());
    co_await EnoughSubscribers(self, atLeast, deadline);

    Parcels parcels;
    pack(std::move(message), deadline, crossings, parcels);
    int arrived = 0;
    TerminatedAtEnd waiting;
    for (Task<int> &delivery : parcels.elsewhere)
        waiting.coros.push_back(spawn(std::move(delivery)));
    for (auto &[coro, text] : parcels.here) {
        if (coro->send(Message(text)))
            ++arrived;
        else if (coro->state() == CoroState::Running)
            waiting.coros.push_back(spawn(deliverParcel, std::move(coro), std::move(text), deadline));
    }
    for (const Coro<int> &coro : waiting.coros)
        arrived += co_await coro;
    co_return arrived;
}

// --- the end ---

void LocalChannel::close()
{
    StatePointer before;
    std::vector<std::weak_ptr<ChannelObserver>> observers;
    QVarLengthArray<Waker, 4> woken;
    {
        const QMutexLocker lock(&m_mutex);
        before.swap(m_state);
        observers.swap(m_observers);
        while (EnoughSubscribers *waiter = m_waiters.takeFirst()) {
            waiter->m_closed = true;
            woken.append(std::move(waiter->m_waker));
        }
    }
    for (const Waker &waker : std::as_const(woken))
        waker.wake();
    if (!before)
        return;
    stopObserving(*before);
    NameRegistry<ChannelData>::instance().remove(static_cast<ChannelData *>(this));
    for (const auto &observer : std::as_const(observers)) {
        if (const auto live = observer.lock())
            live->channelClosed(*this);
    }
}

void LocalChannel::stopObserving(const State &state) const
{
    state.forEachCoro([this](const CoroPointer &coro) { coro->removeEndObserver(this); });
}

bool LocalChannel::addObserver(const std::shared_ptr<ChannelObserver> &observer)
{
    const QMutexLocker lock(&m_mutex);
    if (m_state)
        m_observers.push_back(observer);
    return bool(m_state);
}

// --- waiting for subscribers ---

void LocalChannel::wakeSatisfied()
{
    QVarLengthArray<Waker, 4> woken;
    {
        const QMutexLocker lock(&m_mutex);
        if (!m_state || m_waiters.isEmpty())
            return;
        const int count = m_state->liveCount();
        for (EnoughSubscribers *waiter = m_waiters.first(); waiter;) {
            EnoughSubscribers *const next = m_waiters.after(waiter);
            if (waiter->m_count <= count) {
                waiter->unlink();
                woken.append(std::move(waiter->m_waker));
            }
            waiter = next;
        }
    }
    for (const Waker &waker : std::as_const(woken))
        waker.wake();
}

EnoughSubscribers::EnoughSubscribers(std::shared_ptr<LocalChannel> channel, int count, const QDeadlineTimer &deadline)
    : Suspension(deadline)
    , m_channel(std::move(channel))
    , m_count(count)
{
}

bool EnoughSubscribers::start()
{
    const QMutexLocker lock(&m_channel->m_mutex);
    m_closed = !m_channel->m_state;
    if (m_closed || m_channel->m_state->liveCount() >= m_count)
        return false;
    m_waker = waker();
    m_channel->m_waiters.append(this);
    return true;
}

void EnoughSubscribers::abandon() noexcept
{
    const QMutexLocker lock(&m_channel->m_mutex);
    if (isLinked()) // if not, another thread has ended the wait, but told us too late
        unlink();
}

void EnoughSubscribers::await_resume() const
{
    throwUnlessComplete();
    if (m_closed)
        m_channel->throwClosed(QLatin1StringView("deliver()"));
}

QString EnoughSubscribers::operation() const
{
    return QStringLiteral("Channel::deliver() to \"%1\", which has %2 of %3 subscribers")
        .arg(m_channel->name())
        .arg(m_channel->subscriberCount())
        .arg(m_count);
}

} // namespace Asyncoro::Detail
