// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/ClusterStatus>
#include <Asyncoro/Error>

#include <QCborArray>
#include <QCborMap>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>
#include <QTimeZone>

using namespace Asyncoro;
using namespace Asyncoro::Discoro;
using namespace Qt::StringLiterals;

class ClusterStatusTest : public QObject
{
    Q_OBJECT

    static ClusterStatus example()
    {
        const QDateTime moment(QDate(2026, 2, 3), QTime(4, 5, 6, 789), QTimeZone::UTC);

        JobStatus job;
        job.id = 7;
        job.function = u"compute"_s;
        job.arguments = u"\"größe\", 2"_s;
        job.started = moment;

        ServerStatus server;
        server.location = Location(u"::1"_s, 4000);
        server.pid = 1234;
        server.state = ServerStatus::State::Ready;
        server.running = 1;
        server.done = (qint64(1) << 40) + 1;
        server.failed = 2;
        server.jobs = {job};

        NodeStatus node;
        node.name = u"node-1"_s;
        node.location = Location(u"127.0.0.1"_s, 3000);
        node.state = NodeStatus::State::Lost;
        node.cpus = 2;
        node.cpuLoad = 0.25;
        node.memoryUsed = 1'000'000'000;
        node.memoryTotal = 4'000'000'000;
        node.diskUsed = 10'000'000'000;
        node.diskTotal = 40'000'000'000;
        node.lastHeard = moment;
        node.servers = {server, ServerStatus()};

        ComputationStatus computation;
        computation.id = 3;
        computation.name = u"file-statistics"_s;
        computation.client = Location(u"example.org"_s, 5000);
        computation.state = ComputationStatus::State::Running;
        computation.waiting = 10;
        computation.running = 1;
        computation.done = 20;
        computation.failed = 2;

        ClusterStatus status;
        status.sequence = 42;
        status.scheduler = Location(u"127.0.0.1"_s, 51350);
        status.version = u"0.1.0"_s;
        status.time = moment;
        status.nodes = {node, NodeStatus()};
        status.computations = {computation};
        status.waiting = 11;
        status.running = 12;
        status.done = 13;
        status.failed = 14;
        return status;
    }

    static QString errorOf(const QCborMap &map)
    {
        try {
            [[maybe_unused]] const ClusterStatus status = ClusterStatus::fromCbor(map);
        } catch (const Error &error) {
            return error.message();
        }
        return u"no error"_s;
    }

    /** The example with `value` at `path`, in which a number is a place in a list; an undefined value takes away. */
    static QCborMap changed(const QVariantList &path, const QCborValue &value)
    {
        QCborValue root(example().toCbor());
        change(root, path, value);
        return root.toMap();
    }

