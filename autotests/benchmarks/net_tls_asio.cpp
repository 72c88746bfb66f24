// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// An echo server with TLS in Boost.Asio's coroutines, one for each connection. Called as: net-tls-asio PORT CERT KEY

#include "benchmark.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <cstdint>

using namespace Benchmark;
namespace asio = boost::asio;

namespace {

// The concrete executor throughout, which spares Asio the type-erased one; error codes in place of exceptions.
using Executor = asio::io_context::executor_type;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Stream = asio::ssl::stream<Socket>;
using Task = asio::awaitable<void, Executor>;
constexpr asio::as_tuple_t<asio::use_awaitable_t<Executor>> awaitable;

Task serve(Socket socket, asio::ssl::context &tls)
{
    Stream stream(std::move(socket), tls);
    const auto [handshakeError] = co_await stream.async_handshake(Stream::server, awaitable);
    if (handshakeError) {
        co_return;
    }
    char buffer[16384];
    while (true) {
        const auto [readError, size] = co_await stream.async_read_some(asio::buffer(buffer), awaitable);
        if (readError) {
            co_return;
        }
        const auto [writeError, written] = co_await asio::async_write(stream, asio::buffer(buffer, size), awaitable);
        if (writeError) {
            co_return;
        }
    }
}

Task listen(asio::io_context &context, Acceptor &acceptor, asio::ssl::context &tls)
{
    while (true) {
        Socket socket(context.get_executor());
        const auto [error] = co_await acceptor.async_accept(socket, awaitable);
        if (error) {
            continue;
        }
        boost::system::error_code ignored;
        socket.set_option(asio::ip::tcp::no_delay(true), ignored);
        asio::co_spawn(context, serve(std::move(socket), tls), asio::detached);
    }
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 4) {
        fail("usage: net-tls-asio PORT CERT KEY");
    }
    raiseFileLimit();
    asio::io_context context(1);
    asio::ssl::context tls(asio::ssl::context::tls_server);
    tls.use_certificate_chain_file(argv[2]);
    tls.use_private_key_file(argv[3], asio::ssl::context::pem);
    const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4::loopback(), std::uint16_t(std::atoi(argv[1])));
    Acceptor acceptor(context.get_executor());
    acceptor.open(endpoint.protocol());
    acceptor.set_option(asio::socket_base::reuse_address(true));
    acceptor.bind(endpoint);
    acceptor.listen(4096);
    std::printf("listening %d\n", int(acceptor.local_endpoint().port()));
    std::fflush(stdout);
    asio::co_spawn(context, listen(context, acceptor, tls), asio::detached);
    context.run();
}
