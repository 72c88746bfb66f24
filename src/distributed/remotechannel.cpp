// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "remotechannel_p.h"

#include "networkcore_p.h"

#include <QLoggingCategory>

Q_LOGGING_CATEGORY(lcRemoteChannel, "asyncoro.peer", QtInfoMsg)

namespace Asyncoro::Detail {

namespace {

// The process of the channel keeps the deadline, for only there it is known what has arrived by then; this is how long
// its answer may take beyond that.
constexpr std::chrono::milliseconds AnswerTime{500};

QVariant handleOf(const ChannelData::Subscriber &subscriber)
{
    return subscriber.coro ? QVariant::fromValue(Coro<>(subscriber.coro))
                           : QVariant::fromValue(Channel(subscriber.channel));
}

QDeadlineTimer withAnswerTime(const QDeadlineTimer &deadline)
{
    return deadline.isForever() ? deadline : deadline + AnswerTime.count();
}

} // namespace

RemoteChannel::RemoteChannel(std::shared_ptr<PeerLink> link, quint64 id, const QString &name)
    : ChannelData(id, name)
    , m_link(std::move(link))
    , m_location(m_link->location())
    , m_process(m_link->incarnation())
{
}

std::shared_ptr<RemoteChannel> RemoteChannel::self()
{
    return std::static_pointer_cast<RemoteChannel>(shared_from_this());
}

template<typename Work>
void RemoteChannel::post(Work work)
{
    if (m_link->core()->isOnOwnThread()) {
        work(*m_link);
        return;
    }
    m_link->core()->post([self = self(), work = std::move(work)]() mutable {
        if (!self->m_closed)
            work(*self->m_link);
    });
}

void RemoteChannel::checkThread(const char *operation) const
{
    if (!m_link->core()->isOnOwnThread())
        throw Error(QStringLiteral("%1 with a channel of another process works on the thread of the PeerNetwork only")
                        .arg(QLatin1StringView(operation)));
}

void RemoteChannel::setTransform(Transform)
{
    throw Error(QStringLiteral("channel \"%1\" is of another process: only there can it be given a transform").arg(name()));
}

int RemoteChannel::subscriberCount() const
{
    throw Error(QStringLiteral("channel \"%1\" is of another process: only there is it known who is subscribed").arg(name()));
}

// --- subscribers ---

bool RemoteChannel::subscribe(const Subscriber &subscriber)
{
    if (m_closed)
        throwClosed(QLatin1StringView("subscribe()"));
    post([this, handle = handleOf(subscriber)](PeerLink &link) {
        link.send(FrameKind::Subscribe, 3, [&](QCborStreamWriter &writer) {
            writer.append(quint64(0)); // no answer
            writer.append(id());
            encodeValue(writer, handle, *link.core());
        });
    });
    return true;
}

Task<bool> RemoteChannel::subscribeConfirmed(Subscriber subscriber, QDeadlineTimer deadline)
{
    const auto guard = self();
    checkThread("subscribe()");
    if (m_closed)
        throwClosed(QLatin1StringView("subscribe()"));
    const QVariant done = co_await m_link->ask(FrameKind::Subscribe, 2, deadline, [&](QCborStreamWriter &writer) {
        writer.append(id());
        encodeValue(writer, handleOf(subscriber), *m_link->core());
    });
    co_return done.toBool();
}

bool RemoteChannel::unsubscribe(const Subscriber &subscriber)
{
    if (m_closed)
        return false;
    post([this, handle = handleOf(subscriber)](PeerLink &link) {
        link.send(FrameKind::Unsubscribe, 2, [&](QCborStreamWriter &writer) {
            writer.append(id());
            encodeValue(writer, handle, *link.core());
        });
    });
    return true;
}

// --- messages ---

bool RemoteChannel::mayCross(int crossings) const
{
    if (crossings < MaxCrossings)
        return true;
    qCWarning(lcRemoteChannel).noquote() << "a message for channel" << name() << "has passed from process to process"
                                         << crossings << "times and is dropped: there is a circle of channels";
    return false;
}

bool RemoteChannel::send(Message &&message, int crossings)
{
    if (m_closed)
        return false;
    if (!mayCross(crossings))
        return true;
    const auto write = [this, crossings](PeerLink &link, const Message &text) {
        link.send(FrameKind::Publish, 6, [&](QCborStreamWriter &writer) {
            writer.append(quint64(0)); // no answer
            writer.append(id());
            writer.append(quint64(crossings + 1));
            writer.append(quint64(0));
            writer.appendNull();
            encodeValue(writer, text, *link.core());
        });
    };
    if (m_link->core()->isOnOwnThread()) {
        if (!m_link->hasRoom())
            return false;
        write(*m_link, message);
        return !m_closed;
    }
    PostedMessage posted(m_link, std::move(message));
    if (posted.isTooMuch())
        return false;
    post([write, posted = std::move(posted)](PeerLink &link) { write(link, posted.message()); });
    return true;
}

Task<int> RemoteChannel::deliver(Message message, int atLeast, QDeadlineTimer deadline, int crossings)
{
    const auto guard = self();
    checkThread("deliver()");
    if (m_closed)
        throwClosed(QLatin1StringView("deliver()"));
    if (!mayCross(crossings))
        co_return 0;
    Lock::Guard turn;
    if (!m_link->hasRoom())
        turn = co_await m_link->waitForRoom(deadline);
    const auto write = [&](QCborStreamWriter &writer) {
        turn.release(); // this one has its place in the queue now
        writer.append(id());
        writer.append(quint64(crossings + 1));
        writer.append(quint64(atLeast));
        if (deadline.isForever())
            writer.appendNull();
        else
            writer.append(quint64(deadline.remainingTime()));
        encodeValue(writer, message, *m_link->core());
    };
    QVariant count = co_await m_link->ask(FrameKind::Publish, 5, withAnswerTime(deadline), write);
    co_return valueAs<int>(count, QStringLiteral("the number of recipients"));
}

void RemoteChannel::pack(Message message, QDeadlineTimer deadline, int crossings, Parcels &parcels)
{
    parcels.elsewhere.push_back(forward(std::move(message), deadline, crossings));
}

Task<int> RemoteChannel::forward(Message message, QDeadlineTimer deadline, int crossings)
{
    const auto guard = self();
    checkThread("deliver()");
    try {
        co_return co_await deliver(std::move(message), 0, deadline, crossings);
    } catch (const WireError &) {
        throw;
    } catch (const Error &) {
        co_return 0;
    }
}

void RemoteChannel::close()
{
    if (m_closed)
        return;
    post([this](PeerLink &link) {
        link.send(FrameKind::Close, 1, [&](QCborStreamWriter &writer) { writer.append(id()); });
        setClosed();
    });
}

} // namespace Asyncoro::Detail
