// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "nodeinfo_p.h"

#include <QDir>
#include <QTest>

using Asyncoro::Discoro::NodeInfo;

class NodeInfoTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void tellsOfMemoryAndDisk()
    {
        const NodeInfo::Sample sample = NodeInfo(QDir::tempPath()).sample();
        QVERIFY(sample.diskTotal > 0);
        QVERIFY(sample.diskUsed >= 0 && sample.diskUsed <= sample.diskTotal);
#ifdef Q_OS_LINUX
        QVERIFY(sample.memory.total > 0);
        QVERIFY(sample.memory.used > 0 && sample.memory.used <= sample.memory.total);
#endif
    }

    void tellsOfNoDiskThatIsNotThere()
    {
        const NodeInfo::Sample sample = NodeInfo(QStringLiteral("/no/such/folder")).sample();
        QCOMPARE(sample.diskTotal, 0);
        QCOMPARE(sample.diskUsed, 0);
    }

    void countsTheLoadSinceTheLastSample()
    {
#ifndef Q_OS_LINUX
        QSKIP("not known on this system");
#endif
        NodeInfo info(QDir::tempPath());
        // one processor is busy with this loop, until the system has counted it
        QDeadlineTimer deadline(std::chrono::seconds(30));
        double load = 0;
        while (load == 0 && !deadline.hasExpired())
            load = info.sample().cpuLoad;
        QVERIFY(load > 0);
        QVERIFY(load <= 1);
    }
};

QTEST_GUILESS_MAIN(NodeInfoTest)
#include "nodeinfotest.moc"
