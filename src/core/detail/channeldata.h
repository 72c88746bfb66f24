// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "../location.h"
#include "../message.h"
#include "../task.h"
#include "asyncorocore_export.h"
#include "corodata.h"

#include <QDeadlineTimer>
#include <QString>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace Asyncoro::Detail {

/**
 * What a Channel handle points to: a channel of this process (LocalChannel) or one elsewhere.
 *
 * All of it may be used from any thread.
 */
class ASYNCORO_CORE_EXPORT ChannelData : public std::enable_shared_from_this<ChannelData>
{
public:
    using Pointer = std::shared_ptr<ChannelData>;
    using Transform = std::function<Message(const QString &channel, const Message &message)>;

    /** A coroutine or a channel. */
    struct Subscriber {
        CoroPointer coro;
        Pointer channel;
    };
    /** A message on its way to those who get it, after all transforms. */
    struct Parcels {
        std::vector<std::pair<CoroPointer, Message>> here;
        std::vector<Task<int>> elsewhere; // each gives how many have got it
    };
    /** A message that has passed on from process to process so many times goes round in a circle of channels. */
    static constexpr int MaxCrossings = 16;

    /** `id` is one of CoroData::nextId() in the channel's own process. */
    ChannelData(quint64 id, const QString &name);
    virtual ~ChannelData();
    ChannelData(const ChannelData &) = delete;
    ChannelData &operator=(const ChannelData &) = delete;

    [[nodiscard]] quint64 id() const { return m_id; }
    [[nodiscard]] const QString &name() const { return m_name; }
    [[nodiscard]] virtual Location location() const = 0;
    /** As CoroData::process(). */
    [[nodiscard]] virtual QByteArray process() const { return {}; }
    [[nodiscard]] virtual bool isLocal() const = 0;

    virtual void setTransform(Transform transform) = 0;
    /** False if the subscriber has ended; throws if this channel is closed, or if it would make a circle. */
    virtual bool subscribe(const Subscriber &subscriber) = 0;
    /** The same, and complete when the channel's own process has done it. */
    virtual Task<bool> subscribeConfirmed(Subscriber subscriber, QDeadlineTimer deadline) = 0;
    virtual bool unsubscribe(const Subscriber &subscriber) = 0;
    [[nodiscard]] virtual int subscriberCount() const = 0;

    /** `crossings`: how many times the message has passed from one process to another for a channel's sake. */
    virtual bool send(Message &&message, int crossings) = 0;
    virtual Task<int> deliver(Message message, int atLeast, QDeadlineTimer deadline, int crossings) = 0;
    /** What send() would do, undone: the parcels for those who get it. */
    virtual void pack(Message message, QDeadlineTimer deadline, int crossings, Parcels &parcels) = 0;
    /** Whether messages come to `other` through channels of this process. */
    [[nodiscard]] virtual bool passesOnTo(const ChannelData *other) const = 0;

    virtual void close() = 0;
    [[nodiscard]] virtual bool isClosed() const = 0;

    /** Throws the ChannelClosed of an operation. */
    [[noreturn]] void throwClosed(QLatin1StringView operation) const;

private:
    const quint64 m_id;
    const QString m_name;
};

/** Something that wants to know that a channel of this process is closed. */
class ChannelObserver
{
public:
    /** On whatever thread closes it. */
    virtual void channelClosed(const ChannelData &channel) noexcept = 0;

protected:
    ~ChannelObserver() = default;
};

/** `observer` is told once, at once if the channel is closed already; nothing is done for a channel elsewhere. */
ASYNCORO_CORE_EXPORT void observeChannel(ChannelData &channel, const std::shared_ptr<ChannelObserver> &observer);

} // namespace Asyncoro::Detail
