// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "servermodel.h"

#include "health.h"

namespace Asyncoro::Qml {

using namespace Discoro;

namespace {

/** A server has its process id from its start, and its location only when it has come forward. */
QString identityOf(const NodeStatus &node, const ServerStatus &server)
{
    const QString own = server.pid != 0 ? QString::number(server.pid) : server.location.toString();
    return node.location.toString() + u' ' + own;
}

} // namespace

ServerModel::ServerModel(QObject *parent)
    : StatusModel({"server", "node", "pid", "state", "stateText", "health", "running", "done", "failed"}, parent)
{
}

void ServerModel::setStatus(const ClusterStatus &status)
{
    const auto stateText = [](ServerStatus::State state) {
        switch (state) {
        case ServerStatus::State::Starting:
            return tr("Starting");
        case ServerStatus::State::Ready:
            return tr("Ready");
        case ServerStatus::State::Lost:
            return tr("Lost");
        case ServerStatus::State::Closed:
            return tr("Closed");
        }
        return QString();
    };
    const auto health = [](ServerStatus::State state) {
        switch (state) {
        case ServerStatus::State::Starting:
            return Health::Value::Waiting;
        case ServerStatus::State::Ready:
            return Health::Value::Good;
        case ServerStatus::State::Lost:
            return Health::Value::Bad;
        case ServerStatus::State::Closed:
            break;
        }
        return Health::Value::Ended;
    };

    QList<Row> rows;
    qint64 total = 0;
    for (const NodeStatus &node : status.nodes) {
        total += node.servers.size();
        for (const ServerStatus &server : node.servers) {
            if (rows.size() == MaxRows)
                break;
            rows.append({
                .identity = identityOf(node, server),
                .values = {
                    server.location.isValid() ? server.location.toString() : tr("process %1").arg(server.pid),
                    node.name,
                    server.pid,
                    int(server.state),
                    stateText(server.state),
                    QVariant::fromValue(health(server.state)),
                    server.running,
                    server.done,
                    server.failed,
                },
            });
        }
    }
    setRows(std::move(rows), total);
}

} // namespace Asyncoro::Qml
