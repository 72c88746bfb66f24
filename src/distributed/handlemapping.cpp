// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What this process offers to others, and how handles become identities and identities handles.

#include "endforwarder_p.h"
#include "names_p.h"
#include "networkcore_p.h"
#include "rci_p.h"
#include "remotechannel_p.h"
#include "remotecoro_p.h"
#include "wire/encodedsize_p.h"

namespace Asyncoro::Detail {

namespace {

/** Processes that are known by handles only. Each takes some 3 KB, and one message may name a million. */
constexpr qsizetype MaxUncalled = 10'000;

constexpr qint64 EndedSize = 1024; // in bytes, of a coroutine that has ended, without its value

/** Where others try to call the process behind a link. */
Location whereabouts(const PeerLink &link)
{
    return link.location().isValid() ? link.location() : link.claim();
}

/** In bytes, as it would be sent. */
qint64 sizeOfValue(const LocalCoro &coro)
{
    const QVariant value = coro.result();
    if (!value.isValid())
        return coro.valueType() == typeid(void) || coro.state() != CoroState::Finished ? 0 : UnknownSize;
    return encodedSize(value);
}

} // namespace

// --- functions ---

Rci<> NetworkCore::offer(const QString &name, PeerNetwork::OfferedFunction function, const QString &signature)
{
    if (m_offers.contains(name) && !name.startsWith(OwnPrefix)) // an object of ours may take the place of an earlier one
        throw NameTaken(QStringLiteral("offer(): another function is offered as \"%1\"").arg(name));
    m_offers.insert(name, {signature, std::move(function)});
    m_news.pulse();
    return Rci<>(std::make_shared<RciData>(shared_from_this(), nullptr, Location(), name, signature));
}

void NetworkCore::withdraw(const QString &name)
{
    m_offers.remove(name);
}

Rci<> NetworkCore::findOffer(const QString &name)
{
    const auto offer = m_offers.constFind(name);
    if (offer == m_offers.cend() || name.startsWith(OwnPrefix))
        return {};
    return Rci<>(std::make_shared<RciData>(shared_from_this(), nullptr, Location(), name, offer->signature));
}

Task<QVariant> NetworkCore::invoke(const QString &name, Peer caller, QVariantList arguments, const QString &signature)
{
    if (m_closed)
        throw PeerLost(m_location, QStringLiteral("this process has left the network"));
    const auto offer = m_offers.constFind(name);
    if (offer == m_offers.cend())
        throw WireError(QStringLiteral("%1 offers no function named %2").arg(m_location.toString(), name));
    if (!signature.isEmpty() && signature != offer->signature)
        throw WrongSignature(QStringLiteral("the function %1 is %2, not %3").arg(name, offer->signature, signature));
    return offer->function(std::move(caller), std::move(arguments));
}

Coro<> NetworkCore::start(const QString &name, const Peer &caller, QVariantList arguments, const QString &signature)
{
    const Coro<> coro = spawn(invoke(name, caller, std::move(arguments), signature));
    coro.setName(name);
    return coro;
}

bool NetworkCore::addStarted(const Coro<> &coro, const std::shared_ptr<PeerLink> &link)
{
    if (!m_startedObserver) {
        m_startedObserver = std::make_shared<EndForwarder>(weak_from_this(), [weak = weak_from_this()](const Coro<> &ended) {
            const auto self = weak.lock();
            if (const auto starter = self ? self->m_startedFor.take(ended.id()).lock() : nullptr)
                starter->startedEnded();
        });
    }
    const bool runs = coro.data()->addEndObserver(m_startedObserver);
    if (runs)
        m_startedFor.insert(coro.id(), link);
    return runs;
}

// --- handles ---

void NetworkCore::observeExported(const Coro<> &coro)
{
    if (!m_exportedObserver) {
        m_exportedObserver = std::make_shared<EndForwarder>(weak_from_this(), [weak = weak_from_this()](const Coro<> &ended) {
            if (const auto self = weak.lock())
                self->exportedEnded(ended);
        });
    }
    if (!coro.data()->addEndObserver(m_exportedObserver))
        exportedEnded(coro);
}

/** It stays for those who ask late how it ended, until there are too many others, or their values are too large. */
void NetworkCore::exportedEnded(const Coro<> &coro)
{
    const qint64 size = EndedSize + sizeOfValue(static_cast<const LocalCoro &>(*coro.data()));
    m_endedExports.push_back({coro.id(), size});
    m_endedSize += size;
    while (m_endedSize > peerLimits().ended && m_endedExports.size() > 1) {
        const EndedExport oldest = m_endedExports.front();
        m_endedExports.pop_front();
        m_endedSize -= oldest.size;
        const Coro<> ended = findExported(oldest.id);
        if (ended.isRunning())
            observeExported(ended); // again, after a hot swap
        else
            m_exported.remove(oldest.id);
    }
}

Coro<> NetworkCore::findSubject(quint64 id) const
{
    const Coro<> coro = findExported(id);
    return coro == m_anchor ? Coro<>() : coro;
}

std::shared_ptr<PeerLink> NetworkCore::linkOf(const Identity &identity)
{
    std::shared_ptr<PeerLink> link = linkOf(identity.process);
    if (!link) {
        if (identity.process.size() != Hello::IncarnationSize)
            throw MalformedFrame(QStringLiteral("a process named by %1 bytes").arg(identity.process.size()));
        if (m_byIncarnation.size() >= m_dropLinksAt || m_uncalled >= MaxUncalled)
            dropUnusedLinks();
        if (m_uncalled >= MaxUncalled)
            throw WireError(QStringLiteral("handles of too many processes: %1 are known that were never called").arg(m_uncalled));
        ++m_uncalled;
        Location location = identity.location;
        if (m_speaker)
            location = Location(asSeenFromHere(location.address(), m_speaker->address()), location.port());
        link = std::make_shared<PeerLink>(shared_from_this(), location, identity.process);
        m_byIncarnation.insert(identity.process, link);
    }
    return link;
}

Identity NetworkCore::identify(const Coro<> &coro)
{
    if (!coro.data()->isLocal()) {
        const PeerLink &link = *static_cast<const RemoteCoro *>(coro.data().data())->link();
        return {link.incarnation(), whereabouts(link), coro.id(), coro.name(), {}};
    }
    if (!m_exported.contains(coro.id())) {
        observeExported(coro);
        m_exported.insert(coro.id(), {coro});
    }
    return {m_incarnation, advertised(), coro.id(), coro.name(), {}};
}

Coro<> NetworkCore::resolveCoro(const Identity &identity)
{
    if (identity.process == m_incarnation)
        return findExported(identity.id);
    std::shared_ptr<PeerLink> link = linkOf(identity);
    if (const CoroPointer watched = link->findWatched(identity.id))
        return Coro<>(watched); // so that it is watched only once
    return Coro<>(CoroPointer(new RemoteCoro(std::move(link), identity.id, identity.name)));
}

Identity NetworkCore::identify(const Channel &channel)
{
    if (!channel.data()->isLocal()) {
        const PeerLink &link = *static_cast<const RemoteChannel *>(channel.data().get())->link();
        return {link.incarnation(), whereabouts(link), channel.id(), channel.name(), {}};
    }
    m_channels->add(channel);
    return {m_incarnation, advertised(), channel.id(), channel.name(), {}};
}

Channel NetworkCore::resolveChannel(const Identity &identity)
{
    if (identity.process == m_incarnation)
        return m_channels->find(identity.id);
    return Channel(linkOf(identity)->channel(identity.id, identity.name));
}

Identity NetworkCore::identify(const Rci<> &rci)
{
    const RciData &data = *rci.data();
    if (data.link)
        return {data.link->incarnation(), whereabouts(*data.link), 0, data.name, data.signature};
    return {m_incarnation, advertised(), 0, data.name, data.signature};
}

Rci<> NetworkCore::resolveRci(const Identity &identity)
{
    const std::shared_ptr<PeerLink> link = identity.process == m_incarnation ? nullptr : linkOf(identity);
    return Rci<>(std::make_shared<RciData>(shared_from_this(), link, link ? link->location() : Location(), identity.name,
                                           identity.signature));
}

} // namespace Asyncoro::Detail
