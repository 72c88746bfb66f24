// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// An echo server on epoll by hand: the yardstick, with nothing between it and the kernel. Called as: net-epoll PORT

#include "benchmark.h"

#include <cerrno>
#include <cstdint>
#include <string>
#include <unordered_map>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

using namespace Benchmark;

namespace {

int epollFd = -1;
std::unordered_map<int, std::string> unsent; // what the kernel would not take yet; rare

void watch(int fd, int operation, std::uint32_t events)
{
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (epoll_ctl(epollFd, operation, fd, &event) != 0) {
        fail("epoll_ctl failed");
    }
}

void closeConnection(int fd)
{
    unsent.erase(fd);
    ::close(fd);
}

void acceptAll(int listener)
{
    int fd = -1;
    while ((fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    }
}

// Sends what it can. False when the connection has failed.
bool sendSome(int fd, const char *&data, std::size_t &size)
{
    while (size > 0) {
        const ssize_t n = ::send(fd, data, size, MSG_NOSIGNAL);
        if (n < 0) {
            return errno == EAGAIN;
        }
        data += n;
        size -= std::size_t(n);
    }
    return true;
}

void readable(int fd)
{
    static char buffer[65536];
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) {
            closeConnection(fd);
        }
        return;
    }
    const char *data = buffer;
    std::size_t size = std::size_t(n);
    if (!sendSome(fd, data, size)) {
        closeConnection(fd);
    } else if (size > 0) {
        unsent[fd].assign(data, size);
        watch(fd, EPOLL_CTL_MOD, EPOLLOUT); // reads no more until this is gone
    }
}

void writable(int fd)
{
    std::string &rest = unsent[fd];
    const char *data = rest.data();
    std::size_t size = rest.size();
    if (!sendSome(fd, data, size)) {
        closeConnection(fd);
    } else if (size > 0) {
        rest.erase(0, rest.size() - size);
    } else {
        unsent.erase(fd);
        watch(fd, EPOLL_CTL_MOD, EPOLLIN);
    }
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2) {
        fail("usage: net-epoll PORT");
    }
    raiseFileLimit();
    epollFd = epoll_create1(EPOLL_CLOEXEC);
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    socklen_t length = sizeof address;
    address.sin_family = AF_INET;
    address.sin_port = htons(std::uint16_t(std::atoi(argv[1])));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listener, reinterpret_cast<sockaddr *>(&address), length) != 0 || ::listen(listener, 4096) != 0) {
        fail("cannot listen at that port");
    }
    getsockname(listener, reinterpret_cast<sockaddr *>(&address), &length);
    watch(listener, EPOLL_CTL_ADD, EPOLLIN);
    std::printf("listening %d\n", int(ntohs(address.sin_port)));
    std::fflush(stdout);

    epoll_event events[512];
    while (true) {
        const int n = epoll_wait(epollFd, events, 512, -1);
        for (int i = 0; i < n; ++i) {
            const int fd = events[i].data.fd;
            if (fd == listener) {
                acceptAll(listener);
            } else if ((events[i].events & EPOLLOUT) != 0) {
                writable(fd);
            } else {
                readable(fd);
            }
        }
    }
}
