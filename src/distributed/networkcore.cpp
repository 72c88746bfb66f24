// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "networkcore_p.h"

#include "peerdirectory_p.h"
#include "wire/typeregistry_p.h"

#include <Asyncoro/HostLookup>
#include <Asyncoro/Result>
#include <Asyncoro/WhenAny>

#include <QHostAddress>
#include <QLoggingCategory>
#include <QSysInfo>

Q_LOGGING_CATEGORY(lcPeerNetwork, "asyncoro.network", QtInfoMsg)

namespace Asyncoro::Detail {

namespace {

constexpr qsizetype ManyUncalled = 1000;

/** Work that another thread wants done on the network's thread. */
struct PostedWork {
    std::function<void()> run;
};

bool isWildcard(const QString &address)
{
    const QHostAddress host(address);
    return host == QHostAddress::AnyIPv4 || host == QHostAddress::AnyIPv6;
}

} // namespace

PeerLimits &peerLimits()
{
    static PeerLimits limits;
    return limits;
}

NetworkCore::NetworkCore(const PeerNetwork::Options &options)
    : m_options(options)
    , m_incarnation(randomBytes(Hello::IncarnationSize))
    , m_thread(QThread::currentThread())
    , m_server(std::make_unique<AsyncServer>())
    , m_directory(std::make_shared<PeerDirectory>(*this))
{
    registerContainerTypes();
    if (options.tls) {
        m_connectingTls = m_acceptingTls = *options.tls;
        m_connectingTls.accept({TlsError::Reason::WrongHostName}); // who has a certificate of the authority is a peer
        m_acceptingTls.setClientCertificate(TlsConfiguration::ClientCertificate::Required);
    }
}

NetworkCore::~NetworkCore() = default;

void NetworkCore::open()
{
    m_channels = std::make_shared<ChannelExchange>(shared_from_this());
    if (QHostAddress(m_options.address).isNull())
        throw Error(QStringLiteral("cannot listen on \"%1\": it is no numeric address").arg(m_options.address));
    if (!isTrusted(m_options.address))
        throw Error(missingTrust(QStringLiteral("listen on ") + m_options.address));
    const QHostAddress listening(m_options.address);
    m_server->listen(listening == QHostAddress::AnyIPv6 ? QHostAddress(QHostAddress::Any) : listening, m_options.port);
    m_location = Location(m_options.address, m_server->location().port());

    m_acceptor = spawn(&NetworkCore::acceptPeers, shared_from_this());
    m_acceptor.setName(QStringLiteral("listener on ") + m_location.toString());
    m_anchor = spawn([]() -> Task<> {
        for (;;) {
            const Message message = co_await receive(); // a peer may send anything, which is dropped
            if (message.metaType() != QMetaType::fromType<PostedWork>())
                continue;
            try {
                static_cast<const PostedWork *>(message.constData())->run();
            } catch (...) {
                qCWarning(lcPeerNetwork).noquote() << "for another thread:" << errorText(std::current_exception());
            }
        }
    });
    m_anchor.setName(QStringLiteral("network on ") + m_location.toString());
    m_acceptor.setDaemon();
    m_anchor.setDaemon();
}

void NetworkCore::close()
{
    m_closed = true;
    m_directory->close();
    m_acceptor.terminate();
    for (const Stranger &stranger : std::exchange(m_strangers, {}))
        stranger.welcomer.terminate();
    m_anchor.terminate();
    m_server.reset();
    for (const auto &link : QSet(m_byIncarnation.cbegin(), m_byIncarnation.cend()) + QSet(m_byLocation.cbegin(), m_byLocation.cend()))
        link->close(QStringLiteral("it has left the network"));
    m_offers.clear();
    for (const Exported &exported : std::exchange(m_exported, {}))
        exported.coro.data()->removeEndObserver(m_exportedObserver.get());
    m_channels->clear();
    m_news.pulse();
}

void NetworkCore::checkThread() const
{
    if (!isOnOwnThread())
        throw Error(QStringLiteral("a PeerNetwork works on the thread that it was made on only"));
}

void NetworkCore::post(std::function<void()> work)
{
    if (isOnOwnThread())
        work();
    else if (!m_closed)
        m_anchor.send(PostedWork{std::move(work)});
}

QList<std::shared_ptr<PeerLink>> NetworkCore::connectedLinks() const
{
    QList<std::shared_ptr<PeerLink>> links;
    for (const auto &link : m_byIncarnation) {
        if (link->hasSession())
            links.append(link);
    }
    return links;
}

bool NetworkCore::isTrusted(const QString &address) const
{
    return !m_options.secret.isEmpty() || m_options.tls || QHostAddress(address).isLoopback();
}

QString NetworkCore::missingTrust(const QString &what)
{
    return QStringLiteral("a secret or a certificate is needed to %1: without one, only 127.0.0.1 and ::1 are allowed; set "
                          "ASYNCORO_SECRET_FILE or use --secret-file, or give a certificate by --certificate, --key and "
                          "--authority")
        .arg(what);
}

// --- links ---

bool NetworkCore::isHere(const Location &location) const
{
    return !location.isValid() || location == m_location || location == external();
}

/** The numeric addresses of the host at `location`. */
Task<QStringList> NetworkCore::lookUp(Location location, QDeadlineTimer deadline)
{
    if (!QHostAddress(location.address()).isNull())
        co_return {location.address()};
    // The address by which it was reached before, as long as that is known to be right: a host may get another one.
    if (const auto link = linkAt(location); link && link->hasSession() && m_hosts.contains(location.address()))
        co_return {m_hosts.value(location.address())};
    QStringList addresses;
    try {
        for (const QHostAddress &address : co_await Asyncoro::lookUp(location.address(), deadline))
            addresses.append(address.toString());
    } catch (const HostNotFound &) {
    }
    if (addresses.isEmpty())
        throw PeerLost(location, QStringLiteral("no host is known by that name"));
    co_return addresses;
}

Task<std::shared_ptr<PeerLink>> NetworkCore::reach(Location location, QDeadlineTimer deadline)
{
    checkThread();
    if (isHere(location))
        co_return nullptr;
    const auto self = shared_from_this();
    const QStringList addresses = co_await lookUp(location, deadline);
    const QString address = addresses.size() == 1 ? addresses[0] : co_await firstToAnswer(location, addresses, deadline);
    const Location there(address, location.port());
    if (isHere(there))
        co_return nullptr;
    const std::shared_ptr<PeerLink> link = linkTo(there);
    co_await link->connected(deadline);
    if (address != location.address())
        m_hosts.insert(location.address(), address);
    co_return link->target();
}

/** One after the other is tried, without waiting long for those before (RFC 8305, section 5). */
Task<QString> NetworkCore::firstToAnswer(Location location, QStringList addresses, QDeadlineTimer deadline)
{
    const auto self = shared_from_this();
    QStringList tried;
    QStringList failures;
    std::exception_ptr refusal;
    for (qsizetype next = 0; next < addresses.size() || !tried.isEmpty();) {
        if (next < addresses.size())
            tried.append(addresses[next++]);
        const bool isLast = next == addresses.size();
        const QDeadlineTimer until = isLast ? deadline : std::min(deadline, QDeadlineTimer(peerLimits().nextAddress));
        QList<std::shared_ptr<PeerLink>> links;
        std::vector<Task<Result<void>>> attempts;
        for (const QString &address : std::as_const(tried)) {
            const Location there(address, location.port());
            if (isHere(there))
                co_return address;
            links.append(linkTo(there));
            attempts.push_back(asResult(links.constLast()->connected(until)));
        }
        const auto first = co_await whenAny(std::move(attempts));
        const qsizetype index = qsizetype(first.index);
        if (first.value)
            co_return tried[index];
        if (first.value.failedWith<TimedOut>()) {
            if (deadline.hasExpired())
                throw TimedOut(QStringLiteral("connecting to %1 (%2)").arg(location.toString(), addresses.join(u", ")));
            continue;
        }
        if (!refusal && first.value.failedWith<PeerRefused>())
            refusal = first.value.error();
        failures.append(first.value.errorText());
        tried.removeAt(index);
    }
    if (refusal)
        std::rethrow_exception(refusal);
    throw PeerLost(location, failures.join(u"; "));
}

std::shared_ptr<PeerLink> NetworkCore::linkTo(const Location &location)
{
    std::shared_ptr<PeerLink> &link = m_byLocation[location];
    if (!link)
        link = std::make_shared<PeerLink>(shared_from_this(), location, QByteArray());
    return link;
}

quint64 NetworkCore::addConnected(const std::shared_ptr<PeerLink> &link)
{
    m_byIncarnation.insert(link->incarnation(), link);
    if (link->location().isValid())
        m_byLocation.insert(link->location(), link);
    m_directory->connected(link);
    m_news.pulse();
    return ++m_sessionsBegun;
}

void NetworkCore::remove(const PeerLink &link)
{
    m_byIncarnation.removeIf([&](const auto &entry) { return entry.value().get() == &link; });
    m_byLocation.removeIf([&](const auto &entry) { return entry.value().get() == &link; });
    m_directory->gone(link);
    if (m_uncalled >= ManyUncalled)
        dropUnusedLinks(); // perhaps it was that peer who named them
}

void NetworkCore::addLocation(const Location &location, const std::shared_ptr<PeerLink> &link)
{
    m_byLocation.insert(location, link);
    if (!link->location().isValid()) {
        link->setLocation(location);
        m_directory->moved(link);
    }
}

void NetworkCore::vacate(const Location &location)
{
    for (const auto &link : std::as_const(m_byIncarnation)) {
        if (location.isValid() && link->hasSession() && !link->location().isValid() && link->claim() == location) {
            addLocation(location, link);
            return;
        }
    }
}

/** Those that came with handles which nobody holds any more. */
void NetworkCore::dropUnusedLinks()
{
    m_uncalled = 0;
    m_byIncarnation.removeIf([this](const auto &entry) {
        const bool isUncalled = entry.value()->state() == PeerLink::State::Idle;
        const bool isUnused = isUncalled && entry.value().use_count() == 1;
        m_uncalled += isUncalled && !isUnused;
        return isUnused;
    });
    m_dropLinksAt = std::max<qsizetype>(1000, 2 * m_byIncarnation.size());
}

// --- what this process is to others ---

QString NetworkCore::name() const
{
    return !m_options.name.isEmpty() ? m_options.name
                                     : QStringLiteral("%1:%2").arg(QSysInfo::machineHostName()).arg(m_location.port());
}

/** Where the options say that others reach this process; invalid if they do not. */
Location NetworkCore::external() const
{
    return {m_options.externalAddress, m_options.externalPort != 0 ? m_options.externalPort : m_location.port()};
}

QString NetworkCore::asSeenFromHere(const QString &address, const QString &teller)
{
    return QHostAddress(address).isLoopback() && !QHostAddress(teller).isLoopback() ? teller : address;
}

/** Where this process says it is to be called; without the address if it listens on all. */
Location NetworkCore::stated() const
{
    if (const Location location = external(); location.isValid())
        return location;
    return isWildcard(m_location.address()) ? Location(QString(), m_location.port()) : m_location;
}

/** Where others reach this process, as far as it knows. Invalid: receivers take the address by which they know it. */
Location NetworkCore::advertised() const
{
    if (const Location location = stated(); location.isValid())
        return location;
    for (const auto &link : m_byIncarnation) {
        if (link->hasSession())
            return Location(link->localAddress(), m_location.port());
    }
    return {};
}

} // namespace Asyncoro::Detail
