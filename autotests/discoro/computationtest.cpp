// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/ClusterMonitor>
#include <Asyncoro/Discoro>
#include <Asyncoro/Node>
#include <Asyncoro/TestCluster>

#include <QRegularExpression>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>
#include <unistd.h>

using namespace Asyncoro;
using namespace Asyncoro::Discoro;
using namespace std::chrono_literals;

namespace {

// --- what runs on servers: processes of this very program ---

Task<int> square(int n)
{
    co_return n * n;
}
DISCORO_FUNCTION(square)

Task<qint64> processId()
{
    co_return ::getpid();
}
DISCORO_FUNCTION(processId)

Task<QString> where()
{
    co_return nodeName();
}
DISCORO_FUNCTION(where)

Task<> failNow(QString text)
{
    throw std::runtime_error(text.toStdString());
    co_return;
}
DISCORO_FUNCTION(failNow)

Task<int> crash(int signal)
{
    ::kill(::getpid(), signal);
    co_await sleep(1h);
    co_return 0;
}
DISCORO_FUNCTION(crash)

Task<> block()
{
    co_await sleep(QDeadlineTimer::Forever);
}
DISCORO_FUNCTION(block)

Task<QByteArray> readFile(QString path)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        throw Error(file.errorString());
    co_return file.readAll();
}
DISCORO_FUNCTION(readFile)

Task<int> sumUntilZero()
{
    int sum = 0;
    for (;;) {
        const int n = co_await receive<int>();
        if (n == 0)
            co_return sum;
        sum += n;
    }
}
DISCORO_FUNCTION(sumUntilZero)

Task<double> notDeclared(double n)
{
    co_return n;
}

} // namespace

