// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "dnssdcore_p.h"

#include "avahi_p.h"

#include <Asyncoro/Sleep>
#include <Asyncoro/Timeout>

#include <QDBusConnection>
#include <QLoggingCategory>
#include <QNetworkInterface>
#include <QRandomGenerator>

#include <algorithm>

Q_LOGGING_CATEGORY(lcDnsSd, "asyncoro.discovery", QtInfoMsg)

namespace Asyncoro::Detail {

using namespace std::chrono_literals;

namespace {

constexpr qsizetype MaxKnown = 256; // services, whoever announces them
constexpr int MaxConnecting = 16; // at a time
constexpr std::chrono::milliseconds FirstInterval = 1s; // between attempts; doubles each time
constexpr std::chrono::milliseconds LongestInterval = 60s;
constexpr auto IntervalAfterRefusal = 1h; // each refusal is a warning in the logs of both sides
constexpr auto TimeToConnect = 10s;

/** A function that each process with a DnsSd offers to its peers: its services. */
constexpr QLatin1StringView ServicesFunction{"asyncoro.dnssd.services"};

Announcement announcementOf(const PeerNetwork &network, const DnsSd::Options &options)
{
    const QHostAddress listening(network.location().address());
    const bool isWildcard = listening == QHostAddress::AnyIPv4 || listening == QHostAddress::AnyIPv6;
    return {options.network, options.services, isWildcard ? QHostAddress() : listening};
}

/** Between three quarters and five quarters of it, so that not all processes try at the same time. */
QDeadlineTimer about(std::chrono::milliseconds interval)
{
    return QDeadlineTimer(interval * QRandomGenerator::global()->bounded(75, 126) / 100);
}

QString keyOf(const KDNSSD::RemoteService &service)
{
    return service.serviceName() + u'.' + service.domain();
}

/** Multicast DNS is about one's own networks: an address elsewhere is a lie, and so is one of loopback. */
bool isInOwnNetwork(const QHostAddress &address)
{
    if (address.isLoopback())
        return false;
    for (const QNetworkInterface &interface : QNetworkInterface::allInterfaces()) {
        for (const QNetworkAddressEntry &entry : interface.addressEntries()) {
            if (address.isInSubnet(entry.ip(), entry.prefixLength()))
                return true;
        }
    }
    return false;
}

/** Anybody chooses the names of services. */
QString printable(QString name)
{
    for (QChar &c : name) {
        if (!c.isPrint())
            c = u'?';
    }
    return name;
}

bool isInLocalDomain(QString host)
{
    if (host.endsWith(u'.'))
        host.chop(1);
    return host.endsWith(QLatin1StringView(".local"), Qt::CaseInsensitive);
}

} // namespace

// --- life ---

DnsSdCore::DnsSdCore(PeerNetwork &network, const DnsSd::Options &options)
    : m_network(network)
    , m_options(options)
    , m_announcement(announcementOf(network, options))
    , m_connecting(MaxConnecting)
{
    m_announcement.check();
    if (!network.authenticatesPeers())
        throw Error(QStringLiteral("DNS-SD takes a network with a secret or certificates"));
}

DnsSdCore::~DnsSdCore() = default;

void DnsSdCore::open()
{
    m_network.offer(ServicesFunction, [services = m_options.services]() -> Task<QStringList> { co_return services; });
    m_watcher = std::make_unique<QDBusServiceWatcher>(AvahiService, QDBusConnection::systemBus());
    QObject::connect(m_watcher.get(), &QDBusServiceWatcher::serviceRegistered, m_watcher.get(), [this] { begin(); });
    QObject::connect(m_watcher.get(), &QDBusServiceWatcher::serviceUnregistered, m_watcher.get(), [this] { end(); });
    m_opener = spawn(&DnsSdCore::useAvahiIfItRuns, shared_from_this());
    m_opener.setName(QStringLiteral("DNS-SD: asks for Avahi"));
    m_opener.setDaemon();
}

void DnsSdCore::close()
{
    m_closed = true;
    m_opener.terminate();
    m_watcher.reset();
    end();
    m_network.withdraw(ServicesFunction);
    m_connectedOneOrClosed.pulse();
}

// --- Avahi, and what it tells ---

Task<> DnsSdCore::useAvahiIfItRuns()
{
    const auto self = shared_from_this();
    try {
        co_await checkThatAvahiRuns();
        begin();
    } catch (const Error &e) {
        m_problem = e.message();
        qCInfo(lcDnsSd).noquote() << "DNS-SD is not used, for Avahi does not run on this machine:" << m_problem;
    }
}

void DnsSdCore::begin()
{
    if (std::exchange(m_inUse, true))
        return;
    if (m_options.announce && listensBeyondThisMachine())
        announce();
    if (m_options.search)
        browse();
}

void DnsSdCore::end()
{
    m_inUse = false;
    m_problem = QStringLiteral("Avahi has ended");
    m_service.reset();
    m_browser.reset();
    for (const Known &known : std::exchange(m_known, {}))
        known.keeper.terminate();
}

void DnsSdCore::announce()
{
    m_service = std::make_unique<KDNSSD::PublicService>(serviceName(m_network.name()), Announcement::Type,
                                                        m_network.location().port());
    m_service->setTextData(m_announcement.toText());
    QObject::connect(m_service.get(), &KDNSSD::PublicService::published, m_service.get(), [](bool successful) {
        if (!successful)
            qCWarning(lcDnsSd).noquote() << "Avahi does not announce this process";
    });
    m_service->publishAsync();
}

void DnsSdCore::browse()
{
    constexpr bool WithAddresses = true;
    m_browser = std::make_unique<KDNSSD::ServiceBrowser>(Announcement::Type, WithAddresses);
    QObject::connect(m_browser.get(), &KDNSSD::ServiceBrowser::serviceAdded, m_browser.get(),
                     [this](const KDNSSD::RemoteService::Ptr &service) { added(service); });
    QObject::connect(m_browser.get(), &KDNSSD::ServiceBrowser::serviceRemoved, m_browser.get(),
                     [this](const KDNSSD::RemoteService::Ptr &service) { removed(service); });
    m_browser->startBrowse();
}

void DnsSdCore::added(const KDNSSD::RemoteService::Ptr &service)
{
    const QString key = keyOf(*service);
    if (const auto known = m_known.find(key); known != m_known.end()) {
        ++known->count;
        return;
    }
    makeRoom();
    if (m_known.size() >= MaxKnown)
        return;
    const Coro<> keeper = spawn(&DnsSdCore::keepConnected, shared_from_this(), key);
    keeper.setName(QStringLiteral("DNS-SD: keeps the connection to ") + printable(service->serviceName()));
    keeper.setDaemon();
    m_known.insert(key, {service, 1, ++m_count, keeper, {}, QStringLiteral("not tried yet")});
}

/** Where there are too many, that goes which had its chance for the longest time. */
void DnsSdCore::makeRoom()
{
    if (m_known.size() < MaxKnown)
        return;
    auto oldest = m_known.end();
    for (auto known = m_known.begin(); known != m_known.end(); ++known) {
        if (!known->connected && (oldest == m_known.end() || known->number < oldest->number))
            oldest = known;
    }
    if (oldest != m_known.end()) {
        oldest->keeper.terminate();
        m_known.erase(oldest);
    }
}

void DnsSdCore::removed(const KDNSSD::RemoteService::Ptr &service)
{
    const auto known = m_known.find(keyOf(*service));
    if (known == m_known.end() || --known->count > 0)
        return;
    known->keeper.terminate();
    m_known.erase(known);
}

// --- connections ---

bool DnsSdCore::listensBeyondThisMachine() const
{
    return !QHostAddress(m_network.location().address()).isLoopback();
}

bool DnsSdCore::isThisProcess(const QHostAddress &address, quint16 port) const
{
    if (port != m_network.location().port())
        return false;
    QHostAddress plain = address;
    plain.setScopeId({});
    return m_announcement.address.isNull()
        ? std::ranges::any_of(QNetworkInterface::allAddresses(),
                              [&](QHostAddress own) {
                                  own.setScopeId({});
                                  return own == plain;
                              })
        : plain == m_announcement.address;
}

void DnsSdCore::setState(const QString &key, const QString &state, std::optional<DiscoveredPeer> connected)
{
    const auto known = m_known.find(key);
    if (known == m_known.end())
        return;
    qCDebug(lcDnsSd).noquote() << "announced by DNS-SD:" << printable(known->service->serviceName()) + u':' << state;
    known->state = state;
    known->connected = std::move(connected);
    if (known->connected)
        m_connectedOneOrClosed.pulse();
}

Task<> DnsSdCore::keepConnected(QString key)
{
    const auto self = shared_from_this();
    const KDNSSD::RemoteService::Ptr service = m_known.value(key).service;
    std::chrono::milliseconds interval = FirstInterval;
    for (;;) {
        std::optional<DiscoveredPeer> peer;
        bool refused = false;
        try {
            peer = co_await connectTo(service);
            if (!peer)
                setState(key, QStringLiteral("of no interest"));
        } catch (const PeerRefused &e) {
            setState(key, e.message());
            refused = true;
        } catch (const Error &e) {
            setState(key, e.message());
        }
        if (peer) {
            setState(key, QStringLiteral("connected at ") + peer->location.toString(), peer);
            co_await untilLost(peer->location);
            setState(key, QStringLiteral("it was lost"));
            interval = FirstInterval;
        }
        if (refused) {
            co_await sleep(about(IntervalAfterRefusal));
            continue;
        }
        try {
            co_await m_tryNow.wait(about(interval));
        } catch (const TimedOut &) {
            interval = std::min(2 * interval, LongestInterval);
        }
    }
}

Task<> DnsSdCore::untilLost(Location location)
{
    try {
        const Coro<> anchor = co_await m_network.anchorOf(location);
        co_await anchor.finish();
    } catch (const Error &e) {
        qCDebug(lcDnsSd).noquote() << e.message();
    }
}

/** Nothing if it is of no interest. */
Task<std::optional<DiscoveredPeer>> DnsSdCore::connectTo(KDNSSD::RemoteService::Ptr service)
{
    const auto announcement = Announcement::fromText(service->textData());
    if (!announcement || announcement->network != m_options.network || !isWanted(announcement->services))
        co_return std::nullopt;
    const auto permit = co_await m_connecting.acquire();
    if (!announcement->address.isNull())
        co_return co_await connectTo(announcement->address, service->port(), printable(service->serviceName()));

    if (!isInLocalDomain(service->hostName()))
        throw Error(QStringLiteral("%1 is no host of a local network").arg(printable(service->hostName())));
    QString failure;
    for (const auto protocol : {QHostAddress::IPv4Protocol, QHostAddress::IPv6Protocol}) {
        try {
            const QHostAddress address = co_await addressInLocalNetwork(service->hostName(), protocol);
            co_return co_await connectTo(address, service->port(), printable(service->serviceName()));
        } catch (const PeerRefused &) {
            throw; // by the process itself
        } catch (const Error &e) {
            failure += (failure.isEmpty() ? QString() : QStringLiteral("; ")) + e.message();
        }
    }
    throw Error(failure);
}

Task<std::optional<DiscoveredPeer>> DnsSdCore::connectTo(QHostAddress address, quint16 port, QString name)
{
    if (isThisProcess(address, port))
        co_return std::nullopt;
    if (!isInOwnNetwork(address))
        throw Error(QStringLiteral("%1 is in no network of this machine").arg(address.toString()));
    const Location location(address.toString(), port);
    const QDeadlineTimer deadline(TimeToConnect);
    co_await m_network.connect(location, deadline);
    const auto services =
        co_await withTimeout(deadline, m_network.call<QStringList>(location, QString(ServicesFunction)));
    if (!isWanted(services))
        throw Error(QStringLiteral("%1 is no %2, whatever was announced").arg(location.toString(), m_options.lookFor));
    co_return DiscoveredPeer{location, name, services};
}

// --- what is found ---

QList<DiscoveredPeer> DnsSdCore::found() const
{
    QList<DiscoveredPeer> peers;
    for (const Known &known : m_known) {
        if (known.connected)
            peers.append(*known.connected);
    }
    return peers;
}

Task<DiscoveredPeer> DnsSdCore::find(std::shared_ptr<DnsSdCore> self, QString service, QDeadlineTimer deadline)
{
    self->m_tryNow.pulse();
    for (;;) {
        if (self->m_closed)
            throw Error(QStringLiteral("DNS-SD has ended"));
        for (const DiscoveredPeer &peer : self->found()) {
            if (peer.services.contains(service))
                co_return peer;
        }
        try {
            co_await self->m_connectedOneOrClosed.wait(deadline);
        } catch (const TimedOut &) {
            throw TimedOut(self->report());
        }
    }
}

QString DnsSdCore::report() const
{
    QStringList lines;
    if (!m_inUse)
        lines.append(QStringLiteral("DNS-SD is not used: ") + m_problem);
    else if (m_service && m_service->isPublished())
        lines.append(QStringLiteral("DNS-SD: this process is announced as ") + m_service->serviceName());
    else
        lines.append(QStringLiteral("DNS-SD: this process is not announced"));
    if (m_inUse && m_options.search && m_known.isEmpty())
        lines.append(QStringLiteral("  nobody else is announced in the networks of this machine"));
    for (const Known &known : m_known)
        lines.append(QStringLiteral("  %1: %2").arg(printable(known.service->serviceName()), known.state));
    return lines.join(u'\n');
}

} // namespace Asyncoro::Detail
