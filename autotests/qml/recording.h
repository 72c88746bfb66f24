// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/ClusterStatus>

#include <QDateTime>

/** A cluster's status as a scheduler would send it, to be changed step by step. Its time is frozen. */
class Recording
{
public:
    using ClusterStatus = Asyncoro::Discoro::ClusterStatus;
    using ComputationStatus = Asyncoro::Discoro::ComputationStatus;
    using JobStatus = Asyncoro::Discoro::JobStatus;
    using NodeStatus = Asyncoro::Discoro::NodeStatus;
    using ServerStatus = Asyncoro::Discoro::ServerStatus;

    Recording()
    {
        status.sequence = 1;
        status.scheduler = {QStringLiteral("127.0.0.1"), 51350};
        status.version = QStringLiteral("0.1.0");
        status.time = QDateTime::fromString(QStringLiteral("2026-03-01T12:00:00Z"), Qt::ISODate);
    }

    /** A cluster at work: nodes with servers that have done 100 each, 50 more to do. */
    static Recording atWork(int nodes, int serversEach, int jobsEach)
    {
        Recording recording;
        for (int i = 1; i <= nodes; ++i) {
            NodeStatus &node = recording.addNode(QStringLiteral("node-%1").arg(i));
            for (int s = 0; s < serversEach; ++s) {
                ServerStatus &server = addServer(node);
                server.done = 100;
                for (int j = 0; j < jobsEach; ++j)
                    recording.startJob(server);
            }
        }
        ComputationStatus computation;
        computation.id = 1;
        computation.name = QStringLiteral("file-statistics");
        computation.client = {QStringLiteral("127.0.0.1"), 45678};
        computation.state = ComputationStatus::State::Running;
        recording.status.computations = {computation};
        recording.status.waiting = 50;
        recording.addUp();
        return recording;
    }

    NodeStatus &addNode(const QString &name)
    {
        NodeStatus node;
        node.name = name;
        node.location = {QStringLiteral("10.0.0.%1").arg(status.nodes.size() + 1), 51351};
        node.cpus = 2;
        node.cpuLoad = 0.5;
        node.memoryUsed = 4LL << 30;
        node.memoryTotal = 16LL << 30;
        node.diskUsed = 25LL << 30;
        node.diskTotal = 100LL << 30;
        node.lastHeard = status.time;
        status.nodes.append(node);
        return status.nodes.last();
    }

    static ServerStatus &addServer(NodeStatus &node)
    {
        ServerStatus server;
        server.pid = 1000 + node.servers.size();
        server.location = {node.location.address(), quint16(40000 + node.servers.size())};
        server.state = ServerStatus::State::Ready;
        node.servers.append(server);
        return node.servers.last();
    }

    JobStatus &startJob(ServerStatus &server)
    {
        JobStatus job;
        job.id = ++m_lastJob;
        job.function = QStringLiteral("statistics");
        job.arguments = QStringLiteral("\"src/core/file-%1.cpp\"").arg(job.id);
        job.started = status.time.addSecs(-2);
        server.jobs.append(job);
        server.running = server.jobs.size();
        return server.jobs.last();
    }

    static void endJob(ServerStatus &server, qsizetype index)
    {
        server.jobs.removeAt(index);
        server.running = server.jobs.size();
    }

    /** Some time later: so many more done, by the first server. */
    void advance(int milliseconds, int done)
    {
        ++status.sequence;
        status.time = status.time.addMSecs(milliseconds);
        for (NodeStatus &node : status.nodes) {
            if (node.state == NodeStatus::State::Ready)
                node.lastHeard = status.time;
        }
        status.nodes[0].servers[0].done += done;
        addUp();
    }

    /** Makes the totals those of the servers. */
    void addUp()
    {
        status.running = status.done = status.failed = 0;
        for (const NodeStatus &node : std::as_const(status.nodes)) {
            for (const ServerStatus &server : node.servers) {
                status.running += server.running;
                status.done += server.done;
                status.failed += server.failed;
            }
        }
        if (!status.computations.isEmpty()) {
            ComputationStatus &computation = status.computations.first();
            computation.waiting = status.waiting;
            computation.running = status.running;
            computation.done = status.done;
            computation.failed = status.failed;
        }
    }

    ClusterStatus status;

private:
    quint64 m_lastJob = 0;
};
