// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// An echo server with Asyncoro, one coroutine for each connection, as in examples/echo-server. Called as: net-ours PORT

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

Task<> echo(AsyncSocket socket)
{
    try {
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

Task<> serve(quint16 port)
{
    AsyncServer server;
    server.listen(QHostAddress::LocalHost, port);
    std::printf("listening %d\n", int(server.location().port()));
    std::fflush(stdout);
    while (true) {
        spawn(echo, co_await server.accept());
    }
}

} // namespace

int main(int argc, char **argv)
{
    useOurDispatcher();
    QCoreApplication app(argc, argv);
    if (argc != 2) {
        fail("usage: net-ours PORT");
    }
    raiseFileLimit();
    spawn(serve, quint16(std::atoi(argv[1])));
    return Asyncoro::exec();
}