    static void change(QCborValue &parent, QVariantList path, const QCborValue &value)
    {
        if (path.isEmpty()) {
            parent = value;
            return;
        }
        const QVariant step = path.takeFirst();
        if (step.typeId() == QMetaType::Int) {
            QCborArray array = parent.toArray();
            QCborValue child = array.at(step.toInt());
            change(child, path, value);
            array[step.toInt()] = child;
            parent = array;
        } else {
            QCborMap map = parent.toMap();
            QCborValue child = map.value(step.toString());
            change(child, path, value);
            if (child.isUndefined())
                map.remove(step.toString());
            else
                map[step.toString()] = child;
            parent = map;
        }
    }

private Q_SLOTS:
    void survivesCbor()
    {
        const ClusterStatus status =
            ClusterStatus::fromCbor(QCborValue::fromCbor(QCborValue(example().toCbor()).toCbor()).toMap());
        QCOMPARE(status.sequence, 42);
        QCOMPARE(status.scheduler, Location(u"127.0.0.1"_s, 51350));
        QCOMPARE(status.time, example().time);
        QCOMPARE(status.failed, 14);
        QCOMPARE(status.nodes.size(), 2);
        const NodeStatus &node = status.nodes.first();
        QCOMPARE(node.state, NodeStatus::State::Lost);
        QCOMPARE(node.cpuLoad, 0.25);
        QCOMPARE(node.diskTotal, 40'000'000'000);
        QCOMPARE(node.servers.size(), 2);
        QCOMPARE(node.servers.first().location, Location(u"::1"_s, 4000));
        QCOMPARE(node.servers.first().done, (qint64(1) << 40) + 1);
        QCOMPARE(node.servers.first().jobs.first().arguments, u"\"größe\", 2"_s);
        QCOMPARE(node.servers.first().jobs.first().started, example().time);
        QVERIFY(!node.servers.last().location.isValid());
        QVERIFY(!status.nodes.last().lastHeard.isValid());
        QCOMPARE(status.computations.first().client, Location(u"example.org"_s, 5000));
        // and whatever is not named above
        QCOMPARE(status.toCbor(), example().toCbor());
        QVERIFY(status.toCbor() != ClusterStatus().toCbor());
    }

    void survivesCborWhenEmpty()
    {
        QCOMPARE(ClusterStatus::fromCbor(ClusterStatus().toCbor()).toCbor(), ClusterStatus().toCbor());
    }

    void ignoresWhatANewerVersionSends()
    {
        QCOMPARE(ClusterStatus::fromCbor(changed({u"mood"_s}, u"good"_s)).toCbor(), example().toCbor());
        QCOMPARE(ClusterStatus::fromCbor(changed({u"nodes"_s, 0, u"gpus"_s}, QCborArray{1})).toCbor(),
                 example().toCbor());
    }

    void namesWhatIsWrong_data()
    {
        QTest::addColumn<QCborMap>("map");
        QTest::addColumn<QString>("error");

        const auto undefined = QCborValue();
        QTest::newRow("empty") << QCborMap() << "sequence is missing";
        QTest::newRow("missing") << changed({u"done"_s}, undefined) << "done is missing";
        QTest::newRow("missing list") << changed({u"nodes"_s}, undefined) << "nodes is missing";
        QTest::newRow("missing in a part") << changed({u"nodes"_s, 0, u"servers"_s, 0, u"pid"_s}, undefined)
                                           << "nodes[0].servers[0].pid is missing";
        QTest::newRow("text for number") << changed({u"computations"_s, 0, u"id"_s}, u"3"_s)
                                         << "computations[0].id is not a whole number";
        QTest::newRow("fraction") << changed({u"waiting"_s}, 1.5) << "waiting is not a whole number";
        QTest::newRow("negative") << changed({u"sequence"_s}, -1) << "sequence is out of range";
        QTest::newRow("too large") << changed({u"nodes"_s, 1, u"cpus"_s}, qint64(1) << 40)
                                   << "nodes[1].cpus is out of range";
        QTest::newRow("number for text") << changed({u"version"_s}, 1) << "version is not a text";
        QTest::newRow("text for load") << changed({u"nodes"_s, 0, u"cpuLoad"_s}, u"high"_s)
                                       << "nodes[0].cpuLoad is not a number";
        QTest::newRow("text for moment") << changed({u"time"_s}, u"noon"_s) << "time is not a moment";
        QTest::newRow("location") << changed({u"scheduler"_s}, u"nowhere"_s) << "scheduler is not an address and port";
        QTest::newRow("state") << changed({u"nodes"_s, 0, u"state"_s}, u"Asleep"_s)
                               << "nodes[0].state is \"Asleep\", which is not known here";
        QTest::newRow("list") << changed({u"nodes"_s, 0, u"servers"_s}, 2) << "nodes[0].servers is not a list";
        QTest::newRow("part") << changed({u"nodes"_s, 0, u"servers"_s, 0, u"jobs"_s, 0}, 2)
                              << "nodes[0].servers[0].jobs[0] is not a map";
    }
    void namesWhatIsWrong()
    {
        QFETCH(QCborMap, map);
        QFETCH(QString, error);
        QCOMPARE(errorOf(map), u"cluster status: "_s + error);
    }

    void jsonIsReadable()
    {
        const QJsonObject json = example().toJson();
        QCOMPARE(json["sequence"_L1].toInteger(), 42);
        QCOMPARE(json["time"_L1].toString(), u"2026-02-03T04:05:06.789Z"_s);
        QCOMPARE(json["waiting"_L1].toInteger(), 11);
        const QJsonObject node = json["nodes"_L1].toArray().first().toObject();
        QCOMPARE(node["state"_L1].toString(), u"Lost"_s);
        QCOMPARE(node["location"_L1].toString(), u"127.0.0.1:3000"_s);
        const QJsonObject server = node["servers"_L1].toArray().first().toObject();
        QCOMPARE(server["done"_L1].toInteger(), (qint64(1) << 40) + 1);
        QCOMPARE(server["jobs"_L1].toArray().first().toObject()["function"_L1].toString(), u"compute"_s);
        QVERIFY(json["nodes"_L1].toArray().last().toObject()["lastHeard"_L1].isNull());
    }
};

QTEST_GUILESS_MAIN(ClusterStatusTest)
#include "clusterstatustest.moc"
