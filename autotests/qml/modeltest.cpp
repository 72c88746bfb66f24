// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "recording.h"

#include <Asyncoro/ComputationModel>
#include <Asyncoro/Health>
#include <Asyncoro/HistoryModel>
#include <Asyncoro/JobModel>
#include <Asyncoro/NodeModel>
#include <Asyncoro/ServerModel>
#include <Asyncoro/SortFilterModel>

#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace Asyncoro::Discoro;
using namespace Asyncoro::Qml;

/** Recorded statuses in, rows out: in place, never by a reset. */
class ModelTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void nodeAppears()
    {
        Recording recording = Recording::atWork(1, 2, 3);
        NodeModel model;
        const Watch watch(model);
        model.setStatus(recording.status);
        QCOMPARE(model.count(), 1);
        QCOMPARE(text(model, 0, NodeModel::NameRole), u"node-1"_s);
        QCOMPARE(text(model, 0, NodeModel::AddressRole), u"10.0.0.1:51351"_s);
        QCOMPARE(text(model, 0, NodeModel::StateTextRole), u"Ready"_s);
        QCOMPARE(value(model, 0, NodeModel::ServersRole), 2);
        QCOMPARE(value(model, 0, NodeModel::RunningRole), 6);
        QCOMPARE(value(model, 0, NodeModel::DoneRole), 200);
        QCOMPARE(value(model, 0, NodeModel::CpuLoadRole), 0.5);
        QCOMPARE(value(model, 0, NodeModel::MemoryRole), 0.25);
        QCOMPARE(text(model, 0, NodeModel::MemoryTextRole), u"4.0 GiB of 16.0 GiB"_s);
        QCOMPARE(text(model, 0, NodeModel::LastHeardRole), u"just now"_s);

        const QPersistentModelIndex first(model.index(0));
        QSignalSpy inserted(&model, &QAbstractItemModel::rowsInserted);
        recording.status.nodes.prepend(recording.addNode(QStringLiteral("node-0")));
        recording.status.nodes.removeLast();
        model.setStatus(recording.status);
        QCOMPARE(inserted.size(), 1);
        QCOMPARE(inserted.at(0).at(1), 0);
        QCOMPARE(first.row(), 1);
        QCOMPARE(first.data(NodeModel::NameRole), u"node-1"_s);
    }

    void nodeIsLostAndGoes()
    {
        Recording recording = Recording::atWork(3, 1, 1);
        NodeModel model;
        const Watch watch(model);
        model.setStatus(recording.status);

        QSignalSpy changed(&model, &QAbstractItemModel::dataChanged);
        recording.status.nodes[1].state = NodeStatus::State::Lost;
        model.setStatus(recording.status);
        QCOMPARE(changed.size(), 1);
        QCOMPARE(changed.at(0).at(0).toModelIndex().row(), 1);
        QCOMPARE(changed.at(0).at(2).value<QList<int>>(),
                 (QList<int>{NodeModel::StateRole, NodeModel::StateTextRole, NodeModel::HealthRole, NodeModel::CpuLoadRole,
                             NodeModel::MemoryRole, NodeModel::MemoryTextRole, NodeModel::DiskRole, NodeModel::DiskTextRole}));
        QCOMPARE(text(model, 1, NodeModel::StateTextRole), u"Lost"_s);
        QCOMPARE(model.index(1).data(NodeModel::HealthRole).value<Health::Value>(), Health::Value::Bad);

        recording.status.nodes.removeAt(1);
        model.setStatus(recording.status);
        QCOMPARE(model.count(), 2);
        QCOMPARE(text(model, 1, NodeModel::NameRole), u"node-3"_s);
    }

    void silentNodeIsMarked()
    {
        Recording recording = Recording::atWork(1, 1, 0);
        NodeModel model;
        model.setStatus(recording.status);
        recording.status.time = recording.status.time.addSecs(14);
        model.setStatus(recording.status);
        QCOMPARE(text(model, 0, NodeModel::StateTextRole), u"Silent"_s);
        QCOMPARE(text(model, 0, NodeModel::LastHeardRole), u"14 s ago"_s);
        QCOMPARE(model.index(0).data(NodeModel::HealthRole).value<Health::Value>(), Health::Value::Attention);
    }

    void unknownSizesAreNotZero()
    {
        Recording recording;
        recording.addNode(QStringLiteral("node-1")).memoryTotal = 0;
        NodeModel model;
        model.setStatus(recording.status);
        QCOMPARE(value(model, 0, NodeModel::MemoryRole), -1.0);
        QCOMPARE(text(model, 0, NodeModel::MemoryTextRole), u""_s);
    }

    void sameLocationTwice()
    {
        Recording recording = Recording::atWork(2, 0, 0);
        recording.status.nodes[0].state = NodeStatus::State::Lost;
        recording.status.nodes[1].location = recording.status.nodes[0].location;
        NodeModel model;
        const Watch watch(model);
        model.setStatus(recording.status);
        QCOMPARE(model.count(), 2);
        recording.status.nodes.removeFirst();
        model.setStatus(recording.status);
        QCOMPARE(model.count(), 1);
        QCOMPARE(text(model, 0, NodeModel::StateTextRole), u"Ready"_s);
    }

    void serverIsLost()
    {
        Recording recording = Recording::atWork(2, 2, 1);
        ServerModel model;
        const Watch watch(model);
        model.setStatus(recording.status);
        QCOMPARE(model.count(), 4);
        QCOMPARE(text(model, 3, ServerModel::NodeRole), u"node-2"_s);
        QCOMPARE(text(model, 3, ServerModel::ServerRole), u"10.0.0.2:40001"_s);

        QSignalSpy changed(&model, &QAbstractItemModel::dataChanged);
        ServerStatus &server = recording.status.nodes[1].servers[0];
        server.state = ServerStatus::State::Lost;
        server.running = 0;
        server.failed = 1;
        model.setStatus(recording.status);
        QCOMPARE(changed.size(), 1);
        QCOMPARE(changed.at(0).at(0).toModelIndex().row(), 2);
        QCOMPARE(text(model, 2, ServerModel::StateTextRole), u"Lost"_s);
        QCOMPARE(value(model, 2, ServerModel::FailedRole), 1);
    }

    void serverComesForward()
    {
        Recording recording = Recording::atWork(1, 1, 0);
        ServerStatus &server = recording.status.nodes[0].servers[0];
        const Asyncoro::Location location = server.location;
        server.location = {};
        server.state = ServerStatus::State::Starting;
        ServerModel model;
        const Watch watch(model);
        model.setStatus(recording.status);
        QCOMPARE(text(model, 0, ServerModel::ServerRole), u"process 1000"_s);
        const QPersistentModelIndex row(model.index(0));

        server.location = location;
        server.state = ServerStatus::State::Ready;
        model.setStatus(recording.status);
        QVERIFY(row.isValid());
        QCOMPARE(text(model, 0, ServerModel::ServerRole), u"10.0.0.1:40000"_s);
    }

    void jobsComeAndGo()
    {
        Recording recording = Recording::atWork(1, 2, 2); // jobs 1 and 2, 3 and 4
        JobModel model;
        const Watch watch(model);
        model.setStatus(recording.status);
        QCOMPARE(ids(model), (QStringList{"1"_L1, "2"_L1, "3"_L1, "4"_L1}));
        QCOMPARE(text(model, 0, JobModel::FunctionRole), u"statistics"_s);
        QCOMPARE(text(model, 0, JobModel::ArgumentsRole), u"\"src/core/file-1.cpp\""_s);
        QCOMPARE(text(model, 0, JobModel::DurationTextRole), u"2.0 s"_s);
        const QPersistentModelIndex third(model.index(2));

        QList<ServerStatus> &servers = recording.status.nodes[0].servers;
        Recording::endJob(servers[0], 0); // 1
        Recording::endJob(servers[1], 1); // 4
        recording.startJob(servers[0]); // 5
        recording.advance(500, 2);
        model.setStatus(recording.status);
        QCOMPARE(ids(model), (QStringList{"2"_L1, "3"_L1, "5"_L1}));
        QCOMPARE(third.row(), 1);
        QCOMPARE(text(model, 1, JobModel::DurationTextRole), u"2.5 s"_s);
        QCOMPARE(model.total(), 3);
        QVERIFY(model.limitText().isEmpty());
    }

    void argumentsAreOneLine()
    {
        Recording recording = Recording::atWork(1, 1, 1);
        recording.status.nodes[0].servers[0].jobs[0].arguments = QStringLiteral("\"a\nb\",\t1");
        JobModel model;
        model.setStatus(recording.status);
        QCOMPARE(text(model, 0, JobModel::ArgumentsRole), u"\"a b\", 1"_s);
    }

    void thousandsOfJobsAreCapped()
    {
        Recording recording = Recording::atWork(60, 1, 100);
        recording.status.nodes[0].servers[0].running = 400; // of which the scheduler names 100
        JobModel model;
        const Watch watch(model);
        model.setStatus(recording.status);
        QCOMPARE(model.count(), JobModel::MaxRows);
        QCOMPARE(model.total(), 6300);
        QCOMPARE(model.limitText(), u"Showing 1,000 of 6,300"_s);
        QCOMPARE(text(model, 0, JobModel::JobIdRole), u"1"_s);

        QBENCHMARK_ONCE {
            recording.advance(500, 0);
            model.setStatus(recording.status);
        }
    }

    void computationsOfLongAgoGoFirst()
    {
        ClusterStatus status;
        for (quint64 id = 1; id <= 150; ++id) {
            ComputationStatus computation;
            computation.id = id;
            computation.name = QString::number(id);
            computation.state = id < 150 ? ComputationStatus::State::Closed : ComputationStatus::State::Running;
            computation.done = 310;
            computation.waiting = 890;
            status.computations.append(computation);
        }
        ComputationModel model;
        const Watch watch(model);
        model.setStatus(status);
        QCOMPARE(model.count(), ComputationModel::MaxRows);
        QCOMPARE(text(model, 99, ComputationModel::NameRole), u"150"_s);
        QCOMPARE(text(model, 99, ComputationModel::StateTextRole), u"Running"_s);
        QCOMPARE(text(model, 99, ComputationModel::ProgressTextRole), u"310 of 1,200"_s);
        QCOMPARE(model.limitText(), u"Showing 100 of 150"_s);
    }

    void sortsAndFilters()
    {
        Recording recording = Recording::atWork(3, 1, 1);
        recording.status.nodes[1].servers[0].done = 5000;
        NodeModel source;
        SortFilterModel model;
        model.setSourceModel(&source);
        const Watch watch(model);
        source.setStatus(recording.status);
        QCOMPARE(names(model), (QStringList{"node-1"_L1, "node-2"_L1, "node-3"_L1}));

        model.setSortedBy(QStringLiteral("done"));
        model.setDescending(true);
        QCOMPARE(text(model, 0, NodeModel::NameRole), u"node-2"_s);
        recording.status.nodes[2].servers[0].done = 6000;
        source.setStatus(recording.status);
        QCOMPARE(text(model, 0, NodeModel::NameRole), u"node-3"_s);

        model.setSortedBy({});
        QCOMPARE(names(model), (QStringList{"node-1"_L1, "node-2"_L1, "node-3"_L1}));
        model.setFilterText(QStringLiteral("NODE-2"));
        QCOMPARE(names(model), QStringList{"node-2"_L1});
        QCOMPARE(model.count(), 1);
    }

    void historyIsBounded()
    {
        HistoryModel history;
        const Watch watch(history);
        QDateTime time = QDateTime::currentDateTimeUtc();
        history.append({.time = time, .rate = 7});
        QCOMPARE(history.window(), 20);
        QCOMPARE(history.windowText(), u"10 s"_s);
        for (int i = 1; i < 700; ++i) {
            time = time.addMSecs(HistoryModel::Interval.count());
            history.append({.time = time, .rate = double(i % 100)});
        }
        QCOMPARE(history.count(), HistoryModel::MaxSamples);
        QCOMPARE(history.windowText(), u"5 min"_s);
        QCOMPARE(history.sample(0).rate, 99.0); // the newest first
        QCOMPARE(history.maximum(QStringLiteral("rate")), 99.0);
        QCOMPARE(history.latest(QStringLiteral("rate")), 99.0);
        QCOMPARE(history.text(QStringLiteral("rate"), 1204.4), u"1,204"_s);
        QCOMPARE(history.text(QStringLiteral("rate"), 3.5), u"3.5"_s);
        QCOMPARE(history.text(QStringLiteral("cpu"), 0.62), u"62 %"_s);
        history.clear();
        QCOMPARE(history.count(), 0);
        QCOMPARE(history.maximum(QStringLiteral("rate")), 0.0);
    }

    void historyFillsGaps()
    {
        HistoryModel history;
        const Watch watch(history);
        const QDateTime time = QDateTime::currentDateTimeUtc();
        history.append({.time = time, .rate = 7});
        history.append({.time = time.addMSecs(900), .rate = 8}); // the timer was late: no gap
        QCOMPARE(history.count(), 2);
        history.append({.time = time.addSecs(6), .rate = 9});
        QCOMPARE(history.count(), 12);
        QVERIFY(history.sample(0).known);
        QVERIFY(!history.sample(1).known);
        QCOMPARE(history.sample(5).rate, 0.0);
        history.append({.time = time.addDays(1), .rate = 9});
        QCOMPARE(history.count(), HistoryModel::MaxSamples);
    }

private:
    /** Checks what a model tells of itself, and that it is never reset. */
    struct Watch {
        explicit Watch(QAbstractItemModel &model)
            : tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest)
            , resets(&model, &QAbstractItemModel::modelReset)
        {
        }
        ~Watch() { QCOMPARE(resets.size(), 0); }

        QAbstractItemModelTester tester;
        QSignalSpy resets;
    };

    static QVariant value(const QAbstractItemModel &model, int row, int role) { return model.index(row, 0).data(role); }
    static QString text(const QAbstractItemModel &model, int row, int role) { return value(model, row, role).toString(); }

    static QStringList column(const QAbstractItemModel &model, int role)
    {
        QStringList texts;
        for (int row = 0; row < model.rowCount(); ++row)
            texts.append(text(model, row, role));
        return texts;
    }
    static QStringList ids(const JobModel &model) { return column(model, JobModel::JobIdRole); }
    static QStringList names(const QAbstractItemModel &model) { return column(model, NodeModel::NameRole); }
};

QTEST_GUILESS_MAIN(ModelTest)
#include "modeltest.moc"
