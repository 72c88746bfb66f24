// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "channelexchange_p.h"

#include "networkcore_p.h"

#include <QLoggingCategory>

Q_LOGGING_CATEGORY(lcExchange, "asyncoro.peer", QtInfoMsg)

namespace Asyncoro::Detail {

namespace {

ChannelData::Subscriber readSubscriber(QCborStreamReader &reader, HandleMapper &handles)
{
    const QVariant handle = decodeValue(reader, handles);
    if (handle.metaType() == QMetaType::fromType<Coro<>>())
        return {handle.value<Coro<>>().data(), {}};
    if (handle.metaType() == QMetaType::fromType<Channel>())
        return {{}, handle.value<Channel>().data()};
    throw MalformedFrame(QStringLiteral("a subscriber that is neither coroutine nor channel"));
}

/** Nothing for ever, or how many milliseconds. */
QDeadlineTimer readDeadline(QCborStreamReader &reader)
{
    if (!reader.isNull())
        return QDeadlineTimer(qint64(std::min<quint64>(readUnsigned(reader), std::numeric_limits<int>::max())));
    reader.next();
    return QDeadlineTimer(QDeadlineTimer::Forever);
}

int readCount(QCborStreamReader &reader)
{
    const quint64 count = readUnsigned(reader);
    if (count > quint64(std::numeric_limits<int>::max()))
        throw MalformedFrame(QStringLiteral("a count of %1").arg(count));
    return int(count);
}

Task<QVariant> deliver(Channel channel, Message message, int atLeast, QDeadlineTimer deadline, int crossings)
{
    co_return co_await channel.data()->deliver(std::move(message), atLeast, deadline, crossings);
}

} // namespace

ChannelExchange::ChannelExchange(const std::shared_ptr<NetworkCore> &core)
    : m_core(core)
{
}

void ChannelExchange::add(const Channel &channel)
{
    if (m_entries.contains(channel.id()))
        return;
    m_entries.insert(channel.id(), {channel, {}});
    observeChannel(*channel.data(), shared_from_this());
}

Channel ChannelExchange::find(quint64 id) const
{
    return m_entries.value(id).channel;
}

Channel ChannelExchange::use(quint64 id, PeerLink &link)
{
    const auto entry = m_entries.find(id);
    if (entry == m_entries.end()) {
        link.send(FrameKind::Closed, 1, [&](QCborStreamWriter &writer) { writer.append(id); });
        throw ChannelClosed(QStringLiteral("channel %1 has been closed").arg(id));
    }
    if (!entry->users.contains(&link)) {
        entry->users.removeIf([](const auto &user) { return user.value().expired(); });
        entry->users.insert(&link, link.weak_from_this());
    }
    return entry->channel;
}

void ChannelExchange::run(PeerLink &link, quint64 number, const std::function<void()> &work)
{
    if (number != 0) {
        link.answerFrame(number, work);
        return;
    }
    try {
        work();
    } catch (const MalformedFrame &) {
        throw;
    } catch (const ChannelClosed &) { // the peer is told that
    } catch (...) {
        qCWarning(lcExchange).noquote() << "what" << link.location().toString() << "asked of a channel was dropped:"
                                        << errorText(std::current_exception());
    }
}

void ChannelExchange::channelClosed(const ChannelData &channel) noexcept
{
    if (const auto core = m_core.lock())
        core->post([self = shared_from_this(), id = channel.id()] { self->remove(id); });
}

void ChannelExchange::remove(quint64 id)
{
    const Entry entry = m_entries.take(id);
    for (const std::weak_ptr<PeerLink> &user : entry.users) {
        if (const auto link = user.lock())
            link->send(FrameKind::Closed, 1, [&](QCborStreamWriter &writer) { writer.append(id); });
    }
}

void ChannelExchange::readPublish(PeerLink &link, QCborStreamReader &reader)
{
    const quint64 number = readUnsigned(reader);
    const quint64 id = readUnsigned(reader);
    const int crossings = readCount(reader);
    const int atLeast = readCount(reader);
    const QDeadlineTimer deadline = readDeadline(reader);
    run(link, number, [&] {
        Message message = decodeValue(reader, *link.core());
        const Channel channel = use(id, link);
        if (number == 0)
            channel.data()->send(std::move(message), crossings);
        else
            link.serve(number, channel.name(), deliver(channel, std::move(message), atLeast, deadline, crossings));
    });
}

void ChannelExchange::readSubscribe(PeerLink &link, QCborStreamReader &reader)
{
    const quint64 number = readUnsigned(reader);
    const quint64 id = readUnsigned(reader);
    run(link, number, [&] {
        const ChannelData::Subscriber subscriber = readSubscriber(reader, *link.core());
        const Channel channel = use(id, link);
        const bool done = (subscriber.coro || subscriber.channel) && channel.data()->subscribe(subscriber);
        if (number != 0)
            link.answer(number, done);
    });
}

void ChannelExchange::readUnsubscribe(PeerLink &link, QCborStreamReader &reader)
{
    const Channel channel = find(readUnsigned(reader));
    const ChannelData::Subscriber subscriber = readSubscriber(reader, *link.core());
    if (channel && (subscriber.coro || subscriber.channel))
        channel.data()->unsubscribe(subscriber);
}

void ChannelExchange::readClose(QCborStreamReader &reader)
{
    find(readUnsigned(reader)).close();
}

} // namespace Asyncoro::Detail
