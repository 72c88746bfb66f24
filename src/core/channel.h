// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "coro.h"
#include "detail/channeldata.h"

#include <memory>

namespace Asyncoro {

class Channel;

/** The channel that something was asked of has been closed. */
class ASYNCORO_CORE_EXPORT ChannelClosed : public Error
{
public:
    using Error::Error;
    ~ChannelClosed() override;
};

namespace Detail {

template<>
ASYNCORO_CORE_EXPORT NameRegistry<ChannelData> &NameRegistry<ChannelData>::instance();
extern template class NameRegistry<ChannelData>;
extern template class LocateSuspension<ChannelData>;

} // namespace Detail

/**
 * Sends each message to all who have subscribed: coroutines, which get it in their mailbox, and other channels, which
 * pass it on to their own subscribers.
 *
 * This is a handle: small, copyable, and usable from any thread; the same whether the channel is of this process or
 * of another one, and it may itself be sent in a message. The channel lives as long as a handle to it, a channel that
 * it is subscribed to, or its registered name; one whose handle was sent to another process, until close() or the end
 * of the PeerNetwork. A null handle (default-constructed) refers to none and ignores what is asked of it.
 *
 * Each sender's messages reach a subscriber in the order of the calls. A coroutine that is subscribed to several
 * channels of a hierarchy gets a message once for each way that leads to it. A subscriber that ends, is closed, or
 * whose process is lost, drops out. For all subscribers in one other process, the message is sent there once.
 *
 * A subscriber that is slow holds up nobody: how much may wait for it is up to Coro::setMailboxLimit(). A message that
 * is sent while its mailbox is full is dropped for this subscriber only, and logged; deliver() waits for room.
 *
 * What is asked of a channel of another process is done there, in the order in which one process asks. Once it is known
 * that it was closed, or its process is lost, it counts as closed.
 */
class ASYNCORO_CORE_EXPORT Channel
{
public:
    /**
     * Makes of a message that was sent to the channel of this name the one that the subscribers get; an invalid Message
     * drops it. Called on the sender's thread, by several at a time if they send at the same time. An exception drops
     * the message, too, and is logged.
     */
    using Transform = Detail::ChannelData::Transform;

    Channel() noexcept = default;
    /** A new channel. The name is for people, as Coro::name() is: nothing is found by it unless it is registered. */
    explicit Channel(const QString &name, Transform transform = {});

    [[nodiscard]] bool isNull() const { return !m_data; }
    explicit operator bool() const { return !isNull(); }
    /** Unique in its process and never given twice, nor to a coroutine; 0 for a null handle. */
    [[nodiscard]] quint64 id() const { return m_data ? m_data->id() : 0; }
    [[nodiscard]] QString name() const;
    /** The process that it is of, if that is another one; invalid for a channel of this process. */
    [[nodiscard]] Location location() const { return m_data ? m_data->location() : Location(); }

    /**
     * In place of the one before; an empty one passes on everything. Messages that are under way may see either. Throws
     * an Error for a channel of another process.
     */
    void setTransform(Transform transform) const;

    /**
     * From now on the subscriber gets each message; once, also if it is subscribed again.
     *
     * @return false if the subscriber has ended, or been closed, and was not subscribed for that reason. A channel of
     * another process is asked, and true is no promise: see the form with a deadline.
     *
     * Throws ChannelClosed if this channel has been closed, and Error if the subscriber is this channel or one that
     * passes its messages on to it through channels of this process. (A circle through other processes shows when a
     * message has gone round it for a while: it is dropped then, and logged.)
     */
    bool subscribe(const Coro<> &subscriber) const;
    bool subscribe(const Channel &subscriber) const;

    /**
     * The same, and is complete when the channel has the subscriber, wherever it is: what is sent from then on comes.
     *
     * Completes without suspending if the channel is of this process. Resumes on the caller's thread; to a channel of
     * another process it works on the thread of the PeerNetwork only. Any number may overlap. Throws as the other form
     * does, PeerLost if the channel's process is lost, TimedOut if the deadline passes first. Cancelling or timing
     * out may leave it subscribed.
     */
    Task<bool> subscribe(const Coro<> &subscriber, QDeadlineTimer deadline) const;
    Task<bool> subscribe(const Channel &subscriber, QDeadlineTimer deadline) const;

    /** @return whether it was subscribed. A message that another thread sends just now may still come. */
    bool unsubscribe(const Coro<> &subscriber) const;
    bool unsubscribe(const Channel &subscriber) const;

