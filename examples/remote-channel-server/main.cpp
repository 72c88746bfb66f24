// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// A channel whose subscribers are in other processes. Each number is sent once it has two subscribers.
//
//   terminal 1$ remote-channel-server [PORT]         any free port unless told; prints "listening LOCATION"
//   terminal 2$ remote-channel-client LOCATION       has two that subscribe
//
// It prints how many have got each number, and ends after the last one.

#include "../port.h"

#include <Asyncoro/Channel>
#include <Asyncoro/PeerNetwork>

#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;

Task<> publish()
{
    const Channel numbers("numbers");
    numbers.registerName(); // from here on others find it
    for (const int number : {1, 2, 3, 4, 5, 0}) { // 0: that was all
        const int recipients = co_await numbers.deliver(number, 2);
        std::printf("%d: %d recipients\n", number, recipients);
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
        std::printf("listening %s\n", qPrintable(network.location().toString()));
        std::fflush(stdout);
        waitFor(publish());
    } catch (const Error &e) {
        std::fprintf(stderr, "remote-channel-server: %s\n", e.what());
        return 1;
    }
}
