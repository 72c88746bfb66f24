// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "peernetwork.h"

#include "networkcore_p.h"
#include "sharedfile.h"

namespace Asyncoro {

namespace {
constexpr QLatin1StringView AnchorName{"asyncoro.anchor"};
}

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
    return m_link && m_link->hasSession();
}

PeerInfo Peer::info() const
{
    return m_link ? m_link->info() : PeerInfo();
}

PeerNetwork::PeerNetwork(const Options &options)
    : m_core(std::make_shared<Detail::NetworkCore>(options))
{
    offer(QStringLiteral("asyncoro.locate"), [core = m_core.get()](QString name) -> Task<Coro<>> { co_return core->findNamed(name); });
    Detail::offerSharedFiles(*this);
    m_core->open();
    registerCoro(AnchorName, anchor());
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
    return [](CorePointer core, Location there, QDeadlineTimer until) -> Task<Peer> {
        const auto link = co_await core->reach(there, until);
        if (!link)
            throw Error(QStringLiteral("%1 is this process").arg(there.toString()));
        co_return Peer(link);
    }(m_core, std::move(location), deadline);
}

void PeerNetwork::registerCoro(const QString &name, const Coro<> &coro)
{
    m_core->registerCoro(name, coro);
}

Task<Coro<>> PeerNetwork::locate(Location location, QString name)
{
    return call<Coro<>>(location, QStringLiteral("asyncoro.locate"), name);
}

Task<Coro<>> PeerNetwork::anchorOf(Location location)
{
    return locate(location, AnchorName);
}

void PeerNetwork::convert(QVariant &value, QMetaType type, const QString &what)
{
    const QString was = QString::fromLatin1(value.typeName());
    if (!value.convert(type))
        throw WireError(QStringLiteral("%1 is a %2, not a %3").arg(what, was, QString::fromLatin1(type.name())));
}

QByteArray PeerNetwork::toBytes(const QVariant &value) const
{
    QByteArray bytes;
    QCborStreamWriter writer(&bytes);
    Detail::encodeValue(writer, value, *m_core);
    return bytes;
}

QVariant PeerNetwork::fromBytes(const QByteArray &bytes) const
{
    QCborStreamReader reader(bytes);
    return Detail::decodeValue(reader, *m_core);
}

void PeerNetwork::offerFunction(const QString &name, OfferedFunction function)
{
    m_core->offer(name, std::move(function));
}

Task<QVariant> PeerNetwork::callFunction(CorePointer core, Location location, QString name, QVariantList arguments)
{
    const auto link = co_await core->reach(location, QDeadlineTimer::Forever);
    if (!link)
        co_return co_await core->invoke(name, Peer(), std::move(arguments));
    co_return co_await link->call(std::move(name), std::move(arguments), false);
}

Task<Coro<>> PeerNetwork::startFunction(CorePointer core, Location location, QString name, QVariantList arguments)
{
    const auto link = co_await core->reach(location, QDeadlineTimer::Forever);
    if (link)
        co_return (co_await link->call(std::move(name), std::move(arguments), true)).value<Coro<>>();
    const Coro<> coro = spawn(core->invoke(name, Peer(), std::move(arguments)));
    coro.setName(name);
    co_return coro;
}

} // namespace Asyncoro
