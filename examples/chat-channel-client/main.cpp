// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// Sends each line of its input to a chat, and prints the lines of all; see chat-channel-server.
//
//   chat-channel-client NAME LOCATION       LOCATION: what the server prints, as 127.0.0.1:40123

#include <Asyncoro/AsyncFile>
#include <Asyncoro/Channel>
#include <Asyncoro/PeerNetwork>
#include <Asyncoro/WhenAny>

#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;
using namespace std::chrono_literals;

Task<> talk(Channel channel, int id)
{
    AsyncFile input; // a terminal, a pipe or a file: waiting for it does not hold up the others
    co_await input.open("/dev/stdin");
    for (;;) {
        const QByteArray line = co_await input.readLine(4096);
        if (line.isEmpty())
            break; // the end: Ctrl+D in a terminal
        const QString text = QString::fromUtf8(line.trimmed());
        co_await channel.deliver(QVariantMap{{"from", id}, {"says", text}}, 0, 10s);
    }
}

Task<> print()
{
    for (;;) {
        std::printf("%s\n", qPrintable(co_await receive<QString>()));
        std::fflush(stdout);
    }
}

Task<> chat(PeerNetwork &network, QString name, Location location)
{
    const auto channel = co_await network.locate<Channel>(location, "chat", 10s);
    const auto join = co_await network.locate<Rci<int(QString, Coro<>)>>(location, "chat-join", 10s);
    const Coro<> server = co_await network.anchorOf(location);
    co_await channel.subscribe(Coro<>::self(), 10s);
    const int id = co_await join.call(name, Coro<>::self());
    co_await whenAny(talk(channel, id), print(), server); // the first that ends or fails, ends all
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    const Location location = Location::fromString(app.arguments().value(2));
    if (!location.isValid()) {
        std::fputs("usage: chat-channel-client NAME LOCATION\n", stderr);
        return 2;
    }
    try {
        PeerNetwork::Options options;
        options.secret = Secret::fromEnvironment();
        PeerNetwork network(options);
        waitFor(chat(network, app.arguments().at(1), location));
    } catch (const Error &e) { // PeerLost: nobody there; CoroEnded: no more; PeerRefused: another secret; TimedOut
        std::fprintf(stderr, "chat-channel-client: %s\n", e.what());
        return 1;
    }
}
