// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The core figures with QCoro. It has no mailbox, so messages, memory and locks are missing.

#include "benchmark.h"

#include <QCoro/QCoroSignal>
#include <QCoro/QCoroTask>
#include <QCoro/QCoroTimer>

#include <QCoreApplication>

using namespace Benchmark;

namespace {

// Suspends the coroutine until somebody resumes `suspended`: the cheapest way there is.
std::coroutine_handle<> suspended;
struct Suspend {
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) noexcept { suspended = handle; }
    void await_resume() const noexcept { }
};

[[gnu::noinline]] QCoro::Task<int> ready(int value)
{
    co_return value;
}

[[gnu::noinline]] QCoro::Task<int> waiting(int value)
{
    co_await Suspend{};
    co_return value;
}

QCoro::Task<> awaitMany(int count, QCoro::Task<int> (*function)(int), qint64 &sum)
{
    for (int i = 0; i < count; ++i) {
        sum += co_await function(i);
    }
}

void awaitReady(int count)
{
    const double start = now();
    qint64 sum = 0;
    awaitMany(count, ready, sum);
    const double time = now() - start;
    if (sum != qint64(count) * (count - 1) / 2) {
        fail("wrong sum");
    }
    print("await", time / count * 1e9, "ns");
}

void awaitSuspended(int count)
{
    const double start = now();
    qint64 sum = 0;
    awaitMany(count, waiting, sum);
    for (int i = 0; i < count; ++i) {
        suspended.resume();
    }
    const double time = now() - start;
    if (sum != qint64(count) * (count - 1) / 2) {
        fail("wrong sum");
    }
    print("await-suspended", time / count * 1e9, "ns");
}

QCoro::Task<> sleepOnce(int milliseconds, int &left)
{
    co_await QCoro::sleepFor(std::chrono::milliseconds(milliseconds));
    if (--left == 0) {
        QCoreApplication::quit();
    }
}

void sleeps(int count)
{
    const double start = cpuTime();
    int left = count;
    for (int i = 0; i < count; ++i) {
        sleepOnce(i % 101, left);
    }
    QCoreApplication::exec();
    print("sleeps", (cpuTime() - start) / count * 1e9, "ns");
}

class Sender : public QObject
{
    Q_OBJECT
Q_SIGNALS:
    void signal(int value);
};

QCoro::Task<> awaitSignals(int count, Sender *sender)
{
    for (int i = 0; i < count; ++i) {
        const std::optional<int> value = co_await qCoro(sender, &Sender::signal);
        if (value != i) {
            fail("wrong value");
        }
    }
}

// QCoro delivers a signal through the event loop, so that each has to go round before the next is emitted.
void signalAwaited(int count)
{
    Sender sender;
    const double start = now();
    awaitSignals(count, &sender);
    for (int i = 0; i < count; ++i) {
        Q_EMIT sender.signal(i);
        QCoreApplication::sendPostedEvents();
    }
    print("signal", (now() - start) / count * 1e9, "ns");
}

} // namespace

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    return run(argc, argv,
               {
                   {"await", awaitReady, 5'000'000},
                   {"await-suspended", awaitSuspended, 5'000'000},
                   {"sleeps", sleeps, 100'000},
                   {"signal", signalAwaited, 300'000},
               });
}

#include "core_qcoro.moc"
