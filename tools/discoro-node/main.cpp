// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../common/commonoptions.h"
#include "../common/schedulerdiscovery.h"
#include "../common/terminationsignals.h"

#include <Asyncoro/Coro>
#include <Asyncoro/EventDispatcher>
#include <Asyncoro/Node>
#include <Asyncoro/PeerNetwork>

#include <QCoreApplication>
#include <QDir>
#include <QStandardPaths>
#include <QThread>

using namespace Asyncoro;
using namespace Asyncoro::Tools;

namespace {

constexpr int MaxCpus = 1024;

QString defaultWorkFolder(const QString &name)
{
    return QStandardPaths::writableLocation(QStandardPaths::GenericCacheLocation) + QStringLiteral("/discoro-node/") + name;
}

Task<> leaveAndExit(Discoro::Node &node)
{
    co_await node.leave();
    QCoreApplication::exit(0);
}

int runNode()
{
    CommonOptions options(CommonOptions::Address | CommonOptions::Scheduler | CommonOptions::SecretFile
                              | CommonOptions::Tls | CommonOptions::Name | CommonOptions::Discovery,
                          {QStringLiteral("[options]"),
                           QStringLiteral("Offers this machine to a scheduler: runs the servers of computations. Joins again when the scheduler "
                                          "was lost; one that is not given is looked for in the network. Runs until "
                                          "it gets SIGTERM or SIGINT."),
                           QStringLiteral("discoro-node\n"
                                          "discoro-node --address 0.0.0.0 --secret-file ~/.discoro-secret\n"
                                          "discoro-node --scheduler 192.168.1.2 --address 0.0.0.0 --secret-file ~/.discoro-secret\n"
                                          "discoro-node --scheduler 192.168.1.2 --address 0.0.0.0 "
                                          "--certificate node.pem --key node.key --authority cluster.pem\n"
                                          "discoro-node --cpus 2 --work-dir /var/tmp/discoro")});
    options.parser().addOptions({
        {{QStringLiteral("c"), QStringLiteral("cpus")},
         QStringLiteral("Servers that a computation gets here; 0: one for each processor."),
         QStringLiteral("count"),
         QStringLiteral("0")},
        {{QStringLiteral("w"), QStringLiteral("work-dir")},
         QStringLiteral("Folder for packages and for the files of jobs; else one of this user's cache."),
         QStringLiteral("folder")},
    });
    if (const std::optional<int> status = options.parse(QCoreApplication::arguments().mid(1)))
        return *status;

    const int cpus = options.number(QStringLiteral("cpus"), 0, MaxCpus);
    const QString workFolder = options.parser().value(QStringLiteral("work-dir"));
    const std::optional<Location> given = options.givenScheduler();
    const std::optional<quint16> discoveryPort = options.discoveryPort();
    const Secret secret = options.secret();
    const std::optional<TlsConfiguration> tls = options.tls();
    PeerNetwork network({.address = options.address(), .port = options.port(), .secret = secret, .tls = tls});

    Discoro::Node::Options nodeOptions;
    std::optional<SchedulerFinder> finder;
    if (given || !discoveryPort) {
        nodeOptions.scheduler = options.scheduler();
    } else {
        finder.emplace(network, *discoveryPort, options.address());
        nodeOptions.findScheduler = [&finder] { return finder->find(QDeadlineTimer::Forever); };
    }
    nodeOptions.name = options.name();
    nodeOptions.cpus = cpus > 0 ? cpus : QThread::idealThreadCount();
    nodeOptions.workFolder = QDir(workFolder.isEmpty() ? defaultWorkFolder(nodeOptions.name) : workFolder).absolutePath();
    nodeOptions.secret = secret;
    nodeOptions.tls = tls;
    nodeOptions.joined = [](const Location &scheduler) { printLine(QStringLiteral("joined ") + scheduler.toString()); };
    nodeOptions.refused = [](const QString &reason) {
        printError(reason);
        QCoreApplication::exit(1);
    };
    printLine(QStringLiteral("listening ") + network.location().toString());
    Discoro::Node node(network, nodeOptions);
    const TerminationSignals signals([&node](int) { spawn(leaveAndExit, std::ref(node)); });
    return QCoreApplication::exec();
}

} // namespace

int main(int argc, char **argv)
{
    EventDispatcher::install();
    const QCoreApplication app(argc, argv);
    return runTool(QStringLiteral("discoro-node"), runNode);
}
