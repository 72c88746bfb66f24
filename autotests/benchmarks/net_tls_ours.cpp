// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// An echo server with TLS in Asyncoro, one coroutine for each connection. Called as: net-tls-ours PORT CERT KEY

#include "benchmark.h"
#include "dispatcher.h"

#include <Asyncoro/AsyncServer>
#include <Asyncoro/AsyncSocket>
#include <Asyncoro/Coro>
#include <Asyncoro/Exec>

#include <QCoreApplication>

using namespace Asyncoro;
using namespace Benchmark;

namespace {

Task<> echo(AsyncSocket socket, TlsConfiguration tls)
{
    try {
        co_await socket.startServerTls(tls);
        while (true) {
            const QByteArray data = co_await socket.recv();
            if (data.isEmpty()) {
                break; // the client has closed the connection
            }
            co_await socket.sendAll(data);
        }
    } catch (const SocketError &) {
        // the client is gone
    }
}

Task<> serve(quint16 port, TlsConfiguration tls)
{
    AsyncServer server;
    server.listen(QHostAddress::LocalHost, port);
    std::printf("listening %d\n", int(server.location().port()));
    std::fflush(stdout);
    while (true) {
        spawn(echo, co_await server.accept(), tls);
    }
}

} // namespace

int main(int argc, char **argv)
{
    useOurDispatcher();
    QCoreApplication app(argc, argv);
    if (argc != 4) {
        fail("usage: net-tls-ours PORT CERT KEY");
    }
    raiseFileLimit();
    TlsConfiguration tls;
    tls.addIdentity(QString::fromLocal8Bit(argv[2]), QString::fromLocal8Bit(argv[3]));
    spawn(serve, quint16(std::atoi(argv[1])), tls);
    return Asyncoro::exec();
}
