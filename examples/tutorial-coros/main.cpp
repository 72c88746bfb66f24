// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// Many coroutines sleep at the same time, on one thread.
//
//   tutorial-coros [NUMBER]     10 coroutines if no number is given; try 100000

#include <Asyncoro/Coro>

#include <QCoreApplication>
#include <QElapsedTimer>
#include <QRandomGenerator>

#include <cstdio>

using namespace Asyncoro;
using namespace std::chrono_literals;

constexpr int Talkative = 20; // more coroutines than these say nothing

Task<> sleeper(int n, bool talks)
{
    const auto time = 1ms * QRandomGenerator::global()->bounded(500, 3000);
    if (talks)
        std::printf("coroutine %d sleeps for %lld ms\n", n, static_cast<long long>(time.count()));
    co_await sleep(time);
    if (talks)
        std::printf("coroutine %d ends\n", n);
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    const int count = argc > 1 ? std::atoi(argv[1]) : 10;

    QElapsedTimer timer;
    timer.start();
    for (int n = 0; n < count; ++n)
        spawn(sleeper, n, count <= Talkative);
    std::printf("%d coroutines started in %lld ms\n", count, timer.elapsed());

    const int status = Asyncoro::exec(); // until the last one has ended
    std::printf("all have ended after %lld ms\n", timer.elapsed());
    return status;
}
