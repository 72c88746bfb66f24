// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// An echo server with Boost.Asio's coroutines, one for each connection. Called as: net-asio PORT

#include "asio.h"

#include <vector>

namespace {

constexpr std::size_t LongestBuffer = 65536;

Task serve(Socket socket)
{
    std::vector<char> buffer(4096); // longer where there is more to read at a time: many may be idle
    while (true) {
        const auto [readError, size] = co_await socket.async_read_some(asio::buffer(buffer), awaitable);
        if (readError) {
            co_return;
        }
        const auto [writeError, written] = co_await asio::async_write(socket, asio::buffer(buffer, size), awaitable);
        if (writeError) {
            co_return;
        }
        if (size == buffer.size() && size < LongestBuffer) {
            buffer.resize(2 * size);
        }
    }
}

} // namespace

int main(int argc, char **argv)
{
    return listenAndServe(argc, argv, serve);
}
