// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// Sends numbered messages to a coroutine of another process; see remote-coro-server.
//
//   remote-coro-client [--quit] [LOCATION]       LOCATION: what the server prints, as 127.0.0.1:40123
//
// Without a LOCATION it finds the server by Discovery. With --quit it tells the server to end.

#include <Asyncoro/Coro>
#include <Asyncoro/Discovery>

#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;
using namespace std::chrono_literals;

Task<> sendMessages(PeerNetwork &network, Location location, bool quit)
{
    std::optional<Discovery> discovery;
    if (location.isValid())
        co_await network.connect(location, 10s);
    else if (const auto port = Discovery::portFromEnvironment())
        discovery.emplace(network, Discovery::Options{.port = *port}); // connects to whom it finds
    const Coro<> server = co_await network.locate("remote-coro-server", 10s);

    for (int n = 1; n <= 5; ++n)
        co_await server.deliver(QString("message %1 of 5").arg(n), 10s); // it is there now
    if (quit)
        co_await server.deliver(QString("quit"), 10s);
    std::printf("all are there\n");
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    QStringList arguments = app.arguments().mid(1);
    const bool quit = arguments.removeAll("--quit") > 0;
    const Location location = Location::fromString(arguments.value(0));
    if (!arguments.isEmpty() && !location.isValid()) {
        std::fputs("usage: remote-coro-client [--quit] [LOCATION]\n", stderr);
        return 2;
    }
    try {
        PeerNetwork::Options options;
        options.secret = Secret::fromEnvironment();
        PeerNetwork network(options);
        waitFor(sendMessages(network, location, quit));
    } catch (const Error &e) { // PeerLost: nobody there, or no more; PeerRefused: another secret; TimedOut
        std::fprintf(stderr, "remote-coro-client: %s\n", e.what());
        return 1;
    }
}