    /** How many coroutines and channels are subscribed to this channel itself. Throws an Error if that is elsewhere. */
    [[nodiscard]] int subscriberCount() const;

    /**
     * Sends a message to all current subscribers. Never waits.
     *
     * @return false if the channel has been closed, or is of another process for which too much waits already (see
     * PeerNetwork::Options::sendLimit). True is no promise that anybody got the message: see deliver().
     */
    template<typename M>
    bool send(M &&message) const
    {
        return sendMessage(Coro<>::toMessage(std::forward<M>(message)));
    }

    /**
     * Waits until the channel has at least so many subscribers (coroutines and channels that are subscribed to it
     * itself), sends the message, and gives the number of coroutines in whose mailbox it lies then; through channels of
     * channels that may be more, or fewer, than it has subscribers.
     *
     * Completes without suspending if there are enough subscribers and all recipients are of this process, with room in
     * their mailboxes. Resumes on the caller's thread. Any number may overlap. Throws TimedOut if the deadline passes
     * before there are enough, in which case nothing is sent; ChannelClosed if the channel is closed before; Error if
     * `atLeast` is negative. A recipient whose mailbox is still full when the deadline passes, or which is elsewhere
     * and has not confirmed the message, is not counted. Cancelling the wait for subscribers sends nothing; later it
     * takes back only what is not in a mailbox yet.
     *
     * If the channel or a recipient is of another process, this works on the thread of the PeerNetwork only. A channel
     * of another process throws PeerLost if that is lost, and TimedOut also if it does not answer.
     */
    template<typename M>
    Task<int> deliver(M &&message, int atLeast = 0, QDeadlineTimer deadline = QDeadlineTimer::Forever) const
    {
        return deliverTo(m_data, Coro<>::toMessage(std::forward<M>(message)), atLeast, deadline);
    }

    /** Ends it: its subscribers and its registered name are dropped, and nothing can be sent any more. */
    void close() const;
    /** For a channel elsewhere, as far as is known here. True for a null handle. */
    [[nodiscard]] bool isClosed() const;

    /**
     * Makes the channel known under a name, its own unless another is given, that others of this process find() it by,
     * and those of other processes by PeerNetwork::find(), until it is closed. A channel has one such name at most.
     * Channels and coroutines do not share names.
     *
     * Throws NameTaken if another channel has the name, ChannelClosed if this one has been closed, Error if the name is
     * empty or the channel not of this process.
     */
    void registerName(const QString &name = {}) const;
    /** Gives up the name that it was registered with. */
    void unregisterName() const;
    /** The channel that is registered under the name; null if there is none. */
    [[nodiscard]] static Channel find(const QString &name);
    /**
     * Waits until a channel is registered under the name, and gives it.
     *
     * Completes without suspending if one is. Resumes on the caller's thread. Any number may wait. Throws TimedOut if
     * the deadline passes first, and in any other case only Cancelled.
     */
    [[nodiscard]] static Detail::LocateAwaiter<Channel, Detail::ChannelData>
    locate(const QString &name, QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /** The same channel: same process, same id. A process that was started again is another one. */
    friend bool operator==(const Channel &a, const Channel &b)
    {
        return a.m_data == b.m_data
            || (a.m_data && b.m_data && a.id() == b.id() && a.m_data->process() == b.m_data->process());
    }
    friend size_t qHash(const Channel &channel, size_t seed = 0) noexcept { return ::qHash(channel.id(), seed); }

    explicit Channel(std::shared_ptr<Detail::ChannelData> data) noexcept
        : m_data(std::move(data))
    {
    }
    [[nodiscard]] const std::shared_ptr<Detail::ChannelData> &data() const { return m_data; }

private:
    bool sendMessage(Message &&message) const;
    static Task<bool> subscribeTo(std::shared_ptr<Detail::ChannelData> data, Detail::ChannelData::Subscriber subscriber,
                                  QDeadlineTimer deadline);
    static Task<int> deliverTo(std::shared_ptr<Detail::ChannelData> data, Message message, int atLeast,
                               QDeadlineTimer deadline);

    std::shared_ptr<Detail::ChannelData> m_data;
};

inline Detail::LocateAwaiter<Channel, Detail::ChannelData> Channel::locate(const QString &name, QDeadlineTimer deadline)
{
    return {name, deadline};
}

ASYNCORO_CORE_EXPORT QDebug operator<<(QDebug debug, const Channel &channel);

} // namespace Asyncoro

Q_DECLARE_TYPEINFO(Asyncoro::Channel, Q_RELOCATABLE_TYPE);
