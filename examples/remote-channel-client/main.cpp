// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// Two coroutines subscribe to a channel of another process, and compute something of its numbers each; see
// remote-channel-server.
//
//   remote-channel-client LOCATION       what the server prints, as 127.0.0.1:40123

#include <Asyncoro/Channel>
#include <Asyncoro/PeerNetwork>
#include <Asyncoro/Scope>

#include <QCoreApplication>

#include <cstdio>
#include <functional>

using namespace Asyncoro;
using namespace std::chrono_literals;

Task<int> accumulate(Channel numbers, int result, std::function<int(int, int)> operation)
{
    co_await numbers.subscribe(Coro<>::self(), 10s); // from here on nothing is missed
    for (;;) {
        const int number = co_await receive<int>(10s);
        if (number == 0)
            co_return result;
        result = operation(result, number);
    }
}

Task<> follow(PeerNetwork &network, Location server)
{
    const auto numbers = co_await network.locate<Channel>(server, "numbers", 10s);
    co_await withScope([&](Scope &scope) -> Task<> { // if one of them fails, the other one ends, too
        const Coro<int> sum = scope.spawn(accumulate, numbers, 0, std::plus<int>());
        const Coro<int> product = scope.spawn(accumulate, numbers, 1, std::multiplies<int>());
        std::printf("sum %d\n", co_await sum);
        std::printf("product %d\n", co_await product);
    });
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    const Location server = Location::fromString(app.arguments().value(1));
    if (!server.isValid()) {
        std::fputs("usage: remote-channel-client LOCATION\n", stderr);
        return 2;
    }
    try {
        PeerNetwork::Options options;
        options.secret = Secret::fromEnvironment();
        PeerNetwork network(options);
        waitFor(follow(network, server));
    } catch (const Error &e) { // PeerLost: nobody there, or no more; PeerRefused: another secret; TimedOut
        std::fprintf(stderr, "remote-channel-client: %s\n", e.what());
        return 1;
    }
}
