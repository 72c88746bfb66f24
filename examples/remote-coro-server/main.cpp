// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// A coroutine that others find by its name and send messages to.
//
//   terminal 1$ remote-coro-server [PORT]        any free port unless told; prints "listening LOCATION"
//   terminal 2$ remote-coro-client               finds it on this machine, or is told LOCATION
//   terminal 2$ remote-coro-client --quit        ends it, as Ctrl+C does

#include "../port.h"

#include <Asyncoro/Coro>
#include <Asyncoro/Discovery>

#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;

Task<> serve()
{
    Coro<>::self().registerName("remote-coro-server"); // from here on others find it
    for (;;) {
        const QString text = co_await receive<QString>();
        if (text == "quit")
            co_return;
        std::printf("%s\n", qPrintable(text));
        std::fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    try {
        PeerNetwork::Options options;
        options.port = portOf(app.arguments().value(1, "0"));
        options.secret = Secret::fromEnvironment();
        PeerNetwork network(options);
        std::optional<Discovery> discovery; // answers to clients that are not told where this is
        if (const auto port = Discovery::portFromEnvironment())
            discovery.emplace(network, Discovery::Options{.port = *port});

        std::printf("listening %s\n", qPrintable(network.location().toString()));
        std::fflush(stdout);
        waitFor(serve());
    } catch (const Error &e) {
        std::fprintf(stderr, "remote-coro-server: %s\n", e.what());
        return 1;
    }
}
