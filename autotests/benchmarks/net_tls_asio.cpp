// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// An echo server with TLS in Boost.Asio's coroutines, one for each connection. Called as: net-tls-asio PORT

#include "asio.h"

#include <boost/asio/ssl.hpp>

namespace {

using Stream = asio::ssl::stream<Socket>;

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

} // namespace

int main(int argc, char **argv)
{
    asio::ssl::context tls(asio::ssl::context::tls_server);
    tls.use_certificate_chain_file(TLS_FILES ".pem");
    tls.use_private_key_file(TLS_FILES ".key", asio::ssl::context::pem);
    return listenAndServe(argc, argv, [&tls](Socket socket) { return serve(std::move(socket), tls); });
}
