// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// Ten coroutines connect to a server at the same time; each sends a line and prints what comes back.
//
//   tcp-client HOST PORT     for example to echo-server

#include "../port.h"

#include <Asyncoro/AsyncSocket>
#include <Asyncoro/Coro>

#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;

Task<> client(QString host, quint16 port, int n)
{
    AsyncSocket socket;
    co_await socket.connect(host, port);

    const QByteArray line = "client id: " + QByteArray::number(n) + '\n';
    co_await socket.sendAll(line);

    const QByteArray answer = co_await socket.recvAll(line.size());
    std::printf("%s", answer.constData());
} // the socket closes here, whatever happened above

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    if (app.arguments().size() != 3) {
        std::fputs("usage: tcp-client HOST PORT\n", stderr);
        return 2;
    }
    const quint16 port = portOf(app.arguments().at(2));
    for (int n = 0; n < 10; ++n)
        spawn(client, app.arguments().at(1), port, n);
    return Asyncoro::exec(); // until every coroutine has ended
}
