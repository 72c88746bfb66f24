// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "discoverycore_p.h"

#include <Asyncoro/HostLookup>

#include <QLoggingCategory>
#include <QRandomGenerator>

#include <algorithm>

Q_LOGGING_CATEGORY(lcDiscovery, "asyncoro.discovery", QtInfoMsg)

namespace Asyncoro::Detail {

using namespace std::chrono_literals;

namespace {

constexpr qsizetype LongestDatagram = 512;
constexpr int DatagramsInARow = 64; // then there is a pause, in which the system drops what is too much
constexpr auto Pause = 20ms;
constexpr auto PauseAfterError = 100ms;
constexpr auto TimeForLookUp = 5s;
constexpr qsizetype MaxQuestions = 64;
constexpr qsizetype MaxSeen = 4096;
constexpr qsizetype MaxFound = 1000;
constexpr qsizetype MaxCoros = 1000; // more than that at a time are not started: an answer will come again

const QString OtherSecret = QStringLiteral("another secret, or altered on its way");
const QString NotReachable = QStringLiteral("a question from where this process does not listen");

qint64 milliseconds()
{
    return QDeadlineTimer::current().deadline();
}

} // namespace

DiscoveryLimits &discoveryLimits()
{
    static DiscoveryLimits limits;
    return limits;
}

QDeadlineTimer about(std::chrono::milliseconds interval)
{
    return QDeadlineTimer(interval * QRandomGenerator::global()->bounded(75, 126) / 100);
}

bool AddressLimit::allows(const QHostAddress &address)
{
    const qint64 now = milliseconds();
    if (m_seconds.size() >= MaxAddresses && !m_seconds.contains(address)) {
        m_seconds.removeIf([now](const auto &entry) { return now - entry.value().begin >= 1000; });
        if (m_seconds.size() >= MaxAddresses)
            return false;
    }
    Second &second = m_seconds[address];
    if (now - second.begin >= 1000)
        second = {now, 0};
    return ++second.count <= PerSecond;
}

// --- life ---

DiscoveryCore::DiscoveryCore(std::shared_ptr<NetworkCore> network, const Discovery::Options &options)
    : m_network(std::move(network))
    , m_options(options)
    , m_sockets(options, options.thisMachineOnly || m_network->options().secret.isEmpty())
    , m_answering(options.answer)
{
    if (!Ping::fits(options.services))
        throw Error(QStringLiteral("these are no names of services, or too many: \"%1\"")
                        .arg(options.services.join(QStringLiteral("\", \""))));
    if (!options.lookFor.isEmpty() && !Ping::isService(options.lookFor))
        throw Error(QStringLiteral("\"%1\" is no name of a service").arg(options.lookFor));
}

DiscoveryCore::~DiscoveryCore() = default;

void DiscoveryCore::track(const Coro<> &coro, const QString &name)
{
    coro.setName(name);
    coro.setDaemon();
    m_coros.removeIf([](const Coro<> &old) { return !old.isRunning(); });
    m_coros.append(coro);
}

void DiscoveryCore::open()
{
    m_sockets.open();
    for (AsyncUdpSocket *const socket : m_sockets.sockets())
        track(spawn(&DiscoveryCore::receive, shared_from_this(), socket), QStringLiteral("discovery: receives"));
    track(spawn(&DiscoveryCore::ask, shared_from_this()), QStringLiteral("discovery: asks"));
    track(spawn(&DiscoveryCore::askWhenInterfacesChange, shared_from_this()),
          QStringLiteral("discovery: looks at interfaces"));
    track(spawn(&DiscoveryCore::askWhenOneIsLost, shared_from_this()), QStringLiteral("discovery: misses peers"));
    if (m_options.search)
        track(spawn(&DiscoveryCore::sayWhenNothingIsFound, shared_from_this()), QStringLiteral("discovery: reports"));
}

void DiscoveryCore::close()
{
    m_closed = true;
    for (const Coro<> &coro : std::exchange(m_coros, {}))
        coro.terminate();
    for (const Coro<> &coro : std::exchange(m_keepers, {}))
        coro.terminate();
    for (const auto &search : std::as_const(m_searches))
        search->foundOrClosed.set();
    m_sockets.close();
}

// --- asking ---

Task<> DiscoveryCore::ask()
{
    const auto self = shared_from_this();
    const DiscoveryLimits &limits = discoveryLimits();
    std::chrono::milliseconds interval = limits.firstInterval;
    for (;;) {
        m_askNow.clear();
        if (m_sockets.refresh())
            interval = limits.firstInterval;
        co_await askRound();
        co_await sleep(limits.shortestInterval);
        if (isContent() && !m_missesOne)
            interval = limits.longestInterval;
        if (interval == limits.longestInterval)
            m_missesOne = false;
        try {
            co_await m_askNow.wait(about(interval));
            interval = limits.firstInterval;
        } catch (const TimedOut &) {
            interval = std::min(2 * interval, limits.longestInterval);
        }
    }
}

Task<> DiscoveryCore::askWhenInterfacesChange()
{
    const auto self = shared_from_this();
    for (;;) {
        co_await sleep(discoveryLimits().interfaces);
        if (m_sockets.refresh())
            discover();
    }
}

/** The network may have failed, and may work again at any time. Who has said goodbye is not asked for. */
Task<> DiscoveryCore::askWhenOneIsLost()
{
    const auto self = shared_from_this();
    for (;;) {
        co_await m_network->losses().wait();
        co_await sleep(about(discoveryLimits().firstInterval)); // mostly several are lost together
        if (m_met.removeIf([this](const QByteArray &incarnation) { return !isConnected(incarnation); }) == 0)
            continue;
        m_missesOne = true;
        discover();
    }
}

Task<> DiscoveryCore::askRound()
{
    Ping ping = makePing(m_options.search ? Ping::Kind::Question : Ping::Kind::Announcement);
    if (ping.kind == Ping::Kind::Announcement && !m_answering)
        co_return; // nobody is to know
    ping.nonce = newNonce();
    const QByteArray bytes = ping.toBytes(m_network->options().secret.key());
    const QList<PingTarget> targets = m_sockets.targets();
    for (const PingTarget &target : targets) {
        if (!target.address.isLoopback() || target.interface != 0) {
            co_await sendTo(bytes, target, m_sockets.port());
            continue;
        }
        ping.direct = true;
        co_await sendTo(ping.toBytes(m_network->options().secret.key()), target, m_sockets.port());
    }
    ping.direct = true;
    const QByteArray direct = ping.toBytes(m_network->options().secret.key());
    for (const QString &host : std::as_const(m_hosts))
        track(spawn(&DiscoveryCore::askHost, shared_from_this(), host, direct),
              QStringLiteral("discovery: asks ") + host);
}

Task<> DiscoveryCore::askHost(QString host, QByteArray question)
{
    const auto self = shared_from_this();
    try {
        const QList<QHostAddress> addresses = co_await lookUp(host, TimeForLookUp);
        for (const QHostAddress &address : addresses)
            co_await sendTo(question, {address, {}, 0}, m_sockets.port());
    } catch (const Error &e) {
        m_journal.failed(host, e.message());
    }
}

/** A failure is a matter of that target only. */
Task<> DiscoveryCore::sendTo(QByteArray bytes, PingTarget target, quint16 port)
{
    const QString name = QStringLiteral("%1, port %2").arg(target.address.toString()).arg(port)
        + (target.from.isNull() ? QString() : QStringLiteral(", from ") + target.from.toString());
    try {
        co_await m_sockets.send(bytes, target, port);
        m_journal.sent(name);
    } catch (const SocketError &e) {
        m_journal.failed(name, e.message());
    }
}

void DiscoveryCore::sendInTheBackground(const Ping &ping, const QHostAddress &to, quint16 port)
{
    if (m_coros.size() > MaxCoros)
        return;
    const QByteArray bytes = ping.toBytes(m_network->options().secret.key());
    const Coro<> sender = spawn(
        [](std::shared_ptr<DiscoveryCore> self, QByteArray data, QHostAddress address, quint16 toPort) -> Task<> {
            try {
                co_await self->m_sockets.send(data, {address, {}, 0}, toPort);
            } catch (const SocketError &e) {
                self->m_journal.failed(QStringLiteral("%1, port %2").arg(address.toString()).arg(toPort), e.message());
            }
        },
        shared_from_this(), bytes, to, port);
    track(sender, QStringLiteral("discovery: answers ") + to.toString());
}

Ping DiscoveryCore::makePing(Ping::Kind kind) const
{
    const PeerNetwork::Options &options = m_network->options();
    Ping ping;
    ping.kind = kind;
    ping.incarnation = m_network->incarnation();
    const QHostAddress listening(m_network->location().address());
    if (!options.externalAddress.isEmpty())
        ping.address = options.externalAddress;
    else if (listening != QHostAddress::AnyIPv4 && listening != QHostAddress::AnyIPv6)
        ping.address = m_network->location().address();
    ping.port = options.externalPort != 0 && !options.externalAddress.isEmpty() ? options.externalPort
                                                                                : m_network->location().port();
    ping.name = m_network->name();
    ping.services = m_options.services;
    ping.lookingFor = m_options.lookFor;
    return ping;
}

QByteArray DiscoveryCore::newNonce()
{
    while (!m_questions.isEmpty() && (m_questions.size() >= MaxQuestions || m_questions.head().second.hasExpired()))
        m_questions.dequeue();
    const QByteArray nonce = randomBytes(Ping::NonceSize);
    m_questions.enqueue({nonce, QDeadlineTimer(discoveryLimits().answers)});
    return nonce;
}

bool DiscoveryCore::isQuestionOfOurs(const QByteArray &nonce) const
{
    return std::ranges::any_of(
        m_questions, [&](const auto &question) { return question.first == nonce && !question.second.hasExpired(); });
}

// --- what comes in ---

Task<> DiscoveryCore::receive(AsyncUdpSocket *socket)
{
    const auto self = shared_from_this();
    for (int inARow = 0; !m_closed;) {
        bool failed = false;
        try {
            const QNetworkDatagram datagram = co_await socket->recv(LongestDatagram);
            m_journal.received();
            read(datagram);
        } catch (const MessageTooLong &) {
            m_journal.received();
        } catch (const SocketError &e) {
            qCDebug(lcDiscovery).noquote() << e.message(); // such as that nobody listens where a question went
            failed = true;
        }
        if (failed)
            co_await sleep(PauseAfterError);
        if (++inARow == DatagramsInARow) {
            inARow = 0;
            co_await sleep(Pause);
        }
    }
}

void DiscoveryCore::read(const QNetworkDatagram &datagram)
{
    QHostAddress from = plainAddress(datagram.senderAddress());
    auto port = quint16(datagram.senderPort());
    QByteArray bytes = datagram.data();
    const std::optional<PassedPing> passed = PassedPing::fromBytes(bytes);
    if (passed) {
        if (!from.isLoopback() || (m_sockets.isLoopbackOnly() && !passed->from.isLoopback()))
            return refuse(from, QStringLiteral("a ping passed on from another machine"));
        from = passed->from;
        port = passed->port;
        bytes = passed->ping;
    } else if (!m_sockets.accepts(datagram)) {
        return refuse(from, QStringLiteral("it came by an interface that is not used"));
    }
    const PingReading reading = readPing(bytes, m_network->options().secret.key());
    // Whatever its secret: others of this machine may have that.
    const bool isForOthers = reading.direct && bytes.size() == Ping::Size
        && !datagram.destinationAddress().isMulticast()
        && !(reading.ping && reading.ping->kind == Ping::Kind::Answer && isQuestionOfOurs(reading.ping->nonce));
    if (!passed && isForOthers && m_passedOn.allows(from)) {
        const Coro<> passer = spawn(
            [](std::shared_ptr<DiscoveryCore> self, QByteArray data) -> Task<> {
                try {
                    co_await self->m_sockets.sendToThisMachine(data);
                } catch (const SocketError &e) {
                    self->m_journal.failed(QStringLiteral("other processes of this machine"), e.message());
                }
            },
            shared_from_this(), PassedPing{from, port, bytes}.toBytes());
        track(passer, QStringLiteral("discovery: passes on"));
    }
    if (!reading.ping)
        return refuse(from, reading);
    if (reading.ping->incarnation == m_network->incarnation())
        return m_journal.own();
    take(*reading.ping, from, port);
}

void DiscoveryCore::refuse(const QHostAddress &from, const QString &why)
{
    m_journal.refused(from, why);
}

void DiscoveryCore::refuse(const QHostAddress &from, const PingReading &reading)
{
    QString why;
    switch (reading.fault) {
    case PingFault::None:
        return;
    case PingFault::NotAPing:
        return refuse(from, QStringLiteral("it is no ping"));
    case PingFault::OtherVersion:
        why = QStringLiteral("version %1 of the protocol; this process speaks version %2: update the older one")
                  .arg(reading.version)
                  .arg(Ping::ProtocolVersion);
        break;
    case PingFault::WrongSecret:
        why = OtherSecret;
        break;
    case PingFault::Malformed:
        why = QStringLiteral("it is malformed");
        break;
    }
    if (m_journal.refused(from, why))
        qCInfo(lcDiscovery).noquote() << "refused a ping from" << from.toString() + u':' << why;
}

/** Whether this is the first time that it comes: by several ways, or again by somebody who has recorded it. */
bool DiscoveryCore::isNew(const Ping &ping)
{
    const QByteArray key = char(ping.kind) + ping.incarnation + ping.nonce;
    if (m_seen.contains(key))
        return false;
    if (m_seenOrder.size() >= MaxSeen)
        m_seen.remove(m_seenOrder.dequeue());
    m_seen.insert(key);
    m_seenOrder.enqueue(key);
    return true;
}

void DiscoveryCore::take(const Ping &ping, const QHostAddress &from, quint16 port)
{
    if (ping.kind == Ping::Kind::Answer)
        return takeAnswer(ping, from);
    const bool wantsUs = ping.lookingFor.isEmpty() || m_options.services.contains(ping.lookingFor);
    if (ping.kind == Ping::Kind::Question && m_answering && wantsUs) {
        if (!isReachableFrom(from))
            return refuse(from, NotReachable);
        return answer(ping, from, port);
    }
    // It will not connect to us, so we ask it: only its answer to our own question proves that it is there.
    const bool isOfUse = m_options.search && isWanted(ping.services) && !isConnected(ping.incarnation);
    if (isOfUse && isNew(ping) && m_questionsBack.allows(from)) {
        Ping question = makePing(Ping::Kind::Question);
        question.direct = true;
        question.nonce = newNonce();
        sendInTheBackground(question, from, port);
    }
}

void DiscoveryCore::answer(const Ping &question, const QHostAddress &from, quint16 port)
{
    if (!isNew(question) || !m_answers.allows(from))
        return;
    Ping answer = makePing(Ping::Kind::Answer);
    answer.direct = true; // it goes to one of the processes over there
    answer.nonce = question.nonce;
    sendInTheBackground(answer, from, port);
}

void DiscoveryCore::takeAnswer(const Ping &answer, const QHostAddress &from)
{
    // The answers to other processes of this machine come here, too.
    if (!m_options.search || !isQuestionOfOurs(answer.nonce) || !isWanted(answer.services) || !isNew(answer))
        return;
    const Location location(answer.address.isEmpty() ? from.toString() : answer.address, answer.port);
    const DiscoveredPeer peer{location, answer.name, answer.services};
    if (!peer.location.isValid())
        return;
    m_journal.found(QStringLiteral("%1 at %2").arg(peer.name, peer.location.toString()));
    if (m_found.size() >= MaxFound)
        m_found.removeIf([this](const auto &entry) { return !isConnected(entry.key()); });
    m_found.removeIf(
        [&](const auto &entry) { return entry.value().location == peer.location; }); // its predecessor there
    if (m_found.size() < MaxFound)
        m_found.insert(answer.incarnation, peer);
    for (const auto &search : std::as_const(m_searches)) {
        if (!search->result && peer.services.contains(search->service)) {
            search->result = peer;
            search->foundOrClosed.set();
        }
    }
    if (m_options.connect)
        connectInTheBackground(peer.location, answer.incarnation);
}

/** Whether someone at `address` can connect to where this process listens. */
bool DiscoveryCore::isReachableFrom(const QHostAddress &address) const
{
    if (!m_network->options().externalAddress.isEmpty())
        return true;
    const QHostAddress listening(m_network->location().address());
    if (listening.isLoopback())
        return address.isLoopback();
    const bool isWildcard = listening == QHostAddress::AnyIPv4 || listening == QHostAddress::AnyIPv6;
    return !isWildcard || listening.protocol() == address.protocol();
}

/** Whether there is somebody, so that there is no hurry. */
bool DiscoveryCore::isContent() const
{
    if (!m_options.search)
        return false;
    return m_options.connect
        ? std::ranges::any_of(m_found.keys(), [this](const QByteArray &peer) { return isConnected(peer); })
        : !m_found.isEmpty() && m_searches.isEmpty();
}

// --- reports ---

Task<> DiscoveryCore::sayWhenNothingIsFound()
{
    const auto self = shared_from_this();
    co_await sleep(discoveryLimits().nothingFound);
    if (m_found.isEmpty())
        qCInfo(lcDiscovery).noquote() << report();
}

QStringList DiscoveryCore::advice() const
{
    QStringList lines;
    const quint16 port = m_sockets.port();
    if (m_sockets.interfaces().isEmpty())
        lines.append(QStringLiteral("no network interface is up, or none of the chosen ones exists"));
    if (m_network->options().secret.isEmpty())
        lines.append(QStringLiteral("there is no secret, so that only this machine is searched%1")
                         .arg(m_network->isSecure() ? QStringLiteral(": a certificate signs no pings") : QString()));
    else if (m_sockets.isLoopbackOnly())
        lines.append(QStringLiteral(
            "this process takes part within this machine only, as where it listens at a loopback address"));
    if (m_journal.hasRefused(OtherSecret))
        lines.append(QStringLiteral("the secret: processes here have another one; all need the same"));
    if (!m_journal.notConnected().isEmpty())
        lines.append(QStringLiteral("firewalls there: the TCP ports named above must be open"));
    if (m_journal.ownReceived() == 0)
        lines.append(QStringLiteral(
                         "the firewall of this machine: not even this process's own pings came back; open UDP port %1")
                         .arg(port));
    lines.append(QStringLiteral("whether one runs there, with discovery switched on, UDP port %1 and the same secret%2")
                     .arg(port)
                     .arg(m_options.lookFor.isEmpty() ? QString() : QStringLiteral(", and is a ") + m_options.lookFor));
    lines.append(QStringLiteral("that it listens at an address of its network, not at 127.0.0.1 only"));
    lines.append(QStringLiteral("firewalls: UDP port %1 must be open on both sides").arg(port));
    lines.append(
        QStringLiteral("Wi-Fi: many access points keep their clients apart (\"isolation\") or drop multicast"));
    lines.append(QStringLiteral("other networks are not searched: give the address of one process there"));
    return lines;
}

QString DiscoveryCore::report() const
{
    const QString what = m_options.lookFor.isEmpty() ? QStringLiteral("other processes") : m_options.lookFor;
    QStringList lines;
    if (!m_options.search)
        lines.append(QStringLiteral("this process does not look for others"));
    else if (m_found.isEmpty())
        lines.append(QStringLiteral("nothing was found: looked for %1").arg(what));
    else
        lines.append(QStringLiteral("looked for %1 and found %2").arg(what).arg(m_found.size()));
    lines.append(QStringLiteral("  interfaces: %1; UDP port %2")
                     .arg(m_sockets.interfaces().join(QStringLiteral(", ")))
                     .arg(m_sockets.port()));
    lines += m_journal.lines();
    for (const QString &problem : m_sockets.problems())
        lines.append(QStringLiteral("  problem: ") + problem);
    if (m_found.isEmpty() || !m_journal.notConnected().isEmpty()) {
        lines.append(QStringLiteral("to check:"));
        for (const QString &line : advice())
            lines.append(QStringLiteral("  - ") + line);
    }
    return lines.join(u'\n');
}

QList<DiscoveredPeer> DiscoveryCore::found() const
{
    return m_found.values();
}

} // namespace Asyncoro::Detail
