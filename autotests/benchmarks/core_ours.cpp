// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The core figures with Asyncoro.

#include "benchmark.h"
#include "dispatcher.h"

#include <Asyncoro/Channel>
#include <Asyncoro/Coro>
#include <Asyncoro/Lock>
#include <Asyncoro/Semaphore>
#include <Asyncoro/Signal>

#include <QChronoTimer>
#include <QCoreApplication>
#include <QList>
#include <QObject>

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>

using namespace Asyncoro;
using namespace Benchmark;

namespace {

void messages(int count)
{
    const double start = now();
    const auto receiver = spawn([count]() -> Task<qint64> {
        qint64 sum = 0;
        for (int i = 0; i < 3 * count; ++i) {
            sum += co_await receive<int>();
        }
        co_return sum;
    });
    for (int i = 0; i < count; ++i) {
        spawn(
            [](Coro<> to) -> Task<> {
                for (int k = 0; k < 3; ++k) {
                    to.send(k);
                }
                co_return;
            },
            receiver);
    }
    const qint64 sum = waitFor(receiver);
    const double time = now() - start;
    if (sum != 3 * qint64(count)) {
        fail("a message was lost");
    }
    print("messages", time / (3 * count) * 1e9, "ns");
}

Task<> answer(int count)
{
    const auto other = co_await receive<Coro<>>();
    for (int i = 0; i < count; ++i) {
        other.send(co_await receive<int>());
    }
}

Task<> ask(int count, Coro<> other)
{
    other.send(Coro<>::self());
    for (int i = 0; i < count; ++i) {
        other.send(i);
        if (co_await receive<int>() != i) {
            fail("wrong answer");
        }
    }
}

void pingPong(int count)
{
    const double start = now();
    waitFor(spawn(ask, count, spawn(answer, count)));
    print("pingpong", (now() - start) / count * 1e9, "ns");
}

void pingPongThreads(int count)
{
    std::promise<Coro<>> started;
    std::thread thread([count, &started] {
        const auto answering = spawn(answer, count);
        started.set_value(answering);
        waitFor(answering);
    });
    const Coro<> other = started.get_future().get();
    const double start = now();
    waitFor(spawn(ask, count, other));
    const double time = now() - start;
    thread.join();
    print("pingpong-threads", time / count * 1e9, "ns");
}

void sleeps(int count)
{
    const double start = cpuTime();
    for (int i = 0; i < count; ++i) {
        spawn(
            [](int milliseconds) -> Task<> {
                co_await sleep(std::chrono::milliseconds(milliseconds));
            },
            i % 101);
    }
    if (Asyncoro::exec() != 0) {
        fail("a coroutine failed");
    }
    print("sleeps", (cpuTime() - start) / count * 1e9, "ns");
}

[[gnu::noinline]] Task<int> ready(int value)
{
    co_return value;
}

[[gnu::noinline]] Task<int> waiting(int value)
{
    co_await yield();
    co_return value;
}

template<typename Function>
void awaitMany(const char *name, int count, Function function)
{
    const auto coro = spawn([count, function]() -> Task<qint64> {
        qint64 sum = 0;
        for (int i = 0; i < count; ++i) {
            sum += co_await function(i);
        }
        co_return sum;
    });
    const double start = now();
    const qint64 sum = waitFor(coro);
    const double time = now() - start;
    if (sum != qint64(count) * (count - 1) / 2) {
        fail("wrong sum");
    }
    print(name, time / count * 1e9, "ns");
}

void awaitReady(int count)
{
    awaitMany("await", count, ready);
}

void awaitSuspended(int count)
{
    awaitMany("await-suspended", count, waiting);
}

void memory(int count)
{
    QList<Coro<>> coros;
    coros.reserve(count);
    const double before = residentBytes();
    for (int i = 0; i < count; ++i) {
        coros.append(spawn([]() -> Task<> {
            co_await receive();
        }));
    }
    waitFor(spawn([]() -> Task<> {
        co_await yield(); // when this goes on, all the others wait
    }));
    print("memory", (residentBytes() - before) / count, "B");
    for (const Coro<> &coro : std::as_const(coros)) {
        coro.send(1);
    }
    Asyncoro::exec();
}

class Sender : public QObject
{
    Q_OBJECT
Q_SIGNALS:
    void signal(int value);
};

Task<> awaitSignals(int count, Sender *sender)
{
    for (int i = 0; i < count; ++i) {
        if (co_await signal(sender, &Sender::signal) != i) {
            fail("wrong value");
        }
    }
}

// As with QCoro: the event loop goes round before the next emission.
void signalAwaited(int count)
{
    Sender sender;
    const double start = now();
    const Coro<> coro = spawn(awaitSignals, count, &sender);
    QCoreApplication::sendPostedEvents();
    for (int i = 0; i < count; ++i) {
        Q_EMIT sender.signal(i);
        QCoreApplication::sendPostedEvents();
    }
    print("signal", (now() - start) / count * 1e9, "ns");
    waitFor(coro);
}

template<typename Object>
void acquireMany(const char *name, int count, Object &object)
{
    const auto coro = spawn([count, &object]() -> Task<> {
        for (int i = 0; i < count; ++i) {
            const auto guard = co_await object.acquire();
        }
    });
    const double start = now();
    waitFor(coro);
    print(name, (now() - start) / count * 1e9, "ns");
}

void acquireLock(int count)
{
    Lock lock;
    acquireMany("lock", count, lock);
}

void acquireSemaphore(int count)
{
    Semaphore semaphore(2);
    acquireMany("semaphore", count, semaphore);
}

// A message to the coroutine that runs, and out of its mailbox again.
template<typename Send>
Task<> sendToSelf(const char *name, int count, Send send)
{
    const double start = now();
    for (int i = 0; i < count; ++i) {
        send(i);
        if (co_await receive<int>() != i) {
            fail("wrong value");
        }
    }
    print(name, (now() - start) / count * 1e9, "ns");
}

// What "channel" is without the channel.
void mailbox(int count)
{
    waitFor(spawn([count]() -> Task<> {
        const Coro<> self = Coro<>::self();
        co_await sendToSelf("mailbox", count, [&self](int i) { self.send(i); });
    }));
}

void channel(int count)
{
    waitFor(spawn([count]() -> Task<> {
        const Channel channel(QStringLiteral("benchmark"));
        channel.subscribe(Coro<>::self());
        co_await sendToSelf("channel", count, [&channel](int i) { channel.send(i); });
    }));
}

// A display that wants a frame 60 times a second, from the thread that so many coroutines keep busy: how late does each
// begin?
void frames(int count)
{
    constexpr std::chrono::nanoseconds Period(16'666'667);
    constexpr int FrameCount = 180;

    bool done = false;
    for (int i = 0; i < count; ++i) {
        spawn(
            [](unsigned value, const bool &stop) -> Task<> {
                while (!stop) {
                    for (int k = 0; k < 1000; ++k) { // about a microsecond
                        value = value * 1664525 + 1013904223;
                    }
                    volatile unsigned result = value;
                    static_cast<void>(result);
                    co_await yield();
                }
            },
            unsigned(i), std::cref(done));
    }

    std::vector<double> late; // milliseconds
    double due = 0;
    QChronoTimer display;
    display.setTimerType(Qt::PreciseTimer);
    display.setSingleShot(true);
    QObject::connect(&display, &QChronoTimer::timeout, [&] {
        late.push_back((now() - due) * 1e3);
        done = late.size() == FrameCount;
        due += double(Period.count()) * 1e-9;
        display.setInterval(std::chrono::nanoseconds(qint64(std::max(0.0, due - now()) * 1e9)));
        if (!done) {
            display.start();
        }
    });
    waitFor(spawn([]() -> Task<> {
        co_await yield(); // when this goes on, all the others have begun
    }));
    due = now() + double(Period.count()) * 1e-9;
    display.setInterval(Period);
    display.start();
    Asyncoro::exec();

    std::ranges::sort(late);
    print("frames", late[FrameCount * 99 / 100], "ms");
    print("frames-worst", late.back(), "ms");
}

} // namespace

int main(int argc, char **argv)
{
    useOurDispatcher();
    QCoreApplication app(argc, argv);
    return run(argc, argv,
               {
                   {"messages", messages, 100'000},
                   {"pingpong", pingPong, 1'000'000},
                   {"pingpong-threads", pingPongThreads, 10'000},
                   {"sleeps", sleeps, 100'000},
                   {"await", awaitReady, 10'000'000},
                   {"await-suspended", awaitSuspended, 5'000'000},
                   {"memory", memory, 1'000'000},
                   {"signal", signalAwaited, 1'000'000},
                   {"frames", frames, 100'000},
                   {"lock", acquireLock, 20'000'000},
                   {"semaphore", acquireSemaphore, 20'000'000},
                   {"mailbox", mailbox, 10'000'000},
                   {"channel", channel, 10'000'000},
               });
}

#include "core_ours.moc"
