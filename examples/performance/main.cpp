// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// How fast is it here? ./dev bench measures more, and beside other systems.
//
//   performance [NUMBER]        of coroutines; 100000 if none is given

#include <Asyncoro/Coro>

#include <QCoreApplication>
#include <QElapsedTimer>

#include <cstdio>
#include <vector>

using namespace Asyncoro;
using namespace std::chrono_literals;

void report(const char *what, int count, const QElapsedTimer &timer)
{
    const double seconds = timer.nsecsElapsed() * 1e-9;
    std::printf("%-36s %8.0f ms %12.0f a second\n", what, seconds * 1e3, count / seconds);
}

Task<> sleeper()
{
    co_await sleep(1ms);
}

Task<qint64> summer(int count)
{
    qint64 sum = 0;
    while (count-- > 0)
        sum += co_await receive<int>();
    co_return sum;
}

Task<> sender(Coro<> server)
{
    for (int n = 1; n <= 3; ++n)
        server.send(n);
    co_return;
}

Task<> measure(int count)
{
    QElapsedTimer timer;
    timer.start();
    std::vector<Coro<>> sleepers(count);
    for (Coro<> &coro : sleepers)
        coro = spawn(sleeper);
    for (const Coro<> &coro : sleepers)
        co_await coro;
    report("coroutines start, sleep 1 ms, end", count, timer);

    timer.start();
    const Coro<qint64> server = spawn(summer, 3 * count);
    for (int n = 0; n < count; ++n)
        spawn(sender, server);
    const qint64 sum = co_await server;
    report("messages of as many to one server", 3 * count, timer);
    if (sum != 6 * qint64(count))
        throw Error("messages were lost");
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    spawn(measure, argc > 1 ? std::atoi(argv[1]) : 100'000);
    return Asyncoro::exec();
}
