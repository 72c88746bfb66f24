// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// Clients send requests to a server and wait for the answers. All are coroutines of one thread; none needs a lock.

#include <Asyncoro/Coro>

#include <QCoreApplication>
#include <QRandomGenerator>

#include <cstdio>

using namespace Asyncoro;
using namespace std::chrono_literals;

struct Request { // any such type can be a message
    Coro<> client; // who is to get the answer
    int number = 0;
};

Task<> server()
{
    for (int served = 1;; ++served) {
        const Request request = co_await receive<Request>();
        request.client.send(QString("%1 squared is %2; you are number %3")
                                .arg(request.number)
                                .arg(request.number * request.number)
                                .arg(served));
    }
}

Task<> client(Coro<> server, int number)
{
    for (int n = 0; n < 3; ++n) {
        co_await sleep(1ms * QRandomGenerator::global()->bounded(100, 1000));
        server.send(Request{Coro<>::self(), number});
        const QString answer = co_await receive<QString>(5s); // throws TimedOut after five seconds
        std::printf("client %d got: %s\n", number, qPrintable(answer));
    }
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    const Coro<> squares = spawn(server);
    squares.setDaemon(); // it never ends by itself, and nobody waits for that
    for (int number = 1; number <= 10; ++number)
        spawn(client, squares, number);
    return Asyncoro::exec(); // until all clients have ended; then the server is terminated
}
