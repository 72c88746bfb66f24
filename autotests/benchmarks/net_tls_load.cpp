// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The load of the TLS figures: opens TLS 1.3 connections to an echo server, exchanges messages and checks every byte.
//
//   net-tls-load PORT [--mode echo|accept|stream] [--connections N] [--seconds S] [--size BYTES]
//
// echo    keeps one message in flight on each of N connections for S seconds. Prints messages a second.
// accept  keeps N connections busy, each of which connects, exchanges one message and closes, again and again, without
//         resumption. Prints connections a second.
// stream  sends as much as goes over one connection, and reads it back. Prints how much came back a second.

#include "benchmark.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

using namespace Benchmark;

namespace {

struct Options {
    int port = 0;
    std::string mode = "echo";
    int connections = 100;
    double seconds = 1;
    int size = 64;
};

struct Connection {
    int fd = -1;
    int number = 0;
    SSL *ssl = nullptr;
    bool secured = false;
    bool sent = false;
    int received = 0;
    std::vector<char> message;
    std::vector<char> answer;
};

[[noreturn]] void failErrno(const char *what)
{
    std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
    std::exit(1);
}

[[noreturn]] void failTls(const char *what)
{
    std::fprintf(stderr, "%s: ", what);
    ERR_print_errors_fp(stderr);
    std::fprintf(stderr, "\n");
    std::exit(1);
}

class Load
{
public:
    explicit Load(const Options &options)
        : m_options(options)
        , m_epoll(epoll_create1(EPOLL_CLOEXEC))
        , m_context(SSL_CTX_new(TLS_client_method()))
        , m_connections(std::size_t(options.connections))
    {
        SSL_CTX_set_mode(m_context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        for (int i = 0; i < options.connections; ++i) {
            Connection &c = m_connections[std::size_t(i)];
            c.number = i;
            c.message.resize(std::size_t(options.size));
            c.answer.resize(std::size_t(options.size));
        }
    }

    void echo()
    {
        int ready = 0;
        for (Connection &c : m_connections) {
            open(c);
        }
        while (ready < m_options.connections) {
            poll([&](Connection &) { ++ready; });
        }
        for (Connection &c : m_connections) {
            startMessage(c);
        }
        std::int64_t messages = 0;
        const auto next = [&](Connection &c) {
            ++messages;
            startMessage(c);
        };
        const double rate = measure(messages, [&] { poll(next); });
        print("tls-messages", rate, "msg/s");
    }

    void accept()
    {
        for (Connection &c : m_connections) {
            open(c);
        }
        std::int64_t connections = 0;
        const auto next = [&](Connection &c) {
            ++connections;
            SSL_free(c.ssl);
            ::close(c.fd);
            open(c);
        };
        const double rate = measure(connections, [&] { poll(next); });
        print("tls-connections", rate, "conn/s");
    }

    void stream()
    {
        // The byte at position p is pattern[p % period]: a prime, so that lost or doubled blocks show.
        constexpr std::size_t period = 65521;
        constexpr std::size_t block = 65536;
        std::vector<char> pattern(period + block);
        for (std::size_t i = 0; i < pattern.size(); ++i) {
            pattern[i] = char(std::uint32_t(i % period) * 2654435761U >> 24);
        }
        Connection &c = m_connections.front();
        open(c);
        bool ready = false;
        while (!ready) {
            poll([&](Connection &) { ready = true; });
        }
        std::size_t sent = 0;
        std::int64_t received = 0;
        std::vector<char> buffer(block);
        const double rate = measure(received, [&] {
            epoll_event event;
            epoll_wait(m_epoll, &event, 1, 10);
            while (true) { // edge-triggered: both ways until neither goes on
                ERR_clear_error();
                const int out = SSL_write(c.ssl, pattern.data() + sent % period, block);
                checkWaits(c, out, "stream");
                ERR_clear_error();
                const int in = SSL_read(c.ssl, buffer.data(), block);
                checkWaits(c, in, "stream");
                const char *expected = pattern.data() + std::size_t(received) % period;
                if (in > 0 && std::memcmp(buffer.data(), expected, std::size_t(in)) != 0) {
                    fail("the server sent back other bytes than it got");
                }
                sent += std::size_t(std::max(out, 0));
                received += std::max(in, 0);
                if (out <= 0 && in <= 0) {
                    break;
                }
            }
        });
        print("tls-stream", rate / 1e6, "MB/s");
    }

private:
    // Events a second, after a tenth of the time to warm up.
    template<typename Step>
    double measure(const std::int64_t &count, Step step)
    {
        const double warm = now() + m_options.seconds / 10;
        while (now() < warm) {
            step();
        }
        const std::int64_t first = count;
        const double start = now();
        while (now() < start + m_options.seconds) {
            step();
        }
        return double(count - first) / (now() - start);
    }

    void open(Connection &c)
    {
        c.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (c.fd < 0) {
            failErrno("socket");
        }
        const int on = 1;
        setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (m_options.mode == "accept") {
            const linger reset{1, 0}; // or the system would run out of ports
            setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        }
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(std::uint16_t(m_options.port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(c.fd, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0 && errno != EINPROGRESS) {
            failErrno("connect");
        }
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;
        event.data.ptr = &c;
        if (epoll_ctl(m_epoll, EPOLL_CTL_ADD, c.fd, &event) != 0) {
            failErrno("epoll_ctl");
        }
        c.ssl = SSL_new(m_context);
        SSL_set_fd(c.ssl, c.fd);
        SSL_set_connect_state(c.ssl);
        c.secured = false;
        prepareMessage(c);
    }

    // Each message differs from the last one of its connection and from those of others.
    void prepareMessage(Connection &c)
    {
        const std::uint32_t seed = ++m_seed * 2654435761U + std::uint32_t(c.number);
        for (std::size_t i = 0; i < c.message.size(); ++i) {
            c.message[i] = char(seed >> (i % 4 * 8)) + char(i);
        }
        c.sent = false;
        c.received = 0;
    }

    void startMessage(Connection &c)
    {
        prepareMessage(c);
        write(c);
    }

    void write(Connection &c)
    {
        const int n = SSL_write(c.ssl, c.message.data(), m_options.size);
        checkWaits(c, n, "send");
        c.sent = n > 0;
    }

    // Fails if it is not just that the socket is not ready.
    static void checkWaits(const Connection &c, int result, const char *what)
    {
        if (result > 0) {
            return;
        }
        const int error = SSL_get_error(c.ssl, result);
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
            failTls(what);
        }
    }

    // True when the whole answer has come now.
    bool read(Connection &c)
    {
        if (c.received == m_options.size) {
            return false; // woken by a session ticket
        }
        const int n = SSL_read(c.ssl, c.answer.data() + c.received, m_options.size - c.received);
        checkWaits(c, n, "recv");
        c.received += std::max(n, 0);
        if (c.received < m_options.size) {
            return false;
        }
        if (c.answer != c.message) {
            fail("the server sent back other bytes than it got");
        }
        return true;
    }

    template<typename Answered>
    void poll(Answered answered)
    {
        epoll_event events[512];
        const int n = epoll_wait(m_epoll, events, 512, 10);
        for (int i = 0; i < n; ++i) {
            Connection &c = *static_cast<Connection *>(events[i].data.ptr);
            ERR_clear_error();
            if (!c.secured) {
                const int done = SSL_do_handshake(c.ssl);
                checkWaits(c, done, "handshake");
                if (done <= 0) {
                    continue;
                }
                c.secured = true;
            }
            if (!c.sent) {
                write(c);
            }
            if (c.sent && read(c)) {
                answered(c);
            }
        }
    }

    const Options m_options;
    const int m_epoll;
    SSL_CTX *const m_context;
    std::vector<Connection> m_connections;
    std::uint32_t m_seed = 0;
};

Options parse(int argc, char **argv)
{
    if (argc < 2) {
        fail("usage: net-tls-load PORT [--mode echo|accept|stream] [--connections N] [--seconds S] [--size BYTES]");
    }
    Options options;
    options.port = std::atoi(argv[1]);
    for (int i = 2; i + 1 < argc; i += 2) {
        const std::string name = argv[i];
        const char *const value = argv[i + 1];
        if (name == "--mode") {
            options.mode = value;
        } else if (name == "--connections") {
            options.connections = std::atoi(value);
        } else if (name == "--seconds") {
            options.seconds = std::atof(value);
        } else if (name == "--size") {
            options.size = std::atoi(value);
        } else {
            fail("net-tls-load: an option that it does not have");
        }
    }
    return options;
}

} // namespace

int main(int argc, char **argv)
{
    const Options options = parse(argc, argv);
    raiseFileLimit();
    Load load(options);
    if (options.mode == "stream") {
        load.stream();
    } else if (options.mode == "accept") {
        load.accept();
    } else {
        load.echo();
    }
}
