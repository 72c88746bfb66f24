// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "nodemodel.h"

#include "format_p.h"
#include "health.h"

#include <chrono>

namespace Asyncoro::Qml {

using namespace Discoro;
using namespace std::chrono_literals;

namespace {

/** A node tells of itself each second or so; one that has not for this long is worth a look. */
constexpr auto SilentAfter = 5s;

struct Totals {
    qint64 servers = 0;
    qint64 running = 0;
    qint64 done = 0;
    qint64 failed = 0;
};

Totals totalsOf(const NodeStatus &node)
{
    Totals totals;
    for (const ServerStatus &server : node.servers) {
        if (server.state == ServerStatus::State::Starting || server.state == ServerStatus::State::Ready)
            ++totals.servers;
        totals.running += server.running;
        totals.done += server.done;
        totals.failed += server.failed;
    }
    return totals;
}

} // namespace

NodeModel::NodeModel(QObject *parent)
    : StatusModel({"name", "address", "state", "stateText", "health", "cpus", "servers", "running", "done", "failed",
                   "cpuLoad", "memory", "memoryText", "disk", "diskText", "lastHeard"},
                  parent)
{
}

void NodeModel::setStatus(const ClusterStatus &status)
{
    const auto stateText = [](const NodeStatus &node, bool silent) {
        switch (node.state) {
        case NodeStatus::State::Ready:
            return silent ? tr("Silent") : tr("Ready");
        case NodeStatus::State::Lost:
            return tr("Lost");
        case NodeStatus::State::Closed:
            return tr("Closed");
        }
        return QString();
    };
    const auto health = [](const NodeStatus &node, bool silent) {
        switch (node.state) {
        case NodeStatus::State::Ready:
            return silent ? Health::Value::Attention : Health::Value::Good;
        case NodeStatus::State::Lost:
            return Health::Value::Bad;
        case NodeStatus::State::Closed:
            break;
        }
        return Health::Value::Ended;
    };

    QList<Row> rows;
    for (const NodeStatus &node : status.nodes.first(std::min<qsizetype>(status.nodes.size(), MaxRows))) {
        const Totals totals = totalsOf(node);
        const auto sinceHeard = elapsed(node.lastHeard, status.time);
        const bool silent = sinceHeard >= SilentAfter;
        const bool isHere = node.state == NodeStatus::State::Ready;
        const qint64 memoryTotal = isHere ? node.memoryTotal : 0;
        const qint64 diskTotal = isHere ? node.diskTotal : 0;
        rows.append({
            .identity = node.location.toString(),
            .values = {
                node.name,
                node.location.toString(),
                int(node.state),
                stateText(node, silent),
                QVariant::fromValue(health(node, silent)),
                node.cpus,
                totals.servers,
                totals.running,
                totals.done,
                totals.failed,
                isHere ? std::clamp(node.cpuLoad, 0.0, 1.0) : -1.0,
                usedFraction(node.memoryUsed, memoryTotal),
                usageText(node.memoryUsed, memoryTotal),
                usedFraction(node.diskUsed, diskTotal),
                usageText(node.diskUsed, diskTotal),
                sinceHeard < SilentAfter ? tr("just now") : tr("%1 ago").arg(durationText(sinceHeard)),
            },
        });
    }
    setRows(std::move(rows), status.nodes.size());
}

} // namespace Asyncoro::Qml
