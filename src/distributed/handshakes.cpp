// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// How two processes get to know each other on a new connection, and which link it is for.

#include "networkcore_p.h"

#include <QHostAddress>
#include <QLoggingCategory>
#include <QRandomGenerator>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

Q_DECLARE_LOGGING_CATEGORY(lcPeerNetwork)

namespace Asyncoro::Detail {

using namespace std::chrono_literals;

namespace {

constexpr int WarningsInAMinute = 50;

/** As a request tells it; all 0 if it is of no use to others. */
QByteArray addressBytes(const QString &address)
{
    const QHostAddress host(address);
    if (!host.scopeId().isEmpty())
        return QByteArray(SessionRequest::AddressSize, 0);
    const Q_IPV6ADDR bytes = host.toIPv6Address(); // IPv4 as ::ffff:a.b.c.d
    return QByteArray(reinterpret_cast<const char *>(bytes.c), SessionRequest::AddressSize);
}

/** Null if it is all 0. */
QHostAddress addressOf(const QByteArray &bytes)
{
    if (bytes.count('\0') == bytes.size())
        return {};
    const QHostAddress host(reinterpret_cast<const quint8 *>(bytes.constData()));
    bool isIPv4 = false;
    const quint32 ipv4 = host.toIPv4Address(&isIPv4);
    return isIPv4 ? QHostAddress(ipv4) : host;
}

/** What counts as one address: with IPv6 a host has those of a whole network of 64 bits, except on its own link. */
QString networkOf(const QString &address)
{
    const QHostAddress host(address);
    if (host.protocol() != QAbstractSocket::IPv6Protocol || !host.isGlobal())
        return address;
    Q_IPV6ADDR bytes = host.toIPv6Address();
    std::fill(bytes.c + 8, bytes.c + 16, quint8(0));
    return QHostAddress(bytes).toString();
}

/** The beginning of a TLS connection: a record of a handshake, of any version that is in use (RFC 8446, section 5.1). */
bool isTls(const QByteArray &bytes)
{
    return bytes.startsWith("\x16\x03");
}

/** What a process that uses TLS answers to whoever does not: a record with an alert. */
bool isTlsAlert(const QByteArray &bytes)
{
    return bytes.startsWith("\x15\x03");
}

} // namespace

Hello NetworkCore::makeHello() const
{
    Hello hello;
    if (m_options.mayBeBusy)
        hello.flags |= Hello::MayBeBusy;
    hello.port = stated().port();
    hello.incarnation = m_incarnation;
    hello.nonce = randomBytes(Hello::NonceSize);
    return hello;
}

QByteArray NetworkCore::bindingOf(const AsyncSocket &socket) const
{
    if (!m_options.tls)
        return {};
    const QByteArray binding = socket.tlsSession().channelBinding();
    if (binding.isEmpty())
        throw PeerRefused(QStringLiteral("%1 uses a TLS that is too old: update it").arg(socket.peerLocation().toString()));
    return binding;
}

Task<SessionAnswer> NetworkCore::shakeHands(std::shared_ptr<AsyncSocket> socket, Location location, SessionRequest request,
                                            QDeadlineTimer until, std::function<bool(const Hello &)> isWanted,
                                            Hello *theirs)
{
    const QDeadlineTimer deadline = std::min(until, QDeadlineTimer(peerLimits().handshake));
    if (m_options.tls)
        co_await socket->startTls(m_connectingTls, {}, deadline);
    const Hello ours = makeHello();
    const QByteArray ourBytes = ours.toBytes();
    QByteArray transcript = bindingOf(*socket) + ourBytes;
    co_await socket->sendAll(ourBytes, deadline);
    QByteArray theirBytes = co_await socket->recv(Hello::Size, deadline);
    if (!m_options.tls && isTlsAlert(theirBytes))
        throw PeerRefused(QStringLiteral("%1 uses TLS, and this process has no certificate; it takes one, its key "
                                         "and the authority of all processes")
                              .arg(location.toString()));
    if (theirBytes.size() < Hello::Size)
        theirBytes += co_await socket->recvAll(Hello::Size - theirBytes.size(), deadline);
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

    // Where no session is wanted, as there is one with that process, it has to prove all the same that it is that one.
    const bool wanted = isWanted(*hello);
    if (!wanted)
        request = {.session = SessionRequest::OnlyProof};
    // From here on the other side may accept. See linkFor() for what comes from there meanwhile.
    struct Mark {
        Mark(QHash<QByteArray, int> &all, const QByteArray &one)
            : counts(all)
            , incarnation(one)
        {
            ++counts[incarnation];
        }
        ~Mark()
        {
            if (--counts[incarnation] == 0)
                counts.remove(incarnation);
        }
        Mark(const Mark &) = delete;
        Mark &operator=(const Mark &) = delete;
        QHash<QByteArray, int> &counts;
        const QByteArray incarnation;
    };
    std::optional<Mark> mark;
    if (wanted)
        mark.emplace(m_shakingWith, hello->incarnation);

    request.address = addressBytes(stated().address());
    const QByteArray requestBytes = request.toBytes();
    transcript += theirBytes + requestBytes;
    const QByteArray ourProof = makeProof(m_options.secret.key(), Side::Connecting, transcript);
    co_await socket->sendAll(requestBytes + ourProof, deadline);
    const QByteArray answerBytes = co_await socket->recvAll(SessionAnswer::Size, deadline);
    const SessionAnswer answer = SessionAnswer::fromBytes(answerBytes);
    if (answer.verdict == Verdict::WrongSecret)
        throw PeerRefused(QStringLiteral("%1 refused this process: it has another secret").arg(location.toString()));

    transcript += ourProof + answerBytes;
    const QByteArray theirProof = co_await socket->recvAll(ProofSize, deadline);
    if (!equalInConstantTime(theirProof, makeProof(m_options.secret.key(), Side::Accepting, transcript)))
        throw PeerRefused(QStringLiteral("%1 does not know the secret").arg(location.toString()));
    if (!wanted)
        co_return SessionAnswer{Verdict::Duplicate};
    switch (answer.verdict) {
    case Verdict::Accepted:
    case Verdict::Duplicate:
    case Verdict::Resumed:
    case Verdict::Gone:
        co_return answer;
    case Verdict::Busy:
        throw PeerLost(location, QStringLiteral("it has too many peers at this address"));
    case Verdict::WrongSecret:
        break;
    }
    throw PeerRefused(QStringLiteral("%1 gave an answer that is not understood").arg(location.toString()));
}

Task<> NetworkCore::acceptPeers()
{
    const auto self = shared_from_this();
    for (;;) {
        auto socket = std::make_shared<AsyncSocket>(co_await m_server->accept());
        if (m_closed)
            co_return;
        const QString address = networkOf(socket->peerLocation().address());
        makeRoomForStranger(address);
        const Coro<> welcomer = spawn(&NetworkCore::welcome, self, socket);
        welcomer.setName(QStringLiteral("connection from ") + socket->peerLocation().toString());
        welcomer.setDaemon();
        m_strangers.append({welcomer, address});
    }
}

/**
 * Who knows the secret is through soon, so the oldest one is the one to give up: of `address` if that has too many, else of
 * the one with the most, so that no address can crowd out the others.
 */
void NetworkCore::makeRoomForStranger(const QString &address)
{
    QString crowded = address;
    if (std::ranges::count(m_strangers, address, &Stranger::address) < peerLimits().handshakesOfAddress) {
        if (m_strangers.size() < peerLimits().handshakes)
            return;
        QHash<QString, qsizetype> counts;
        for (const Stranger &stranger : std::as_const(m_strangers))
            ++counts[stranger.address];
        for (auto count = counts.cbegin(); count != counts.cend(); ++count) {
            if (*count > counts.value(crowded))
                crowded = count.key();
        }
    }
    const auto oldest = std::ranges::find(m_strangers, crowded, &Stranger::address);
    if (oldest == m_strangers.end())
        return;
    const Coro<> welcomer = oldest->welcomer;
    m_strangers.erase(oldest);
    warnOfStranger(QStringLiteral("closed the %1 which has not said who it is: there are too many").arg(welcomer.name()));
    welcomer.terminate();
}

/** Not of each: they need no secret to come as often as they like, and would fill the log. */
void NetworkCore::warnOfStranger(const QString &text)
{
    if (m_nextWarnings.hasExpired()) {
        m_nextWarnings.setRemainingTime(1min);
        m_warningsLeft = WarningsInAMinute;
    }
    if (m_warningsLeft == 0) {
        ++m_untold;
        return;
    }
    QString more;
    if (const qint64 untold = std::exchange(m_untold, 0); untold > 0)
        more = QStringLiteral(" (before this, %1 more, which were not logged)").arg(untold);
    if (--m_warningsLeft == 0)
        more += QStringLiteral(" (more of these are not logged within this minute)");
    qCWarning(lcPeerNetwork).noquote() << text + more;
}

namespace {

/** As many bytes; none if the other side closes or resets before the first of them: it has found another way meanwhile. */
Task<QByteArray> receiveOrEnd(std::shared_ptr<AsyncSocket> socket, qsizetype size, QDeadlineTimer deadline)
{
    QByteArray bytes;
    try {
        bytes = co_await socket->recv(size, deadline);
    } catch (const SocketError &e) {
        if (e.code() != QAbstractSocket::RemoteHostClosedError)
            throw;
    }
    if (!bytes.isEmpty() && bytes.size() < size)
        bytes += co_await socket->recvAll(size - bytes.size(), deadline);
    co_return bytes;
}

} // namespace

Task<> NetworkCore::welcome(std::shared_ptr<AsyncSocket> socket)
{
    const auto self = shared_from_this();
    const QString from = socket->peerLocation().toString();
    std::shared_ptr<PeerLink> link;
    Hello theirs;
    SessionRequest request;
    SessionAnswer answer;
    try {
        struct Entry {
            QList<Stranger> &list;
            const Coro<> coro;
            ~Entry()
            {
                list.removeIf([this](const Stranger &stranger) { return stranger.welcomer == coro; });
            }
        } const entry{m_strangers, Coro<>::self()};

        const QDeadlineTimer deadline(peerLimits().handshake);
        if (m_options.tls)
            co_await socket->startServerTls(m_acceptingTls, deadline);
        const QByteArray theirBytes = co_await receiveOrEnd(socket, Hello::Size, deadline);
        if (theirBytes.isEmpty())
            co_return;
        const Hello ours = makeHello();
        const QByteArray ourBytes = ours.toBytes();
        if (isTls(theirBytes)) {
            co_await socket->sendAll(ourBytes, deadline); // which is not TLS, so that the other side knows why it fails
            throw PeerRefused(QStringLiteral("it uses TLS, and this process does not"));
        }
        const std::optional<Hello> hello = Hello::fromBytes(theirBytes);
        if (!hello)
            throw PeerRefused(QStringLiteral("it does not speak this protocol"));
        theirs = *hello;
        const quint64 sessionsBefore = m_sessionsBegun;
        co_await socket->sendAll(ourBytes, deadline);
        if (theirs.incarnation == m_incarnation)
            co_return; // this process by another of its addresses; the side that connects says so
        if (!ours.understands(theirs))
            throw PeerRefused(QStringLiteral("it speaks version %1 of the protocol, and this process version %2")
                                  .arg(theirs.version)
                                  .arg(ours.version));

        const QByteArray requestBytes = co_await receiveOrEnd(socket, SessionRequest::Size, deadline);
        if (requestBytes.isEmpty())
            co_return;
        QByteArray transcript = bindingOf(*socket) + theirBytes + ourBytes + requestBytes;
        const QByteArray theirProof = co_await socket->recvAll(ProofSize, deadline);
        if (!equalInConstantTime(theirProof, makeProof(m_options.secret.key(), Side::Connecting, transcript))) {
            co_await socket->sendAll(SessionAnswer{Verdict::WrongSecret}.toBytes(), deadline);
            throw PeerRefused(QStringLiteral("it has another secret"));
        }

        request = SessionRequest::fromBytes(requestBytes);
        const QHostAddress stated = addressOf(request.address);
        QString address = socket->peerLocation().address();
        if (!stated.isNull())
            address = asSeenFromHere(stated.toString(), address);
        if (request.session != 0)
            link = resume(theirs, request, &answer);
        else
            link = linkFor(theirs, Location(address, theirs.port), sessionsBefore, &answer);
        if (answer.verdict == Verdict::Accepted && m_byIncarnation.size() >= m_options.peersPerAddress // or it need not be asked
            && othersConnectedFrom(socket->peerLocation().address(), theirs) >= m_options.peersPerAddress) {
            answer = {Verdict::Busy};
            link.reset();
        }
        const QByteArray answerBytes = answer.toBytes();
        transcript += theirProof + answerBytes;
        co_await socket->sendAll(answerBytes + makeProof(m_options.secret.key(), Side::Accepting, transcript), deadline);
        if (answer.verdict == Verdict::Busy)
            throw PeerRefused(
                QStringLiteral("as many peers as may (%1) have connected from there").arg(m_options.peersPerAddress));
    } catch (const Error &e) {
        warnOfStranger(QStringLiteral("refused a connection from %1: %2").arg(from, e.message()));
        co_return;
    }
    if (!link)
        co_return;
    answer.received = request.received; // from here on, how much the peer has
    co_await link->run(std::move(socket), theirs, answer);
}

/** How many peers but `theirs` are connected that have connected from `address`. */
qsizetype NetworkCore::othersConnectedFrom(const QString &address, const Hello &theirs) const
{
    const QString network = networkOf(address);
    return std::ranges::count_if(m_byIncarnation, [&](const std::shared_ptr<PeerLink> &link) {
        return link->state() == PeerLink::State::Connected && !link->isOutbound() && networkOf(link->address()) == network
            && link->incarnation() != theirs.incarnation;
    });
}

/**
 * The link that a connection from the process `theirs` is for; none, if there is a better one than this. It asks for a new
 * session, and when it got this side's hello, there had been `sessionsBefore`.
 */
std::shared_ptr<PeerLink> NetworkCore::linkFor(const Hello &theirs, const Location &location, quint64 sessionsBefore,
                                               SessionAnswer *answer)
{
    std::shared_ptr<PeerLink> there = location.isValid() ? m_byLocation.value(location) : nullptr;
    bool isTaken = false;
    if (there && there->hasSession() && there->incarnation() != theirs.incarnation) {
        // Either that one listens there no more, or the location is not where this one is to be called: two behind one router
        // look alike.
        isTaken = there->state() == PeerLink::State::Connected;
        if (isTaken)
            there->ping();
        else if (there->isOutbound())
            there->lose(std::make_exception_ptr(PeerLost(location, QStringLiteral("another process listens there now"))));
        there.reset();
    }
    std::shared_ptr<PeerLink> link = linkOf(theirs.incarnation);
    if (link && link->state() == PeerLink::State::Interrupted) {
        if (link->ordinal() > sessionsBefore) {
            answer->verdict = Verdict::Duplicate; // overtaken: it was asked for before that session began
            return {};
        }
        link->lose(std::make_exception_ptr(PeerLost(location, QStringLiteral("it has given up the connection"))));
        link.reset();
    }
    // Where both connect at the same time, the connection from the process with the greater incarnation stays.
    const bool connected = link && link->state() == PeerLink::State::Connected;
    if (connected || (m_shakingWith.contains(theirs.incarnation) && m_incarnation > theirs.incarnation)) {
        if (connected)
            link->ping(); // it may have lost that connection, which then shows
        answer->verdict = Verdict::Duplicate;
        return {};
    }
    if (!link && there && there->incarnation().isEmpty())
        link = there;
    if (!link)
        link = std::make_shared<PeerLink>(shared_from_this(), location, theirs.incarnation);
    if (isTaken && link->location() == location) {
        link->setLocation({});
        link->setClaim(location);
    }
    *answer = {Verdict::Accepted, QRandomGenerator::system()->generate64() | 1, 0};
    return link;
}

/** The link of the session that the process `theirs` wants to go on with over a new connection; none if that is not to be. */
std::shared_ptr<PeerLink> NetworkCore::resume(const Hello &theirs, const SessionRequest &request, SessionAnswer *answer)
{
    const std::shared_ptr<PeerLink> link = linkOf(theirs.incarnation);
    if (!link || !link->hasSession() || link->session() != request.session) {
        answer->verdict = Verdict::Gone;
        return {};
    }
    if (m_shakingWith.contains(theirs.incarnation) && m_incarnation > theirs.incarnation) {
        answer->verdict = Verdict::Duplicate; // as with a new session
        return {};
    }
    if (request.received < link->acknowledged()) {
        answer->verdict = Verdict::Duplicate; // overtaken: over a newer connection the peer has told of more since
        return {};
    }
    link->interrupt(QStringLiteral("it connects again"), PeerLink::Break::Failed); // what comes over the old one comes too late
    if (link->state() != PeerLink::State::Interrupted) { // lost, for one side cannot resume
        answer->verdict = Verdict::Gone;
        return {};
    }
    *answer = {Verdict::Resumed, request.session, link->received()};
    return link;
}

} // namespace Asyncoro::Detail
