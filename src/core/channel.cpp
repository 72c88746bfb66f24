// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "channel.h"

#include "localchannel_p.h"
#include "nameregistry_p.h"

namespace Asyncoro {

namespace Detail {
namespace {

class ChannelNames final : public NameRegistry<ChannelData>
{
protected:
    bool isLive(const Pointer &named) const override { return !named->isClosed(); }
    bool watchEnd(const Pointer &named) override { return isLive(named); } // close() takes it out by itself
};

} // namespace

template<>
NameRegistry<ChannelData> &NameRegistry<ChannelData>::instance()
{
    static auto *const names = new ChannelNames;
    return *names;
}

template class NameRegistry<ChannelData>;
template class LocateSuspension<ChannelData>;

} // namespace Detail

ChannelClosed::~ChannelClosed() = default;

Channel::Channel(const QString &name, Transform transform)
    : m_data(std::make_shared<Detail::LocalChannel>(name, std::move(transform)))
{
}

QString Channel::name() const
{
    return m_data ? m_data->name() : QStringLiteral("no channel");
}

void Channel::setTransform(Transform transform) const
{
    if (m_data)
        m_data->setTransform(std::move(transform));
}

bool Channel::subscribe(const Coro<> &subscriber) const
{
    return m_data && subscriber && m_data->subscribe({subscriber.data(), {}});
}

bool Channel::subscribe(const Channel &subscriber) const
{
    return m_data && subscriber && m_data->subscribe({{}, subscriber.m_data});
}

Task<bool> Channel::subscribe(const Coro<> &subscriber, QDeadlineTimer deadline) const
{
    return subscribeTo(m_data, {subscriber.data(), {}}, deadline);
}

Task<bool> Channel::subscribe(const Channel &subscriber, QDeadlineTimer deadline) const
{
    return subscribeTo(m_data, {{}, subscriber.m_data}, deadline);
}

Task<bool> Channel::subscribeTo(std::shared_ptr<Detail::ChannelData> data, Detail::ChannelData::Subscriber subscriber,
                                QDeadlineTimer deadline)
{
    if (!data || (!subscriber.coro && !subscriber.channel))
        co_return false;
    co_return co_await data->subscribeConfirmed(std::move(subscriber), deadline);
}

bool Channel::unsubscribe(const Coro<> &subscriber) const
{
    return m_data && subscriber && m_data->unsubscribe({subscriber.data(), {}});
}

bool Channel::unsubscribe(const Channel &subscriber) const
{
    return m_data && subscriber && m_data->unsubscribe({{}, subscriber.m_data});
}

int Channel::subscriberCount() const
{
    return m_data ? m_data->subscriberCount() : 0;
}

bool Channel::sendMessage(Message &&message) const
{
    return m_data && m_data->send(std::move(message), 0);
}

Task<int> Channel::deliverTo(std::shared_ptr<Detail::ChannelData> data, Message message, int atLeast,
                             QDeadlineTimer deadline)
{
    if (!data)
        throw ChannelClosed(QStringLiteral("deliver() to a null Channel"));
    if (atLeast < 0)
        throw Error(QStringLiteral("deliver() to channel \"%1\": atLeast is %2").arg(data->name()).arg(atLeast));
    co_return co_await data->deliver(std::move(message), atLeast, deadline, 0);
}

void Channel::close() const
{
    if (m_data)
        m_data->close();
}

bool Channel::isClosed() const
{
    return !m_data || m_data->isClosed();
}

void Channel::registerName(const QString &name) const
{
    if (!m_data)
        return;
    const QString &registered = name.isEmpty() ? m_data->name() : name;
    if (!m_data->isLocal())
        throw Error(QStringLiteral("registerName(\"%1\"): the channel is not of this process").arg(registered));
    if (registered.isEmpty())
        throw Error(QStringLiteral("registerName(): the channel has no name of its own, and none is given"));
    using Names = Detail::NameRegistry<Detail::ChannelData>;
    switch (Names::instance().add(registered, m_data)) {
    case Names::Added::Yes:
        break;
    case Names::Added::NameIsTaken:
        throw NameTaken(QStringLiteral("registerName(): another channel is registered as \"%1\"").arg(registered));
    case Names::Added::HasEnded:
        m_data->throwClosed(QLatin1StringView("registerName()"));
    }
}

void Channel::unregisterName() const
{
    if (m_data)
        Detail::NameRegistry<Detail::ChannelData>::instance().remove(m_data.get());
}

Channel Channel::find(const QString &name)
{
    return Channel(Detail::NameRegistry<Detail::ChannelData>::instance().find(name));
}

QDebug operator<<(QDebug debug, const Channel &channel)
{
    const QDebugStateSaver saver(debug);
    return debug.noquote() << "channel" << channel.name();
}

} // namespace Asyncoro
