// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "statuscommand.h"

#include "statustable.h"

#include "common/commonoptions.h"
#include "common/schedulerdiscovery.h"
#include "common/terminationsignals.h"

#include <Asyncoro/ClusterMonitor>
#include <Asyncoro/Coro>
#include <Asyncoro/Event>
#include <Asyncoro/PeerNetwork>
#include <Asyncoro/SocketError>

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <cstdio>
#include <unistd.h>

namespace Asyncoro::Tools {

using namespace Discoro;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr auto TimeToConnect = 5s;
constexpr auto TimeToFind = 2s;

const CommonOptions::Help Help{
    .usage = u"[OPTION...]"_s,
    .description = u"Prints what a cluster does: its nodes, their servers, the computations and their jobs."_s,
    .examples = u"discoro status\n"
                "discoro status --scheduler example.org:51350 --secret-file ~/.cluster-secret\n"
                "discoro status --scheduler example.org --certificate me.pem --key me.key --authority cluster.pem\n"
                "discoro status --watch\n"
                "discoro status --peers\n"
                "discoro status --json | jq '.nodes[].name'"_s,
};

void print(const ClusterStatus &status, bool json, bool watch)
{
    if (json) {
        const QByteArray text =
            QJsonDocument(status.toJson()).toJson(watch ? QJsonDocument::Compact : QJsonDocument::Indented);
        printLine(QString::fromUtf8(text.trimmed()));
        return;
    }
    const bool onTerminal = isatty(STDOUT_FILENO);
    constexpr auto ClearScreen = "\x1b[H\x1b[2J\x1b[3J"_L1;
    printLine((watch && onTerminal ? QString(ClearScreen) : QString()) + statusTable(status).trimmed());
}

/** Waits for the first status; throws an Error that says why there is none. */
Task<> waitForStatus(ClusterMonitor &monitor, Event &changed)
{
    const QDeadlineTimer deadline(TimeToConnect);
    while (monitor.status().sequence == 0) {
        if (monitor.state() == ClusterMonitor::State::Refused || monitor.state() == ClusterMonitor::State::Lost)
            throw Error(monitor.error());
        if (deadline.hasExpired()) {
            const QString reason = monitor.error().isEmpty() ? QString() : u": "_s + monitor.error();
            throw Error(u"%1 did not answer within %2 seconds"_s.arg(monitor.scheduler().toString())
                            .arg(TimeToConnect.count())
                        + reason);
        }
        try {
            co_await changed.wait(deadline);
        } catch (const TimedOut &) {
            // told in the next round
        }
    }
}

/** One that is found in the network, else the one at `otherwise`. */
Task<Location> locateScheduler(Secret secret, quint16 discoveryPort, Location otherwise)
{
    try {
        PeerNetwork network({.secret = secret});
        SchedulerFinder finder(network, discoveryPort, {}); // who only connects need not be reached
        co_return co_await finder.find(TimeToFind);
    } catch (const TimedOut &e) {
        printError(e.message());
    } catch (const SocketError &e) {
        printError(e.message());
    }
    co_return otherwise;
}

Task<int> runStatus(Location scheduler, std::optional<quint16> discoveryPort, Secret secret,
                    std::optional<TlsConfiguration> tls, bool json, bool watch, bool peers)
{
    if (discoveryPort)
        scheduler = co_await locateScheduler(secret, *discoveryPort, scheduler);
    Event changed;
    ClusterMonitor monitor;
    QObject::connect(&monitor, &ClusterMonitor::stateChanged, &monitor, [&] { changed.pulse(); });
    QObject::connect(&monitor, &ClusterMonitor::statusChanged, &monitor, [&] { changed.pulse(); });
    monitor.open(scheduler, secret.key(), tls);
    co_await waitForStatus(monitor, changed);
    if (peers) {
        PeerNetwork network({.secret = secret, .tls = tls});
        const auto list = co_await network.call<QVariantList>(scheduler, u"asyncoro.peers"_s);
        if (json)
            printLine(QString::fromUtf8(QJsonDocument(QJsonArray::fromVariantList(list)).toJson().trimmed()));
        else
            printLine(peerTable(list).trimmed());
        co_return 0;
    }
    print(monitor.status(), json, watch);

    quint64 printed = monitor.status().sequence;
    ClusterMonitor::State reported = ClusterMonitor::State::Connected;
    while (watch) {
        co_await changed.wait();
        const ClusterMonitor::State state = monitor.state();
        if (state == ClusterMonitor::State::Refused)
            throw Error(monitor.error());
        if (state == ClusterMonitor::State::Lost && reported != state)
            printError(monitor.error());
        reported = state;
        if (monitor.status().sequence != printed) {
            printed = monitor.status().sequence;
            print(monitor.status(), json, watch);
        }
    }
    co_return 0;
}

} // namespace

int runStatusCommand(const QStringList &arguments)
{
    CommonOptions options(CommonOptions::Scheduler | CommonOptions::SecretFile | CommonOptions::Tls
                              | CommonOptions::Discovery,
                          Help);
    options.parser().addOption({u"json"_s, u"Print JSON; with --watch, an object a line."_s});
    options.parser().addOption({u"peers"_s, u"Print the scheduler's peers instead: the state of each connection, its "
                                            "round trip time, and what has gone over it and waits."_s});
    options.parser().addOption({u"watch"_s, u"Print it again whenever it changes, until interrupted."_s});
    if (const auto status = options.parse(arguments))
        return *status;
    if (const QStringList more = options.parser().positionalArguments(); !more.isEmpty())
        throw UsageError(u"\"%1\" is too much"_s.arg(more.first()));

    const bool watch = options.parser().isSet(u"watch"_s);
    const auto discoveryPort = options.givenScheduler() ? std::nullopt : options.discoveryPort();
    const Coro<int> coro = spawn(runStatus, options.scheduler(), discoveryPort, options.secret(), options.tls(),
                                 options.parser().isSet(u"json"_s), watch, options.parser().isSet(u"peers"_s));
    const TerminationSignals signals([&coro](int) { coro.terminate(); });
    try {
        return waitFor(coro);
    } catch (const CoroTerminated &) {
        return watch ? 0 : 1; // interrupted
    }
}

} // namespace Asyncoro::Tools
