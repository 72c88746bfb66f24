// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "peernetwork.h"

#include "networkcore_p.h"
#include "sharedfile.h"

namespace Asyncoro {

Location Peer::location() const
{
    return m_link ? m_link->location() : Location();
}

QString Peer::address() const
{
    return m_link ? m_link->address() : QString();
}

bool Peer::isConnected() const
{
    return m_link && m_link->state() == Detail::PeerLink::State::Connected;
}

PeerNetwork::PeerNetwork(const Options &options)
    : m_core(std::make_shared<Detail::NetworkCore>(options))
{
    offer(QStringLiteral("asyncoro.locate"), [core = m_core.get()](QString name) -> Task<Coro<>> { co_return core->findNamed(name); });
    Detail::offerSharedFiles(*this);
    m_core->open();
}

PeerNetwork::PeerNetwork()
    : PeerNetwork(Options())
{
}

PeerNetwork::~PeerNetwork()
{
    m_core->close();
}

Location PeerNetwork::location() const
{
    return m_core->location();
}

Coro<> PeerNetwork::anchor() const
{
    return m_core->anchor();
}

QList<Peer> PeerNetwork::peers() const
{
    return m_core->peers();
}

Task<Peer> PeerNetwork::connect(Location location, QDeadlineTimer deadline)
{
    if (m_core->isHere(location))
        throw Error(QStringLiteral("%1 is this process").arg(location.toString()));
    const auto core = m_core;
    const auto link = core->linkTo(co_await core->resolveHost(location));
    co_await link->connected(deadline);
    co_return Peer(link);
}

void PeerNetwork::registerCoro(const QString &name, const Coro<> &coro)
{
    m_core->registerCoro(name, coro);
}

Task<Coro<>> PeerNetwork::locate(Location location, QString name)
{
    return call<Coro<>>(location, QStringLiteral("asyncoro.locate"), name);
}

void PeerNetwork::convert(QVariant &value, QMetaType type, const QString &what)
{
    const QString was = QString::fromLatin1(value.typeName());
    if (!value.convert(type))
        throw WireError(QStringLiteral("%1 is a %2, not a %3").arg(what, was, QString::fromLatin1(type.name())));
}

void PeerNetwork::offerFunction(const QString &name, OfferedFunction function)
{
    m_core->offer(name, std::move(function));
}

Task<QVariant> PeerNetwork::callFunction(Location location, QString name, QVariantList arguments)
{
    const auto core = m_core;
    if (core->isHere(location))
        co_return co_await core->invoke(name, Peer(), std::move(arguments));
    const auto link = core->linkTo(co_await core->resolveHost(location));
    co_return co_await link->call(std::move(name), std::move(arguments), false);
}

Task<Coro<>> PeerNetwork::startFunction(Location location, QString name, QVariantList arguments)
{
    const auto core = m_core;
    if (core->isHere(location)) {
        const Coro<> coro = spawn(core->invoke(name, Peer(), std::move(arguments)));
        coro.setName(name);
        co_return coro;
    }
    const auto link = core->linkTo(co_await core->resolveHost(location));
    co_return (co_await link->call(std::move(name), std::move(arguments), true)).value<Coro<>>();
}

} // namespace Asyncoro
