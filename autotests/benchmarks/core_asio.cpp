// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The core figures with Boost.Asio's coroutines. Its channels stand for mailboxes. Everything names the concrete
// executor, which spares Asio the type-erased one.

#include "benchmark.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <thread>
#include <vector>

using namespace Benchmark;
namespace asio = boost::asio;

namespace {

using Executor = asio::io_context::executor_type;
template<typename T>
using Task = asio::awaitable<T, Executor>;
constexpr asio::use_awaitable_t<Executor> awaitable;

using Signature = void(boost::system::error_code, int);
using Channel = asio::experimental::channel<Executor, Signature>;
using ConcurrentChannel = asio::experimental::concurrent_channel<Executor, Signature>;
using Clock = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;

Task<void> sendThree(Channel &mailbox)
{
    for (int k = 0; k < 3; ++k) {
        co_await mailbox.async_send({}, k, awaitable);
    }
}

Task<void> addUp(int count, Channel &mailbox, long &sum)
{
    for (int i = 0; i < count; ++i) {
        sum += co_await mailbox.async_receive(awaitable);
    }
}

void messages(int count)
{
    const double start = now();
    asio::io_context context(1);
    Channel mailbox(context.get_executor(), 1024);
    long sum = 0;
    asio::co_spawn(context, addUp(3 * count, mailbox, sum), asio::detached);
    for (int i = 0; i < count; ++i) {
        asio::co_spawn(context, sendThree(mailbox), asio::detached);
    }
    context.run();
    const double time = now() - start;
    if (sum != 3L * count) {
        fail("a message was lost");
    }
    print("messages", time / (3 * count) * 1e9, "ns");
}

template<typename Channel>
Task<void> answer(int n, Channel &ping, Channel &pong)
{
    for (int i = 0; i < n; ++i) {
        co_await pong.async_send({}, co_await ping.async_receive(awaitable), awaitable);
    }
}

template<typename Channel>
Task<void> ask(int n, Channel &ping, Channel &pong)
{
    for (int i = 0; i < n; ++i) {
        co_await ping.async_send({}, i, awaitable);
        if (co_await pong.async_receive(awaitable) != i) {
            fail("wrong answer");
        }
    }
}

void pingPong(int count)
{
    asio::io_context context(1);
    Channel ping(context.get_executor(), 1);
    Channel pong(context.get_executor(), 1);
    const double start = now();
    asio::co_spawn(context, answer(count, ping, pong), asio::detached);
    asio::co_spawn(context, ask(count, ping, pong), asio::detached);
    context.run();
    print("pingpong", (now() - start) / count * 1e9, "ns");
}

void pingPongThreads(int count)
{
    asio::io_context here(1);
    asio::io_context there(1);
    auto work = asio::make_work_guard(there);
    auto workHere = asio::make_work_guard(here);
    ConcurrentChannel ping(there.get_executor(), 1);
    ConcurrentChannel pong(here.get_executor(), 1);
    std::thread thread([&there] { there.run(); });
    const double start = now();
    asio::co_spawn(there, answer(count, ping, pong), asio::detached);
    asio::co_spawn(here, ask(count, ping, pong), [&](std::exception_ptr) { workHere.reset(); });
    here.run();
    const double time = now() - start;
    work.reset();
    thread.join();
    print("pingpong-threads", time / count * 1e9, "ns");
}

Task<void> sleepOnce(asio::io_context &context, int milliseconds)
{
    Timer timer(context.get_executor(), std::chrono::milliseconds(milliseconds));
    co_await timer.async_wait(awaitable);
}

void sleeps(int count)
{
    const double start = cpuTime();
    asio::io_context context(1);
    for (int i = 0; i < count; ++i) {
        asio::co_spawn(context, sleepOnce(context, i % 101), asio::detached);
    }
    context.run();
    print("sleeps", (cpuTime() - start) / count * 1e9, "ns");
}

[[gnu::noinline]] Task<int> ready(asio::io_context &, int value)
{
    co_return value;
}

[[gnu::noinline]] Task<int> waiting(asio::io_context &context, int value)
{
    co_await asio::post(context, awaitable);
    co_return value;
}

using Function = Task<int> (*)(asio::io_context &context, int value);

Task<void> awaitMany(asio::io_context &context, int count, Function function, long &sum)
{
    for (int i = 0; i < count; ++i) {
        sum += co_await function(context, i);
    }
}

void measureAwait(const char *name, int count, Function function)
{
    asio::io_context context(1);
    long sum = 0;
    asio::co_spawn(context, awaitMany(context, count, function, sum), asio::detached);
    const double start = now();
    context.run();
    const double time = now() - start;
    if (sum != long(count) * (count - 1) / 2) {
        fail("wrong sum");
    }
    print(name, time / count * 1e9, "ns");
}

void awaitReady(int count)
{
    measureAwait("await", count, ready);
}

void awaitSuspended(int count)
{
    measureAwait("await-suspended", count, waiting);
}

Task<void> receiveOnce(Channel &mailbox)
{
    co_await mailbox.async_receive(awaitable);
}

void memory(int count)
{
    asio::io_context context(1);
    std::vector<std::unique_ptr<Channel>> mailboxes;
    mailboxes.reserve(std::size_t(count));
    const double before = residentBytes();
    for (int i = 0; i < count; ++i) {
        mailboxes.push_back(std::make_unique<Channel>(context.get_executor(), 1));
        asio::co_spawn(context, receiveOnce(*mailboxes.back()), asio::detached);
    }
    context.poll();
    print("memory", (residentBytes() - before) / count, "B");
    for (const auto &mailbox : mailboxes) {
        mailbox->try_send(boost::system::error_code(), 1);
    }
    context.restart();
    context.run();
}

Task<void> sendAndReceive(int count, Channel &values)
{
    for (int i = 0; i < count; ++i) {
        co_await values.async_send({}, i, awaitable);
        if (co_await values.async_receive(awaitable) != i) {
            fail("wrong value");
        }
    }
}

void channel(int count)
{
    asio::io_context context(1);
    Channel values(context.get_executor(), 16);
    asio::co_spawn(context, sendAndReceive(count, values), asio::detached);
    const double start = now();
    context.run();
    print("channel", (now() - start) / count * 1e9, "ns");
}

} // namespace

int main(int argc, char **argv)
{
    return run(argc, argv,
               {
                   {"messages", messages, 100'000},
                   {"pingpong", pingPong, 1'000'000},
                   {"pingpong-threads", pingPongThreads, 10'000},
                   {"sleeps", sleeps, 100'000},
                   {"await", awaitReady, 5'000'000},
                   {"await-suspended", awaitSuspended, 5'000'000},
                   {"memory", memory, 1'000'000},
                   {"channel", channel, 1'000'000},
               });
}
