// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// Prints what each client says, a line at a time, and counts the clients. Each connection has its coroutine, with
// variables of its own; what they share needs no lock.
//
//   tutorial-socket-server [PORT]       8010 unless told; goes with tutorial-socket-client

#include "../port.h"

#include <Asyncoro/AsyncServer>
#include <Asyncoro/AsyncSocket>
#include <Asyncoro/Coro>

#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;

Task<> listenTo(AsyncSocket socket, int *served)
{
    const QString who = socket.peerLocation().toString();
    for (;;) {
        const QByteArray line = co_await socket.readLine();
        if (line.isEmpty())
            break; // this client has said all
        std::printf("%s: %s", qPrintable(who), line.constData());
        co_await socket.sendAll("thank you\n");
    }
    std::printf("%d clients so far\n", ++*served);
}

Task<> serve(quint16 port)
{
    int served = 0;
    AsyncServer server;
    server.listen(QHostAddress::LocalHost, port);
    std::printf("listening %d\n", server.location().port());
    std::fflush(stdout);
    co_await server.serve([&served](AsyncSocket socket) { return listenTo(std::move(socket), &served); });
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    spawn(serve, portOf(app.arguments().value(1, "8010")));
    return Asyncoro::exec();
}
