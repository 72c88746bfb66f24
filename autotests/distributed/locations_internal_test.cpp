// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../../src/distributed/limits_p.h"
#include "../network/freeport.h"
#include "distributedtest.h"
#include "rawpeer.h"

#include <Asyncoro/AsyncServer>

#include <dlfcn.h>
#include <netdb.h>

using namespace DistributedTest;

// Stands before the C library's, for a host with two addresses.
extern "C" Q_DECL_EXPORT int getaddrinfo(const char *node, const char *service, const addrinfo *hints, addrinfo **found)
{
    static const auto original = reinterpret_cast<decltype(&getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
    if (qstrcmp(node, "two.test") != 0)
        return original(node, service, hints, found);
    const int error = original("127.0.0.2", service, hints, found);
    addrinfo *last = *found;
    while (error == 0 && last->ai_next)
        last = last->ai_next;
    return error != 0 ? error : original("127.0.0.3", service, hints, &last->ai_next);
}

namespace {

PeerNetwork::Options optionsAt(const QString &address = QStringLiteral("127.0.0.1"), quint16 port = 0)
{
    return {.address = address, .port = port, .secret = Secret("s3cret")};
}

/** It offers a function that gives its name. */
std::unique_ptr<PeerNetwork> makeNamed(const QString &name, PeerNetwork::Options options = optionsAt())
{
    auto network = std::make_unique<PeerNetwork>(std::move(options));
    network->offer(QStringLiteral("name"), [name]() -> Task<QString> { co_return name; });
    return network;
}

Task<> waitUntil(std::function<bool()> condition)
{
    while (!condition())
        co_await sleep(1ms);
}

} // namespace

/** Where peers are to be called: several of them at one address, behind another one, or under a name with several. */
class LocationsTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        failOnWarnings();
        Detail::peerLimits() = {};
        m_middle = makeNamed(QStringLiteral("middle"));
    }

    void cleanup() { m_middle.reset(); }

    void peersWithOnePortAreKeptApart()
    {
        // Both connect from 127.0.0.1, and listen elsewhere.
        const quint16 port = freePort();
        const auto first = makeNamed(QStringLiteral("first"), optionsAt(QStringLiteral("127.0.0.2"), port));
        const auto second = makeNamed(QStringLiteral("second"), optionsAt(QStringLiteral("127.0.0.3"), port));
        waitFor(first->connect(m_middle->location()));
        waitFor(second->connect(m_middle->location()));
        QTRY_COMPARE(m_middle->peers().size(), 2);
        for (const Peer &peer : m_middle->peers()) {
            const QString name = peer.location() == first->location() ? QStringLiteral("first") : QStringLiteral("second");
            QCOMPARE(waitFor(m_middle->call<QString>(peer.location(), QStringLiteral("name"))), name);
            QCOMPARE(waitFor(m_middle->call<QString>(peer, QStringLiteral("name"))), name);
        }
        QCOMPARE(waitFor(m_middle->call<QString>(first->location(), QStringLiteral("name"))), QStringLiteral("first"));
        QCOMPARE(waitFor(m_middle->call<QString>(second->location(), QStringLiteral("name"))), QStringLiteral("second"));
    }

    void whoSaysToBeWhereAnotherOneIsDoesNotDisturbIt()
    {
        // As two behind one router, which passes on a port to the first only.
        const auto first = makeNamed(QStringLiteral("first"));
        const Location there = first->location();
        const Peer known = waitFor(m_middle->connect(there));
        waitFor([](PeerNetwork *middle, Peer real, Location location) -> Task<> {
            RawPeer other;
            other.ours.port = location.port();
            co_await other.join(middle->location());
            co_await waitUntil([&] { return middle->peers().size() == 2; });
            const Peer claimant = middle->peers()[middle->peers()[0] == real];
            if (!real.isConnected() || claimant.location().isValid())
                throw Error(QStringLiteral("it was believed"));
            if (co_await middle->call<QString>(location, QStringLiteral("name")) != u"first")
                throw Error(QStringLiteral("another one was called"));
        }(m_middle.get(), known, there));
    }

    void whoSaysToBeAnotherOneHasToProveIt()
    {
        const auto first = makeNamed(QStringLiteral("first"));
        waitFor(m_middle->connect(first->location()));
        RawPeer spy; // for a hello no secret is needed
        waitFor(spy.greet(first->location()));
        AsyncServer server;
        server.listen(QHostAddress::LocalHost, freePort());
        const Location there = server.location();
        const Coro<> impostor = spawn([](AsyncServer *listener, QByteArray hello) -> Task<> {
            AsyncSocket socket = co_await listener->accept();
            co_await socket.recvAll(Hello::Size);
            co_await socket.sendAll(hello);
            co_await socket.recvAll(SessionRequest::Size + Detail::ProofSize);
            co_await socket.sendAll(SessionAnswer{Verdict::Duplicate}.toBytes() + QByteArray(Detail::ProofSize, 'x'));
        }, &server, spy.theirs);
        const QString text = failureOf<PeerRefused>(m_middle->call<QString>(there, QStringLiteral("name")));
        QVERIFY2(text.contains(QStringLiteral("does not know the secret")), qPrintable(text));
        waitFor(impostor);
        server.close();
        const auto second = makeNamed(QStringLiteral("second"), optionsAt(QStringLiteral("127.0.0.1"), there.port()));
        QCOMPARE(waitFor(m_middle->call<QString>(there, QStringLiteral("name"))), QStringLiteral("second"));
    }

    void aPlaceThatBecomesFreeGoesToWhoClaimsIt()
    {
        auto first = makeNamed(QStringLiteral("first"));
        const Location there = first->location();
        const Peer known = waitFor(m_middle->connect(there));
        RawPeer other;
        other.ours.port = there.port();
        waitFor(other.join(m_middle->location()));
        QTRY_COMPARE(m_middle->peers().size(), 2);
        const Peer claimant = m_middle->peers()[m_middle->peers()[0] == known];
        first.reset();
        QTRY_VERIFY(!known.isConnected());
        QCOMPARE(claimant.location(), there);
    }

    void aHandleIsPassedOnWithWhereItsProcessListens()
    {
        const auto owner = makeNamed(QStringLiteral("owner"), optionsAt(QStringLiteral("127.0.0.2")));
        const Coro<QStringList> target = spawn(collect(1));
        owner->offer(QStringLiteral("handle"), [target]() -> Task<Coro<>> { co_return target; });
        const auto third = makeNamed(QStringLiteral("third"));
        third->offer(QStringLiteral("greet"), [](Coro<> whom) -> Task<> { co_await whom.deliver(QStringLiteral("hello")); });
        waitFor(owner->connect(m_middle->location()));
        QTRY_COMPARE(m_middle->peers().size(), 1);
        const auto handle = waitFor(m_middle->call<Coro<>>(m_middle->peers()[0], QStringLiteral("handle")));
        waitFor(m_middle->call(third->location(), QStringLiteral("greet"), handle));
        QCOMPARE(waitFor(target), QStringList{QStringLiteral("hello")});
    }

    void theExternalAddressIsTold()
    {
        PeerNetwork::Options options = optionsAt();
        options.externalAddress = QStringLiteral("192.0.2.7");
        options.externalPort = 4711;
        const auto inner = makeNamed(QStringLiteral("inner"), options);
        waitFor(inner->connect(m_middle->location()));
        QTRY_COMPARE(m_middle->peers().size(), 1);
        QCOMPARE(m_middle->peers()[0].location(), Location(QStringLiteral("192.0.2.7"), 4711));
        QCOMPARE(m_middle->peers()[0].address(), QStringLiteral("127.0.0.1"));
    }

    void whoListensEverywhereIsCalledWhereItComesFrom()
    {
        const auto everywhere = makeNamed(QStringLiteral("everywhere"), optionsAt(QStringLiteral("0.0.0.0")));
        waitFor(everywhere->connect(m_middle->location()));
        QTRY_COMPARE(m_middle->peers().size(), 1);
        QCOMPARE(m_middle->peers()[0].location(), Location(QStringLiteral("127.0.0.1"), everywhere->location().port()));
    }

    void allOfBothFamilies()
    {
        const auto all = makeNamed(QStringLiteral("all"), optionsAt(QStringLiteral("::")));
        const auto nameAt = [&](const QString &address) {
            return waitFor(m_middle->call<QString>(Location(address, all->location().port()), QStringLiteral("name")));
        };
        QCOMPARE(nameAt(QStringLiteral("127.0.0.1")), QStringLiteral("all"));
        if (QTcpServer().listen(QHostAddress(QHostAddress::LocalHostIPv6)))
            QCOMPARE(nameAt(QStringLiteral("::1")), QStringLiteral("all"));
    }

    void anAddressThatDoesNotAnswerIsNotWaitedFor()
    {
        QTcpServer nobody;
        const quint16 port = freePort();
        QVERIFY(nobody.listen(QHostAddress(QStringLiteral("127.0.0.2")), port));
        const auto network = makeNamed(QStringLiteral("good"), optionsAt(QStringLiteral("127.0.0.3"), port));
        const Location location(QStringLiteral("two.test"), port);
        QCOMPARE(waitFor(m_middle->call<QString>(location, QStringLiteral("name"))), QStringLiteral("good"));
        QCOMPARE(m_middle->peers().size(), 1);
        m_middle->closePeer(location);
        QVERIFY(m_middle->peers().isEmpty());
    }

    void aHostIsReachedByAnotherAddressLater()
    {
        const quint16 port = freePort();
        const Location location(QStringLiteral("two.test"), port);
        auto before = makeNamed(QStringLiteral("before"), optionsAt(QStringLiteral("127.0.0.2"), port));
        QCOMPARE(waitFor(m_middle->call<QString>(location, QStringLiteral("name"))), QStringLiteral("before"));
        before.reset();
        QTRY_VERIFY(m_middle->peers().isEmpty());

        QTcpServer silent;
        QVERIFY(silent.listen(QHostAddress(QStringLiteral("127.0.0.2")), port));
        const auto after = makeNamed(QStringLiteral("after"), optionsAt(QStringLiteral("127.0.0.3"), port));
        QCOMPARE(waitFor(m_middle->call<QString>(location, QStringLiteral("name"))), QStringLiteral("after"));
    }

    void anAddressThatRefusesIsPassedBy()
    {
        const quint16 port = freePort();
        const auto network = makeNamed(QStringLiteral("good"), optionsAt(QStringLiteral("127.0.0.3"), port));
        const Location location(QStringLiteral("two.test"), port);
        QCOMPARE(waitFor(m_middle->call<QString>(location, QStringLiteral("name"))), QStringLiteral("good"));
    }

    void whereNoAddressAnswersAllAreNamed()
    {
        const quint16 port = freePort();
        const Location location(QStringLiteral("two.test"), port);
        const QString refused = failureOf<PeerLost>(m_middle->connect(location));
        QVERIFY2(refused.contains(QStringLiteral("127.0.0.2")) && refused.contains(QStringLiteral("127.0.0.3")), qPrintable(refused));

        QTcpServer nobody;
        QVERIFY(nobody.listen(QHostAddress(QStringLiteral("127.0.0.3")), port));
        const QString silent = failureOf<TimedOut>(m_middle->connect(location, 100ms));
        QVERIFY2(silent.contains(QStringLiteral("two.test")) && silent.contains(QStringLiteral("127.0.0.3")), qPrintable(silent));
    }

private:
    std::unique_ptr<PeerNetwork> m_middle;
};

QTEST_GUILESS_MAIN(LocationsTest)

#include "locations_internal_test.moc"
