// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// Offers a function to those who know the secret: they start coroutines of it, and hear how each one ends.
//
//   terminal 1$ ASYNCORO_SECRET=s3cret rci-monitor-server [PORT]       prints "listening LOCATION"
//   terminal 2$ ASYNCORO_SECRET=s3cret rci-monitor-client LOCATION
//
// Better than in the environment, the secret is in a file that is yours only: --secret-file FILE, for both.

#include "../port.h"

#include <Asyncoro/Coro>
#include <Asyncoro/PeerNetwork>

#include <QCommandLineParser>
#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;
using namespace std::chrono_literals;

Task<int> square(int number)
{
    co_await sleep(number * 10ms); // where it would work, or wait for something
    if (number % 2 != 0)
        throw Error(QString("%1 is odd").arg(number));
    co_return number * number;
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    QCommandLineParser parser;
    parser.setApplicationDescription("Offers a function to those who know the secret.");
    parser.addHelpOption();
    parser.addPositionalArgument("port", "Port to listen at; any free one by default.", "[PORT]");
    parser.addOption({"secret-file", "File with the secret; else that of ASYNCORO_SECRET.", "FILE"});
    parser.process(app);
    try {
        PeerNetwork::Options options;
        options.port = portOf(parser.positionalArguments().value(0, "0"));
        const QString secretFile = parser.value("secret-file");
        options.secret = secretFile.isEmpty() ? Secret::fromEnvironment() : Secret::fromFile(secretFile);
        if (options.secret.isEmpty())
            throw Error("there is no secret: see --help");
        PeerNetwork network(options);
        network.offer("square", square);
        std::printf("listening %s\n", qPrintable(network.location().toString()));
        std::fflush(stdout);
        return QCoreApplication::exec(); // until it is interrupted
    } catch (const Error &e) {
        std::fprintf(stderr, "rci-monitor-server: %s\n", e.what());
        return 1;
    }
}
