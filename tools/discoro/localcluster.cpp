// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "localcluster.h"

#include "orphans.h"
#include "rundirectory.h"

#include "common/commonoptions.h"
#include "common/terminationsignals.h"

#include <Asyncoro/Coro>

#include <QCoreApplication>
#include <QFileInfo>
#include <QStandardPaths>

namespace Asyncoro::Tools {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr auto TimeToEnd = 5s; // after SIGTERM, before SIGKILL
constexpr auto TimeForScreenshot = 60s; // after the program's end

/** One of this project's programs: in ASYNCORO_TOOLS_DIR, else beside this one, else on the PATH. */
QString findTool(const QString &name)
{
    const QString chosen = qEnvironmentVariable("ASYNCORO_TOOLS_DIR");
    QString tool = chosen.isEmpty() ? QString() : QStandardPaths::findExecutable(name, {chosen});
    if (tool.isEmpty())
        tool = QStandardPaths::findExecutable(name, {QCoreApplication::applicationDirPath()});
    if (tool.isEmpty())
        tool = QStandardPaths::findExecutable(name);
    if (tool.isEmpty())
        throw Error(u"cannot find the program %1"_s.arg(name));
    return tool;
}

} // namespace

LocalCluster::LocalCluster(const LocalOptions &options, const RunDirectory &directory)
    : m_options(options)
    , m_directory(directory)
{
}

LocalCluster::~LocalCluster() = default;

Task<int> LocalCluster::run()
{
    const QDeadlineTimer deadline(m_options.startTimeout);
    qputenv("ASYNCORO_DISCOVERY", "off"); // they know each other's locations, and nobody else is to find them
    for (const auto &[variable, file] : {std::pair("ASYNCORO_CERTIFICATE", m_options.tlsFiles.certificate),
                                         std::pair("ASYNCORO_KEY", m_options.tlsFiles.key),
                                         std::pair("ASYNCORO_AUTHORITY", m_options.tlsFiles.authority)}) {
        if (!file.isEmpty())
            qputenv(variable, QFileInfo(file).absoluteFilePath().toUtf8()); // wherever the program goes
    }
    ChildProcess &scheduler = *co_await startTool(m_scheduler, u"scheduler"_s, u"discoro-scheduler"_s,
                                                  {u"--address"_s, u"127.0.0.1"_s, u"--port"_s, u"0"_s});
    const QString location = co_await announcement(scheduler, ChildProcess::Listening, deadline);

    for (int i = 1; i <= m_options.nodes; ++i) {
        const QString name = u"node-%1"_s.arg(i);
        co_await startTool(m_nodes, name, u"discoro-node"_s,
                           {u"--scheduler"_s, location, u"--name"_s, name, u"--cpus"_s,
                            QString::number(m_options.servers), u"--work-dir"_s, m_directory.workFolder(name)});
    }
    for (const auto &node : m_nodes)
        co_await announcement(*node, ChildProcess::Joined, deadline);

    if (m_options.dashboard)
        co_await startTool(m_dashboards, u"dashboard"_s, u"discoro-dashboard"_s, {u"--scheduler"_s, location});
    ChildProcess *screenshot = nullptr;
    if (!m_options.screenshot.isEmpty()) {
        screenshot = co_await startTool(m_dashboards, u"dashboard of the screenshot"_s, u"discoro-dashboard"_s,
                                        {u"--scheduler"_s, location, u"--screenshot"_s, m_options.screenshot});
    }

    qputenv("ASYNCORO_SCHEDULER", location.toUtf8());
    qputenv("ASYNCORO_SECRET_FILE", m_directory.secretFile().toUtf8());
    m_up = true;
    const ChildProcess &program = *co_await start(m_program, u"program"_s, m_options.program, m_options.arguments, {});
    while (program.isRunning())
        co_await m_changed.wait();

    int status = program.exitStatus().shellStatus();
    if (status != 0) {
        for (const Processes *group : {&m_scheduler, &m_nodes}) {
            for (const auto &process : *group) {
                if (!process->lastErrors().isEmpty())
                    printError(u"the program %1; last lines of %2"_s.arg(program.exitStatus().text(), process->name())
                               + lastErrors(*process));
            }
        }
    }
    if (screenshot) {
        co_await waitForScreenshot(*screenshot);
        if (status == 0 && (screenshot->isRunning() || !screenshot->exitStatus().isSuccess()))
            status = 1;
    }
    co_return status;
}

Task<ChildProcess *> LocalCluster::start(Processes &group, QString name, QString program, QStringList arguments,
                                         QString logFile)
{
    ChildProcess *const process = group.emplace_back(std::make_unique<ChildProcess>(name, logFile)).get();
    process->setChangeFunction([this, process] {
        if (!process->isRunning())
            reportEnd(*process);
        m_changed.pulse();
    });
    co_await process->start(program, arguments);
    if (m_options.verbose)
        printError(u"%1 has process id %2"_s.arg(name).arg(process->processId()));
    co_return process;
}