/** A scheduler and nodes in this process; their servers are processes. */
class ComputationTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init() { m_cluster = std::make_unique<TestCluster>(); }

    void cleanup()
    {
        const QString folder = m_cluster->folder();
        m_cluster.reset();
        QVERIFY(!QFileInfo::exists(folder));
    }

    void givesValuesAndExceptions()
    {
        startNode(QStringLiteral("a"), 1);
        run([this](Computation &computation) -> Task<> {
            QCOMPARE(co_await computation.runResult(square, 7), 49);
            QCOMPARE(co_await computation.runResult(where), QStringLiteral("a"));
            bool failed = false;
            try {
                co_await computation.runResult(failNow, QStringLiteral("no paper"));
            } catch (const RemoteError &e) {
                failed = true;
                QCOMPARE(e.message(), QStringLiteral("no paper"));
                QCOMPARE(e.type(), QStringLiteral("std::runtime_error"));
            }
            QVERIFY(failed);
        });
        const ClusterStatus now = status();
        QCOMPARE(now.done, 2);
        QCOMPARE(now.failed, 1);
        QCOMPARE(now.running, 0);
    }

    void mapsAListInOrder()
    {
        startNode(QStringLiteral("a"), 2);
        startNode(QStringLiteral("b"), 2);
        run([](Computation &computation) -> Task<> {
            QList<int> numbers;
            QList<int> squares;
            for (int i = 0; i < 200; ++i) {
                numbers << i;
                squares << i * i;
            }
            QCOMPARE(co_await computation.runResults(square, numbers), squares);
        });
    }

    void aFailingElementEndsTheMap()
    {
        startNode(QStringLiteral("a"), 1);
        run([](Computation &computation) -> Task<> {
            bool failed = false;
            try {
                co_await computation.runResults(failNow, QStringList{QStringLiteral("x"), QStringLiteral("y")});
            } catch (const RemoteError &e) {
                failed = true;
                QCOMPARE(e.message(), QStringLiteral("x"));
            }
            QVERIFY(failed);
            QCOMPARE(co_await computation.runResult(square, 2), 4);
        });
    }

    void aJobIsACoroutineLikeAnyOther()
    {
        startNode(QStringLiteral("a"), 1);
        run([](Computation &computation) -> Task<> {
            const Coro<int> job = co_await computation.run(sumUntilZero);
            QVERIFY(job.location().isValid());
            job.monitor(Coro<>::self());
            for (int n : {5, 6, 7, 0})
                job.send(n);
            QCOMPARE(co_await job, 18);
            QCOMPARE((co_await receive<ExitNotice>()).value(), QVariant(18));
            const Coro<> endless = co_await computation.run(block); // the server is free again
            endless.terminate();
            bool terminated = false;
            try {
                co_await endless;
            } catch (const CoroTerminated &) {
                terminated = true;
            }
            QVERIFY(terminated);
            QCOMPARE(co_await computation.runResult(square, 3), 9);
        });
    }

    void serversAreProcessesAndRunOneJobAtATime()
    {
        startNode(QStringLiteral("a"), 2);
        run([this](Computation &computation) -> Task<> {
            QSet<qint64> pids;
            const Coro<> first = co_await computation.run(block);
            pids << co_await computation.runResult(processId);
            const Coro<> second = co_await computation.run(block);
            const Coro<qint64> waiting = spawn(computation.runResult(processId));
            // Both servers are taken, so this one waits in line.
            while (status().waiting == 0)
                co_await yield();
            QCOMPARE(status().running, 2);
            first.terminate();
            pids << co_await waiting;
            QCOMPARE(pids.size(), 2);
            QVERIFY(!pids.contains(::getpid()));
            second.terminate();
        });
    }

    void filesComeAlong()
    {
        startNode(QStringLiteral("a"), 1);
        const QTemporaryDir folder;
        const QString path = folder.filePath(QStringLiteral("some table.csv"));
        QFile file(path);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("1;2;3");
        file.close();
        run([](Computation &computation) -> Task<> {
            QCOMPARE(co_await computation.runResult(readFile, QStringLiteral("some table.csv")), QByteArray("1;2;3"));
        }, {readFile, File(path)});
    }

    void aCrashedServerFailsItsJobsOnly()
    {
        QTest::ignoreMessage(QtWarningMsg, QRegularExpression(QStringLiteral("a server has ended: it was killed by signal 9")));
        QTest::ignoreMessage(QtWarningMsg, QRegularExpression(QStringLiteral("server \\d+ of a is lost: it was killed by signal 9")));
        startNode(QStringLiteral("a"), 2);
        run([](Computation &computation) -> Task<> {
            const Coro<int> other = co_await computation.run(sumUntilZero);
            QString message;
            try {
                co_await computation.runResult(crash, SIGKILL);
            } catch (const JobLost &e) {
                message = e.message();
            }
            const QRegularExpression expected(
                QStringLiteral("^job \\d+, crash\\(9\\), was lost: server \\d+ of a: it was killed by signal 9$"));
            QVERIFY2(expected.match(message).hasMatch(), qPrintable(message));
            other.send(4);
            other.send(0);
            QCOMPARE(co_await other, 4);
            QCOMPARE(co_await computation.runResult(square, 5), 25);
        });
    }

    void withoutServersJobsDoNotWait()
    {
        QTest::ignoreMessage(QtWarningMsg, QRegularExpression(QStringLiteral("a server has ended: it exited|a server has ended: it was killed")));
        QTest::ignoreMessage(QtWarningMsg, QRegularExpression(QStringLiteral("server \\d+ of a is lost")));
        startNode(QStringLiteral("a"), 1);
        run([](Computation &computation) -> Task<> {
            const Coro<int> doomed = spawn(computation.runResult(crash, SIGKILL));
            const Coro<int> waiting = spawn(computation.runResult(square, 1));
            for (const Coro<int> &job : {doomed, waiting}) {
                bool lost = false;
                try {
                    co_await job;
                } catch (const JobLost &) {
                    lost = true;
                }
                QVERIFY(lost);
            }
        });
    }

    void aVanishedNodeIsNamed()
    {
        QTest::ignoreMessage(QtWarningMsg, QRegularExpression(QStringLiteral("^b is lost: ")));
        QTest::ignoreMessage(QtWarningMsg, QRegularExpression(QStringLiteral("server \\d+ of b is lost: its node is lost")));
        startNode(QStringLiteral("b"), 1);
        run([this](Computation &computation) -> Task<> {
            const Coro<> job = spawn(computation.runResult(block));
            while (status().running == 0)
                co_await yield();
            startNode(QStringLiteral("a"), 1); // joins the computation that runs
            QCOMPARE(co_await computation.runResult(where), QStringLiteral("a"));
            m_cluster->cutNode(QStringLiteral("b"));
            QString message;
            try {
                co_await job;
            } catch (const JobLost &e) {
                message = e.message();
            }
            QVERIFY2(message.contains(QStringLiteral(" of b: its node is lost")), qPrintable(message));
            QCOMPARE(co_await computation.runResult(square, 6), 36);
        });
    }

    void cancellingAJobFreesItsServer()
    {
        startNode(QStringLiteral("a"), 1);
        run([this](Computation &computation) -> Task<> {
            const Coro<> running = spawn(computation.runResult(block));
            const Coro<> waiting = spawn(computation.runResult(block));
            while (status().waiting == 0)
                co_await yield();
            waiting.terminate();
            running.terminate();
            QCOMPARE(co_await computation.runResult(square, 4), 16);
        });
    }

    void computationsHaveTheClusterOneAfterTheOther()
    {
        startNode(QStringLiteral("a"), 1);
        run([this](Computation &first) -> Task<> {
            auto second = std::make_shared<Computation>(QList<Component>{square});
            auto third = std::make_shared<Computation>(QList<Component>{square});
            const Coro<> secondScheduled = spawn(scheduleAt(second, location()));
            const Coro<> thirdScheduled = spawn(scheduleAt(third, location()));
            while (status().computations.size() < 3)
                co_await yield();
            QCOMPARE(secondScheduled.state(), CoroState::Running);
            secondScheduled.terminate(); // gives up waiting
            co_await first.close();
            co_await thirdScheduled;
            QCOMPARE(co_await third->runResult(square, 8), 64);
            co_await third->close();
        });
        const ClusterStatus now = status();
        for (const ComputationStatus &computation : now.computations)
            QCOMPARE(computation.state, ComputationStatus::State::Closed);
    }

    void closingEndsTheServers()
    {
        startNode(QStringLiteral("a"), 1);
        qint64 pid = 0;
        run([&](Computation &computation) -> Task<> { pid = co_await computation.runResult(processId); });
        QVERIFY(pid > 0);
        QTRY_VERIFY(::kill(pid_t(pid), 0) != 0);
    }

    void waitsForANodeToJoin()
    {
        const Coro<> client = spawn([this]() -> Task<> {
            Computation computation({square});
            co_await computation.schedule(location());
            QCOMPARE(co_await computation.runResult(square, 3), 9);
            co_await computation.close();
        });
        QTRY_COMPARE(status().computations.size(), 1);
        startNode(QStringLiteral("late"), 1);
        waitFor(client);
    }

    void refusesWhatIsWrong()
    {
        auto call = [this](Computation &computation) -> Task<> { co_await computation.runResult(square, 1); };
        Computation notOpen({square});
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(call(notOpen)));
        Computation undeclared({notDeclared});
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(undeclared.schedule(location())));
        Computation missingFile({square, File(QStringLiteral("no such file"))});
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(missingFile.schedule(location())));
        Computation nowhere({square});
        QVERIFY_THROWS_EXCEPTION(PeerLost, waitFor(nowhere.schedule(Location(QStringLiteral("127.0.0.1"), 1))));
    }

    void aNodeNameIsTakenOnce()
    {
        startNode(QStringLiteral("a"), 1);
        QString reason;
        PeerNetwork network;
        const QTemporaryDir folder;
        Node::Options options;
        options.scheduler = location();
        options.name = QStringLiteral("a");
        options.workFolder = folder.path();
        options.refused = [&](const QString &text) { reason = text; };
        Node node(network, options);
        QTRY_VERIFY(reason.contains(QStringLiteral("--name")));
    }

    void theMonitorFollowsTheCluster()
    {
        startNode(QStringLiteral("a"), 1);
        ClusterMonitor monitor;
        QSignalSpy changes(&monitor, &ClusterMonitor::statusChanged);
        monitor.open(location(), {});
        QCOMPARE(monitor.state(), ClusterMonitor::State::Connecting);
        QTRY_COMPARE(monitor.state(), ClusterMonitor::State::Connected);
        QTRY_COMPARE(monitor.status().nodes.size(), 1);
        QCOMPARE(monitor.status().nodes.constFirst().name, QStringLiteral("a"));
        run([&](Computation &computation) -> Task<> {
            const Coro<> job = spawn(computation.runResult(block));
            while (monitor.status().running == 0)
                co_await yield();
            const ServerStatus &server = monitor.status().nodes.constFirst().servers.constFirst();
            QCOMPARE(server.jobs.constFirst().function, QStringLiteral("block"));
            job.terminate();
        });
        m_cluster->endScheduler();
        QTRY_COMPARE(monitor.state(), ClusterMonitor::State::Lost);
        QVERIFY(!monitor.error().isEmpty());
        monitor.close();
        QCOMPARE(monitor.state(), ClusterMonitor::State::NotConnected);
    }

private:
    static Task<> scheduleAt(std::shared_ptr<Computation> computation, Location scheduler)
    {
        co_await computation->schedule(scheduler);
    }

    [[nodiscard]] Location location() const { return m_cluster->location(); }
    [[nodiscard]] ClusterStatus status() const { return m_cluster->status(); }
    void startNode(const QString &name, int cpus) { m_cluster->startNode(name, cpus); }
    void run(const std::function<Task<>(Computation &)> &body, const QList<Component> &components = {square})
    {
        m_cluster->run(body, components);
    }

    std::unique_ptr<TestCluster> m_cluster;
};

ASYNCORO_CLUSTER_TEST_MAIN(ComputationTest)
#include "computationtest.moc"
