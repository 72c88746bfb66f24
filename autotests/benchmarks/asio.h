// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "benchmark.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <cstdint>

// A server with Boost.Asio's coroutines, one for each connection, and one thread.

namespace asio = boost::asio;

// The concrete executor throughout, which spares Asio the type-erased one; error codes in place of exceptions.
using Executor = asio::io_context::executor_type;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Task = asio::awaitable<void, Executor>;
constexpr asio::as_tuple_t<asio::use_awaitable_t<Executor>> awaitable;

template<typename Serve>
Task acceptAll(asio::io_context &context, Acceptor &acceptor, Serve serve)
{
    while (true) {
        Socket socket(context.get_executor());
        const auto [error] = co_await acceptor.async_accept(socket, awaitable);
        if (error) {
            continue;
        }
        boost::system::error_code ignored;
        socket.set_option(asio::ip::tcp::no_delay(true), ignored);
        asio::co_spawn(context, serve(std::move(socket)), asio::detached);
    }
}

// main() of a server called as: PROGRAM PORT
template<typename Serve>
int listenAndServe(int argc, char **argv, Serve serve)
{
    if (argc != 2) {
        Benchmark::fail("usage: PROGRAM PORT");
    }
    Benchmark::raiseFileLimit();
    asio::io_context context(1);
    const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4::loopback(), std::uint16_t(std::atoi(argv[1])));
    Acceptor acceptor(context.get_executor());
    acceptor.open(endpoint.protocol());
    acceptor.set_option(asio::socket_base::reuse_address(true));
    acceptor.bind(endpoint);
    acceptor.listen(4096);
    std::printf("listening %d\n", int(acceptor.local_endpoint().port()));
    std::fflush(stdout);
    asio::co_spawn(context, acceptAll(context, acceptor, serve), asio::detached);
    context.run();
    return 0;
}
