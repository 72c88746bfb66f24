// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The load of the net figures: opens connections to an echo server, has some of them exchange messages, and checks
// every byte.
//
//   net-load PORT [--mode echo|accept|stream] [--connections N] [--active M] [--seconds S] [--size BYTES]
//            [--bytes BYTES] [--pid PID]
//
// echo    opens N connections, exchanges one message over each, so that the server is known to serve it, then keeps one
//         message in flight on each of M of them for S seconds. Prints messages a second, and with --pid (the server's)
//         its memory per connection.
// accept  keeps N connections busy, each of which connects, exchanges one message and closes, again and again. Prints
//         connections a second.
// stream  sends --bytes over one connection as fast as they go, and reads them back. Prints how much came back a
//         second, and with --pid the most memory that the server has held.

#include "benchmark.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

using namespace Benchmark;

namespace {

struct Options {
    int port = 0;
    std::string mode = "echo";
    int connections = 100;
    int active = 100;
    double seconds = 1;
    int size = 64;
    std::int64_t bytes = 4'000'000'000;
    int pid = 0;
};

struct Connection {
    int fd = -1;
    int number = 0;
    bool connected = false;
    int sent = 0;
    int received = 0;
    std::vector<char> message;
    std::vector<char> answer;
};

[[noreturn]] void failErrno(const char *what)
{
    std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
    std::exit(1);
}

class Load
{
public:
    explicit Load(const Options &options)
        : m_options(options)
        , m_epoll(epoll_create1(EPOLL_CLOEXEC))
        , m_connections(std::size_t(options.connections))
    {
        for (int i = 0; i < options.connections; ++i) {
            Connection &c = m_connections[std::size_t(i)];
            c.number = i;
            c.message.resize(std::size_t(options.size));
            c.answer.resize(std::size_t(options.size));
        }
    }

    void echo()
    {
        const double before = m_options.pid ? serverMemory() : 0;
        // A few at a time, as the queue of a listening socket is short.
        int opened = 0;
        int ready = 0;
        const auto openNext = [&] {
            if (opened < m_options.connections) {
                open(m_connections[std::size_t(opened++)]);
            }
        };
        for (int i = 0; i < 100; ++i) {
            openNext();
        }
        while (ready < m_options.connections) {
            poll([&](Connection &) {
                ++ready;
                openNext();
            });
        }
        if (m_options.pid) {
            print("memory", (serverMemory() - before) / m_options.connections, "B");
        }

        const int active = std::min(m_options.active, m_options.connections);
        for (int i = 0; i < active; ++i) {
            startMessage(m_connections[std::size_t(std::int64_t(i) * m_options.connections / active)]);
        }
        std::int64_t messages = 0;
        const auto next = [&](Connection &c) {
            ++messages;
            startMessage(c);
        };
        const double rate = measure(messages, [&] { poll(next); });
        print("messages", rate, "msg/s");
    }