Task<ChildProcess *> LocalCluster::startTool(Processes &group, QString name, QString tool, QStringList arguments)
{
    arguments += {u"--secret-file"_s, m_directory.secretFile()};
    if (m_options.verbose)
        arguments += u"--verbose"_s;
    return start(group, name, findTool(tool), arguments, m_directory.logFile(name));
}

/** Waits for an announcement. Throws an Error if it does not come in time, or if a part of the cluster ends before. */
Task<QString> LocalCluster::announcement(ChildProcess &process, QLatin1StringView word, QDeadlineTimer deadline)
{
    while (true) {
        if (const auto value = process.announced(word))
            co_return *value;
        for (const Processes *group : {&m_scheduler, &m_nodes}) {
            for (const auto &other : *group) {
                if (!other->isRunning())
                    throw Error(u"%1 %2 before the cluster was up"_s.arg(other->name(), other->exitStatus().text())
                                + lastErrors(*other));
            }
        }
        if (deadline.hasExpired()) {
            const QString what = word == ChildProcess::Joined ? u"has not joined the cluster"_s : u"is not listening"_s;
            throw Error(u"%1 %2 after %3 seconds"_s.arg(process.name(), what).arg(m_options.startTimeout.count())
                        + lastErrors(process));
        }
        try {
            co_await m_changed.wait(deadline);
        } catch (const TimedOut &) {
            // told in the next round
        }
    }
}

Task<> LocalCluster::waitForScreenshot(ChildProcess &dashboard)
{
    try {
        const QDeadlineTimer deadline(TimeForScreenshot);
        while (dashboard.isRunning())
            co_await m_changed.wait(deadline);
    } catch (const TimedOut &) {
        printError(u"the screenshot is not done %1 seconds after the program's end"_s.arg(TimeForScreenshot.count()));
    }
}

Task<> LocalCluster::stop()
{
    m_up = false;
    for (const Processes *group : {&m_program, &m_dashboards, &m_nodes, &m_scheduler})
        co_await stop(*group);
}

Task<> LocalCluster::stop(const Processes &group)
{
    for (const auto &process : group)
        process->terminate();
    if (co_await haveEnded(group, TimeToEnd))
        co_return;
    for (const auto &process : group) {
        if (process->isRunning())
            printError(u"%1 does not end; killing it"_s.arg(process->name()));
        process->kill();
    }
    if (!co_await haveEnded(group, TimeToEnd))
        printError(u"a process cannot be killed"_s);
}

Task<bool> LocalCluster::haveEnded(const Processes &group, QDeadlineTimer deadline)
{
    try {
        for (const auto &process : group) {
            while (process->isRunning())
                co_await m_changed.wait(deadline);
        }
        co_return true;
    } catch (const TimedOut &) {
        co_return false;
    }
}

void LocalCluster::killAll()
{
    for (const Processes *group : {&m_program, &m_dashboards, &m_nodes, &m_scheduler}) {
        for (const auto &process : *group)
            process->kill();
    }
}

/** Says so if a part of the cluster has ended while it should run. */
void LocalCluster::reportEnd(const ChildProcess &process) const
{
    const bool isProgram = !m_program.empty() && m_program.front().get() == &process;
    const bool isDashboard =
        std::ranges::any_of(m_dashboards, [&](const auto &dashboard) { return dashboard.get() == &process; });
    if (m_up && !isProgram && !(isDashboard && process.exitStatus().isSuccess()))
        printError(u"%1 %2"_s.arg(process.name(), process.exitStatus().text())
                   + (isDashboard ? lastErrors(process) : QString()));
}

/** The end of a message. */
QString LocalCluster::lastErrors(const ChildProcess &process) const
{
    return process.lastErrors().isEmpty() ? QString() : u":\n  "_s + process.lastErrors().join(u"\n  "_s);
}

Task<int> runLocalCluster(LocalOptions options)
{
    Coro<int> run;
    LocalCluster *runningCluster = nullptr;
    int signal = 0;
    const TerminationSignals signals(
        [&](int first) {
            signal = first;
            run.terminate();
        },
        [&](int) { runningCluster->killAll(); });

    adoptOrphans();
    RunDirectory directory;
    LocalCluster cluster(options, directory);
    runningCluster = &cluster;
    run = spawn([&cluster] { return cluster.run(); });
    int status = 1;
    try {
        status = co_await run;
    } catch (const CoroTerminated &) {
        status = 128 + signal;
    } catch (const Error &error) {
        printError(error.message());
    }
    co_await cluster.stop();
    killOrphans();

    if (options.keepLogs) {
        directory.keepLogs();
        printError(u"the logs are in %1"_s.arg(directory.logFolder()));
    }
    co_return status;
}

} // namespace Asyncoro::Tools
