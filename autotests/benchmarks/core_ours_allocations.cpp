// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// How often Asyncoro's core asks the heap for memory once it is warm. A program of its own, since it puts a counter in
// front of malloc; on systems whose C library does not allow that it has no figures.

#include "benchmark.h"
#include "dispatcher.h"

#include <Asyncoro/Channel>
#include <Asyncoro/Coro>
#include <Asyncoro/Lock>

#include <QCoreApplication>

#include <chrono>

using namespace Asyncoro;
using namespace Benchmark;

#ifdef __GLIBC__

namespace {
long allocations = 0; // the programs below have one thread that works
}

// new, QByteArray, QVariant and the like all end in one of these.
extern "C" {
void *__libc_malloc(std::size_t size);
void *__libc_calloc(std::size_t count, std::size_t size);
void *__libc_realloc(void *memory, std::size_t size);
void *__libc_memalign(std::size_t alignment, std::size_t size);

void *malloc(std::size_t size) noexcept
{
    ++allocations;
    return __libc_malloc(size);
}

void *calloc(std::size_t count, std::size_t size) noexcept
{
    ++allocations;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, std::size_t size) noexcept
{
    ++allocations;
    return __libc_realloc(memory, size);
}

void *aligned_alloc(std::size_t alignment, std::size_t size) noexcept
{
    ++allocations;
    return __libc_memalign(alignment, size);
}
}

namespace {

// Has a coroutine do `once` over and over, and tells how many allocations each time took after the first thousand.
template<typename Once>
Task<> countAllocations(const char *name, int count, Once once)
{
    for (int i = 0; i < 1000; ++i) {
        co_await once();
    }
    const long before = allocations;
    for (int i = 0; i < count; ++i) {
        co_await once();
    }
    print(name, double(allocations - before) / count, "times");
}

void message(int count)
{
    waitFor(countAllocations("allocations-message", count, []() -> Task<> {
        Coro<>::self().send(1);
        co_await receive<int>();
    }));
}

void channel(int count)
{
    const Channel channel(QStringLiteral("benchmark"));
    waitFor(countAllocations("allocations-channel", count, [&channel]() -> Task<> {
        channel.subscribe(Coro<>::self()); // which it is already, but for the first time
        channel.send(1);
        co_await receive<int>();
    }));
}

void resume(int count)
{
    waitFor(countAllocations("allocations-resume", count, [] { return yield(); }));
}

void sleepOnce(int count)
{
    waitFor(countAllocations("allocations-sleep", count, [] { return sleep(std::chrono::microseconds(10)); }));
}

void await(int count)
{
    waitFor(countAllocations("allocations-await", count, []() -> Task<> { co_return; }));
}

// Contended: each of two coroutines waits until the other hands the lock over.
void acquireLock(int count)
{
    Lock lock;
    const auto once = [&lock]() -> Task<> {
        const auto guard = co_await lock.acquire();
        co_await yield();
    };
    const auto other = spawn([&once]() -> Task<> {
        for (;;) {
            co_await once();
        }
    });
    waitFor(countAllocations("allocations-lock", count, once));
    other.terminate();
    Asyncoro::exec();
}

} // namespace

int main(int argc, char **argv)
{
    useOurDispatcher();
    QCoreApplication app(argc, argv);
    return run(argc, argv,
               {
                   {"allocations-message", message, 100'000},
                   {"allocations-channel", channel, 100'000},
                   {"allocations-resume", resume, 100'000},
                   {"allocations-sleep", sleepOnce, 2'000},
                   {"allocations-await", await, 100'000},
                   {"allocations-lock", acquireLock, 100'000},
               });
}

#else

int main(int argc, char **argv)
{
    return run(argc, argv, {});
}

#endif
