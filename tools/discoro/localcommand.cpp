// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "localcommand.h"

#include "localcluster.h"

#include "common/commonoptions.h"

#include <Asyncoro/Exec>

#include <QDir>
#include <QFileInfo>
#include <QStandardPaths>

namespace Asyncoro::Tools {

using namespace Qt::StringLiterals;

namespace {

constexpr int MaxNodes = 100;
constexpr int MaxServers = 1000;
constexpr int MaxSeconds = 3600;

const CommonOptions::Help Help{
    .usage = u"[OPTION...] [--] PROGRAM [ARGUMENT...]"_s,
    .description = u"Runs PROGRAM on a cluster of its own: starts a scheduler and nodes on this machine, with a secret\n"
                   "made for the run, and ends them with the program, whose exit status it gives. Program and cluster\n"
                   "find each other by the environment variables ASYNCORO_SCHEDULER and ASYNCORO_SECRET_FILE. Nothing\n"
                   "is left of the run, not even what the program started in the background. With --certificate,\n"
                   "--key and --authority all of them use TLS, with the same files."_s,
    .examples = u"discoro local -- ./my-program table.csv\n"
                "discoro local --nodes 4 --servers 1 --dashboard -- ./my-program\n"
                "discoro local -- discoro status"_s,
};

QString findProgram(const QString &program)
{
    if (program.contains(u'/')) {
        const QFileInfo file(program);
        if (!file.isFile() || !file.isExecutable())
            throw Error(u"there is no program %1"_s.arg(program));
        return file.absoluteFilePath();
    }
    const QString found = QStandardPaths::findExecutable(program);
    if (found.isEmpty())
        throw Error(u"there is no program %1 on the PATH"_s.arg(program));
    return found;
}

} // namespace

int runLocalCommand(const QStringList &arguments)
{
    CommonOptions options(CommonOptions::Tls, Help);
    QCommandLineParser &parser = options.parser();
    parser.setOptionsAfterPositionalArgumentsMode(QCommandLineParser::ParseAsPositionalArguments);
    parser.addOption({u"nodes"_s, u"So many nodes (2)."_s, u"N"_s, u"2"_s});
    parser.addOption(
        {u"servers"_s, u"Each node runs so many servers, which run one job at a time (2)."_s, u"N"_s, u"2"_s});
    parser.addOption({u"dashboard"_s, u"Open the dashboard's window. Closing it does not end the run."_s});
    parser.addOption({u"screenshot"_s, u"Save a picture of the dashboard during the run."_s, u"FILE"_s});
    parser.addOption({u"keep-logs"_s, u"Keep the logs of scheduler and nodes, and say where they are."_s});
    parser.addOption(
        {u"start-timeout"_s, u"Give up if the cluster is not up after so many seconds (20)."_s, u"SECONDS"_s, u"20"_s});
    if (const auto status = options.parse(arguments))
        return *status;

    const QStringList command = parser.positionalArguments();
    if (command.isEmpty())
        throw UsageError(u"which program?"_s);
    const QString screenshot = parser.value(u"screenshot"_s);
    if (parser.isSet(u"screenshot"_s) && screenshot.isEmpty())
        throw UsageError(u"--screenshot takes the name of a file"_s);

    const TlsFiles tlsFiles = options.tlsFiles();
    static_cast<void>(tlsFiles.read()); // files that cannot be used are told once, not by each process

    return waitFor(runLocalCluster({
        .nodes = options.number(u"nodes"_s, 1, MaxNodes),
        .servers = options.number(u"servers"_s, 1, MaxServers),
        .dashboard = parser.isSet(u"dashboard"_s),
        .screenshot = screenshot.isEmpty() ? QString() : QDir::current().absoluteFilePath(screenshot),
        .keepLogs = parser.isSet(u"keep-logs"_s),
        .tlsFiles = tlsFiles,
        .verbose = options.isVerbose(),
        .startTimeout = std::chrono::seconds(options.number(u"start-timeout"_s, 1, MaxSeconds)),
        .program = findProgram(command.first()),
        .arguments = command.mid(1),
    }));
}

} // namespace Asyncoro::Tools
