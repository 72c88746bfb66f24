// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "networkcore_p.h"

#include <QHostAddress>
#include <QHostInfo>
#include <QLoggingCategory>

Q_LOGGING_CATEGORY(lcNetwork, "asyncoro.network", QtInfoMsg)

namespace Asyncoro::Detail {

namespace {

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
{
    registerListTypes();
}

NetworkCore::~NetworkCore() = default;

void NetworkCore::open()
{
    m_channels = std::make_shared<ChannelExchange>(shared_from_this());
    if (QHostAddress(m_options.address).isNull())
        throw Error(QStringLiteral("cannot listen on \"%1\": it is no numeric address").arg(m_options.address));
    if (m_options.secret.isEmpty() && !QHostAddress(m_options.address).isLoopback())
        throw Error(QStringLiteral("a secret is needed to listen on %1: without one, only 127.0.0.1 and ::1 are allowed; set "
                                   "ASYNCORO_SECRET_FILE or use --secret-file")
                        .arg(m_options.address));
    m_server->listen(QHostAddress(m_options.address), m_options.port);
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
                qCWarning(lcNetwork).noquote() << "for another thread:" << errorText(std::current_exception());
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
    m_acceptor.terminate();
    for (const Coro<> &welcomer : std::exchange(m_welcoming, {}))
        welcomer.terminate();
    m_anchor.terminate();
    m_server.reset();
    for (const auto &link : QSet(m_byIncarnation.cbegin(), m_byIncarnation.cend()) + QSet(m_byLocation.cbegin(), m_byLocation.cend()))
        link->close(QStringLiteral("it has left the network"));
    m_offers.clear();
    m_exported.clear();
    m_channels->clear();
    m_news.pulse();
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
        if (link->state() == PeerLink::State::Connected)
            links.append(link);
    }
    return links;
}

// --- links ---

bool NetworkCore::isHere(const Location &location) const
{
    return !location.isValid() || location == m_location;
}

/** The numeric addresses of the host at `location`. */
Task<QStringList> NetworkCore::lookUp(Location location)
{
    if (!QHostAddress(location.address()).isNull())
        co_return {location.address()};
    QStringList addresses = m_hosts.value(location.address());
    if (addresses.isEmpty()) {
        Event found;
        QObject context; // ends the lookup's callback with this coroutine
        QHostInfo::lookupHost(location.address(), &context, [&](const QHostInfo &host) {
            for (const QHostAddress &address : host.addresses())
                addresses.append(address.toString());
            found.set();
        });
        co_await found.wait();
        if (addresses.isEmpty())
            throw PeerLost(location, QStringLiteral("no host is known by that name"));
    }
    co_return addresses;
}

Task<std::shared_ptr<PeerLink>> NetworkCore::reach(Location location, QDeadlineTimer deadline)
{
    if (isHere(location))
        co_return nullptr;
    const auto self = shared_from_this();
    std::exception_ptr error;
    for (const QString &address : co_await lookUp(location)) {
        const Location there(address, location.port());
        if (isHere(there))
            co_return nullptr;
        try {
            const std::shared_ptr<PeerLink> link = linkTo(there);
            co_await link->connected(deadline);
            if (address != location.address())
                m_hosts.insert(location.address(), {address});
            co_return link->target();
        } catch (const PeerLost &) {
            error = std::current_exception();
        }
    }
    m_hosts.remove(location.address());
    std::rethrow_exception(error);
}

std::shared_ptr<PeerLink> NetworkCore::linkTo(const Location &location)
{
    std::shared_ptr<PeerLink> &link = m_byLocation[location];
    if (!link)
        link = std::make_shared<PeerLink>(shared_from_this(), location, QByteArray());
    return link;
}

void NetworkCore::addConnected(const std::shared_ptr<PeerLink> &link)
{
    m_byIncarnation.insert(link->incarnation(), link);
    if (link->location().isValid())
        m_byLocation.insert(link->location(), link);
    m_news.pulse();
}

void NetworkCore::remove(const PeerLink &link)
{
    m_byIncarnation.removeIf([&](const auto &entry) { return entry.value().get() == &link; });
    m_byLocation.removeIf([&](const auto &entry) { return entry.value().get() == &link; });
}

/** Those that came with handles which nobody holds any more. */
void NetworkCore::dropUnusedLinks()
{
    if (m_byIncarnation.size() < m_dropLinksAt)
        return;
    m_byIncarnation.removeIf([](const auto &entry) {
        return entry.value().use_count() == 1 && entry.value()->state() == PeerLink::State::Idle;
    });
    m_dropLinksAt = std::max<qsizetype>(1000, 2 * m_byIncarnation.size());
}

// --- handshakes ---

Hello NetworkCore::makeHello() const
{
    Hello hello;
    hello.flags = m_options.mayBeBusy ? Hello::MayBeBusy : 0;
    hello.port = m_location.port();
    hello.incarnation = m_incarnation;
    hello.nonce = randomBytes(Hello::NonceSize);
    return hello;
}

Task<bool> NetworkCore::shakeHands(std::shared_ptr<AsyncSocket> socket, Location location, Hello *theirs)
{
    const QDeadlineTimer deadline(peerLimits().handshake);
    const Hello ours = makeHello();
    const QByteArray ourBytes = ours.toBytes();
    co_await socket->sendAll(ourBytes, deadline);
    const QByteArray theirBytes = co_await socket->recvAll(Hello::Size, deadline);
    const std::optional<Hello> hello = Hello::fromBytes(theirBytes);
    if (!hello)
        throw PeerRefused(QStringLiteral("what listens at %1 is no process of this kind").arg(location.toString()));
    if (hello->incarnation == m_incarnation)
        throw PeerRefused(QStringLiteral("%1 is this process itself").arg(location.toString()));
    *theirs = *hello;
    if (!ours.understands(*hello))
        throw PeerRefused(QStringLiteral("%1 speaks version %2 of the protocol, and this process version %3: update the older one")
                              .arg(location.toString())
                              .arg(hello->version)
                              .arg(ours.version));
    co_await socket->sendAll(makeProof(m_options.secret.key(), Side::Connecting, ourBytes, theirBytes), deadline);
    const auto verdict = Verdict((co_await socket->recvAll(1, deadline)).at(0));
    switch (verdict) {
    case Verdict::Accepted:
        break;
    case Verdict::Duplicate:
        co_return false;
    case Verdict::WrongSecret:
        throw PeerRefused(QStringLiteral("%1 refused this process: it has another secret").arg(location.toString()));
    case Verdict::Busy:
        throw PeerLost(location, QStringLiteral("it has too many connections"));
    default:
        throw PeerRefused(QStringLiteral("%1 gave an answer that is not understood").arg(location.toString()));
    }
    const QByteArray proof = co_await socket->recvAll(ProofSize, deadline);
    if (!equalInConstantTime(proof, makeProof(m_options.secret.key(), Side::Accepting, ourBytes, theirBytes)))
        throw PeerRefused(QStringLiteral("%1 does not know the secret").arg(location.toString()));
    co_return true;
}

Task<> NetworkCore::acceptPeers()
{
    const auto self = shared_from_this();
    for (;;) {
        auto socket = std::make_shared<AsyncSocket>(co_await m_server->accept());
        if (m_closed)
            co_return;
        // Who knows the secret is through at once: the oldest one is the one to give up.
        if (m_welcoming.size() >= peerLimits().handshakes) {
            const Coro<> oldest = m_welcoming.takeFirst();
            qCWarning(lcNetwork).noquote() << "closed the" << oldest.name() << "which has not said who it is: there are too many";
            oldest.terminate();
        }
        const Coro<> welcomer = spawn(&NetworkCore::welcome, self, socket);
        welcomer.setName(QStringLiteral("connection from ") + socket->peerLocation().toString());
        welcomer.setDaemon();
        m_welcoming.append(welcomer);
    }
}

Task<> NetworkCore::welcome(std::shared_ptr<AsyncSocket> socket)
{
    const auto self = shared_from_this();
    const QString from = socket->peerLocation().toString();
    std::shared_ptr<PeerLink> link;
    Hello theirs;
    try {
        struct Entry {
            QList<Coro<>> &list;
            const Coro<> coro;
            ~Entry() { list.removeOne(coro); }
        } const entry{m_welcoming, Coro<>::self()};

        const QDeadlineTimer deadline(peerLimits().handshake);
        const QByteArray theirBytes = co_await socket->recvAll(Hello::Size, deadline);
        const std::optional<Hello> hello = Hello::fromBytes(theirBytes);
        if (!hello)
            throw PeerRefused(QStringLiteral("it does not speak this protocol"));
        theirs = *hello;
        const Hello ours = makeHello();
        const QByteArray ourBytes = ours.toBytes();
        co_await socket->sendAll(ourBytes, deadline);
        if (theirs.incarnation == m_incarnation)
            co_return; // this process by another of its addresses; the side that connects says so
        if (!ours.understands(theirs))
            throw PeerRefused(QStringLiteral("it speaks version %1 of the protocol, and this process version %2")
                                  .arg(theirs.version)
                                  .arg(ours.version));
        const QByteArray proof = co_await socket->recvAll(ProofSize, deadline);
        if (!equalInConstantTime(proof, makeProof(m_options.secret.key(), Side::Connecting, theirBytes, ourBytes))) {
            co_await socket->sendAll(QByteArray(1, char(Verdict::WrongSecret)), deadline);
            throw PeerRefused(QStringLiteral("it has another secret"));
        }
        const Location location(socket->peerLocation().address(), theirs.port);
        Verdict verdict{};
        link = linkFor(theirs, location, &verdict);
        QByteArray answer(1, char(verdict));
        if (verdict == Verdict::Accepted)
            answer += makeProof(m_options.secret.key(), Side::Accepting, theirBytes, ourBytes);
        co_await socket->sendAll(answer, deadline);
    } catch (const Error &e) {
        qCWarning(lcNetwork).noquote() << "refused a connection from" << from + u':' << e.message();
        co_return;
    }
    if (link)
        co_await link->run(std::move(socket), theirs);
}

/** The link that a connection from the process `theirs` is for; none, if there is a better one than this. */
std::shared_ptr<PeerLink> NetworkCore::linkFor(const Hello &theirs, const Location &location, Verdict *verdict)
{
    std::shared_ptr<PeerLink> there = location.isValid() ? m_byLocation.value(location) : nullptr;
    if (there && there->state() == PeerLink::State::Connected && there->incarnation() != theirs.incarnation) {
        there->lose(std::make_exception_ptr(PeerLost(location, QStringLiteral("another process listens there now"))));
        there.reset();
    }
    std::shared_ptr<PeerLink> link = linkOf(theirs.incarnation);
    // Where both connect at the same time, the connection from the process with the greater incarnation stays.
    const auto isConnecting = [](const auto &any) { return any && any->state() == PeerLink::State::Connecting; };
    const bool connected = link && link->state() == PeerLink::State::Connected;
    if (connected || ((isConnecting(link) || isConnecting(there)) && m_incarnation > theirs.incarnation)) {
        if (connected)
            link->ping(); // it may have lost that connection, which then shows
        *verdict = Verdict::Duplicate;
        return {};
    }
    if (!link && there && there->incarnation().isEmpty())
        link = there;
    if (!link)
        link = std::make_shared<PeerLink>(shared_from_this(), location, theirs.incarnation);
    *verdict = Verdict::Accepted;
    return link;
}

/** Where others reach this process, as far as it knows. Invalid: receivers take the address by which they know it. */
Location NetworkCore::advertised() const
{
    if (!isWildcard(m_location.address()))
        return m_location;
    for (const auto &link : m_byIncarnation) {
        if (link->state() == PeerLink::State::Connected)
            return Location(link->localAddress(), m_location.port());
    }
    return {};
}

} // namespace Asyncoro::Detail
