// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../common/commonoptions.h"
#include "../common/schedulerdiscovery.h"
#include "../common/terminationsignals.h"

#include <Asyncoro/EventDispatcher>
#include <Asyncoro/PeerNetwork>
#include <Asyncoro/Scheduler>

#include <QCoreApplication>

using namespace Asyncoro;
using namespace Asyncoro::Tools;

namespace {

int runScheduler()
{
    CommonOptions options(CommonOptions::Address | CommonOptions::SecretFile | CommonOptions::Tls
                              | CommonOptions::Discovery,
                          {QStringLiteral("[options]"),
                           QStringLiteral("Places the jobs of clients on the servers of the nodes that join it. Runs until it gets SIGTERM "
                                          "or SIGINT. Other machines than this one need a secret or TLS, and "
                                          "--address 0.0.0.0; with a secret they find it in the network."),
                           QStringLiteral("discoro-scheduler\n"
                                          "discoro-scheduler --address 0.0.0.0 --secret-file ~/.discoro-secret\n"
                                          "discoro-scheduler --address 0.0.0.0 --certificate scheduler.pem "
                                          "--key scheduler.key --authority cluster.pem")},
                          CommonOptions::DefaultPort);
    if (const std::optional<int> status = options.parse(QCoreApplication::arguments().mid(1)))
        return *status;

    PeerNetwork network({.address = options.address(),
                         .port = options.port(),
                         .secret = options.secret(),
                         .tls = options.tls()});
    const Discoro::Scheduler scheduler(network);
    std::optional<SchedulerOffer> offer;
    if (const std::optional<quint16> port = options.discoveryPort())
        offer.emplace(network, *port);
    const TerminationSignals signals([](int) { QCoreApplication::exit(0); });
    printLine(QStringLiteral("listening ") + network.location().toString());
    return QCoreApplication::exec();
}

} // namespace

int main(int argc, char **argv)
{
    EventDispatcher::install();
    const QCoreApplication app(argc, argv);
    return runTool(QStringLiteral("discoro-scheduler"), runScheduler);
}
