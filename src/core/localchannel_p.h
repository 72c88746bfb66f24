// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "channel.h"
#include "detail/channeldata.h"
#include "detail/intrusivelist.h"

#include <QBasicMutex>
#include <QExplicitlySharedDataPointer>
#include <QSharedData>

#include <atomic>

namespace Asyncoro::Detail {

class EnoughSubscribers;

/** A channel of this process. */
class LocalChannel final : public ChannelData, public EndObserver
{
public:
    LocalChannel(const QString &name, Transform transform);
    ~LocalChannel() override;

    [[nodiscard]] Location location() const override { return {}; }
    [[nodiscard]] bool isLocal() const override { return true; }

    void setTransform(Transform transform) override;
    bool subscribe(const Subscriber &subscriber) override;
    Task<bool> subscribeConfirmed(Subscriber subscriber, QDeadlineTimer deadline) override;
    bool unsubscribe(const Subscriber &subscriber) override;
    [[nodiscard]] int subscriberCount() const override;

    bool send(Message &&message, int crossings) override;
    Task<int> deliver(Message message, int atLeast, QDeadlineTimer deadline, int crossings) override;
    void pack(Message message, QDeadlineTimer deadline, int crossings, Parcels &parcels) override;
    [[nodiscard]] bool passesOnTo(const ChannelData *other) const override;

    void close() override;
    [[nodiscard]] bool isClosed() const override { return !state(); }

    void coroEnded(CoroData &coro) noexcept override;
    /** False if the channel is closed already. */
    bool addObserver(const std::shared_ptr<ChannelObserver> &observer);

private:
    friend class EnoughSubscribers;

    /** Coroutines of one other process. */
    struct Group {
        Carrier *carrier; // not owning: they do
        std::vector<CoroPointer> coros;
    };
    // Changed in place only while nobody else has it, else replaced: who sends needs the lock no longer than it takes
    // to copy the pointer, and functions of the user are called without it.
    struct State : QSharedData {
        Transform transform;
        std::vector<CoroPointer> coros; // of this process
        std::vector<Group> groups; // none of them empty
        std::vector<Pointer> channels;

        /** The list that `coro` belongs in. */
        [[nodiscard]] std::vector<CoroPointer> &listFor(const CoroPointer &coro);
        /** False if it is in already. */
        bool insert(const Subscriber &subscriber);
        /** What was taken out; nothing if it was not in. */
        Subscriber take(const Subscriber &subscriber);
        template<typename Matches>
        CoroPointer takeCoro(Matches matches);
        template<typename Function>
        void forEachCoro(Function function) const;
        [[nodiscard]] int liveCount() const;
    };
    using StatePointer = QExplicitlySharedDataPointer<State>;

    [[nodiscard]] StatePointer state() const;
    /** Has `change` change the state; false if it is closed, or `change` says so. */
    template<typename Change>
    bool changeState(Change change);
    bool insert(const Subscriber &subscriber);
    void notSent(const CoroPointer &coro);
    bool transform(const State &state, Message &message) const;
    void stopObserving(const State &state) const;
    void wakeSatisfied();

    std::atomic<quint64> m_dropped = 0; // for mailboxes that were full
    mutable QBasicMutex m_mutex; // guards what follows
    StatePointer m_state; // nullptr once closed
    IntrusiveList<EnoughSubscribers> m_waiters;
    std::vector<std::weak_ptr<ChannelObserver>> m_observers;
};

/** A wait for subscribers. */
class EnoughSubscribers final : public Suspension, public ListLink
{
public:
    EnoughSubscribers(std::shared_ptr<LocalChannel> channel, int count, const QDeadlineTimer &deadline);

    void await_resume() const;

protected:
    bool start() override;
    void abandon() noexcept override;
    QString operation() const override;
    bool isInternal() const override { return true; }

private:
    friend class LocalChannel;
    const std::shared_ptr<LocalChannel> m_channel;
    const int m_count;
    bool m_closed = false; // guarded by the channel's mutex until complete
    Waker m_waker;
};

} // namespace Asyncoro::Detail