    void accept()
    {
        for (Connection &c : m_connections) {
            open(c);
        }
        std::int64_t connections = 0;
        const auto next = [&](Connection &c) {
            ++connections;
            ::close(c.fd);
            open(c);
        };
        const double rate = measure(connections, [&] { poll(next); });
        print("connections", rate, "conn/s");
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
        std::int64_t sent = 0;
        std::int64_t received = 0;
        std::vector<char> buffer(block);
        const double start = now();
        while (received < m_options.bytes) {
            epoll_event event;
            epoll_wait(m_epoll, &event, 1, 10);
            while (true) { // edge-triggered: both ways until neither goes on
                const std::size_t more = std::size_t(std::min<std::int64_t>(block, m_options.bytes - sent));
                errno = EAGAIN; // if all is sent
                const ssize_t out = more ? ::send(c.fd, pattern.data() + sent % period, more, MSG_NOSIGNAL) : -1;
                const ssize_t in = ::recv(c.fd, buffer.data(), block, 0);
                if (in == 0) {
                    fail("the server closed the connection");
                }
                if ((out < 0 || in < 0) && errno != EAGAIN) {
                    failErrno("stream");
                }
                const char *expected = pattern.data() + std::size_t(received) % period;
                if (in > 0 && std::memcmp(buffer.data(), expected, std::size_t(in)) != 0) {
                    fail("the server sent back other bytes than it got");
                }
                sent += std::max<ssize_t>(out, 0);
                received += std::max<ssize_t>(in, 0);
                if (out < 0 && in < 0) {
                    break;
                }
            }
        }
        print("stream", double(received) / (now() - start) / 1e6, "MB/s");
        if (m_options.pid) {
            print("peak", serverPeak() / 1e6, "MB");
        }
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
        c.connected = ::connect(c.fd, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0;
        if (!c.connected && errno != EINPROGRESS) {
            failErrno("connect");
        }
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;
        event.data.ptr = &c;
        if (epoll_ctl(m_epoll, EPOLL_CTL_ADD, c.fd, &event) != 0) {
            failErrno("epoll_ctl");
        }
        startMessage(c);
    }

    // Each message differs from the last one of its connection and from those of others.
    void startMessage(Connection &c)
    {
        const std::uint32_t seed = ++m_seed * 2654435761U + std::uint32_t(c.number);
        for (std::size_t i = 0; i < c.message.size(); ++i) {
            c.message[i] = char(seed >> (i % 4 * 8)) + char(i);
        }
        c.sent = 0;
        c.received = 0;
        if (c.connected) {
            write(c);
        }
    }

    void write(Connection &c)
    {
        while (c.sent < m_options.size) {
            const std::size_t left = std::size_t(m_options.size - c.sent);
            const ssize_t n = ::send(c.fd, c.message.data() + c.sent, left, MSG_NOSIGNAL);
            if (n < 0) {
                if (errno == EAGAIN) {
                    return;
                }
                failErrno("send");
            }
            c.sent += int(n);
        }
    }

    // True when the whole answer is there.
    bool read(Connection &c)
    {
        const ssize_t n = ::recv(c.fd, c.answer.data() + c.received, std::size_t(m_options.size - c.received), 0);
        if (n < 0) {
            if (errno == EAGAIN) {
                return false;
            }
            failErrno("recv");
        }
        if (n == 0) {
            fail("the server closed a connection");
        }
        c.received += int(n);
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
            if (!c.connected) {
                int error = 0;
                socklen_t length = sizeof error;
                getsockopt(c.fd, SOL_SOCKET, SO_ERROR, &error, &length);
                if (error) {
                    errno = error;
                    failErrno("connect");
                }
                c.connected = (events[i].events & EPOLLOUT) != 0;
            }
            if (c.connected && c.sent < m_options.size) {
                write(c);
            }
            // Edge-triggered: an answer that is there in part is announced again when its rest comes.
            if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && read(c)) {
                answered(c);
            }
        }
    }

    double serverMemory() const
    {
        const std::string path = "/proc/" + std::to_string(m_options.pid) + "/statm";
        long total = 0;
        long resident = 0;
        std::FILE *file = std::fopen(path.c_str(), "r");
        if (!file || std::fscanf(file, "%ld %ld", &total, &resident) != 2) {
            failErrno(path.c_str());
        }
        std::fclose(file);
        return double(resident) * double(sysconf(_SC_PAGESIZE));
    }

    // The most that it has held at any time.
    double serverPeak() const
    {
        const std::string path = "/proc/" + std::to_string(m_options.pid) + "/status";
        std::FILE *file = std::fopen(path.c_str(), "r");
        if (!file) {
            failErrno(path.c_str());
        }
        char line[256];
        long kilobytes = 0;
        while (std::fgets(line, sizeof line, file) && std::sscanf(line, "VmHWM: %ld", &kilobytes) != 1) { }
        std::fclose(file);
        return double(kilobytes) * 1024;
    }

    const Options m_options;
    const int m_epoll;
    std::uint32_t m_seed = 0;
    std::vector<Connection> m_connections;
};

} // namespace

int main(int argc, char **argv)
{
    Options options;
    if (argc < 2 || argc % 2 != 0) {
        fail("usage: net-load PORT [--mode echo|accept|stream] [--connections N] [--active M] [--seconds S] "
             "[--size BYTES] [--bytes BYTES] [--pid PID]");
    }
    options.port = std::atoi(argv[1]);
    for (int i = 2; i < argc; i += 2) {
        const std::string name = argv[i];
        const char *value = argv[i + 1];
        if (name == "--mode") {
            options.mode = value;
        } else if (name == "--connections") {
            options.connections = std::atoi(value);
        } else if (name == "--active") {
            options.active = std::atoi(value);
        } else if (name == "--seconds") {
            options.seconds = std::atof(value);
        } else if (name == "--size") {
            options.size = std::atoi(value);
        } else if (name == "--bytes") {
            options.bytes = std::atoll(value);
        } else if (name == "--pid") {
            options.pid = std::atoi(value);
        } else {
            std::fprintf(stderr, "unknown option %s\n", argv[i]);
            return 2;
        }
    }
    if (options.connections < 1 || options.active < 1 || options.size < 1) {
        fail("connections, active and size are at least 1");
    }
    raiseFileLimit();
    Load load(options);
    if (options.mode == "echo") {
        load.echo();
    } else if (options.mode == "accept") {
        load.accept();
    } else if (options.mode == "stream") {
        load.stream();
    } else {
        fail("the mode is echo, accept or stream");
    }
    // Ends at once: the answers still in flight are nobody's.
    std::fflush(stdout);
    std::_Exit(0);
}
