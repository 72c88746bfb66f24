// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The web server of examples/pong-server with Boost.Asio's coroutines. Called as: net-asio-pong PORT

#include "asio.h"

#include <string>
#include <string_view>

namespace {

constexpr std::string_view Pong = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nPong\n";
constexpr std::string_view LastPong = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nPong\n";
constexpr std::size_t MaxHeaderSize = 16384;

bool isLast(std::string header)
{
    for (char &c : header) {
        c = c >= 'A' && c <= 'Z' ? char(c + 32) : c;
    }
    const bool isOld = header.substr(0, header.find("\r\n")).ends_with("http/1.0");
    return isOld ? header.find("\r\nconnection: keep-alive\r\n") == std::string::npos
                 : header.find("\r\nconnection: close\r\n") != std::string::npos;
}

Task serve(Socket socket)
{
    char buffer[4096];
    std::string received;
    std::string answers;
    for (bool last = false; !last;) {
        const auto [readError, size] = co_await socket.async_read_some(asio::buffer(buffer), awaitable);
        if (readError) {
            co_return;
        }
        received.append(buffer, size);
        answers.clear();
        for (std::size_t end = 0; !last && (end = received.find("\r\n\r\n")) != std::string::npos;) {
            last = isLast(received.substr(0, end + 2));
            answers += last ? LastPong : Pong;
            received.erase(0, end + 4);
        }
        if (received.size() > MaxHeaderSize) {
            co_return;
        }
        const auto [writeError, written] = co_await asio::async_write(socket, asio::buffer(answers), awaitable);
        if (writeError) {
            co_return;
        }
    }
}

} // namespace

int main(int argc, char **argv)
{
    return listenAndServe(argc, argv, serve);
}
