// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// A server that runs goes on with another function. It is the same coroutine afterwards: its clients notice nothing, and
// the messages in its mailbox are kept.

#include <Asyncoro/Coro>

#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;
using namespace std::chrono_literals;

Task<> newServer(int served)
{
    for (;;) {
        const QString request = co_await receive<QString>();
        std::printf("new server: number %d is %s\n", ++served, qPrintable(request));
    }
}

Task<> oldServer()
{
    Coro<>::self().setHotSwappable(); // at each co_await of this function from here on
    for (int served = 0;;) {
        try {
            const QString request = co_await receive<QString>();
            std::printf("old server: number %d is %s\n", ++served, qPrintable(request));
        } catch (const HotSwapRequest &) {
            if (served >= 3)
                throw; // accepted: what this function holds is cleaned up, then the new one begins
            std::printf("old server: not before I have served three\n");
        }
    }
}

Task<> client(Coro<> server)
{
    for (int n = 1; n <= 6; ++n) {
        server.send(QString("question %1").arg(n));
        co_await sleep(100ms);
    }
}

Task<> operate(Coro<> server)
{
    const Coro<> asks = spawn(client, server);
    while (!co_await server.hotSwap(newServer, 3))
        co_await sleep(150ms); // refused: again in a while
    std::printf("swapped\n");
    co_await asks;
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    const Coro<> server = spawn(oldServer);
    server.setDaemon();
    spawn(operate, server);
    return Asyncoro::exec();
}
