// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "discoverycore_p.h"
#include "names_p.h"

#include <Asyncoro/Timeout>

#include <QLoggingCategory>

Q_LOGGING_CATEGORY(lcDiscoveryPeers, "asyncoro.discovery", QtInfoMsg)

// What Discovery does over connections: makes them, keeps them, and introduces peers to each other.

namespace Asyncoro::Detail {

namespace {

constexpr qsizetype MaxConnecting = 256;
constexpr qsizetype MaxMet = 1000; // before those that are gone are forgotten
constexpr qsizetype MaxIntroduced = 256; // by one relay
constexpr qsizetype MaxRelayed = 256;
constexpr int MaxMeeting = 32;
constexpr QLatin1StringView RelayName{"asyncoro.discovery.relay"};
constexpr QLatin1StringView MeetName{"asyncoro.discovery.meet"};

} // namespace

bool DiscoveryCore::isConnected(const QByteArray &incarnation) const
{
    const auto link = m_network->linkOf(incarnation);
    return link && link->hasSession();
}

void DiscoveryCore::connectInTheBackground(const Location &location, const QByteArray &incarnation)
{
    if (isConnected(incarnation) || m_connecting.contains(incarnation) || m_connecting.size() >= MaxConnecting)
        return;
    m_connecting.insert(incarnation);
    track(spawn(&DiscoveryCore::connectTo, shared_from_this(), location, incarnation),
          QStringLiteral("discovery: connects to ") + location.toString());
}

Task<> DiscoveryCore::connectTo(Location location, QByteArray incarnation)
{
    const auto self = shared_from_this();
    try {
        if (const auto link = co_await m_network->reach(location, QDeadlineTimer(discoveryLimits().connect))) {
            if (m_met.size() >= MaxMet)
                m_met.removeIf([this](const QByteArray &met) { return !isConnected(met); });
            m_met.insert(link->incarnation());
        }
        m_journal.connected(location.toString());
        m_connectedOne.pulse();
    } catch (const Error &e) {
        m_journal.notConnected(location.toString(), e.message());
        qCInfo(lcDiscoveryPeers).noquote()
            << "found" << location.toString() << "but cannot connect to it:" << e.message();
    }
    m_connecting.remove(incarnation);
}

// --- explicit peers ---

void DiscoveryCore::addPeer(const QString &host)
{
    constexpr quint16 NoPort = 1; // fromString() takes no 0
    const Location withDefault = Location::fromString(host, NoPort);
    if (!withDefault.isValid())
        throw Error(QStringLiteral("\"%1\" is neither HOST nor HOST:PORT").arg(host));
    if (const Location location = Location::fromString(host); location.isValid()) {
        if (m_keepers.contains(host))
            return;
        const Coro<> keeper = spawn(&DiscoveryCore::keepConnected, shared_from_this(), location);
        keeper.setName(QStringLiteral("discovery: keeps the connection to ") + host);
        keeper.setDaemon();
        m_keepers.insert(host, keeper);
    } else {
        m_hosts.insert(withDefault.address());
        discover();
    }
}

void DiscoveryCore::removePeer(const QString &host)
{
    m_keepers.take(host).terminate();
    m_hosts.remove(Location::fromString(host, 1).address());
}

Task<> DiscoveryCore::keepConnected(Location location)
{
    const auto self = shared_from_this();
    const DiscoveryLimits &limits = discoveryLimits();
    std::chrono::milliseconds interval = limits.firstInterval;
    QString lastFailure;
    for (;;) {
        try {
            const auto link = co_await m_network->reach(location, QDeadlineTimer(limits.connect));
            if (!link)
                co_return; // it is this process
            m_journal.connected(location.toString());
            m_connectedOne.pulse();
            interval = limits.firstInterval;
            lastFailure.clear();
            const QVariant anchor = co_await link->call(AnchorFunction, {});
            co_await anchor.value<Coro<>>().finish(); // which throws when it is lost
        } catch (const Error &e) {
            if (e.message() != lastFailure) {
                lastFailure = e.message();
                qCInfo(lcDiscoveryPeers).noquote() << lastFailure + QStringLiteral("; trying again");
            }
            m_journal.notConnected(location.toString(), e.message());
        }
        if (m_network->isClosed())
            co_return;
        co_await sleep(about(interval));
        interval = std::min(2 * interval, limits.longestInterval);
    }
}

// --- search for a service ---

Task<DiscoveredPeer> DiscoveryCore::find(std::shared_ptr<DiscoveryCore> self, QString service, QDeadlineTimer deadline)
{
    const auto search = std::make_shared<Search>();
    search->service = service;
    struct Entry
    {
        QList<std::shared_ptr<Search>> &list;
        const std::shared_ptr<Search> &entry;
        ~Entry() { list.removeOne(entry); }
    } const entry{self->m_searches, search};
    self->m_searches.append(search);
    self->discover();
    if (!self->m_closed) {
        try {
            co_await search->foundOrClosed.wait(deadline);
        } catch (const TimedOut &) {
            throw TimedOut(self->report());
        }
    }
    if (!search->result)
        throw Error(QStringLiteral("discovery has ended"));
    co_return *search->result;
}

// --- relays ---

Task<QList<Location>> DiscoveryCore::announceThrough(std::shared_ptr<DiscoveryCore> self, Location relay)
{
    const auto link = co_await self->m_network->reach(relay, QDeadlineTimer(discoveryLimits().connect));
    if (!link)
        throw Error(QStringLiteral("%1 is this process").arg(relay.toString()));
    const Ping ours = self->makePing(Ping::Kind::Question);
    const bool isExternal = !self->m_network->options().externalAddress.isEmpty();
    const QVariantList arguments{isExternal ? ours.address : QString(), QVariant::fromValue(ours.port)};
    const QVariant answer = co_await link->call(RelayName, arguments);
    QList<Location> locations;
    for (const QString &text : answer.toStringList()) {
        const Location location = Location::fromString(text);
        if (!location.isValid() || self->m_closed)
            continue;
        locations.append(location);
        // Their way to us may be blocked, and ours to them free.
        self->connectInTheBackground(location, text.toUtf8());
    }
    co_return locations;
}

Task<QStringList> DiscoveryCore::relay(Peer asker, QString address, quint16 port)
{
    const auto self = shared_from_this();
    const Location newcomer(address.isEmpty() ? asker.address() : address, port);
    if (!newcomer.isValid())
        throw Error(QStringLiteral("%1 does not listen for connections").arg(asker.address()));
    const Location key = asker.location().isValid() ? asker.location() : Location(asker.address(), 1);
    m_relayed.removeIf([](const auto &entry) { return entry.value().hasExpired(); });
    if (m_relayed.contains(key) || m_relayed.size() >= MaxRelayed)
        throw Error(QStringLiteral("%1 relays once in %2 s only")
                        .arg(m_network->name())
                        .arg(discoveryLimits().relayInterval.count() / 1000));
    m_relayed.insert(key, QDeadlineTimer(discoveryLimits().relayInterval));

    discover();
    const QDeadlineTimer end(discoveryLimits().relay);
    QSet<const PeerLink *> introduced{asker.link().get()};
    QStringList locations;
    for (;;) {
        for (const std::shared_ptr<PeerLink> &link : m_network->connectedLinks()) {
            if (introduced.contains(link.get()) || introduced.size() > MaxIntroduced)
                continue;
            introduced.insert(link.get());
            if (link->location().isValid())
                locations.append(link->location().toString());
            track(spawn(&DiscoveryCore::introduce, shared_from_this(), link, newcomer),
                  QStringLiteral("discovery: introduces a peer"));
        }
        try {
            co_await m_connectedOne.wait(end);
        } catch (const TimedOut &) {
            break;
        }
        if (m_closed)
            throw Error(QStringLiteral("discovery has ended"));
    }
    co_return locations;
}

Task<> DiscoveryCore::introduce(std::shared_ptr<PeerLink> link, Location newcomer)
{
    try {
        co_await withTimeout(QDeadlineTimer(discoveryLimits().connect),
                             link->call(MeetName, {newcomer.address(), QVariant::fromValue(newcomer.port())}));
    } catch (const Error &e) {
        qCDebug(lcDiscoveryPeers).noquote()
            << link->location().toString() << "was not introduced to" << newcomer.toString() + u':' << e.message();
    }
}

Task<> DiscoveryCore::meet(QString address, quint16 port)
{
    const auto self = shared_from_this();
    if (!m_answering)
        throw Error(QStringLiteral("%1 does not want to be found").arg(m_network->name()));
    const Location newcomer(address, port);
    if (!newcomer.isValid())
        throw Error(QStringLiteral("\"%1\", port %2 is no location").arg(address).arg(port));
    if (m_meeting >= MaxMeeting)
        throw Error(QStringLiteral("%1 is asked to meet too many").arg(m_network->name()));
    struct Meeting
    {
        int &count;
        explicit Meeting(int &counter)
            : count(++counter)
        {
        }
        ~Meeting() { --count; }
    } const meeting(m_meeting);
    co_await m_network->reach(newcomer, QDeadlineTimer(discoveryLimits().connect));
    m_connectedOne.pulse();
}

} // namespace Asyncoro::Detail
