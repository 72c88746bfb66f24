// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "discoro/statustable.h"

#include <QTest>
#include <QTimeZone>

using namespace Asyncoro;
using namespace Asyncoro::Discoro;
using namespace Qt::StringLiterals;

class StatusTableTest : public QObject
{
    Q_OBJECT

    static ClusterStatus emptyCluster()
    {
        ClusterStatus status;
        status.scheduler = Location(u"127.0.0.1"_s, 51350);
        status.version = u"0.1.0"_s;
        status.time = QDateTime(QDate(2026, 2, 3), QTime(4, 5, 6), QTimeZone::UTC);
        return status;
    }

    static void compare(const QString &actual, const QString &expected)
    {
        const QStringList actualLines = actual.split(u'\n');
        const QStringList expectedLines = expected.split(u'\n');
        for (qsizetype i = 0; i < std::min(actualLines.size(), expectedLines.size()); ++i)
            QCOMPARE(actualLines[i], expectedLines[i]);
        QCOMPARE(actualLines.size(), expectedLines.size());
    }

private Q_SLOTS:
    void emptyClusterIsToldInWords()
    {
        compare(Tools::statusTable(emptyCluster()),
                uR"(Scheduler 127.0.0.1:51350, version 0.1.0, at 2026-02-03 04:05:06 UTC

No nodes

No servers

No computations

Jobs in all: 0 waiting, 0 running, 0 done, 0 failed
)"_s);
    }

    void peersHaveALineEach()
    {
        QCOMPARE(Tools::peerTable({}), u"\nNo peers\n"_s);
        const QVariantMap peer{{u"location"_s, u"10.0.0.2:40001"_s}, {u"state"_s, u"Interrupted"_s},
                               {u"roundTripTime"_s, 180}, {u"bytesSent"_s, 2048}, {u"framesReceived"_s, 7},
                               {u"notSent"_s, 5}, {u"interruptions"_s, 1}};
        const QStringList lines = Tools::peerTable({peer, QVariant()}).split(u'\n');
        QCOMPARE(lines.size(), 6);
        QCOMPARE(lines[3].simplified(),
                 u"10.0.0.2:40001 interrupted 180 us 2.0 KiB 0 bytes 0 7 0 bytes 0 bytes 0 5 1"_s);
    }

    void columnsAreAligned()
    {
        ServerStatus server;
        server.location = Location(u"127.0.0.1"_s, 40001);
        server.pid = 4321;
        server.state = ServerStatus::State::Ready;
        server.running = 1;
        server.done = 12345;
        ServerStatus starting;
        starting.pid = 17;

        NodeStatus node;
        node.name = u"node-1"_s;
        node.location = Location(u"127.0.0.1"_s, 40000);
        node.cpus = 2;
        node.cpuLoad = 0.126;
        node.memoryUsed = qint64(3) << 29;
        node.memoryTotal = qint64(8) << 30;
        node.diskUsed = 5 << 20;
        node.diskTotal = 100 << 20;
        node.servers = {server, starting};
        NodeStatus lost;
        lost.name = u"a node with a long name"_s;
        lost.location = Location(u"fe80::1"_s, 5);
        lost.state = NodeStatus::State::Lost;
        lost.cpus = 16;

        ComputationStatus computation;
        computation.id = 3;
        computation.name = u"file-statistics"_s;
        computation.client = Location(u"127.0.0.1"_s, 40009);
        computation.state = ComputationStatus::State::Running;
        computation.waiting = 10;
        computation.running = 1;
        computation.done = 12345;

        ClusterStatus status = emptyCluster();
        status.nodes = {node, lost};
        status.computations = {computation};
        status.waiting = 10;
        status.running = 1;
        status.done = 12345;
        status.failed = 2;
        compare(Tools::statusTable(status), uR"(Scheduler 127.0.0.1:51350, version 0.1.0, at 2026-02-03 04:05:06 UTC

Nodes
  NAME                     STATE  ADDRESS          CPUS  LOAD         MEMORY             DISK
  node-1                   ready  127.0.0.1:40000     2   13%  1.5 / 8.0 GiB  5.0 / 100.0 MiB
  a node with a long name  lost   [fe80::1]:5        16    0%              -                -

Servers
  NODE    STATE     ADDRESS           PID  RUNNING   DONE  FAILED
  node-1  ready     127.0.0.1:40001  4321        1  12345       0
  node-1  starting  -                  17        0      0       0

Computations
  ID  NAME             STATE    CLIENT           WAITING  RUNNING   DONE  FAILED
   3  file-statistics  running  127.0.0.1:40009       10        1  12345       0

Jobs in all: 10 waiting, 1 running, 12345 done, 2 failed
)"_s);
    }

    void namesCannotDisturbTheTerminal()
    {
        NodeStatus node;
        node.name = u"evil\x1b[2J\nnode"_s;
        ClusterStatus status = emptyCluster();
        status.nodes = {node};
        const QString table = Tools::statusTable(status);
        QVERIFY(!table.contains(u'\x1b'));
        QVERIFY(table.contains(u"evil?[2J?node"_s));
    }
};

QTEST_GUILESS_MAIN(StatusTableTest)
#include "statustabletest.moc"
