// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "networkcore_p.h"

#include "remotecoro_p.h"

#include <QHostAddress>
#include <QHostInfo>
#include <QLoggingCategory>

Q_LOGGING_CATEGORY(lcNetwork, "asyncoro.network", QtInfoMsg)

namespace Asyncoro::Detail {

using namespace std::chrono_literals;

namespace {

constexpr auto HandshakeLimit = 10s;
constexpr int MaxHandshakes = 128; // at a time, of connections that have proved nothing yet

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

NetworkCore::NetworkCore(const PeerNetwork::Options &options)
    : m_options(options)
    , m_incarnation(randomBytes(Hello::IncarnationSize))
    , m_thread(QThread::currentThread())
{
}

NetworkCore::~NetworkCore() = default;

void NetworkCore::open()
{
    if (m_options.secret.isEmpty() && !QHostAddress(m_options.address).isLoopback())
        throw Error(QStringLiteral("a secret is needed to listen on %1: without one, only 127.0.0.1 and ::1 are allowed; set "
                                   "ASYNCORO_SECRET_FILE or use --secret-file")
                        .arg(m_options.address));
    m_server.listen(QHostAddress(m_options.address), m_options.port);
    m_location = Location(m_options.address, m_server.location().port());

    m_acceptor = spawn(&NetworkCore::acceptPeers, shared_from_this());
    m_acceptor.setName(QStringLiteral("listener on ") + m_location.toString());
    m_anchor = spawn([]() -> Task<> {
        for (;;) {
            try {
                (co_await receive<PostedWork>()).run();
            } catch (const Error &e) {
                qCWarning(lcNetwork).noquote() << e.message();
            }
        }
    });
    m_anchor.setName(QStringLiteral("network on ") + m_location.toString());
    m_acceptor.setDaemon();
    m_anchor.setDaemon();
}

void NetworkCore::close()
{
    m_acceptor.terminate();
    m_anchor.terminate();
    m_server.close();
    for (const auto &link : QSet(m_byIncarnation.cbegin(), m_byIncarnation.cend()) + QSet(m_byLocation.cbegin(), m_byLocation.cend()))
        link->close(QStringLiteral("it has left the network"));
    m_functions.clear();
    m_names.clear();
    m_exported.clear();
}

void NetworkCore::post(std::function<void()> work)
{
    if (isOnOwnThread())
        work();
    else
        m_anchor.send(PostedWork{std::move(work)});
}

QList<Peer> NetworkCore::peers() const
{
    QList<Peer> peers;
    for (const auto &link : m_byIncarnation) {
        if (link->state() == PeerLink::State::Connected)
            peers.append(Peer(link));
    }
    return peers;
}

// --- links ---

bool NetworkCore::isHere(const Location &location) const
{
    return !location.isValid() || location == m_location;
}

Task<Location> NetworkCore::resolveHost(Location location)
{
    if (!QHostAddress(location.address()).isNull())
        co_return location;
    QString address = m_hosts.value(location.address());
    if (address.isEmpty()) {
        Event found;
        QObject context; // ends the lookup's callback with this coroutine
        QHostInfo::lookupHost(location.address(), &context, [&](const QHostInfo &host) {
            if (!host.addresses().isEmpty())
                address = host.addresses().constFirst().toString();
            found.set();
        });
        co_await found.wait();
        if (address.isEmpty())
            throw PeerLost(location, QStringLiteral("no host is known by that name"));
        m_hosts.insert(location.address(), address);
    }
    co_return Location(address, location.port());
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
}

void NetworkCore::remove(const PeerLink &link)
{
    m_byIncarnation.removeIf([&](const auto &entry) { return entry.value().get() == &link; });
    m_byLocation.removeIf([&](const auto &entry) { return entry.value().get() == &link; });
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
    const QDeadlineTimer deadline(HandshakeLimit);
    const Hello ours = makeHello();
    const QByteArray ourBytes = ours.toBytes();
    co_await socket->sendAll(ourBytes, deadline);
    const QByteArray theirBytes = co_await socket->recvAll(Hello::Size, deadline);
    const std::optional<Hello> hello = Hello::fromBytes(theirBytes);
    if (!hello)
        throw PeerRefused(QStringLiteral("what listens at %1 is no process of this kind").arg(location.toString()));
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
    *theirs = *hello;
    co_return true;
}

Task<> NetworkCore::acceptPeers()
{
    const auto self = shared_from_this();
    for (;;) {
        auto socket = std::make_shared<AsyncSocket>(co_await m_server.accept());
        if (m_handshakes >= MaxHandshakes)
            continue; // closes it
        const Coro<> welcomer = spawn(&NetworkCore::welcome, self, socket);
        welcomer.setName(QStringLiteral("connection from ") + socket->peerLocation().toString());
        welcomer.setDaemon();
    }
}

Task<> NetworkCore::welcome(std::shared_ptr<AsyncSocket> socket)
{
    const auto self = shared_from_this();
    const QString from = socket->peerLocation().toString();
    std::shared_ptr<PeerLink> link;
    Hello theirs;
    try {
        struct Counter {
            explicit Counter(int &value)
                : count(value)
            {
                ++count;
            }
            ~Counter() { --count; }
            int &count;
        } const counter(m_handshakes);

        const QDeadlineTimer deadline(HandshakeLimit);
        const QByteArray theirBytes = co_await socket->recvAll(Hello::Size, deadline);
        const std::optional<Hello> hello = Hello::fromBytes(theirBytes);
        if (!hello)
            throw PeerRefused(QStringLiteral("it does not speak this protocol"));
        theirs = *hello;
        const Hello ours = makeHello();
        const QByteArray ourBytes = ours.toBytes();
        co_await socket->sendAll(ourBytes, deadline);
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
    std::shared_ptr<PeerLink> link = m_byIncarnation.value(theirs.incarnation);
    if (!link && location.isValid())
        link = m_byLocation.value(location);
    if (link && link->state() == PeerLink::State::Connected && link->incarnation() != theirs.incarnation) {
        link->lose(std::make_exception_ptr(PeerLost(location, QStringLiteral("another process listens there now"))));
        link.reset();
    }
    // Where both connect at the same time, the connection from the process with the greater incarnation stays.
    if (link
        && (link->state() == PeerLink::State::Connected
            || (link->state() == PeerLink::State::Connecting && m_incarnation > theirs.incarnation))) {
        *verdict = Verdict::Duplicate;
        return {};
    }
    if (!link)
        link = std::make_shared<PeerLink>(shared_from_this(), location, theirs.incarnation);
    *verdict = Verdict::Accepted;
    return link;
}

// --- functions and handles ---

Task<QVariant> NetworkCore::invoke(const QString &name, Peer caller, QVariantList arguments)
{
    const auto function = m_functions.constFind(name);
    if (function == m_functions.cend())
        throw WireError(QStringLiteral("%1 offers no function named %2").arg(m_location.toString(), name));
    return (*function)(std::move(caller), std::move(arguments));
}

CoroIdentity NetworkCore::identify(const Coro<> &coro)
{
    if (!coro.data()->isLocal()) {
        const PeerLink &link = *static_cast<const RemoteCoro *>(coro.data().data())->link();
        return {link.incarnation(), link.location(), coro.id(), coro.name()};
    }
    if (m_exported.size() >= m_sweepAt) {
        m_exported.removeIf([](const auto &entry) { return entry.value().state() != CoroState::Running; });
        m_sweepAt = std::max<qsizetype>(1000, 2 * m_exported.size());
    }
    m_exported.insert(coro.id(), coro);
    // Where it listens on all addresses, the receiver takes the one by which it knows this process.
    return {m_incarnation, isWildcard(m_location.address()) ? Location() : m_location, coro.id(), coro.name()};
}

Coro<> NetworkCore::resolve(const CoroIdentity &identity)
{
    if (identity.process == m_incarnation)
        return findExported(identity.id);
    std::shared_ptr<PeerLink> link = m_byIncarnation.value(identity.process);
    if (!link) {
        if (identity.process.size() != Hello::IncarnationSize)
            throw WireError(QStringLiteral("malformed message: a process named by %1 bytes").arg(identity.process.size()));
        link = std::make_shared<PeerLink>(shared_from_this(), identity.location, identity.process);
        m_byIncarnation.insert(identity.process, link);
    }
    return Coro<>(CoroPointer(new RemoteCoro(std::move(link), identity.id, identity.name)));
}

} // namespace Asyncoro::Detail
