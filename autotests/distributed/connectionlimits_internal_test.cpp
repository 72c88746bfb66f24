// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../../src/distributed/limits_p.h"
#include "distributedtest.h"
#include "rawpeer.h"

#include <Asyncoro/Result>
#include <Asyncoro/WhenAll>

#include <QFile>
#include <QLoggingCategory>
#include <QScopeGuard>
#include <QSemaphore>
#include <QTcpSocket>
#include <QThread>

#include <algorithm>
#include <limits>
#include <vector>

using namespace DistributedTest;
using Asyncoro::Detail::PeerLimits;
using Asyncoro::Detail::peerLimits;

/** How many may be connected, or try to be, at a time: in all, and from one address. */
class ConnectionLimitsTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        failOnWarnings();
        peerLimits() = PeerLimits();
        m_network = networkWith({});
    }

    void cleanup()
    {
        m_network.reset();
        peerLimits() = PeerLimits();
    }

    // --- who has proved nothing ---

    void manyHalfOpenConnections()
    {
        constexpr int Limit = 8;
        constexpr int Count = 50;
        peerLimits().handshakes = Limit;
        std::vector<AsyncSocket> silent(Count);
        for (int i = 0; i < Count - Limit; ++i)
            expectWarning(QStringLiteral("closed the connection from .*: there are too many"));
        waitFor([](std::vector<AsyncSocket> &sockets, Location location) -> Task<> {
            for (AsyncSocket &socket : sockets)
                co_await socket.connect(location);
            for (int i = 0; i < Count - Limit; ++i)
                co_await sockets[std::size_t(i)].recv(); // the oldest have gone
        }(silent, m_network->location()));
        // One more, who says who it is, is let in at the cost of the oldest that does not.
        expectWarning(QStringLiteral("closed the connection from .*: there are too many"));
        const auto newcomer = makeNetwork();
        QVERIFY(isServed(*newcomer));
        waitFor([](std::vector<AsyncSocket> &sockets) -> Task<> {
            co_await sockets[Count - Limit].recv();
        }(silent));
        for (std::size_t i = Count - Limit + 1; i < Count; ++i)
            QVERIFY(silent[i].isConnected());
        silent.clear();
        QTRY_COMPARE(m_network->peers().size(), 1);
        QVERIFY(isServed(*newcomer));
    }

    void halfOpenConnectionsFromOneAddress()
    {
        constexpr int Limit = 8;
        peerLimits().handshakesOfAddress = Limit;
        m_network = networkWith({.address = QStringLiteral("0.0.0.0")});
        AsyncSocket other = waitFor(connectFrom("127.0.0.2"));
        std::vector<AsyncSocket> silent;
        for (int i = 0; i < Limit; ++i)
            silent.push_back(waitFor(connectFrom("127.0.0.3")));
        expectWarning(QStringLiteral("closed the connection from 127.0.0.3:[0-9]+ which .*: there are too many"));
        silent.push_back(waitFor(connectFrom("127.0.0.3")));
        auto receiveEnd = [](AsyncSocket &socket) -> Task<QByteArray> { co_return co_await socket.recv(); };
        QCOMPARE(waitFor(receiveEnd(silent[0])), "");
        for (std::size_t i = 1; i < silent.size(); ++i)
            QVERIFY(silent[i].isConnected());
        QVERIFY(other.isConnected()); // though it is the oldest of all
    }

    void strangersDoNotFillTheLog()
    {
        const auto line = QStringLiteral("refused a connection from .*: it does not speak this protocol");
        for (int i = 1; i < 50; ++i)
            expectWarning(line + u'$');
        expectWarning(line + QStringLiteral(" \\(more of these are not logged within this minute\\)$"));
        waitFor([](Location location) -> Task<> {
            for (int i = 0; i < 60; ++i) {
                RawPeer stranger;
                co_await stranger.socket.connect(location);
                co_await stranger.socket.sendAll(QByteArray(Hello::Size, 'x'));
                co_await stranger.isClosed();
            }
        }(m_network->location()));
    }

    void allOfManyThatConnectAtOnceGetThrough()
    {
        constexpr int Count = 40;
        peerLimits().handshakesOfAddress = 4;
        QLoggingCategory::setFilterRules(QStringLiteral("asyncoro.network.warning=false")); // some are let go
        const auto again = qScopeGuard([] { QLoggingCategory::setFilterRules({}); });
        m_network = networkWith({});
        const Location location = m_network->location();
        QSemaphore done;
        const std::unique_ptr<QThread> thread(QThread::create([&] {
            std::vector<std::unique_ptr<PeerNetwork>> all;
            std::vector<Task<Result<void>>> connections;
            for (int i = 0; i < Count; ++i) {
                all.push_back(makeNetwork());
                connections.push_back(asResult(connect(*all.back(), location)));
            }
            for (const Result<void> &result : waitFor(whenAll(std::move(connections)))) {
                if (!result)
                    qWarning().noquote() << result.errorText();
            }
            done.release();
        }));
        thread->start();
        // This process is at something else while they come.
        while (waitingFor(location.port()) < Count)
            QThread::sleep(1ms);
        QTRY_COMPARE_WITH_TIMEOUT(done.available(), 1, 30s);
        thread->wait();
    }

    // --- who has ---

    void peersFromOneAddress()
    {
        m_network = networkWith({.peersPerAddress = 2});
        std::vector<RawPeer> peers(3);
        waitFor(peers[0].join(m_network->location()));
        waitFor(peers[1].join(m_network->location()));

        expectRefusal("127.0.0.1", 2);
        QCOMPARE(waitFor(peers[2].introduce(m_network->location())).verdict, Verdict::Busy);
        QVERIFY(waitFor(peers[2].isClosed()));
        const auto late = makeNetwork();
        expectRefusal("127.0.0.1", 2);
        const QString text = failureOf<PeerLost>(late->connect(m_network->location()));
        QVERIFY2(text.endsWith(QStringLiteral("it has too many peers at this address")), qPrintable(text));

        // One that gives up its place for a new session needs no other.
        RawPeer again;
        again.ours.incarnation = peers[0].ours.incarnation;
        peers[0].socket.close();
        QTRY_COMPARE(m_network->peers().size(), 1);
        waitFor(again.join(m_network->location()));
        QCOMPARE(m_network->peers().size(), 2);

        again.socket.close();
        QTRY_COMPARE(m_network->peers().size(), 1);
        QVERIFY(isServed(*late));
    }

    void whomThisProcessConnectsToDoesNotCount()
    {
        m_network = networkWith({.peersPerAddress = 1});
        const auto first = makeNetwork();
        const auto second = makeNetwork();
        waitFor(m_network->connect(first->location()));
        waitFor(m_network->connect(second->location()));
        const auto third = makeNetwork();
        QVERIFY(isServed(*third));
        QCOMPARE(m_network->peers().size(), 3);
    }

    void peersFromOtherAddressesAreServed()
    {
        m_network = networkWith({.address = QStringLiteral("0.0.0.0"), .peersPerAddress = 1});
        RawPeer peer;
        peer.socket = waitFor(connectFrom("127.0.0.2"));
        QCOMPARE(waitFor(shakeHands(peer)), Verdict::Accepted);
        RawPeer second;
        second.socket = waitFor(connectFrom("127.0.0.2"));
        expectRefusal("127.0.0.2", 1);
        QCOMPARE(waitFor(shakeHands(second)), Verdict::Busy);
        RawPeer other;
        other.socket = waitFor(connectFrom("127.0.0.3"));
        QCOMPARE(waitFor(shakeHands(other)), Verdict::Accepted);
    }

