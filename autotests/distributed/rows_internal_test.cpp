// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../network/freeport.h"
#include "filetransfertest.h"
#include "numberedmessages.h"
#include "peerprocess.h"
#include "rawpeer.h"

#include <Asyncoro/PeerStatus>

#include <QBitArray>
#include <QHostInfo>

#include <filesystem>

using namespace DistributedTest;

namespace {

const QDeadlineTimer Forever(QDeadlineTimer::Forever);

/** What it is told of peers until the one at `location` has come, or has gone. */
Task<QList<PeerStatus>> watchUntil(Location location, bool online)
{
    QList<PeerStatus> all;
    do
        all << co_await receive<PeerStatus>();
    while (all.last().isOnline() != online || all.last().location() != location);
    co_return all;
}

Task<ExitNotice> receiveNotice()
{
    co_return co_await receive<ExitNotice>();
}

/** Is thrown that another coroutine has ended, and gives how. */
Task<ExitNotice> receiveLinked()
{
    try {
        co_await waitForever();
    } catch (const LinkedCoroEnded &e) {
        co_return e.notice();
    }
    co_return ExitNotice();
}

QStringList words(const char *text)
{
    return QString::fromLatin1(text).split(u' ');
}

} // namespace

/**
 * Rows of the list of features, each briefly, between this process and others. The other tests have more cases of each,
 * most of them with two networks in one process.
 */
class RowsTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        failOnWarnings();
        m_network = makeNetwork();
    }

    void cleanup() { m_network.reset(); }

    // --- processes ---

    void D01_severalProcessesOfAHost()
    {
        const quint16 port = freePort();
        auto first = std::make_unique<PeerProcess>(PeerProcess::Options{.port = port, .name = QStringLiteral("first")});
        const PeerProcess second({.name = QStringLiteral("second")});
        const PeerProcess nameless;
        for (const Location &location : {first->location, second.location, nameless.location})
            QCOMPARE(addAt(location), 3);
        QCOMPARE(m_network->peers().size(), 3);
        QCOMPARE(waitFor(m_network->locatePeer(QStringLiteral("first"))).location(), first->location);
        QCOMPARE(waitFor(m_network->locatePeer(QStringLiteral("second"))).location(), second.location);

        // A port is of one process at a time, and may be chosen.
        const auto start = [port] { return PeerProcess({.port = port, .name = QStringLiteral("third")}).location; };
        const QString text = failureOf<Error>(start);
        QVERIFY2(text.contains(QString::number(port)), qPrintable(text));
        first.reset();
        QCOMPARE(start().port(), port);
    }

    void D03_aPeerAtALocation()
    {
        PeerProcess process;
        const Peer peer = waitFor(m_network->connect(process.location));
        QVERIFY(peer.isConnected());
        QCOMPARE(peer.location(), process.location);
        QCOMPARE(m_network->peers(), QList<Peer>{peer});

        PeerNetwork stranger({.secret = Secret("guess")});
        const QString text = failureOf<PeerRefused>(stranger.connect(process.location));
        QCOMPARE(text, process.location.toString() + QStringLiteral(" refused this process: it has another secret"));
        process.kill();
        QVERIFY(failureOf<PeerLost>(stranger.connect(process.location)).startsWith(process.location.toString()));
    }

    void D04_oneConnectionOfEachTwo()
    {
        constexpr int Calls = 50;
        const PeerProcess a;
        const PeerProcess b;
        m_network->offer(QStringLiteral("add"), add);
        const Location here = m_network->location();
        QList<Coro<int>> calls;
        for (int i = 0; i < Calls; ++i) { // everybody calls everybody, before anybody is connected
            for (const auto &[from, to] : {std::pair(a.location, b.location), {b.location, a.location},
                                           {a.location, here}, {b.location, here}})
                calls << spawn(m_network->call<int>(from, QStringLiteral("addThere"), to.toString(), i, 1));
        }
        for (int i = 0; i < calls.size(); ++i)
            QCOMPARE(waitFor(calls[i]), i / 4 + 1);
        QCOMPARE(peersOf(a), sorted({here, b.location}));
        QCOMPARE(peersOf(b), sorted({here, a.location}));
        QCOMPARE(m_network->peers().size(), 2);
        for (const PeerProcess *process : {&a, &b}) {
            const Peer peer = waitFor(m_network->connect(process->location));
            QCOMPARE(waitFor(m_network->connect(process->location)), peer);
            QCOMPARE(peer.info().state, PeerInfo::State::Connected);
            QCOMPARE(peer.info().interruptions, 0);
            QCOMPARE_GT(peer.info().framesReceived, 3 * Calls); // two kinds of answers, and calls
        }
        QCOMPARE(m_network->peers().size(), 2);
    }

    void D05_bothProveTheSecret()
    {
        const PeerProcess other({.secret = QStringLiteral("other")});
        const QString text = failureOf<PeerRefused>(m_network->connect(other.location));
        QVERIFY2(text.contains(QStringLiteral("another secret")), qPrintable(text));
        QVERIFY(m_network->peers().isEmpty());

        // The other way round: it is told to connect by one that knows its secret.
        PeerNetwork knowing({.secret = Secret("other")});
        expectWarning(QStringLiteral("refused a connection from .*: it has another secret"));
        const QString here = m_network->location().toString();
        const QString refusal =
            failureOf<RemoteError>(knowing.call<int>(other.location, QStringLiteral("addThere"), here, 1, 2));
        QVERIFY2(refusal.contains(QStringLiteral("another secret")), qPrintable(refusal));
        QVERIFY(m_network->peers().isEmpty());
    }

    void D05_aSuccessorIsAnotherProcess()
    {
        auto first = std::make_unique<PeerProcess>(PeerProcess::Options{.port = freePort()});
        const Location location = first->location;
        const Coro<> sleeper = locateSleeper(location);
        const Coro<QList<PeerStatus>> gone = spawn(watchUntil, location, false);
        m_network->watchPeers(gone);
        waitFor(sleeper.deliver(1));
        first.reset();
        const PeerProcess second({.port = location.port()});
        const QByteArray incarnation = waitFor(gone).last().incarnation();
        const Coro<> successor = locateSleeper(location);
        QCOMPARE(successor.id(), sleeper.id()); // it does the same as the first one
        QVERIFY(successor != sleeper);
        QCOMPARE(locateSleeper(location), successor);
        QVERIFY(!sleeper.send(2));
        QVERIFY(failureOf<PeerLost>(sleeper.deliver(2)).startsWith(location.toString()));
        waitFor(successor.deliver(2));
        const Coro<PeerStatus> come = spawn([]() -> Task<PeerStatus> { co_return co_await receive<PeerStatus>(); });
        m_network->watchPeers(come);
        QVERIFY(waitFor(come).isOnline());
        QVERIFY(waitFor(come).incarnation() != incarnation);
    }

    void D06_anotherVersionIsRefused()
    {
        const PeerProcess process;
        constexpr quint16 OtherVersion = Hello::ProtocolVersion + 1;
        const auto attempt = [](Location location) -> Task<bool> {
            RawPeer raw;
            raw.ours.version = raw.ours.oldestVersion = OtherVersion;
            co_await raw.socket.connect(location);
            co_await raw.socket.sendAll(raw.ours.toBytes());
            co_return co_await raw.isClosed();
        };
        QVERIFY(waitFor(attempt(process.location))); // its log says why
        waitFor([](Location location) -> Task<> { co_await RawPeer().join(location); }(process.location));

        // It connects to one that speaks another version.
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        const Coro<> newer = spawn(answerWithVersion, std::ref(server), OtherVersion);
        const QString there = server.location().toString();
        const QString text =
            failureOf<RemoteError>(m_network->call<int>(process.location, QStringLiteral("addThere"), there, 1, 2));
        const QString expected = QStringLiteral("%1 speaks version %2 of the protocol, and this process version %3: "
                                                "update the older one");
        QCOMPARE(text, expected.arg(there).arg(OtherVersion).arg(Hello::ProtocolVersion));
        waitFor(newer);
    }

    void D07_whoIsThere()
    {
        const PeerProcess a({.name = QStringLiteral("a")});
        const PeerProcess b({.name = QStringLiteral("b")});
        const Coro<Peer> search = spawn(m_network->locatePeer(QStringLiteral("b")));
        const Coro<QList<PeerStatus>> here = spawn(watchUntil, a.location, false);
        m_network->watchPeers(here);
        const Peer peer = waitFor(m_network->connect(a.location));
        QCOMPARE(waitFor(m_network->locatePeer(QStringLiteral("a"))), peer);
        QVERIFY(search.isRunning());
        waitFor(m_network->connect(b.location));
        QCOMPARE(waitFor(search).location(), b.location);
        QCOMPARE(m_network->peers().size(), 2);
        QVERIFY(failureOf<TimedOut>(m_network->locatePeer(QStringLiteral("c"), 1ms)).contains(u'c'));

        // `a` tells what it sees to somebody else, to whom it stays connected.
        const auto observer = makeNetwork();
        const Coro<QList<PeerStatus>> coming = spawn(watchUntil, m_network->location(), true);
        const Coro<QList<PeerStatus>> there = spawn(watchUntil, m_network->location(), false);
        waitFor(observer->call(a.location, QStringLiteral("watchPeers"), Coro<>(coming)));
        waitFor(observer->call(a.location, QStringLiteral("watchPeers"), Coro<>(there)));
        waitFor(coming); // it has learnt the name of this process

        const Coro<> call = spawn(m_network->call(a.location, QStringLiteral("wait")));
        letOthersRun();
        m_network->closePeer(a.location);
        QVERIFY(failureOf<PeerLost>(call).contains(QStringLiteral("this process has closed the connection")));
        QVERIFY(!peer.isConnected());
        QCOMPARE(m_network->peers().size(), 1);
        QStringList seen;
        for (const PeerStatus &status : waitFor(here))
            seen << (status.isOnline() ? u'+' : u'-') + status.name();
        QCOMPARE(seen, words("+a +b -a"));
        QCOMPARE(waitFor(there).last().name(), m_network->name());
        QCOMPARE(addAt(a.location), 3); // there is another connection when it is needed
    }

    void D08_aProcessEnds_data()
    {
        QTest::addColumn<int>("signal");
        QTest::newRow("killed") << SIGKILL;
        QTest::newRow("terminated") << SIGTERM;
    }

    void D08_aProcessEnds()
    {
        QFETCH(int, signal);
        const PeerProcess process({.name = QStringLiteral("mortal")});
        const Location location = process.location;
        const Coro<> sleeper = locateSleeper(location);
        const Coro<QList<PeerStatus>> watcher = spawn(watchUntil, location, false);
        const Coro<ExitNotice> observer = spawn(receiveNotice);
        m_network->watchPeers(watcher);
        sleeper.monitor(observer);
        const Coro<> joiner = spawn([sleeper]() -> Task<> { co_await sleeper; });
        const Coro<> call = spawn(m_network->call(location, QStringLiteral("wait")));
        const Coro<> search = spawn(m_network->locate(location, QStringLiteral("nobody")));
        waitFor(m_network->locatePeer(QStringLiteral("mortal")));
        waitFor(sleeper.deliver(1));

        process.signal(signal);
        for (const Coro<> &waiting : {joiner, call, search}) {
            const QString text = failureOf<PeerLost>(waiting);
            QVERIFY2(text.startsWith(location.toString()), qPrintable(text));
        }
        QCOMPARE(waitFor(observer).state(), CoroState::Lost);
        const QList<PeerStatus> seen = waitFor(watcher);
        QCOMPARE(seen.size(), 2);
        QVERIFY(seen.first().isOnline());
        QCOMPARE(seen.last().name(), QStringLiteral("mortal"));
        QVERIFY(m_network->peers().isEmpty());
        QVERIFY(!sleeper.send(2));
        QVERIFY(failureOf<PeerLost>(m_network->connect(location)).startsWith(location.toString()));
    }

    void D08_aProcessLeavesInOrder()
    {
        const PeerProcess process({.name = QStringLiteral("mortal")});
        const Location location = process.location;
        const Coro<> sleeper = locateSleeper(location);
        const Coro<> anchor = waitFor(m_network->anchorOf(location));
        const Coro<QList<PeerStatus>> watcher = spawn(watchUntil, location, false);
        m_network->watchPeers(watcher);
        waitFor(m_network->locatePeer(QStringLiteral("mortal")));
        const Coro<> joiner = spawn([sleeper]() -> Task<> { co_await sleeper; });
        waitFor(sleeper.deliver(1));
        // Its answer may come, or not.
        static_cast<void>(failureOf<PeerLost>(m_network->call(location, QStringLiteral("quit"))));
        QVERIFY(!failureOf<CoroTerminated>(joiner).startsWith(u'<')); // it has ended its coroutines before
        QCOMPARE(waitFor(watcher).last().name(), QStringLiteral("mortal"));
        QVERIFY(m_network->peers().isEmpty());
        QCOMPARE(failureOf<PeerLost>(anchor), location.toString() + QStringLiteral(": it has left the network"));
        QVERIFY(failureOf<PeerLost>(m_network->connect(location)).startsWith(location.toString()));
    }

    void D12_namesOfHosts()
    {
        if (QHostInfo::fromName(QStringLiteral("localhost")).addresses().isEmpty())
            QSKIP("this machine has no name localhost");
        const PeerProcess process;
        const Location named(QStringLiteral("localhost"), process.location.port());
        QVERIFY(named != process.location); // as places they are two, though the process is one
        QCOMPARE(Location::fromString(process.location.toString()), process.location);
        QCOMPARE(addAt(named), 3);
        QCOMPARE(waitFor(m_network->connect(named)), waitFor(m_network->connect(process.location)));
        QCOMPARE(m_network->peers().size(), 1);
        QCOMPARE(locateSleeper(named), locateSleeper(process.location));
        QVERIFY(failureOf<PeerLost>(m_network->connect(Location(QStringLiteral("no-such-host.invalid"), 1)))
                    .contains(QStringLiteral("no-such-host.invalid")));
    }

    // --- files ---

    void D09_filesAndFolders()
    {
        const QTemporaryDir folder;
        const QString file = folder.filePath(QStringLiteral("a"));
        const QString store = folder.filePath(QStringLiteral("store"));
        const QString stored = store + QStringLiteral("/in/a");
        const PeerProcess process({.store = store});
        const auto send = [&](const QString &path, const QString &as, Overwrite overwrite = Overwrite::Never) {
            return sendFiles(*m_network, process.location, path, as, {.overwrite = overwrite});
        };

        const QByteArray content = randomContent(PeerProcess::MaxFileSize);
        writeTo(file, content);
        QVERIFY(QFile::setPermissions(file, QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner | QFile::ReadGroup));
        std::filesystem::last_write_time(file.toStdString(), std::filesystem::file_time_type::clock::now() - 1h);
        QCOMPARE(waitFor(send(file, QStringLiteral("in/a"))).sent, 1);
        QCOMPARE(contentOf(stored), content);
        QCOMPARE(QFileInfo(stored).permissions(), QFileInfo(file).permissions());
        QVERIFY(std::filesystem::last_write_time(stored.toStdString())
                == std::filesystem::last_write_time(file.toStdString()));

        const SentFiles again = waitFor(send(file, QStringLiteral("in/a")));
        QCOMPARE(again.alreadyThere, 1);
        QCOMPARE(again.sent, 0);
        QCOMPARE(again.bytes, 0);

        const QByteArray other = randomContent(1000, 1);
        writeTo(file, other);
        QCOMPARE(refusalOf(send(file, QStringLiteral("in/a"))), int(Reason::Exists));
        QCOMPARE(contentOf(stored), content);
        QCOMPARE(waitFor(send(file, QStringLiteral("in/a"), Overwrite::IfDifferent)).sent, 1);
        QCOMPARE(contentOf(stored), other);

        writeTo(file, randomContent(PeerProcess::MaxFileSize + 1));
        QCOMPARE(refusalOf(send(file, QStringLiteral("large"))), int(Reason::TooLarge));
        QVERIFY(!QFile::exists(store + QStringLiteral("/large")));

        const QString source = folder.filePath(QStringLiteral("source"));
        for (int i = 0; i < 20; ++i)
            writeTo(source + QStringLiteral("/%1/%2").arg(i % 3).arg(i), QByteArray::number(i));
        QVERIFY(QDir().mkpath(source + QStringLiteral("/empty")));
        QCOMPARE(waitFor(send(source, QStringLiteral("copy"))).sent, 20);
        for (int i = 0; i < 20; ++i)
            QCOMPARE(contentOf(store + QStringLiteral("/copy/%1/%2").arg(i % 3).arg(i)), QByteArray::number(i));
        QVERIFY(QFileInfo(store + QStringLiteral("/copy/empty")).isDir());
        QCOMPARE(waitFor(send(source, QStringLiteral("copy"))).alreadyThere, 20);

        // Paths that lead out
        writeTo(file, "x");
        const QString outside = folder.filePath(QStringLiteral("outside"));
        QVERIFY(QDir().mkpath(outside));
        QVERIFY(QFile::link(outside, store + QStringLiteral("/link")));
        for (const char *path : {"../outside/a", "in/../../outside/a", "link/a"})
            QCOMPARE(refusalOf(send(file, QLatin1StringView(path))), int(Reason::BadPath));
        QCOMPARE(refusalOf(send(file, outside + QStringLiteral("/a"))), int(Reason::BadPath));
        QVERIFY(QDir(outside).isEmpty());
    }

    void D10_removesFiles()
    {
        const QTemporaryDir folder;
        const PeerProcess process({.store = folder.path()});
        for (const char *path : {"a", "b/c/d", "b/e", "f/g/h", "f/g/i"})
            writeTo(folder.filePath(QLatin1StringView(path)), "x");
        const auto remove = [&](const char *path) {
            return removeFiles(*m_network, process.location, QLatin1StringView(path));
        };
        const auto exists = [&](const char *path) { return QFile::exists(folder.filePath(QLatin1StringView(path))); };
        QCOMPARE(waitFor(remove("a")), 1);
        QVERIFY(!exists("a"));
        QCOMPARE(waitFor(remove("b/c/d")), 1);
        QVERIFY(!exists("b/c")); // is empty now
        QVERIFY(exists("b/e"));
        QCOMPARE(waitFor(remove("f/g")), 2);
        QVERIFY(!exists("f"));
        for (const char *missing : {"a", "b/c/d", "f"})
            QCOMPARE(refusalOf(remove(missing)), int(Reason::Missing));
        QCOMPARE(refusalOf(remove("../a")), int(Reason::BadPath));
    }

    // --- functions ---

    void D11_functions()
    {
        const PeerProcess process;
        const Location there = process.location;
        const auto sum = waitFor(m_network->find<Rci<int(int, int)>>(there, QStringLiteral("add")));
        QCOMPARE(sum.location(), there);
        QCOMPARE(waitFor(sum.call(1, 2)), 3);

        const Coro<QStringList> collector = startCollector(process, 2);
        QCOMPARE(collector.location(), there);
        const Coro<ExitNotice> observer = spawn(receiveNotice);
        collector.monitor(observer);
        collector.send(1);
        waitFor(collector.deliver(QStringLiteral("b")));
        QCOMPARE(waitFor(collector), words("1 b"));
        const ExitNotice notice = waitFor(observer);
        QCOMPARE(notice.coro(), collector);
        QCOMPARE(notice.state(), CoroState::Finished);
        QCOMPARE(notice.value().toStringList(), words("1 b"));

        const Coro<QStringList> terminated = startCollector(process, 1);
        terminated.terminate();
        QVERIFY(!failureOf<CoroTerminated>(terminated).startsWith(u'<'));

        QCOMPARE(failureOf<WrongSignature>(m_network->find<Rci<QString(int)>>(there, QStringLiteral("add"))),
                 QStringLiteral("the function add is int(int,int), not QString(int)"));
        QCOMPARE(failureOf<WrongSignature>(m_network->call<int>(there, QStringLiteral("add"), 1)),
                 QStringLiteral("the function add is int(int,int), and was called with (int)"));
        QVERIFY(waitFor(m_network->find<Rci<>>(there, QStringLiteral("subtract"))).isNull());
        QVERIFY(failureOf<WireError>(m_network->call<int>(there, QStringLiteral("subtract"), 1, 2))
                    .contains(QStringLiteral("offers no function named subtract")));
    }

    // --- coroutines ---

    void C08_messagesComeInOrder()
    {
        constexpr int Count = 1000;
        const PeerProcess process;
        const Coro<QStringList> collector = startCollector(process, Count);
        QStringList sent;
        for (int i = 0; i < Count; ++i) {
            QVERIFY(collector.send(i));
            sent << QString::number(i);
        }
        QCOMPARE(waitFor(collector), sent);
        QVERIFY(!collector.send(Count)); // it has ended

        // From there to here; every fourth is acknowledged, the last one, too.
        const auto record = std::make_shared<Record>();
        offerRecorder(*m_network, record);
        const QString here = m_network->location().toString();
        waitFor(m_network->call(process.location, QStringLiteral("startSending"), here, 1, Count));
        const auto acknowledged =
            waitFor(m_network->call<QList<int>>(process.location, QStringLiteral("acknowledged"), 1));
        letOthersRun(); // the recorder takes what has come
        QCOMPARE(acknowledged.size(), Count / 4);
        QCOMPARE(record->value(1).size(), Count);
        QCOMPARE(complaint(record->value(1), acknowledged), QString());
    }

    void C09_deliveriesAreAcknowledged()
    {
        const PeerProcess process;
        const Coro<QStringList> collector = startCollector(process, 2);
        waitFor(collector.deliver(QStringLiteral("a")));
        waitFor(collector.deliver(QStringLiteral("b")));
        QCOMPARE(waitFor(collector), words("a b"));
        QVERIFY(failureOf<CoroEnded>(collector.deliver(QStringLiteral("c"))).contains(QStringLiteral("has ended")));

        // One that stands still cannot acknowledge.
        const Coro<> sleeper = locateSleeper(process.location);
        waitFor(sleeper.deliver(1));
        process.signal(SIGSTOP);
        const QString text = failureOf<TimedOut>(sleeper.deliver(2, 20ms));
        process.signal(SIGCONT);
        QVERIFY2(!text.startsWith(u'<'), qPrintable(text));
        waitFor(sleeper.deliver(3));
    }

    void C15_monitorsAndLinks()
    {
        const PeerProcess process;
        const auto startSleeper = [&] { return waitFor(m_network->start(process.location, QStringLiteral("wait"))); };
        const auto monitored = [](const Coro<> &coro) {
            const Coro<ExitNotice> observer = spawn(receiveNotice);
            coro.monitor(observer);
            return observer;
        };

        // one over there
        const Coro<> failing = startSleeper();
        const Coro<> terminated = startSleeper();
        const Coro<ExitNotice> ofFailing = monitored(failing);
        const Coro<ExitNotice> ofTerminated = monitored(terminated);
        failing.throwInto(Error(QStringLiteral("no paper")));
        terminated.terminate();
        QCOMPARE(waitFor(ofFailing).coro(), failing);
        QCOMPARE(waitFor(ofFailing).state(), CoroState::Failed);
        QCOMPARE(waitFor(ofFailing).error(), QStringLiteral("no paper"));
        QCOMPARE(waitFor(ofTerminated).state(), CoroState::Terminated);

        // from over there one that is here
        const Coro<> here = spawn(waitForever);
        const Coro<QStringList> observer = startCollector(process, 1); // of anything: a notice is no text
        here.monitor(observer);
        here.terminate();
        QCOMPARE(waitFor(observer), QStringList{QString()});

        // linked, whichever ends
        const Coro<> ending = startSleeper();
        const Coro<ExitNotice> linked = spawn(receiveLinked);
        letOthersRun();
        linked.link(ending);
        ending.terminate();
        QCOMPARE(waitFor(linked).coro(), ending);
        QCOMPARE(waitFor(linked).state(), CoroState::Terminated);

        const Coro<> remote = startSleeper();
        const Coro<> local = spawn(waitForever);
        const Coro<ExitNotice> ofRemote = monitored(remote);
        letOthersRun();
        local.link(remote);
        waitFor(remote.deliver(1)); // behind the link
        local.terminate();
        QCOMPARE(waitFor(ofRemote).state(), CoroState::Failed);
        QVERIFY2(waitFor(ofRemote).error().startsWith(QStringLiteral("the linked coroutine")),
                 qPrintable(waitFor(ofRemote).error()));

        // one that finishes ends nobody
        const Coro<> survivor = startSleeper();
        const Coro<> finishing = spawn([]() -> Task<> { co_await receive(); });
        survivor.link(finishing);
        waitFor(survivor.deliver(1));
        finishing.send(1);
        waitFor(finishing);
        waitFor(survivor.deliver(2));
        QVERIFY(survivor.isRunning());
    }

    void C18_coroutinesByName()
    {
        const PeerProcess process;
        const Location there = process.location;
        const QString name = QStringLiteral("archive");
        const auto registerName = [&](const Coro<> &coro, const QString &as) {
            return m_network->call(there, QStringLiteral("registerName"), coro, as);
        };
        QVERIFY(waitFor(m_network->find(there, name)).isNull());
        const QString text = failureOf<TimedOut>(m_network->locate(there, name, 1ms));
        QCOMPARE(text, QStringLiteral("locate(\"archive\") at %1 timed out").arg(there.toString()));
        const Coro<Coro<>> search = spawn(m_network->locate(there, name));
        const Coro<Coro<>> searchAnywhere = spawn(m_network->locate(name));
        const Coro<> coro = waitFor(m_network->start(there, QStringLiteral("wait")));
        QVERIFY(search.isRunning());
        waitFor(registerName(coro, name));
        QCOMPARE(waitFor(search), coro);
        QCOMPARE(waitFor(searchAnywhere), coro);
        QCOMPARE(waitFor(m_network->find(there, name)), coro);

        const Coro<> another = waitFor(m_network->start(there, QStringLiteral("wait")));
        QVERIFY(failureOf<Error>(registerName(another, name)).contains(name)); // is taken
        QVERIFY(!failureOf<Error>([&] { another.registerName(QStringLiteral("of elsewhere")); }).startsWith(u'<'));
        coro.terminate();
        QVERIFY(!failureOf<CoroTerminated>(coro).startsWith(u'<'));
        QVERIFY(waitFor(m_network->find(there, name)).isNull()); // free again
        waitFor(registerName(another, name));
        QCOMPARE(waitFor(m_network->find(there, name)), another);
    }

    void C19_handlesAreTheSame()
    {
        const PeerProcess a;
        const PeerProcess b;
        const auto passedThrough = [&](const PeerProcess &process, const Coro<> &coro) {
            return waitFor(m_network->call<Coro<>>(process.location, QStringLiteral("passBack"), coro));
        };
        const Coro<> local = spawn(waitForever);
        QCOMPARE(passedThrough(a, local), local);
        QCOMPARE(passedThrough(a, local).data(), local.data());
        QVERIFY(passedThrough(a, Coro<>()).isNull());

        const Coro<> ofA = locateSleeper(a.location);
        const Coro<> ofB = locateSleeper(b.location);
        QCOMPARE(ofA.id(), ofB.id()); // both processes do the same
        QVERIFY(ofA != ofB);
        QCOMPARE(locateSleeper(a.location), ofA);
        for (const PeerProcess *process : {&a, &b}) {
            QCOMPARE(passedThrough(*process, ofA), ofA);
            QCOMPARE(passedThrough(*process, ofA).location(), a.location);
            QCOMPARE((QSet<Coro<>>{ofA, ofB, passedThrough(*process, ofA), passedThrough(*process, ofB)}.size()), 2);
        }
        const Coro<QStringList> collector = startCollector(a, 1);
        waitFor(passedThrough(b, collector).deliver(QStringLiteral("x")));
        QCOMPARE(waitFor(collector), words("x"));
        local.terminate();
    }

    // --- channels ---

    void H02_subscribers()
    {
        const PeerProcess a;
        const PeerProcess b;
        const Channel own(QStringLiteral("own"));
        const Channel news = waitFor(m_network->locate<Channel>(a.location, QStringLiteral("news")));
        const Channel otherNews = waitFor(m_network->locate<Channel>(b.location, QStringLiteral("news")));

        // A coroutine of `a` of a channel here, and the other way round
        const Coro<QStringList> ofA = startCollector(a, 2);
        const Coro<QStringList> here = spawn(collect, 2);
        QVERIFY(own.subscribe(ofA));
        QCOMPARE(own.subscriberCount(), 1);
        QVERIFY(waitFor(news.subscribe(here, Forever)));
        for (const auto &[channel, subscriber] : {std::pair(own, Coro<>(ofA)), std::pair(news, Coro<>(here))}) {
            channel.send(QStringLiteral("subscribed"));
            QVERIFY(channel.unsubscribe(subscriber));
            channel.send(QStringLiteral("unsubscribed"));
            QCOMPARE(waitFor(channel.deliver(QStringLiteral("to nobody"))), 0);
            subscriber.send(QStringLiteral("end"));
        }
        QCOMPARE(waitFor(ofA), words("subscribed end"));
        QCOMPARE(waitFor(here), words("subscribed end"));

        // A channel here, of it one of `a`, of that one of `b`, and of that a coroutine here
        const Coro<QStringList> last = spawn(collect, 1);
        QVERIFY(waitFor(otherNews.subscribe(last, Forever)));
        QVERIFY(waitFor(news.subscribe(otherNews, Forever)));
        QVERIFY(own.subscribe(news));
        own.send(QStringLiteral("through"));
        QCOMPARE(waitFor(last), words("through"));
        QVERIFY(own.unsubscribe(news));
        QCOMPARE(own.subscriberCount(), 0);

        QVERIFY(!waitFor(news.subscribe(Coro<>(), Forever)));
        QVERIFY(failureOf<Error>(news.subscribe(news, Forever)).contains(QStringLiteral("passes its messages on")));
    }

    void H03_sendsToAll()
    {
        const PeerProcess a;
        const PeerProcess b;
        const Channel news = waitFor(m_network->locate<Channel>(a.location, QStringLiteral("news")));
        const Channel own(QStringLiteral("own"));
        const QStringList expected = words("0 1 2 3");
        for (const Channel &channel : {news, own}) {
            QList<Coro<QStringList>> all{spawn(collect, 4)};
            for (const PeerProcess *process : {&a, &a, &b})
                all << startCollector(*process, 4);
            for (const Coro<QStringList> &subscriber : all)
                QVERIFY(waitFor(channel.subscribe(subscriber, Forever)));
            for (int i = 0; i < 4; ++i)
                QVERIFY(channel.send(i));
            for (const Coro<QStringList> &subscriber : all)
                QCOMPARE(waitFor(subscriber), expected);
        }
        QVERIFY(failureOf<WireError>([&] { news.send(QBitArray(2)); }).contains(QStringLiteral("QBitArray")));
    }

    void H04_countsWhoGotIt()
    {
        const PeerProcess a;
        const PeerProcess b;
        const Channel news = waitFor(m_network->locate<Channel>(a.location, QStringLiteral("news")));
        QCOMPARE(waitFor(news.deliver(1)), 0);
        const QString text = failureOf<TimedOut>(news.deliver(2, 1, 1ms));
        QVERIFY2(text.contains(QStringLiteral("which has 0 of 1 subscribers")), qPrintable(text));
        const Coro<int> delivery = spawn(news.deliver(QStringLiteral("enough"), 3));

        const Coro<QStringList> ofA = startCollector(a, 1);
        const Coro<QStringList> ofB = startCollector(b, 1);
        const Channel own(QStringLiteral("own")); // one subscriber that makes two recipients
        const Coro<QStringList> here = spawn(collect, 1);
        const Coro<QStringList> alsoHere = spawn(collect, 1);
        own.subscribe(here);
        own.subscribe(alsoHere);
        QVERIFY(waitFor(news.subscribe(ofA, Forever)));
        QVERIFY(waitFor(news.subscribe(ofB, Forever)));
        QVERIFY(delivery.isRunning());
        QVERIFY(waitFor(news.subscribe(own, Forever)));
        QCOMPARE(waitFor(delivery), 4);
        for (const Coro<QStringList> &subscriber : {ofA, ofB, here, alsoHere})
            QCOMPARE(waitFor(subscriber), words("enough")); // and nothing of before
    }

    void H05_channelsByName()
    {
        const PeerProcess process;
        const Location there = process.location;
        const QString name = QStringLiteral("late");
        const auto make = [&] { return m_network->call<Channel>(there, QStringLiteral("makeChannel"), name); };
        QVERIFY(waitFor(m_network->find<Channel>(there, name)).isNull());
        const Coro<Channel> search = spawn(m_network->locate<Channel>(there, name));
        const Channel made = waitFor(make());
        QCOMPARE(waitFor(search), made);
        QCOMPARE(made.location(), there);
        QVERIFY(failureOf<Error>(make()).contains(name)); // is taken

        const Coro<int> waiting = spawn(made.deliver(1, 1));
        waitFor(m_network->anchorOf(there));
        made.close(); // from here
        QVERIFY(made.isClosed());
        QVERIFY(!failureOf<ChannelClosed>(waiting).startsWith(u'<'));
        QVERIFY(!made.send(1));
        QVERIFY(waitFor(m_network->find<Channel>(there, name)).isNull());

        const Channel second = waitFor(make());
        QVERIFY(second != made);
        const Coro<int> alsoWaiting = spawn(second.deliver(1, 1));
        waitFor(m_network->call(there, QStringLiteral("closeChannel"), second)); // from there
        QVERIFY(!failureOf<ChannelClosed>(alsoWaiting).startsWith(u'<'));
        QVERIFY(second.isClosed());
        const Coro<> subscriber = spawn(waitForever);
        QVERIFY(!failureOf<ChannelClosed>([&] { second.subscribe(subscriber); }).startsWith(u'<'));
        subscriber.terminate();
    }

private:
    int addAt(const Location &location) { return waitFor(m_network->call<int>(location, QStringLiteral("add"), 1, 2)); }

    Coro<> locateSleeper(const Location &location)
    {
        return waitFor(m_network->locate(location, QStringLiteral("sleeper")));
    }

    /** A coroutine of that process, which gives the first messages that it gets, as texts. */
    Coro<QStringList> startCollector(const PeerProcess &process, int count)
    {
        auto collector = m_network->find<Rci<QStringList(int)>>(process.location, QStringLiteral("collect"));
        return waitFor(waitFor(std::move(collector)).start(count));
    }

    QStringList peersOf(const PeerProcess &process)
    {
        auto locations = waitFor(m_network->call<QStringList>(process.location, QStringLiteral("peers")));
        locations.sort();
        return locations;
    }

    static QStringList sorted(const QList<Location> &locations)
    {
        QStringList texts;
        for (const Location &location : locations)
            texts << location.toString();
        texts.sort();
        return texts;
    }

    std::unique_ptr<PeerNetwork> m_network;
};

QTEST_GUILESS_MAIN(RowsTest)
#include "rows_internal_test.moc"
