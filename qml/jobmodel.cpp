// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "jobmodel.h"

#include "format_p.h"

#include <QLocale>

#include <algorithm>

namespace Asyncoro::Qml {

using namespace Discoro;

namespace {

struct RunningJob {
    const JobStatus *job;
    const ServerStatus *server;
    const NodeStatus *node;
};

} // namespace

JobModel::JobModel(QObject *parent)
    : StatusModel(
          {"function", "arguments", "jobId", "server", "node", "started", "since", "duration", "durationText"}, parent)
{
}

void JobModel::setStatus(const ClusterStatus &status)
{
    QList<RunningJob> jobs;
    qint64 total = 0;
    for (const NodeStatus &node : status.nodes) {
        for (const ServerStatus &server : node.servers) {
            total += std::max<qint64>(server.running, server.jobs.size());
            for (const JobStatus &job : server.jobs)
                jobs.append({&job, &server, &node});
        }
    }
    // The oldest first: new ones come at the end, and those that hang are kept when there are too many.
    std::ranges::sort(jobs, {}, [](const RunningJob &running) { return running.job->id; });
    if (jobs.size() > MaxRows)
        jobs.resize(MaxRows);

    const QLocale locale;
    QList<Row> rows;
    rows.reserve(jobs.size());
    for (const auto &[job, server, node] : std::as_const(jobs)) {
        const auto duration = elapsed(job->started, status.time);
        const QDateTime started = job->started.toLocalTime();
        rows.append({
            .identity = QString::number(job->id),
            .values = {
                job->function,
                job->arguments.simplified(),
                QString::number(job->id),
                server->location.toString(),
                node->name,
                started,
                started.isValid() ? locale.toString(started.time(), u"HH:mm:ss") : QString(),
                qint64(duration.count()),
                durationText(duration),
            },
        });
    }
    setRows(std::move(rows), total);
}

} // namespace Asyncoro::Qml
