// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "channeldata_p.h"

#include <QLoggingCategory>
#include <QMutexLocker>
#include <QVarLengthArray>

#include <algorithm>

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

ChannelData::ChannelData(const QString &name, Channel::Transform transform)
    : m_name(name)
    , m_state(new State)
{
    m_state->transform = std::move(transform);
}

ChannelData::~ChannelData()
{
    if (!m_state)
        return;
    for (const Subscriber &subscriber : m_state->subscribers) {
        if (subscriber.coro)
            subscriber.coro->removeEndObserver(this);
    }
}

ChannelData::StatePointer ChannelData::state() const
{
    const QMutexLocker lock(&m_mutex);
    return m_state;
}

template<typename Change>
bool ChannelData::changeState(Change change)
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

void ChannelData::setTransform(Channel::Transform transform)
{
    changeState([&transform](State &next) {
        next.transform.swap(transform);
        return true;
    });
}

// --- subscribers ---

bool ChannelData::subscribe(const Subscriber &subscriber)
{
    if (!insert(subscriber))
        throwClosed(QLatin1StringView("subscribe()"));
    // Observed when it is in the list, so that it cannot end unseen in between.
    const bool live = subscriber.coro ? subscriber.coro->addEndObserver(shared_from_this()) : subscriber.isLive();
    if (live)
        wakeSatisfied();
    else
        unsubscribe(subscriber);
    return live;
}

bool ChannelData::insert(const Subscriber &subscriber)
{
    QMutexLocker hierarchy(subscriber.channel ? &hierarchyMutex() : nullptr);
    if (subscriber.channel && (subscriber.channel.get() == this || subscriber.channel->passesOnTo(this))) {
        throw Error(QStringLiteral("subscribe(): channel \"%1\" passes its messages on to channel \"%2\" already, which "
                                   "would pass them back")
                        .arg(subscriber.channel->name(), m_name));
    }
    bool known = false;
    return changeState([&](State &next) {
        known = std::ranges::find(next.subscribers, subscriber) != next.subscribers.end();
        if (!known)
            next.subscribers.push_back(subscriber);
        return !known;
    }) || known;
}

bool ChannelData::passesOnTo(const ChannelData *other) const
{
    const StatePointer current = state();
    return current && std::ranges::any_of(current->subscribers, [other](const Subscriber &subscriber) {
        return subscriber.channel && (subscriber.channel.get() == other || subscriber.channel->passesOnTo(other));
    });
}

bool ChannelData::unsubscribe(const Subscriber &subscriber)
{
    Subscriber removed;
    const bool done = changeState([&](State &next) {
        const auto found = std::ranges::find(next.subscribers, subscriber);
        if (found == next.subscribers.end())
            return false;
        removed = std::move(*found);
        next.subscribers.erase(found);
        return true;
    });
    if (removed.coro)
        removed.coro->removeEndObserver(this);
    return done;
}

void ChannelData::coroEnded(CoroData &coro) noexcept
{
    changeState([&coro](State &next) {
        return std::erase_if(next.subscribers, [&](const Subscriber &other) { return other.coro.data() == &coro; }) > 0;
    });
}

int ChannelData::subscriberCount() const
{
    const StatePointer current = state();
    return current ? liveCount(*current) : 0;
}

int ChannelData::liveCount(const State &state)
{
    return int(std::ranges::count_if(state.subscribers, &Subscriber::isLive));
}

// --- messages ---

bool ChannelData::send(Message &&message)
{
    const StatePointer current = state();
    if (!current)
        return false;
    if (current->transform && !transform(*current, message))
        return true;
    const std::size_t count = current->subscribers.size();
    for (std::size_t i = 0; i < count; ++i) {
        const Subscriber &subscriber = current->subscribers[i];
        Message copy = i + 1 < count ? message : std::move(message);
        const bool sent =
            subscriber.coro ? subscriber.coro->send(std::move(copy)) : subscriber.channel->send(std::move(copy));
        if (!sent)
            unsubscribe(Subscriber(subscriber));
    }
    return true;
}

bool ChannelData::transform(const State &state, Message &message) const
{
    try {
        message = state.transform(m_name, message);
    } catch (...) {
        qCWarning(lcChannel).noquote() << "channel" << m_name << "dropped a message, for its transform failed:"
                                       << errorText(std::current_exception());
        return false;
    }
    return message.isValid();
}

void ChannelData::pack(Message message, std::vector<Parcel> &parcels)
{
    const StatePointer current = state();
    if (!current || (current->transform && !transform(*current, message)))
        return;
    for (const Subscriber &subscriber : current->subscribers) {
        if (subscriber.coro)
            parcels.push_back({subscriber.coro, message});
        else
            subscriber.channel->pack(message, parcels);
    }
}

// --- the end ---

void ChannelData::close()
{
    StatePointer before;
    QVarLengthArray<Waker, 4> woken;
    {
        const QMutexLocker lock(&m_mutex);
        before.swap(m_state);
        while (EnoughSubscribers *waiter = m_waiters.takeFirst()) {
            waiter->m_closed = true;
            woken.append(std::move(waiter->m_waker));
        }
    }
    for (const Waker &waker : std::as_const(woken))
        waker.wake();
    if (!before)
        return;
    for (const Subscriber &subscriber : before->subscribers) {
        if (subscriber.coro)
            subscriber.coro->removeEndObserver(this);
    }
    NameRegistry<ChannelData>::instance().remove(this);
}

void ChannelData::throwClosed(QLatin1StringView operation) const
{
    throw ChannelClosed(QStringLiteral("%1: channel \"%2\" has been closed").arg(operation, m_name));
}

// --- waiting for subscribers ---

void ChannelData::wakeSatisfied()
{
    QVarLengthArray<Waker, 4> woken;
    {
        const QMutexLocker lock(&m_mutex);
        if (!m_state || m_waiters.isEmpty())
            return;
        const int count = liveCount(*m_state);
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

EnoughSubscribers::EnoughSubscribers(std::shared_ptr<ChannelData> channel, int count, const QDeadlineTimer &deadline)
    : Suspension(deadline)
    , m_channel(std::move(channel))
    , m_count(count)
{
}

bool EnoughSubscribers::start()
{
    const QMutexLocker lock(&m_channel->m_mutex);
    m_closed = !m_channel->m_state;
    if (m_closed || ChannelData::liveCount(*m_channel->m_state) >= m_count)
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
