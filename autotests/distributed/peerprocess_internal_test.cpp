// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "peerprocess.h"

#include <QElapsedTimer>

using namespace DistributedTest;

/** Processes that end without a word. */
class PeerProcessTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        failOnWarnings();
        peerLimits() = PeerLimits();
        m_network = makeNetwork();
    }

    void cleanup()
    {
        m_network.reset();
        peerLimits() = PeerLimits();
    }

    void isCalled()
    {
        const PeerProcess peer;
        QCOMPARE(waitFor(m_network->call<int>(peer.location, QStringLiteral("add"), 1, 2)), 3);
    }

    void D08_aKilledPeerIsLostAtOnce()
    {
        PeerProcess peer;
        const Coro<> sleeper = waitFor(m_network->locate(peer.location, QStringLiteral("sleeper")));
        const Coro<ExitNotice> observer = spawn([]() -> Task<ExitNotice> { co_return co_await receive<ExitNotice>(); });
        sleeper.monitor(observer);
        const Coro<> call = spawn(m_network->call(peer.location, QStringLiteral("wait")));
        const Coro<> joiner = spawn([sleeper]() -> Task<> { co_await sleeper; });
        waitFor(sleeper.deliver(1));

        peer.signal(SIGSTOP); // so that it takes the message, but does not answer
        const Coro<> delivery = spawn(sleeper.deliver(2));
        letOthersRun();
        QElapsedTimer timer;
        timer.start();
        peer.kill();
        for (const Coro<> &waiting : {call, joiner, delivery}) {
            const QString text = failureOf<PeerLost>(waiting);
            QVERIFY2(text.startsWith(peer.location.toString()), qPrintable(text));
        }
        const ExitNotice notice = waitFor(observer, 10s);
        QCOMPARE(notice.state(), CoroState::Lost);
        QVERIFY(notice.error().startsWith(peer.location.toString()));
        QVERIFY2(timer.elapsed() < 4000, qPrintable(QString::number(timer.elapsed())));
        QVERIFY(m_network->peers().isEmpty());
        QVERIFY(!sleeper.send(1));
        QVERIFY(!failureOf<PeerLost>(m_network->call(peer.location, QStringLiteral("wait"))).startsWith(u'<'));
    }

    void H02_channelsOfAKilledPeer()
    {
        PeerProcess peer;
        const Channel channel(QStringLiteral("own"));
        const Channel news = waitFor(m_network->locate<Channel>(peer.location, QStringLiteral("news")));
        const auto call = waitFor(m_network->find<Rci<void(Channel, int)>>(peer.location, QStringLiteral("subscribeMany")));
        waitFor(call.call(channel, 10)); // coroutines over there, to a channel here
        QCOMPARE(channel.subscriberCount(), 10);
        const Coro<> here = spawn(waitForever);
        channel.subscribe(here);
        QVERIFY(waitFor(news.subscribe(here, 10s)));
        QVERIFY(waitFor(news.subscribe(channel, 10s)));
        QCOMPARE(waitFor(channel.deliver(1)), 11);
        QCOMPARE(waitFor(news.deliver(2)), 12); // there, here, and there again

        peer.signal(SIGSTOP); // so that it takes messages, but does not answer
        const Coro<int> delivery = spawn(channel.deliver(3));
        const Coro<int> otherDelivery = spawn(news.deliver(4));
        letOthersRun();
        peer.kill();
        QCOMPARE(waitFor(delivery, 10s), 1);
        QVERIFY(!failureOf<PeerLost>(otherDelivery).startsWith(u'<'));
        QCOMPARE(channel.subscriberCount(), 1);
        QVERIFY(news.isClosed());
        QVERIFY(!news.send(5));
        QVERIFY(!failureOf<PeerLost>(call.call(channel, 1)).startsWith(u'<'));
        here.terminate();
    }

    void C15_linksWithAKilledPeer()
    {
        PeerProcess peer;
        const PeerProcess other;
        const Coro<> sleeper = waitFor(m_network->locate(peer.location, QStringLiteral("sleeper")));
        const Coro<> otherSleeper = waitFor(m_network->locate(other.location, QStringLiteral("sleeper")));
        const Coro<ExitNotice> linked = spawn([]() -> Task<ExitNotice> {
            try {
                co_await waitForever();
            } catch (const LinkedCoroEnded &e) {
                co_return e.notice();
            }
            co_return ExitNotice();
        });
        const Coro<ExitNotice> observer = spawn([]() -> Task<ExitNotice> { co_return co_await receive<ExitNotice>(); });
        letOthersRun();
        linked.link(sleeper);
        otherSleeper.link(sleeper); // two that are both elsewhere
        otherSleeper.monitor(observer);
        waitFor(otherSleeper.deliver(1));
        waitFor(sleeper.deliver(1));
        peer.kill();
        QCOMPARE(waitFor(linked, 10s).state(), CoroState::Lost);
        const ExitNotice notice = waitFor(observer, 30s); // ended by what it was thrown
        QCOMPARE(notice.coro(), otherSleeper);
        QCOMPARE(notice.state(), CoroState::Failed);
        QVERIFY2(notice.error().startsWith(QStringLiteral("the linked coroutine")), qPrintable(notice.error()));
    }

    void D08_aStoppedPeerIsLostAfterAWhile()
    {
        m_network.reset();
        peerLimits().ping = 50ms;
        peerLimits().silence = 1500ms;
        m_network = makeNetwork();
        const PeerProcess idle;
        const PeerProcess busy({.busy = true});
        const Coro<> call = spawn(m_network->call(idle.location, QStringLiteral("wait")));
        const Coro<> busyCall = spawn(m_network->call(busy.location, QStringLiteral("wait")));
        const Peer idlePeer = waitFor(m_network->connect(idle.location));
        const Peer busyPeer = waitFor(m_network->connect(busy.location));
        busy.signal(SIGSTOP);
        idle.signal(SIGSTOP);
        const QString text = failureOf<PeerLost>(call);
        QVERIFY2(text.contains(QStringLiteral("nothing was heard from it")), qPrintable(text));
        QVERIFY(!idlePeer.isConnected());
        // One that may be busy is given its time.
        QVERIFY(busyPeer.isConnected());
        QCOMPARE(busyCall.state(), CoroState::Running);
        busy.signal(SIGCONT);
        QCOMPARE(waitFor(m_network->call<int>(busy.location, QStringLiteral("add"), 1, 2)), 3);
        // The other one has another connection when it goes on.
        idle.signal(SIGCONT);
        QCOMPARE(waitFor(m_network->call<int>(idle.location, QStringLiteral("add"), 1, 2), 20s), 3);
        QVERIFY(!idlePeer.isConnected());
        busyCall.terminate();
    }

    void aConnectionThatThePeerStillBelievesIn()
    {
        // We lose it; the peer is stopped and does not hear of that until after we come again.
        m_network.reset();
        peerLimits().ping = 50ms;
        peerLimits().silence = 1500ms;
        peerLimits().retry = 50ms;
        m_network = makeNetwork();
        const PeerProcess peer;
        waitFor(m_network->connect(peer.location));
        peer.signal(SIGSTOP);
        QTRY_VERIFY(m_network->peers().isEmpty());
        const Coro<int> call = spawn(m_network->call<int>(peer.location, QStringLiteral("add"), 1, 2));
        letOthersRun();
        peer.signal(SIGCONT);
        QCOMPARE(waitFor(call, 20s), 3);
    }

    void D05_aRestartedPeerIsAnotherOne()
    {
        PeerProcess first;
        const Location location = first.location;
        const Coro<> sleeper = waitFor(m_network->locate(location, QStringLiteral("sleeper")));
        const Coro<> call = spawn(m_network->call(location, QStringLiteral("wait")));
        waitFor(sleeper.deliver(1));
        first.kill();
        const PeerProcess second({.port = location.port()});
        QCOMPARE(second.location, location);
        QVERIFY(!failureOf<PeerLost>(call).startsWith(u'<'));
        QVERIFY(!failureOf<PeerLost>(sleeper.deliver(1)).startsWith(u'<'));
        const Coro<> successor = waitFor(m_network->locate(location, QStringLiteral("sleeper")));
        QCOMPARE(successor.id(), sleeper.id()); // by chance, for the process does the same
        waitFor(successor.deliver(1));
        QVERIFY(!sleeper.send(1));
    }

private:
    std::unique_ptr<PeerNetwork> m_network;
};

QTEST_GUILESS_MAIN(PeerProcessTest)
#include "peerprocess_internal_test.moc"
