// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "childprocess.h"

#include <Asyncoro/Event>
#include <Asyncoro/Task>
#include <Asyncoro/TlsFiles>

#include <chrono>
#include <memory>
#include <vector>

namespace Asyncoro::Tools {

class RunDirectory;

struct LocalOptions {
    int nodes = 2;
    int servers = 2; ///< of each node
    bool dashboard = false;
    QString screenshot; ///< a file; empty for none
    bool keepLogs = false;
    TlsFiles tlsFiles; ///< of all processes
    bool verbose = false;
    std::chrono::seconds startTimeout{20};
    QString program;
    QStringList arguments;
};

/** A scheduler, its nodes and a program that uses them: what `discoro local` runs. */
class LocalCluster
{
public:
    LocalCluster(const LocalOptions &options, const RunDirectory &directory);
    ~LocalCluster();

    /**
     * Starts all and waits for the program's end. Throws an Error if the cluster does not come up.
     *
     * @return the exit status: that of the program, or 1 if it is 0 and the screenshot failed.
     */
    Task<int> run();

    /** Ends whatever still runs: program, dashboards, nodes, scheduler, each in order if it can, and within seconds. */
    Task<> stop();

    /** Kills whatever still runs. stop() then has nothing to wait for. */
    void killAll();

private:
    using Processes = std::vector<std::unique_ptr<ChildProcess>>;

    Task<ChildProcess *> start(Processes &group, QString name, QString program, QStringList arguments, QString logFile);
    Task<ChildProcess *> startTool(Processes &group, QString name, QString tool, QStringList arguments);
    Task<QString> announcement(ChildProcess &process, QLatin1StringView word, QDeadlineTimer deadline);
    Task<> waitForScreenshot(ChildProcess &dashboard);
    Task<> stop(const Processes &group);
    Task<bool> haveEnded(const Processes &group, QDeadlineTimer deadline);

    void reportEnd(const ChildProcess &process) const;
    [[nodiscard]] QString lastErrors(const ChildProcess &process) const;

    const LocalOptions m_options;
    const RunDirectory &m_directory;
    Event m_changed; // a process has announced something, or ended
    bool m_up = false; // all have come up, and nobody has said yet that they are to end

    // in the order in which they start
    Processes m_scheduler; // one
    Processes m_nodes;
    Processes m_dashboards;
    Processes m_program; // one
};

/** The whole of `discoro local`: gives its exit status when nothing is left of the run. */
Task<int> runLocalCluster(LocalOptions options);

} // namespace Asyncoro::Tools
