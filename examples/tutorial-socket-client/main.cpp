// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// Many clients at the same time, each a coroutine: it connects, says three lines with pauses between them, and leaves.
//
//   tutorial-socket-client [CLIENTS] [PORT]       10 and 8010 unless told; goes with tutorial-socket-server

#include "../port.h"

#include <Asyncoro/AsyncSocket>
#include <Asyncoro/Coro>

#include <QCoreApplication>
#include <QRandomGenerator>

#include <cstdio>

using namespace Asyncoro;
using namespace std::chrono_literals;

Task<> client(quint16 port, int number)
{
    AsyncSocket socket;
    co_await socket.connect("127.0.0.1", port, 10s);
    for (int n = 1; n <= 3; ++n) {
        const QString line = QString("client %1 says %2\n").arg(number).arg(n);
        co_await socket.sendAll(line.toUtf8());
        co_await socket.recvAll(qstrlen("thank you\n"), 10s);
        co_await sleep(1ms * QRandomGenerator::global()->bounded(100));
    }
} // the socket closes here

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    const int clients = app.arguments().value(1, "10").toInt();
    const quint16 port = portOf(app.arguments().value(2, "8010"));
    for (int number = 1; number <= clients; ++number)
        spawn(client, port, number);
    const int status = Asyncoro::exec(); // 1 if a client has failed: the log says which, and why
    std::printf(status == 0 ? "%d clients have said all\n" : "not all of %d clients have said all\n", clients);
    return status;
}
