// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "computationmodel.h"

#include "format_p.h"
#include "health.h"

namespace Asyncoro::Qml {

using namespace Discoro;

ComputationModel::ComputationModel(QObject *parent)
    : StatusModel({"name", "client", "state", "stateText", "health", "waiting", "running", "done", "failed", "progress",
                   "progressText"},
                  parent)
{
}

void ComputationModel::setStatus(const ClusterStatus &status)
{
    const auto stateText = [](ComputationStatus::State state) {
        switch (state) {
        case ComputationStatus::State::Queued:
            return tr("Queued");
        case ComputationStatus::State::Running:
            return tr("Running");
        case ComputationStatus::State::Closed:
            return tr("Closed");
        case ComputationStatus::State::Lost:
            return tr("Lost");
        }
        return QString();
    };
    const auto health = [](ComputationStatus::State state) {
        switch (state) {
        case ComputationStatus::State::Queued:
            return Health::Value::Waiting;
        case ComputationStatus::State::Running:
            return Health::Value::Good;
        case ComputationStatus::State::Closed:
            return Health::Value::Ended;
        case ComputationStatus::State::Lost:
            break;
        }
        return Health::Value::Bad;
    };

    QList<Row> rows;
    // The last ones: what ended long ago goes first.
    const auto shown = std::min<qsizetype>(status.computations.size(), MaxRows);
    for (const ComputationStatus &computation : status.computations.last(shown)) {
        const qint64 finished = computation.done + computation.failed;
        const qint64 all = finished + computation.running + computation.waiting;
        rows.append({
            .identity = QString::number(computation.id),
            .values = {
                computation.name,
                computation.client.toString(),
                int(computation.state),
                stateText(computation.state),
                QVariant::fromValue(health(computation.state)),
                computation.waiting,
                computation.running,
                computation.done,
                computation.failed,
                all > 0 ? double(finished) / double(all) : 0.0,
                tr("%1 of %2").arg(numberText(finished), numberText(all)),
            },
        });
    }
    setRows(std::move(rows), status.computations.size());
}

} // namespace Asyncoro::Qml
