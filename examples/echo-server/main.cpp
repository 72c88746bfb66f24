// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// A server that sends back what it gets, with one coroutine for each connection.
//
//   echo-server [PORT]       on 127.0.0.1; at any free port unless told. Prints "listening PORT".

#include <Asyncoro/AsyncServer>
#include <Asyncoro/AsyncSocket>
#include <Asyncoro/Coro>

#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;

Task<> echo(AsyncSocket socket)
{
    try {
        for (;;) {
            const QByteArray bytes = co_await socket.recv();
            if (bytes.isEmpty())
                break; // the client has closed the connection
            co_await socket.sendAll(bytes); // waits while the client takes nothing
        }
    } catch (const SocketError &) {
        // the client is gone
    }
}

Task<> serve(quint16 port)
{
    AsyncServer server;
    server.listen(QHostAddress::LocalHost, port);
    std::printf("listening %d\n", server.location().port());
    std::fflush(stdout);
    for (;;)
        spawn(echo, co_await server.accept());
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    const QString port = app.arguments().value(1, "0");
    bool isNumber = false;
    const quint16 number = port.toUShort(&isNumber);
    if (!isNumber || app.arguments().size() > 2) {
        std::fputs("usage: echo-server [PORT]\n", stderr);
        return 2;
    }
    spawn(serve, number);
    return Asyncoro::exec();
}
