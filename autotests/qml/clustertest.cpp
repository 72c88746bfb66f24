// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "recording.h"

#include <Asyncoro/Cluster>

#include <QFile>
#include <QRegularExpression>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

using namespace Asyncoro::Qml;
using namespace Qt::StringLiterals;

/** What a Cluster says of its connection, and makes of the statuses that come. */
class ClusterTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void eachStateIsASentence_data()
    {
        QTest::addColumn<Cluster::State>("state");
        QTest::addColumn<QString>("error");
        QTest::addColumn<int>("nextAttempt"); // in seconds
        QTest::addColumn<int>("nodes"); // -1: no status ever came
        QTest::addColumn<QString>("text");
        using State = Cluster::State;
        QTest::newRow("never") << State::NotConnected << "" << 0 << -1 << "Not connected.";
        QTest::newRow("connecting") << State::Connecting << "" << 0 << -1 << "Connecting to server:51350…";
        QTest::newRow("connected") << State::Connected << "" << 0 << 2 << "Connected to server:51350.";
        QTest::newRow("empty") << State::Connected << "" << 0 << 0 << "Connected to server:51350. The cluster has no nodes yet.";
        QTest::newRow("silence at first") << State::Connected << "" << 0 << -1
                                          << "Connected to server:51350. Waiting for the first news…";
        QTest::newRow("stale") << State::Stale << "" << 0 << 2
                               << "Nothing was heard from server:51350 for 0.0 s. What is shown may be out of date.";
        QTest::newRow("lost") << State::Lost << "the remote host closed the connection" << 3 << 2
                              << "The connection to server:51350 was lost: the remote host closed the connection. "
                                 "The next attempt comes in 3 s.";
        QTest::newRow("unreachable") << State::Lost << "connection refused" << 3 << -1
                                     << "The scheduler server:51350 cannot be reached: connection refused. "
                                        "The next attempt comes in 3 s.";
        QTest::newRow("trying") << State::Lost << "connection refused" << -1 << -1
                                << "The scheduler server:51350 cannot be reached: connection refused. Trying again…";
        QTest::newRow("wrong secret") << State::Refused << "the secret is wrong" << 0 << -1
                                      << "server:51350 refused this program: the secret is wrong.";
        QTest::newRow("unreachable, the address said again")
            << State::Lost << "server:51350 is lost: connect(), server:51350: Connection refused" << 3 << -1
            << "The scheduler server:51350 cannot be reached: Connection refused. The next attempt comes in 3 s.";
        QTest::newRow("wrong secret, the address said again")
            << State::Refused << "server:51350 refused this process: it has another secret" << 0 << -1
            << "server:51350 refused this program: it has another secret.";
        QTest::newRow("other version") << State::Refused << "it speaks version 2, and this program version 1." << 0 << 2
                                       << "server:51350 refused this program: it speaks version 2, and this program version 1.";
    }

    void eachStateIsASentence()
    {
        QFETCH(Cluster::State, state);
        QFETCH(QString, error);
        QFETCH(int, nextAttempt);
        QFETCH(int, nodes);
        QFETCH(QString, text);
        Cluster cluster;
        cluster.setScheduler(QStringLiteral("server"));
        if (nodes >= 0)
            cluster.setStatus(Recording::atWork(nodes, 1, 1).status);
        cluster.setState(state, error, QDateTime::currentDateTimeUtc().addSecs(nextAttempt));
        QString said = cluster.stateText(); // a moment later, perhaps
        said.replace(QRegularExpression(QStringLiteral(" for \\d\\.\\d s")), QStringLiteral(" for 0.0 s"));
        QCOMPARE(said, text);
        QCOMPARE(cluster.error(), error);
    }

    void countsDown()
    {
        Cluster cluster;
        cluster.setScheduler(QStringLiteral("server"));
        QSignalSpy changed(&cluster, &Cluster::textChanged);
        cluster.setState(Cluster::State::Lost, {}, QDateTime::currentDateTimeUtc().addSecs(3));
        QVERIFY(cluster.stateText().contains(u"in 3 s"_s));
        QTRY_VERIFY(cluster.stateText().contains(u"in 2 s"_s));
        QVERIFY(changed.size() >= 2);
    }

    void cannotOpen_data()
    {
        QTest::addColumn<QString>("scheduler");
        QTest::addColumn<QString>("secretFile");
        QTest::addColumn<QString>("text");
        QTest::newRow("no address") << "" << "" << "No scheduler is given.";
        QTest::newRow("bad address") << "server:http" << "" << "The address \"server:http\" does not read host:port.";
        QTest::newRow("no file") << "localhost:1" << "DIR/none"
                                 << "Cannot read the secret from DIR/none: No such file or directory.";
        QTest::newRow("empty file") << "localhost:1" << "DIR/empty" << "The secret file DIR/empty is empty.";
        QTest::newRow("open file") << "localhost:1" << "DIR/open"
                                   << "The secret in DIR/open can be read by other users: run chmod 600 DIR/open.";
    }

    void cannotOpen()
    {
        QTemporaryDir folder;
        write(folder.filePath(QStringLiteral("empty")), " \n");
        write(folder.filePath(QStringLiteral("open")), "secret");
        QFile::setPermissions(folder.filePath(QStringLiteral("open")), QFile::ReadOwner | QFile::ReadOther);
        const auto inFolder = [&](QString text) { return text.replace(u"DIR"_s, folder.path()); };

        QFETCH(QString, scheduler);
        QFETCH(QString, secretFile);
        QFETCH(QString, text);
        Cluster cluster;
        cluster.setScheduler(scheduler);
        cluster.setSecretFile(inFolder(secretFile));
        cluster.open();
        QCOMPARE(cluster.state(), Cluster::State::NotConnected);
        QCOMPARE(cluster.stateText(), inFolder(text));
    }

    void takesUrlsOfFiles()
    {
        Cluster cluster;
        cluster.setSecretFile(QStringLiteral("file:///etc/the%20secret"));
        QCOMPARE(cluster.secretFile(), u"/etc/the secret"_s);
        QSignalSpy changed(&cluster, &Cluster::tlsFilesChanged);
        cluster.setCertificateFile(QStringLiteral("file:///etc/the%20certificate"));
        cluster.setKeyFile(QStringLiteral("/etc/key"));
        cluster.setAuthorityFile(QStringLiteral("/etc/authority"));
        cluster.setAuthorityFile(QStringLiteral("file:///etc/authority"));
        QCOMPARE(cluster.certificateFile(), u"/etc/the certificate"_s);
        QCOMPARE(cluster.keyFile(), u"/etc/key"_s);
        QCOMPARE(cluster.authorityFile(), u"/etc/authority"_s);
        QCOMPARE(changed.size(), 3);
    }

    void addsUp()
    {
        Recording recording = Recording::atWork(2, 2, 3);
        recording.status.nodes[1].servers[1].failed = 4;
        recording.addUp();
        Cluster cluster;
        cluster.setStatus(recording.status);
        QCOMPARE(cluster.running(), 12);
        QCOMPARE(cluster.waiting(), 50);
        QCOMPARE(cluster.done(), 400);
        QCOMPARE(cluster.failed(), 4);
        QCOMPARE(cluster.cpuLoad(), 0.5);
        QCOMPARE(cluster.version(), u"0.1.0"_s);
        QCOMPARE(cluster.summary(), u"2 nodes, 4 servers, 12 coroutines running, 50 waiting"_s);

        recording.status.nodes[0].state = Recording::NodeStatus::State::Lost;
        cluster.setStatus(recording.status);
        QCOMPARE(cluster.summary(), u"1 node, 1 lost node, 4 servers, 12 coroutines running, 50 waiting"_s);
    }

    void measuresTheRate()
    {
        Recording recording = Recording::atWork(1, 1, 1);
        Cluster cluster;
        cluster.setStatus(recording.status);
        for (int i = 0; i < 10; ++i) {
            recording.advance(500, 40);
            cluster.setStatus(recording.status);
        }
        QSignalSpy sampled(&cluster, &Cluster::sampled);
        cluster.setState(Cluster::State::Connected);
        QTRY_VERIFY(!sampled.isEmpty());
        QCOMPARE(cluster.rate(), 80.0);
        QCOMPARE(cluster.history()->sample(0).running, 1.0);
        QCOMPARE(cluster.history()->sample(0).cpu, 0.5);

        recording.advance(2000, 0); // for as long as it is measured nothing was done
        cluster.setStatus(recording.status);
        QTRY_COMPARE(cluster.rate(), 0.0);
    }

    void restartedSchedulerGivesNoNegativeRate()
    {
        Recording recording = Recording::atWork(1, 1, 1);
        Cluster cluster;
        cluster.setStatus(recording.status);
        recording.advance(1000, 900);
        cluster.setStatus(recording.status);
        Recording fresh = Recording::atWork(1, 1, 1);
        fresh.status.time = recording.status.time.addSecs(1);
        cluster.setStatus(fresh.status);
        cluster.setState(Cluster::State::Connected);
        QTRY_VERIFY(cluster.history()->count() > 0);
        QCOMPARE(cluster.rate(), 0.0);
    }

    void keepsTheLastStatusWhenLost()
    {
        Cluster cluster;
        cluster.setState(Cluster::State::Connected);
        cluster.setStatus(Recording::atWork(2, 2, 1).status);
        QTRY_VERIFY(cluster.history()->count() > 0);
        cluster.setState(Cluster::State::Lost);
        const int samples = cluster.history()->count();
        QTest::qWait(700);
        QVERIFY(cluster.hasStatus());
        QCOMPARE(cluster.nodes()->count(), 2);
        QCOMPARE(cluster.jobs()->count(), 4);
        QCOMPARE(cluster.history()->count(), samples);
    }

private:
    static void write(const QString &name, const QByteArray &content)
    {
        QFile file(name);
        QVERIFY(file.open(QIODevice::WriteOnly) && file.write(content) == content.size());
        QVERIFY(file.setPermissions(QFile::ReadOwner | QFile::WriteOwner));
    }
};

QTEST_GUILESS_MAIN(ClusterTest)
#include "clustertest.moc"
