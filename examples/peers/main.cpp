// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// Shows who comes and goes: start it several times, on this machine or on several.
//
//   peers NAME [HOST[:PORT]...]
//
// Without a secret these find each other on this machine only. With one that all have, also in the network:
//
//   ASYNCORO_SECRET_FILE=~/.secret peers kitchen
//
// HOSTs are in other networks. ASYNCORO_DISCOVERY is another UDP port than 51350, or "off".

#include <Asyncoro/Coro>
#include <Asyncoro/Discovery>
#include <Asyncoro/PeerStatus>

#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;

Task<> show()
{
    for (;;) {
        const PeerStatus peer = co_await receive<PeerStatus>();
        std::printf("%s %s at %s\n", peer.isOnline() ? "+" : "-", qPrintable(peer.name()),
                    qPrintable(peer.location().toString()));
        std::fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    const QStringList arguments = app.arguments();
    if (argc < 2) {
        std::fputs("usage: peers NAME [HOST[:PORT]...]\n", stderr);
        return 2;
    }
    try {
        PeerNetwork::Options options;
        options.name = arguments.at(1);
        options.secret = Secret::fromEnvironment();
        if (!options.secret.isEmpty())
            options.address = QStringLiteral("0.0.0.0");
        PeerNetwork network(options);
        network.watchPeers(spawn(show));

        std::optional<Discovery> discovery;
        if (const auto port = Discovery::portFromEnvironment()) {
            discovery.emplace(network, Discovery::Options{.port = *port});
            for (const QString &host : arguments.mid(2))
                discovery->addPeer(host);
        }
        return Asyncoro::exec();
    } catch (const Error &e) {
        std::fprintf(stderr, "peers: %s\n", e.what());
        return 1;
    }
}
