// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "peernetwork.h"

#include "names_p.h"
#include "networkcore_p.h"
#include "peerdirectory_p.h"
#include "sharedfile.h"
#include "wire/treevalues_p.h"

#include <QMetaEnum>
#include <QMetaProperty>

namespace Asyncoro {

namespace {

/** A PeerInfo for each peer, as maps by the names of its properties: who asks need not be of the same version. */
QVariantList describePeers(const Detail::NetworkCore &core)
{
    QVariantList peers;
    for (const auto &link : core.connectedLinks()) {
        const PeerInfo info = link->info();
        const QMetaObject &type = PeerInfo::staticMetaObject;
        QVariantMap peer;
        for (int i = 0; i < type.propertyCount(); ++i)
            peer.insert(QString::fromLatin1(type.property(i).name()), type.property(i).readOnGadget(&info));
        peer[QStringLiteral("location")] = info.location.toString();
        peer[QStringLiteral("state")] = QString::fromLatin1(QMetaEnum::fromType<PeerInfo::State>().valueToKey(int(info.state)));
        peers.append(peer);
    }
    return peers;
}

} // namespace

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
    offer(QStringLiteral("asyncoro.about"),
          [core = m_core.get()]() -> Task<QVariantMap> { co_return {{QStringLiteral("name"), core->name()}}; });
    offer(Detail::PeersFunction, [core = m_core.get()]() -> Task<QVariantList> { co_return describePeers(*core); });
    registerMessageType<PeerStatus>();
    offer(Detail::AnchorFunction, [core = m_core.get()]() -> Task<Coro<>> { co_return core->anchor(); });
    offer(Detail::FindFunction, [core = m_core.get()](QString type, QString name) -> Task<QVariant> {
        return Detail::findHere(*core, type, name);
    });
    offer(Detail::LocateFunction, [core = m_core.get()](QString type, QString name) -> Task<QVariant> {
        return Detail::locateHere(*core, type, name, QDeadlineTimer::Forever);
    });
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

bool PeerNetwork::authenticatesPeers() const
{
    return m_core->isSecure() || !m_core->options().secret.isEmpty();
}

Coro<> PeerNetwork::anchor() const
{
    return m_core->anchor();
}

QList<Peer> PeerNetwork::peers() const
{
    m_core->checkThread();
    QList<Peer> peers;
    for (const auto &link : m_core->connectedLinks())
        peers.append(Peer(link));
    return peers;
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

void PeerNetwork::closePeer(const Location &location)
{
    m_core->checkThread();
    if (const auto link = m_core->linkAt(location))
        link->close(QStringLiteral("it has closed the connection"),
                    QStringLiteral("this process has closed the connection"));
}

QString PeerNetwork::name() const
{
    return m_core->name();
}

void PeerNetwork::watchPeers(const Coro<> &listener)
{
    m_core->checkThread();
    m_core->directory()->watch(listener);
}

Task<Peer> PeerNetwork::locatePeer(QString name, QDeadlineTimer deadline)
{
    m_core->checkThread();
    return Detail::PeerDirectory::locate(m_core->directory(), std::move(name), deadline);
}

Task<Coro<>> PeerNetwork::anchorOf(Location location)
{
    return call<Coro<>>(std::move(location), Detail::AnchorFunction);
}

void PeerNetwork::withdraw(const QString &name)
{
    m_core->checkThread();
    m_core->withdraw(name);
}

void PeerNetwork::convertArguments(const QString &name, const QString &signature, QVariantList &arguments,
                                   const QList<QMetaType> &types)
{
    bool fit = arguments.size() == types.size();
    QStringList given;
    for (qsizetype i = 0; i < arguments.size(); ++i) {
        given.append(arguments[i].isValid() ? QString::fromLatin1(arguments[i].typeName()) : QStringLiteral("nothing"));
        if (fit && types[i] != QMetaType::fromType<QVariant>() && arguments[i].metaType() != types[i])
            fit = Detail::mayBecome(arguments[i].metaType(), types[i]) && arguments[i].convert(types[i]);
    }
    if (!fit)
        throw WrongSignature(QStringLiteral("the function %1 is %2, and was called with (%3)").arg(name, signature, given.join(u',')));
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

Rci<> PeerNetwork::offerFunction(const QString &name, OfferedFunction function, const QString &signature)
{
    m_core->checkThread();
    return m_core->offer(name, std::move(function), signature);
}

Task<QVariant> PeerNetwork::callFunction(CorePointer core, Location location, QString name, QVariantList arguments)
{
    const auto link = co_await core->reach(location, QDeadlineTimer::Forever);
    if (!link)
        co_return co_await core->invoke(name, Peer(), std::move(arguments));
    co_return co_await link->call(std::move(name), std::move(arguments));
}

Task<QVariant> PeerNetwork::callFunction(CorePointer core, Peer peer, QString name, QVariantList arguments)
{
    core->checkThread();
    const auto link = peer.link();
    if (!link)
        co_return co_await core->invoke(name, Peer(), std::move(arguments));
    co_return co_await link->call(std::move(name), std::move(arguments));
}

Task<Coro<>> PeerNetwork::startFunction(CorePointer core, Location location, QString name, QVariantList arguments)
{
    const auto link = co_await core->reach(location, QDeadlineTimer::Forever);
    if (link)
        co_return co_await link->start(std::move(name), std::move(arguments));
    co_return core->start(name, Peer(), std::move(arguments), {});
}

} // namespace Asyncoro
