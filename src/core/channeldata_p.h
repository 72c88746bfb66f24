// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "channel.h"
#include "detail/corodata.h"
#include "detail/intrusivelist.h"

#include <QBasicMutex>
#include <QExplicitlySharedDataPointer>
#include <QSharedData>

#include <memory>
#include <vector>

namespace Asyncoro::Detail {

class EnoughSubscribers;

/** What a Channel handle points to. All of it may be used from any thread. */
class ChannelData final : public EndObserver, public std::enable_shared_from_this<ChannelData>
{
public:
    /** A coroutine or a channel. */
    struct Subscriber {
        CoroPointer coro;
        std::shared_ptr<ChannelData> channel;

        [[nodiscard]] bool isLive() const
        {
            return coro ? coro->state() == CoroState::Running : !channel->isClosed();
        }
        friend bool operator==(const Subscriber &a, const Subscriber &b)
        {
            // Two handles of a coroutine elsewhere need not share their data.
            return a.channel == b.channel
                && (a.coro == b.coro
                    || (a.coro && b.coro && a.coro->id() == b.coro->id() && a.coro->location() == b.coro->location()));
        }
    };
    /** A coroutine, and the message for it after all transforms on the way. */
    struct Parcel {
        CoroPointer coro;
        Message message;
    };

    ChannelData(const QString &name, Channel::Transform transform);
    ~ChannelData();

    [[nodiscard]] const QString &name() const { return m_name; }
    void setTransform(Channel::Transform transform);

    bool subscribe(const Subscriber &subscriber);
    bool unsubscribe(const Subscriber &subscriber);
    [[nodiscard]] int subscriberCount() const;

    bool send(Message &&message);
    /** What send() would do, undone: the parcels for those who get it. */
    void pack(Message message, std::vector<Parcel> &parcels);

    void close();
    [[nodiscard]] bool isClosed() const { return !state(); }
    /** Throws the ChannelClosed of an operation. */
    [[noreturn]] void throwClosed(QLatin1StringView operation) const;

    void coroEnded(CoroData &coro) noexcept override;

private:
    friend class EnoughSubscribers;

    // Changed in place only while nobody else has it, else replaced: who sends needs the lock no longer than it takes to
    // copy the pointer, and functions of the user are called without it.
    struct State : QSharedData {
        Channel::Transform transform;
        std::vector<Subscriber> subscribers;
    };
    using StatePointer = QExplicitlySharedDataPointer<State>;

    [[nodiscard]] StatePointer state() const;
    /** Has `change` change the state; false if it is closed, or `change` says so. */
    template<typename Change>
    bool changeState(Change change);
    bool insert(const Subscriber &subscriber);
    bool transform(const State &state, Message &message) const;
    [[nodiscard]] bool passesOnTo(const ChannelData *other) const;
    [[nodiscard]] static int liveCount(const State &state);
    void wakeSatisfied();

    const QString m_name;
    mutable QBasicMutex m_mutex; // guards what follows
    StatePointer m_state; // nullptr once closed
    IntrusiveList<EnoughSubscribers> m_waiters;
};

/** A wait for subscribers. */
class EnoughSubscribers final : public Suspension, public ListLink
{
public:
    EnoughSubscribers(std::shared_ptr<ChannelData> channel, int count, const QDeadlineTimer &deadline);

    void await_resume() const;

protected:
    bool start() override;
    void abandon() noexcept override;
    QString operation() const override;
    bool isInternal() const override { return true; }

private:
    friend class ChannelData;
    const std::shared_ptr<ChannelData> m_channel;
    const int m_count;
    bool m_closed = false; // guarded by the channel's mutex until complete
    Waker m_waker;
};

} // namespace Asyncoro::Detail