private:
    static std::unique_ptr<PeerNetwork> networkWith(PeerNetwork::Options options)
    {
        options.secret = Secret("s3cret");
        auto network = std::make_unique<PeerNetwork>(options);
        network->offer(QStringLiteral("add"), add);
        return network;
    }

    static void expectRefusal(const char *address, int limit)
    {
        const auto text
            = QStringLiteral("refused a connection from %1:[0-9]+: as many peers as may \\(%2\\) have connected");
        expectWarning(text.arg(QString::fromLatin1(address)).arg(limit));
    }

    /** How many connections to a port of this machine nobody has looked at yet. */
    static qsizetype waitingFor(quint16 port)
    {
        QFile file(QStringLiteral("/proc/net/tcp"));
        if (!file.open(QIODevice::ReadOnly))
            return std::numeric_limits<qsizetype>::max();
        constexpr auto Established = " 01 ";
        const QByteArray local = "0100007F:" + QByteArray::number(port, 16).toUpper() + ' ';
        const QList<QByteArray> lines = file.readAll().split('\n');
        return std::ranges::count_if(lines, [&](const QByteArray &line) {
            return line.indexOf(local) == line.indexOf(':') + 2 && line.contains(Established);
        });
    }

    static Task<> connect(PeerNetwork &network, Location location) { co_await network.connect(location); }

    [[nodiscard]] bool isServed(PeerNetwork &peer) const
    {
        return waitFor(peer.call<int>(m_network->location(), QStringLiteral("add"), 1, 2), 20s) == 3;
    }

    [[nodiscard]] Task<AsyncSocket> connectFrom(const char *address) const
    {
        auto *const socket = new QTcpSocket; // the AsyncSocket's
        AsyncSocket connecting(socket);
        if (!socket->bind(QHostAddress(QString::fromLatin1(address))))
            throw Error(QStringLiteral("this machine has only one loopback address"));
        co_await connecting.connect(Location(QStringLiteral("127.0.0.1"), m_network->location().port()));
        co_return connecting;
    }

    static Task<Verdict> shakeHands(RawPeer &peer)
    {
        co_await peer.socket.sendAll(peer.ours.toBytes());
        peer.theirs = co_await peer.socket.recvAll(Hello::Size);
        co_await peer.socket.sendAll(peer.introduction());
        co_return (co_await peer.receiveAnswer()).verdict;
    }

    std::unique_ptr<PeerNetwork> m_network;
};

QTEST_GUILESS_MAIN(ConnectionLimitsTest)
#include "connectionlimits_internal_test.moc"
