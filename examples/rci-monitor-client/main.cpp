// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// Starts ten coroutines in another process, and prints how each one ends; see rci-monitor-server.
//
//   rci-monitor-client [--secret-file FILE] LOCATION       what the server prints, as 127.0.0.1:40123

#include <Asyncoro/Coro>
#include <Asyncoro/PeerNetwork>

#include <QCommandLineParser>
#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;
using namespace std::chrono_literals;

Task<> startAndMonitor(PeerNetwork &network, Location server)
{
    const auto square = co_await network.locate<Rci<int(int)>>(server, "square", 10s);
    QList<Coro<>> started;
    for (int number = 0; number < 10; ++number) {
        started << co_await square.start(number);
        started.last().monitor(Coro<>::self());
    }
    for (int ended = 0; ended < started.size(); ++ended) {
        const auto notice = co_await receive<ExitNotice>();
        const int number = int(started.indexOf(notice.coro()));
        if (notice.state() == CoroState::Lost)
            throw Error(notice.error());
        if (notice.state() == CoroState::Finished)
            std::printf("%d: finished with %d\n", number, notice.value().toInt());
        else
            std::printf("%d: failed: %s\n", number, qPrintable(notice.error()));
        std::fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    QCommandLineParser parser;
    parser.setApplicationDescription("Starts coroutines in another process, and prints how each one ends.");
    parser.addHelpOption();
    parser.addPositionalArgument("location", "Where rci-monitor-server listens.", "LOCATION");
    parser.addOption({"secret-file", "File with the secret; else that of ASYNCORO_SECRET.", "FILE"});
    parser.process(app);
    const Location server = Location::fromString(parser.positionalArguments().value(0));
    if (!server.isValid())
        parser.showHelp(2);
    try {
        PeerNetwork::Options options;
        const QString secretFile = parser.value("secret-file");
        options.secret = secretFile.isEmpty() ? Secret::fromEnvironment() : Secret::fromFile(secretFile);
        PeerNetwork network(options);
        waitFor(startAndMonitor(network, server));
    } catch (const Error &e) { // PeerLost: nobody there, or no more; PeerRefused: another secret; TimedOut
        std::fprintf(stderr, "rci-monitor-client: %s\n", e.what());
        return 1;
    }
}
