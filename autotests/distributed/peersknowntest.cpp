// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/PeerStatus>

#include "../network/freeport.h"
#include "distributedtest.h"

using namespace DistributedTest;

namespace {

std::unique_ptr<PeerNetwork> makeNamed(const QString &name, quint16 port = 0)
{
    return std::make_unique<PeerNetwork>(PeerNetwork::Options{.port = port, .secret = Secret("s3cret"), .name = name});
}

/** Takes down what it is told of peers, as "+name" and "-name". */
class Observer
{
public:
    Observer()
    {
        coro = spawn(
            [](QList<PeerStatus> *list) -> Task<> {
                for (;;)
                    list->append(co_await receive<PeerStatus>());
            },
            &all);
        coro.setDaemon();
    }
    ~Observer()
    {
        coro.terminate();
        letOthersRun();
    }
    Observer(const Observer &) = delete;
    Observer &operator=(const Observer &) = delete;

    [[nodiscard]] QStringList names() const
    {
        QStringList names;
        for (const PeerStatus &status : all)
            names.append((status.isOnline() ? u'+' : u'-') + status.name());
        return names;
    }

    QList<PeerStatus> all;
    Coro<> coro;
};

} // namespace

/** Which peers there are, how they are called, and who is told. */
class PeersKnownTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        failOnWarnings();
        m_here = makeNamed(QStringLiteral("here"));
    }

    void cleanup() { m_here.reset(); }

    void D01_aProcessHasAName()
    {
        QCOMPARE(m_here->name(), u"here");
        const PeerNetwork nameless;
        QVERIFY2(nameless.name().endsWith(u':' + QString::number(nameless.location().port())),
                 qPrintable(nameless.name()));
    }

    void D07_firstThoseThatAreThereThenChanges()
    {
        auto a = makeNamed(QStringLiteral("a"));
        auto b = makeNamed(QStringLiteral("b"));
        waitFor(m_here->connect(a->location()));
        Observer first;
        m_here->watchPeers(first.coro);
        QTRY_COMPARE(first.names(), QStringList{QStringLiteral("+a")});
        QCOMPARE(first.all.first().location(), a->location());

        waitFor(b->connect(m_here->location())); // whoever makes the connection
        QTRY_COMPARE(first.names().size(), 2);
        Observer second;
        m_here->watchPeers(second.coro);
        const QStringList both{QStringLiteral("+a"), QStringLiteral("+b")};
        QTRY_COMPARE(second.names(), both);
        QCOMPARE(first.names(), both);

        a.reset();
        QTRY_COMPARE(first.names(), both + QStringList{QStringLiteral("-a")});
        QTRY_COMPARE(second.names(), first.names());
    }

    void D07_aListenerThatHasEndedIsForgotten()
    {
        auto a = makeNamed(QStringLiteral("a"));
        Observer living;
        const Coro<> dead = spawn([]() -> Task<> { co_await receive<PeerStatus>(); });
        m_here->watchPeers(dead);
        m_here->watchPeers(living.coro);
        waitFor(m_here->connect(a->location()));
        waitFor(dead);
        a.reset();
        QTRY_COMPARE(living.names(), (QStringList{QStringLiteral("+a"), QStringLiteral("-a")}));
    }

    void D07_aListenerThatHasEndedIsNotKept()
    {
        std::weak_ptr<int> value;
        Coro<std::shared_ptr<int>> listener = spawn([]() -> Task<std::shared_ptr<int>> {
            co_await receive<QString>();
            co_return std::make_shared<int>(1);
        });
        m_here->watchPeers(listener);
        m_here->watchPeers(listener);
        listener.send(QStringLiteral("end"));
        value = waitFor(listener);
        QVERIFY(!value.expired());
        listener = {};
        letOthersRun();
        QVERIFY(value.expired()); // without a peer that comes or goes
    }

    void D07_aListenerOfAnotherProcess()
    {
        auto a = makeNamed(QStringLiteral("a"));
        auto b = makeNamed(QStringLiteral("b"));
        Observer far;
        far.coro.registerName(QStringLiteral("observer"));
        m_here->watchPeers(waitFor(m_here->locate(a->location(), QStringLiteral("observer"))));
        waitFor(m_here->connect(b->location()));
        QTRY_COMPARE(far.names(), (QStringList{QStringLiteral("+a"), QStringLiteral("+b")}));
    }

    void D07_aPeerWithoutAnAnswerIsCalledByItsLocation()
    {
        PeerNetwork silent({.secret = Secret("s3cret")});
        silent.withdraw(QStringLiteral("asyncoro.about"));
        silent.offer(QStringLiteral("asyncoro.about"), []() -> Task<> {
            throw Error(QStringLiteral("no"));
            co_return;
        });
        Observer observer;
        m_here->watchPeers(observer.coro);
        waitFor(m_here->connect(silent.location()));
        QTRY_COMPARE(observer.names(), QStringList{u'+' + silent.location().toString()});
    }

    void D07_closingTellsBothSides()
    {
        auto a = makeNamed(QStringLiteral("a"));
        a->offer(QStringLiteral("wait"), waitForever);
        Observer here;
        Observer there;
        m_here->watchPeers(here.coro);
        a->watchPeers(there.coro);
        const Coro<> call = spawn(m_here->call(a->location(), QStringLiteral("wait")));
        QTRY_COMPARE(here.names(), QStringList{QStringLiteral("+a")});
        QTRY_COMPARE(there.names(), QStringList{QStringLiteral("+here")});
        m_here->closePeer(a->location());
        QTRY_COMPARE(here.names().last(), u"-a");
        QTRY_COMPARE(there.names().last(), u"-here");
        const QString text = failureOf<PeerLost>(call);
        QVERIFY2(text.contains(QStringLiteral("this process has closed the connection")), qPrintable(text));
        m_here->closePeer(a->location()); // is nothing
        waitFor(m_here->connect(a->location()));
    }

    void D08_anotherIncarnationIsAnotherPeer()
    {
        const quint16 port = freePort();
        auto a = makeNamed(QStringLiteral("a"), port);
        Observer observer;
        m_here->watchPeers(observer.coro);
        waitFor(m_here->connect(a->location()));
        QTRY_COMPARE(observer.all.size(), 1);
        a.reset();
        QTRY_COMPARE(observer.all.size(), 2);
        a = makeNamed(QStringLiteral("a"), port);
        waitFor(m_here->connect(a->location()));
        QTRY_COMPARE(observer.names(), (QStringList{QStringLiteral("+a"), QStringLiteral("-a"), QStringLiteral("+a")}));
        QCOMPARE(observer.all[0].incarnation(), observer.all[1].incarnation());
        QVERIFY(observer.all[0].incarnation() != observer.all[2].incarnation());
    }

    void D07_locatesAPeerThatComesLater()
    {
        auto a = makeNamed(QStringLiteral("a"));
        const Coro<Peer> search = spawn(m_here->locatePeer(QStringLiteral("a")));
        letOthersRun();
        waitFor(a->connect(m_here->location()));
        QCOMPARE(waitFor(search, 20s).location(), a->location());
        QCOMPARE(waitFor(m_here->locatePeer(QStringLiteral("a"), 0s)).location(), a->location());
    }

    void D07_locatingFails()
    {
        const QString text = failureOf<TimedOut>(m_here->locatePeer(QStringLiteral("nobody"), 1ms));
        QVERIFY2(text.contains(QStringLiteral("nobody")), qPrintable(text));
        const Coro<Peer> terminated = spawn(m_here->locatePeer(QStringLiteral("nobody")));
        const Coro<Peer> search = spawn(m_here->locatePeer(QStringLiteral("nobody")));
        letOthersRun();
        terminated.terminate();
        QVERIFY(!failureOf<CoroTerminated>(terminated).startsWith(u'<'));
        const Task<Peer> late = m_here->locatePeer(QStringLiteral("nobody"));
        m_here.reset();
        QVERIFY(failureOf<Error>(search).contains(QStringLiteral("left the network")));
    }

    void D01_theAddressOutsideIsTold()
    {
        PeerNetwork behindNat(
            {.secret = Secret("s3cret"), .externalAddress = QStringLiteral("203.0.113.7"), .externalPort = 4711});
        const QByteArray bytes = behindNat.toBytes(QVariant::fromValue(behindNat.anchor()));
        QCOMPARE(m_here->fromBytes(bytes).value<Coro<>>().location(), Location(QStringLiteral("203.0.113.7"), 4711));
        // It is this process itself.
        const QString text = failureOf<Error>(behindNat.connect(Location(QStringLiteral("203.0.113.7"), 4711)));
        QVERIFY2(text.contains(QStringLiteral("is this process")), qPrintable(text));
    }

private:
    std::unique_ptr<PeerNetwork> m_here;
};

QTEST_GUILESS_MAIN(PeersKnownTest)
#include "peersknowntest.moc"
