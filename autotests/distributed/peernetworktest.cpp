// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../network/freeport.h"
#include "distributedtest.h"

#include <Asyncoro/AsyncServer>

#include <QHostInfo>
#include <QTemporaryDir>

using namespace DistributedTest;

namespace {

Task<> failNow(QString text)
{
    throw Error(text);
    co_return;
}

/** Never answers; what it holds shows when it ends. */
auto waiter(bool &ended)
{
    return [&ended]() -> Task<> {
        const AtEnd atEnd(ended);
        co_await waitForever();
    };
}

class Unsendable
{
};

class PaperJam : public Error
{
public:
    using Error::Error;
};

} // namespace

/** Two networks in one process: everything but the process itself is as between two. */
class PeerNetworkTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        failOnWarnings();
        m_near = makeNetwork();
        m_far = makeNetwork(QStringLiteral("127.0.0.1"), freePort()); // one to which it may come back
        m_far->offer(QStringLiteral("add"), add);
        m_far->offer(QStringLiteral("wait"), waitForever);
    }

    void cleanup()
    {
        m_near.reset();
        m_far.reset();
    }

    // --- who may listen and connect ---

    void withoutASecretOnlyLoopback_data()
    {
        QTest::addColumn<QString>("address");
        QTest::addColumn<bool>("allowed");
        QTest::newRow("127.0.0.1") << QStringLiteral("127.0.0.1") << true;
        QTest::newRow("127.0.0.2") << QStringLiteral("127.0.0.2") << true;
        QTest::newRow("all") << QStringLiteral("0.0.0.0") << false;
        QTest::newRow("all of IPv6") << QStringLiteral("::") << false;
        QTest::newRow("elsewhere") << QStringLiteral("192.0.2.1") << false;
        QTest::newRow("a name") << QStringLiteral("example.org") << false;
        QTest::newRow("nothing") << QString() << false;
    }

    void withoutASecretOnlyLoopback()
    {
        QFETCH(QString, address);
        QFETCH(bool, allowed);
        const auto open = [&] { PeerNetwork(PeerNetwork::Options{.address = address, .secret = {}}); };
        if (allowed)
            open();
        else
            QVERIFY(!failureOf<Error>(open).startsWith(u'<'));
    }

    void anAddressMustBeNumeric()
    {
        const QString text = failureOf<Error>([] { makeNetwork(QStringLiteral("example.org")); });
        QVERIFY2(text.contains(QStringLiteral("example.org")) && text.contains(QStringLiteral("numeric")), qPrintable(text));
    }

    void aPortInUseIsNamed()
    {
        const quint16 port = m_far->location().port();
        const QString text = failureOf<Error>([&] { makeNetwork(QStringLiteral("127.0.0.1"), port); });
        QVERIFY2(text.contains(QString::number(port)), qPrintable(text));
    }

    void withoutASecretTwoFindEachOther()
    {
        PeerNetwork a;
        PeerNetwork b;
        b.offer(QStringLiteral("add"), add);
        QCOMPARE(waitFor(a.call<int>(b.location(), QStringLiteral("add"), 1, 2)), 3);
    }

    void D05_wrongSecretIsRefused()
    {
        expectWarning(QStringLiteral("refused a connection from .*: it has another secret"));
        PeerNetwork stranger(PeerNetwork::Options{.secret = Secret("guess")});
        const QString text = failureOf<PeerRefused>(stranger.connect(m_far->location()));
        QVERIFY2(text.contains(m_far->location().toString()) && text.contains(QStringLiteral("another secret")), qPrintable(text));

        expectWarning(QStringLiteral("refused a connection from .*: it has another secret"));
        PeerNetwork none;
        QVERIFY(!failureOf<PeerRefused>(none.call(m_far->location(), QStringLiteral("wait"))).startsWith(u'<'));
        QVERIFY(m_far->peers().isEmpty());
    }

    void secretsAreRead()
    {
        const QTemporaryDir folder;
        const QString path = folder.filePath(QStringLiteral("secret"));
        const auto write = [&](const QByteArray &text, QFile::Permissions permissions) {
            QFile file(path);
            QVERIFY(file.open(QIODevice::WriteOnly) && file.write(text) == text.size());
            QVERIFY(file.setPermissions(permissions));
        };
        QVERIFY(failureOf<Error>([&] { return Secret::fromFile(path); }).contains(path));
        write("  abc \n", QFile::ReadOwner | QFile::WriteOwner);
        QCOMPARE(Secret::fromFile(path).key(), QByteArray("abc"));
        write("abc", QFile::ReadOwner | QFile::WriteOwner | QFile::ReadOther);
        QVERIFY(failureOf<Error>([&] { return Secret::fromFile(path); }).contains(QStringLiteral("chmod 600")));
        write(" \n", QFile::ReadOwner | QFile::WriteOwner);
        QVERIFY(failureOf<Error>([&] { return Secret::fromFile(path); }).contains(QStringLiteral("empty")));
    }

    void nobodyListensThere()
    {
        const Location location = m_far->location();
        m_far.reset();
        const QString text = failureOf<PeerLost>(m_near->connect(location));
        QVERIFY2(text.startsWith(location.toString()), qPrintable(text));
        // Nothing is remembered against it.
        m_far = makeNetwork(QStringLiteral("127.0.0.1"), location.port());
        QVERIFY(waitFor(m_near->connect(location)).isConnected());
    }

    void connectingTimesOut()
    {
        AsyncServer silent;
        silent.listen(QHostAddress::LocalHost);
        const QString text = failureOf<TimedOut>(m_near->connect(silent.location(), 20ms));
        QVERIFY2(text.contains(silent.location().toString()), qPrintable(text));
    }

    void peersAreThoseConnected()
    {
        QVERIFY(m_near->peers().isEmpty());
        const Peer peer = waitFor(m_near->connect(m_far->location()));
        QVERIFY(peer.isConnected());
        QCOMPARE(peer.location(), m_far->location());
        QCOMPARE(peer.address(), QStringLiteral("127.0.0.1"));
        QCOMPARE(m_near->peers(), QList<Peer>{peer});
        QCOMPARE(waitFor(m_near->connect(m_far->location())), peer);
        QTRY_COMPARE(m_far->peers().size(), 1);
        QCOMPARE(m_far->peers().first().location(), m_near->location());
        m_far.reset();
        QTRY_VERIFY(!peer.isConnected());
        QVERIFY(m_near->peers().isEmpty());
        QVERIFY(!Peer().isConnected());
    }

    void D12_hostNamesAreLookedUp()
    {
        if (QHostInfo::fromName(QStringLiteral("localhost")).addresses().isEmpty())
            QSKIP("this machine has no name localhost");
        // It may stand for ::1 too, where nobody listens.
        const Location location(QStringLiteral("localhost"), m_far->location().port());
        QCOMPARE(waitFor(m_near->call<int>(location, QStringLiteral("add"), 1, 2)), 3);
        QCOMPARE(waitFor(m_near->call<int>(m_far->location(), QStringLiteral("add"), 1, 2)), 3);
        QCOMPARE(m_near->peers().size(), 1);
        QVERIFY(!failureOf<PeerLost>(m_near->connect(Location(QStringLiteral("no-such-host.invalid"), 1))).startsWith(u'<'));
    }

    void D12_severalAddressesOfOneProcess()
    {
        const auto wide = makeNetwork(QStringLiteral("0.0.0.0"));
        wide->offer(QStringLiteral("add"), add);
        const quint16 port = wide->location().port();
        for (int i = 1; i < 5; ++i) {
            const Location location(QStringLiteral("127.0.0.%1").arg(i), port);
            QCOMPARE(waitFor(m_near->call<int>(location, QStringLiteral("add"), i, 2)), i + 2);
            QCOMPARE(m_near->peers().size(), 1);
        }
        QTRY_COMPARE(wide->peers().size(), 1);
    }

    void itselfIsHere()
    {
        QCOMPARE(waitFor(m_far->call<int>(m_far->location(), QStringLiteral("add"), 1, 2)), 3);
        QCOMPARE(waitFor(m_far->call<int>(Location(), QStringLiteral("add"), 1, 2)), 3);
        QVERIFY(failureOf<Error>(m_far->connect(m_far->location())).contains(QStringLiteral("this process")));
        QVERIFY(waitFor(m_far->start(m_far->location(), QStringLiteral("add"), 1, 2)).location() == Location());

        const auto wide = makeNetwork(QStringLiteral("0.0.0.0"));
        const Location other(QStringLiteral("127.0.0.2"), wide->location().port());
        QVERIFY(failureOf<PeerRefused>(wide->connect(other)).contains(QStringLiteral("this process")));
    }

    // --- calls ---

    void callsAFunctionOverThere()
    {
        QCOMPARE(waitFor(m_near->call<int>(m_far->location(), QStringLiteral("add"), 1, 2)), 3);
        QCOMPARE(waitFor(m_near->call<QString>(m_far->location(), QStringLiteral("add"), QStringLiteral("4"), 2)), QStringLiteral("6"));
        waitFor(m_near->call(m_far->location(), QStringLiteral("add"), 1, 2)); // whatever the value
    }

    void aFunctionMayTakeItsCaller()
    {
        m_far->offer(QStringLiteral("who"), [](Peer peer, bool) -> Task<QString> { co_return peer.location().toString(); });
        QCOMPARE(waitFor(m_near->call<QString>(m_far->location(), QStringLiteral("who"), true)), m_near->location().toString());
        QCOMPARE(waitFor(m_far->call<QString>(Location(), QStringLiteral("who"), true)), QString());
    }

    void manyCallsOverlap()
    {
        constexpr int Count = 1000;
        m_far->offer(QStringLiteral("echo"), [](int n) -> Task<int> {
            for (int i = n % 7; i > 0; --i)
                co_await yield(); // the later ones first
            co_return n;
        });
        QList<Coro<int>> calls;
        for (int i = 0; i < Count; ++i)
            calls.append(spawn(m_near->call<int>(m_far->location(), QStringLiteral("echo"), i)));
        for (int i = 0; i < Count; ++i)
            QCOMPARE(waitFor(calls.at(i)), i);
    }

    void largeValues()
    {
        m_far->offer(QStringLiteral("echo"), [](QByteArray bytes) -> Task<QByteArray> { co_return bytes; });
        const QByteArray bytes(20'000'000, 'x');
        QCOMPARE(waitFor(m_near->call<QByteArray>(m_far->location(), QStringLiteral("echo"), bytes)), bytes);

        // What is too long is told to the sender, and the connection goes on.
        const QByteArray tooLong(70'000'000, 'x');
        const QString text = failureOf<WireError>(m_near->call<QByteArray>(m_far->location(), QStringLiteral("echo"), tooLong));
        QVERIFY2(text.contains(QStringLiteral("too long")), qPrintable(text));
        m_far->offer(QStringLiteral("long"), []() -> Task<QByteArray> { co_return QByteArray(70'000'000, 'x'); });
        QVERIFY(failureOf<WireError>(m_near->call<QByteArray>(m_far->location(), QStringLiteral("long"))).contains(QStringLiteral("too long")));
        QCOMPARE(waitFor(m_near->call<int>(m_far->location(), QStringLiteral("add"), 1, 2)), 3);
        QCOMPARE(m_near->peers().size(), 1);
    }

    void failuresComeBack()
    {
        m_far->offer(QStringLiteral("fail"), failNow);
        try {
            waitFor(m_near->call(m_far->location(), QStringLiteral("fail"), QStringLiteral("no paper")));
            QFAIL("did not throw");
        } catch (const RemoteError &e) {
            QCOMPARE(e.message(), QStringLiteral("no paper"));
            QCOMPARE(e.type(), QStringLiteral("Asyncoro::Error"));
        }
        m_far->offer(QStringLiteral("standard"), []() -> Task<> { throw std::domain_error("standard"); co_return; });
        m_far->offer(QStringLiteral("number"), []() -> Task<> { throw 42; co_return; });
        m_far->offer(QStringLiteral("long"), []() -> Task<> { throw Error(QString(10'000'000, u'x')); co_return; });
        QCOMPARE(failureOf<RemoteError>(m_near->call(m_far->location(), QStringLiteral("standard"))), QStringLiteral("standard"));
        QVERIFY(!failureOf<RemoteError>(m_near->call(m_far->location(), QStringLiteral("number"))).startsWith(u'<'));
        QVERIFY(failureOf<RemoteError>(m_near->call(m_far->location(), QStringLiteral("long"))).startsWith(QStringLiteral("xxx")));
    }

    void registeredFailuresKeepTheirType()
    {
        m_far->offer(QStringLiteral("print"), []() -> Task<> { throw PaperJam(QStringLiteral("page 3")); co_return; });
        QCOMPARE(failureOf<RemoteError>(m_near->call(m_far->location(), QStringLiteral("print"))), QStringLiteral("page 3"));
        registerErrorType<PaperJam>();
        QCOMPARE(failureOf<PaperJam>(m_near->call(m_far->location(), QStringLiteral("print"))), QStringLiteral("page 3"));
        m_far->offer(QStringLiteral("cancelled"), []() -> Task<> { throw Cancelled(); co_return; });
        QVERIFY(!failureOf<CoroTerminated>(m_near->call(m_far->location(), QStringLiteral("cancelled"))).startsWith(u'<'));
    }

    void failuresOfAThirdProcessKeepTheirType()
    {
        const auto third = makeNetwork();
        third->offer(QStringLiteral("fail"), failNow);
        const Location there = third->location();
        m_far->offer(QStringLiteral("relay"), [&, there]() -> Task<> {
            co_await m_far->call(there, QStringLiteral("fail"), QStringLiteral("no paper"));
        });
        try {
            waitFor(m_near->call(m_far->location(), QStringLiteral("relay")));
            QFAIL("did not throw");
        } catch (const RemoteError &e) {
            QCOMPARE(e.type(), QStringLiteral("Asyncoro::Error"));
            QCOMPARE(e.message(), QStringLiteral("no paper"));
        }
    }

    void mismatchesAreNamed()
    {
        const auto call = [&](const QString &name, auto... arguments) {
            return failureOf<WireError>(m_near->call<int>(m_far->location(), name, arguments...));
        };
        const QString add = QStringLiteral("add");
        QVERIFY(call(QStringLiteral("subtract"), 1, 2).contains(QStringLiteral("subtract")));
        const auto misfit = [&](auto... arguments) {
            return failureOf<WrongSignature>(m_near->call<int>(m_far->location(), add, arguments...));
        };
        QCOMPARE(misfit(1), QStringLiteral("the function add is int(int,int), and was called with (int)"));
        QCOMPARE(misfit(1, 2, 3), QStringLiteral("the function add is int(int,int), and was called with (int,int,int)"));
        QCOMPARE(misfit(1, QStringLiteral("x")), QStringLiteral("the function add is int(int,int), and was called with (int,QString)"));
        QVERIFY(misfit(1, QVariantMap()).contains(QStringLiteral("(int,QVariantMap)")));
        QVERIFY(failureOf<WireError>(m_near->call<QVariantMap>(m_far->location(), add, 1, 2)).contains(QStringLiteral("add is a int, not a QVariantMap")));
        QVERIFY(call(add, QVariant::fromValue(Unsendable()), 2).contains(QStringLiteral("Unsendable")));

        m_far->offer(QStringLiteral("unsendable"), []() -> Task<Unsendable> { co_return Unsendable(); });
        QVERIFY(call(QStringLiteral("unsendable")).contains(QStringLiteral("Unsendable")));
        QCOMPARE(m_near->peers().size(), 1); // it is the same connection still
    }

    void handlesOfAnyKindAreArguments()
    {
        const Coro<int> typed = spawn(add, 1, 2);
        m_far->offer(QStringLiteral("finish"), [](Coro<> coro) -> Task<int> { co_return co_await Coro<int>(coro.data()); });
        QCOMPARE(waitFor(m_near->call<int>(m_far->location(), QStringLiteral("finish"), typed)), 3);
    }

    void callsGoInBothDirections()
    {
        m_near->offer(QStringLiteral("double"), [](int n) -> Task<int> { co_return 2 * n; });
        m_far->offer(QStringLiteral("back"), [this](Peer caller, int n) -> Task<int> {
            co_return 1 + co_await m_far->call<int>(caller.location(), QStringLiteral("double"), n);
        });
        QCOMPARE(waitFor(m_near->call<int>(m_far->location(), QStringLiteral("back"), 4)), 9);
        QCOMPARE(m_near->peers().size(), 1);
        QCOMPARE(m_far->peers().size(), 1);
    }

    void cancellingACallTerminatesItOverThere()
    {
        bool ended = false;
        m_far->offer(QStringLiteral("hold"), waiter(ended));
        const Coro<> caller = spawn(m_near->call(m_far->location(), QStringLiteral("hold")));
        QTRY_VERIFY(m_far->peers().size() == 1);
        waitFor(m_near->call(m_far->location(), QStringLiteral("add"), 1, 2)); // so that it runs
        QVERIFY(!ended);
        caller.terminate();
        QTRY_VERIFY(ended);
        QCOMPARE(caller.state(), CoroState::Terminated);
    }

    void cancellingACallThatHasNotBegun()
    {
        waitFor(m_near->connect(m_far->location()));
        bool ran = false;
        m_far->offer(QStringLiteral("run"), [&ran]() -> Task<> {
            ran = true;
            co_return;
        });
        const Coro<> caller = spawn(m_near->call(m_far->location(), QStringLiteral("run")));
        letOthersRun();
        caller.terminate(); // call and cancellation go out as one
        waitFor(m_near->call(m_far->location(), QStringLiteral("add"), 1, 2));
        QVERIFY(!ran);
    }

    void callsOfALostCallerAreTerminated()
    {
        bool ended = false;
        m_far->offer(QStringLiteral("hold"), waiter(ended));
        auto third = makeNetwork();
        const Coro<> caller = spawn(third->call(m_far->location(), QStringLiteral("hold")));
        waitFor(third->call(m_far->location(), QStringLiteral("add"), 1, 2));
        QVERIFY(!ended);
        third.reset();
        QTRY_VERIFY(ended);
        QVERIFY(failureOf<PeerLost>(caller).contains(QStringLiteral("left the network")));
    }

    void startedOnesOutliveTheirStarter()
    {
        bool ended = false;
        m_far->offer(QStringLiteral("hold"), waiter(ended));
        auto third = makeNetwork();
        const Coro<> started = waitFor(third->start(m_far->location(), QStringLiteral("hold")));
        QCOMPARE(started.name(), QStringLiteral("hold"));
        third.reset();
        QTRY_VERIFY(m_far->peers().isEmpty());
        QVERIFY(!ended);
        waitFor(m_near->call(m_far->location(), QStringLiteral("add"), 1, 2));
        m_far->fromBytes(m_far->toBytes(QVariant::fromValue(started))).value<Coro<>>().terminate();
        QTRY_VERIFY(ended);
    }

    // --- names ---

    void coroutinesAreLocated()
    {
        const QString name = QStringLiteral("printer");
        QVERIFY(waitFor(m_near->find(m_far->location(), name)).isNull());
        const Coro<> first = spawn(waitForever);
        const Coro<> second = spawn(waitForever);
        first.registerName(name);
        QCOMPARE(waitFor(m_near->find(m_far->location(), name)).id(), first.id());
        first.unregisterName();
        second.registerName(name);
        QCOMPARE(waitFor(m_near->locate(m_far->location(), name)).id(), second.id());
        QCOMPARE(waitFor(m_far->locate(Location(), name)), second);
        first.terminate();
        second.terminate();
        QTRY_COMPARE(second.state(), CoroState::Terminated);
        QVERIFY(waitFor(m_near->find(m_far->location(), name)).isNull());
    }

    void theAnchorStandsForTheProcess()
    {
        const Coro<> anchor = waitFor(m_near->anchorOf(m_far->location()));
        QCOMPARE(anchor.id(), m_far->anchor().id());
        QCOMPARE(anchor.location(), m_far->location());
        const Coro<> watcher = spawn([anchor]() -> Task<> { co_await anchor; });
        letOthersRun();
        m_far.reset();
        QVERIFY(!failureOf<PeerLost>(watcher).startsWith(u'<'));
    }

    // --- who connects to whom ---

    void D04_bothConnectAtTheSameMoment()
    {
        for (int i = 0; i < 50; ++i) {
            m_near = makeNetwork();
            m_far = makeNetwork(QStringLiteral("127.0.0.1"), freePort()); // one to which it may come back
            m_near->offer(QStringLiteral("add"), add);
            m_far->offer(QStringLiteral("add"), add);
            const Coro<Peer> here = spawn(m_near->connect(m_far->location()));
            const Coro<Peer> there = spawn(m_far->connect(m_near->location()));
            const Coro<int> sum = spawn(m_near->call<int>(m_far->location(), QStringLiteral("add"), i, 1));
            const Coro<int> otherSum = spawn(m_far->call<int>(m_near->location(), QStringLiteral("add"), i, 2));
            const Peer far = waitFor(here, 10s);
            const Peer near = waitFor(there, 10s);
            QCOMPARE(waitFor(sum, 10s), i + 1);
            QCOMPARE(waitFor(otherSum, 10s), i + 2);
            // And there it stays.
            QCOMPARE(waitFor(m_far->call<int>(m_near->location(), QStringLiteral("add"), i, 3), 10s), i + 3);
            QVERIFY(far.isConnected());
            QVERIFY(near.isConnected());
            QCOMPARE(m_near->peers(), QList<Peer>{far});
            QCOMPARE(m_far->peers(), QList<Peer>{near});
        }
    }

    void D04_severalConnectToOneAnother()
    {
        std::vector<std::unique_ptr<PeerNetwork>> all(8);
        for (auto &network : all) {
            network = makeNetwork();
            network->offer(QStringLiteral("add"), add);
        }
        QList<Coro<int>> calls;
        for (const auto &from : all) {
            for (const auto &to : all)
                calls.append(spawn(from->call<int>(to->location(), QStringLiteral("add"), 1, 2)));
        }
        for (const Coro<int> &call : calls)
            QCOMPARE(waitFor(call, 10s), 3);
        for (const auto &network : all)
            QCOMPARE(network->peers().size(), qsizetype(all.size()) - 1);
    }

    void D05_aProcessThatRestartsIsAnotherOne()
    {
        const Location location = m_far->location();
        const Coro<> sleeper = spawn(waitForever);
        sleeper.registerName(QStringLiteral("sleeper"));
        const Coro<> handle = waitFor(m_near->locate(location, QStringLiteral("sleeper")));
        const Coro<> waiting = spawn([handle]() -> Task<> { co_await handle; });
        letOthersRun();

        m_far.reset();
        m_far = makeNetwork(QStringLiteral("127.0.0.1"), location.port());
        m_far->offer(QStringLiteral("add"), add);
        QVERIFY(!failureOf<PeerLost>(waiting).startsWith(u'<'));
        QCOMPARE(waitFor(m_near->call<int>(location, QStringLiteral("add"), 1, 2)), 3);
        QVERIFY(!handle.send(1)); // it is of the predecessor, for good
        QVERIFY(!failureOf<PeerLost>(handle.deliver(1)).startsWith(u'<'));
        sleeper.terminate();
    }

    void aHandleOfThePredecessorIsNotTakenForTheSuccessor()
    {
        // It comes to a process that has never spoken with either, or only with the successor.
        const Location location = m_far->location();
        const Coro<> sleeper = spawn(waitForever);
        const QByteArray handle = m_far->toBytes(QVariant::fromValue(sleeper));
        m_far.reset();
        m_far = makeNetwork(QStringLiteral("127.0.0.1"), location.port());
        m_far->offer(QStringLiteral("add"), add);
        static_cast<void>(m_far->toBytes(QVariant::fromValue(sleeper))); // the successor has one with the same id
        const auto old = m_near->fromBytes(handle).value<Coro<>>();
        QVERIFY(failureOf<PeerLost>(old.deliver(1)).contains(QStringLiteral("another process")));
        const auto older = m_near->fromBytes(handle).value<Coro<>>();
        QCOMPARE(waitFor(m_near->call<int>(location, QStringLiteral("add"), 1, 2)), 3);
        QVERIFY(failureOf<PeerLost>(older.deliver(1, 5s)).contains(QStringLiteral("another process")));
        QCOMPARE(waitFor(m_near->call<int>(location, QStringLiteral("add"), 1, 2)), 3);
        sleeper.terminate();
    }

    void aHandleThatCameBeforeTheFirstCall()
    {
        // The link that the handle came with and the one that the call makes become one.
        const Coro<QStringList> collector = spawn(collect, 2);
        const QByteArray bytes = m_far->toBytes(QVariant::fromValue(Coro<>(collector)));
        const auto early = m_near->fromBytes(bytes).value<Coro<>>();
        QCOMPARE(waitFor(m_near->call<int>(m_far->location(), QStringLiteral("add"), 1, 2), 5s), 3);
        waitFor(early.deliver(QStringLiteral("a"), 5s), 5s);
        waitFor(m_near->fromBytes(bytes).value<Coro<>>().deliver(QStringLiteral("b"), 5s), 5s);
        QCOMPARE(waitFor(collector), (QStringList{QStringLiteral("a"), QStringLiteral("b")}));
        QCOMPARE(m_near->peers().size(), 1);
        QCOMPARE(m_far->peers().size(), 1);
    }

    void aHandleAndACallAtTheSameMoment()
    {
        for (int i = 0; i < 20; ++i) {
            m_near = makeNetwork();
            m_far = makeNetwork(QStringLiteral("127.0.0.1"), freePort()); // one to which it may come back
            m_far->offer(QStringLiteral("add"), add);
            m_near->offer(QStringLiteral("add"), add);
            const Coro<QStringList> collector = spawn(collect, 1);
            const auto handle = m_near->fromBytes(m_far->toBytes(QVariant::fromValue(Coro<>(collector)))).value<Coro<>>();
            const Coro<int> sum = spawn(m_near->call<int>(m_far->location(), QStringLiteral("add"), 1, 2));
            const Coro<> delivery = spawn(handle.deliver(QStringLiteral("a")));
            const Coro<int> back = i % 2 ? spawn(m_far->call<int>(m_near->location(), QStringLiteral("add"), 1, 2)) : Coro<int>();
            QCOMPARE(waitFor(sum, 10s), 3);
            waitFor(delivery, 10s);
            if (back)
                QCOMPARE(waitFor(back, 10s), 3);
            QCOMPARE(waitFor(collector), QStringList{QStringLiteral("a")});
            QCOMPARE(m_near->peers().size(), 1);
            QTRY_COMPARE(m_far->peers().size(), 1);
        }
    }

    // --- the end of a network ---

    void aLostPeerEndsWhatWaitsForIt()
    {
        const Coro<> caller = spawn(m_near->call(m_far->location(), QStringLiteral("wait")));
        QTRY_VERIFY(m_near->peers().size() == 1);
        const Coro<> handle = waitFor(m_near->start(m_far->location(), QStringLiteral("wait")));
        const Coro<> joiner = spawn([handle]() -> Task<> { co_await handle; });
        letOthersRun();
        const Location location = m_far->location();
        m_far.reset();
        for (const Coro<> &waiting : {caller, joiner}) {
            const QString text = failureOf<PeerLost>(waiting);
            QVERIFY2(text.startsWith(location.toString()), qPrintable(text));
        }
        QCOMPARE(handle.state(), CoroState::Lost);
    }

    void itsOwnEndEndsWhatWaits()
    {
        AsyncServer silent;
        silent.listen(QHostAddress::LocalHost);
        const Coro<> remote = waitFor(m_near->start(m_far->location(), QStringLiteral("wait")));
        const Coro<> observer = spawn([]() -> Task<> {
            if ((co_await receive<ExitNotice>()).state() != CoroState::Lost)
                throw Error(QStringLiteral("not lost"));
        });
        remote.monitor(observer);
        const QList<Coro<>> waiting{
            spawn(m_near->call(m_far->location(), QStringLiteral("wait"))),
            spawn(m_near->connect(silent.location())),
            spawn(m_near->call(silent.location(), QStringLiteral("wait"))),
            spawn([remote]() -> Task<> { co_await remote; }),
            spawn([remote]() -> Task<> { co_await remote.finish(1min); }),
        };
        for (int i = 0; i < 10; ++i)
            letOthersRun();
        const Coro<> late = spawn(m_near->call(m_far->location(), QStringLiteral("wait"))); // has not begun
        const Coro<> delivery = spawn(remote.deliver(1));
        m_near.reset();
        for (const Coro<> &one : waiting)
            QVERIFY2(!failureOf<PeerLost>(one).startsWith(u'<'), qPrintable(failureOf<PeerLost>(one)));
        QVERIFY(!failureOf<PeerLost>(late).startsWith(u'<'));
        QVERIFY(!failureOf<PeerLost>(delivery).startsWith(u'<'));
        waitFor(observer);
        QVERIFY(!remote.send(1));
        QVERIFY(!failureOf<PeerLost>(remote.deliver(1)).startsWith(u'<'));
        remote.terminate();
        QTRY_VERIFY(m_far->peers().isEmpty());
    }

    void aDeliveryThatIsNotAcknowledged()
    {
        // To a process that nobody can reach any more before it has been reached.
        AsyncServer silent;
        silent.listen(QHostAddress::LocalHost);
        auto third = makeNetwork();
        const Location there = third->location();
        const Coro<> own = spawn(waitForever);
        const QByteArray bytes = third->toBytes(QVariant::fromValue(own));
        third.reset();
        silent.close();
        silent.listen(QHostAddress(there.address()), there.port());
        const auto handle = m_near->fromBytes(bytes).value<Coro<>>();
        QVERIFY(!failureOf<TimedOut>(handle.deliver(1, 20ms)).startsWith(u'<'));
        const Coro<> delivery = spawn(handle.deliver(1));
        letOthersRun();
        m_near.reset();
        QVERIFY(!failureOf<PeerLost>(delivery).startsWith(u'<'));
        own.terminate();
    }

    void nothingIsLeft()
    {
        // What a network was given it lets go.
        auto guard = std::make_shared<int>();
        const std::weak_ptr<int> watch = guard;
        m_near->offer(QStringLiteral("keep"), [guard]() -> Task<> { co_await waitForever(); });
        guard.reset();
        const Coro<> calling = spawn(m_far->call(m_near->location(), QStringLiteral("keep")));
        const Coro<> remote = waitFor(m_far->start(m_near->location(), QStringLiteral("keep")));
        QVERIFY(!watch.expired());
        remote.terminate();
        QVERIFY(!failureOf<CoroTerminated>(remote).startsWith(u'<'));
        m_near.reset();
        QVERIFY(!failureOf<PeerLost>(calling).startsWith(u'<'));
        QTRY_VERIFY(watch.expired());
    }

    void endsWithinItsOwnFunction()
    {
        m_far->offer(QStringLiteral("end"), [this]() -> Task<> {
            m_far.reset();
            co_return;
        });
        QVERIFY(!failureOf<PeerLost>(m_near->call(m_far->location(), QStringLiteral("end"))).startsWith(u'<'));
        QVERIFY(!m_far);
    }

    void aNetworkComesAndGoes()
    {
        for (int i = 0; i < 20; ++i) {
            const quint16 port = m_far->location().port();
            m_far.reset();
            QTRY_VERIFY(m_near->peers().isEmpty()); // it has heard of it
            m_far = makeNetwork(QStringLiteral("127.0.0.1"), port);
            m_far->offer(QStringLiteral("add"), add);
            QCOMPARE(waitFor(m_near->call<int>(m_far->location(), QStringLiteral("add"), i, 2)), i + 2);
        }
        QCOMPARE(m_near->peers().size(), 1);
    }

private:
    std::unique_ptr<PeerNetwork> m_near;
    std::unique_ptr<PeerNetwork> m_far;
};

QTEST_GUILESS_MAIN(PeerNetworkTest)
#include "peernetworktest.moc"
