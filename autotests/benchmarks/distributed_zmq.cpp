// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The figures of peers with ZeroMQ: raw bytes over TCP on loopback, without types, proof of who it is, or
// acknowledgement.

#include "benchmark.h"

#include <zmq.h>

#include <csignal>
#include <cstring>
#include <string>

#include <sys/prctl.h>
#include <sys/wait.h>

using namespace Benchmark;

namespace {

void check(bool ok)
{
    if (!ok)
        fail(zmq_strerror(zmq_errno()));
}

class Socket
{
public:
    explicit Socket(int type)
        : m_context(zmq_ctx_new())
        , m_socket(zmq_socket(m_context, type))
    {
        check(m_socket != nullptr);
    }
    ~Socket()
    {
        zmq_close(m_socket);
        zmq_ctx_term(m_context);
    }
    Socket(const Socket &) = delete;
    Socket &operator=(const Socket &) = delete;

    std::string bind()
    {
        check(zmq_bind(m_socket, "tcp://127.0.0.1:*") == 0);
        char address[256];
        std::size_t size = sizeof address;
        check(zmq_getsockopt(m_socket, ZMQ_LAST_ENDPOINT, address, &size) == 0);
        return address;
    }
    void connect(const std::string &address) { check(zmq_connect(m_socket, address.c_str()) == 0); }
    void send(const void *bytes, std::size_t size, int flags = 0)
    {
        check(zmq_send(m_socket, bytes, size, flags) >= 0);
    }
    int receive(void *bytes, std::size_t size)
    {
        const int got = zmq_recv(m_socket, bytes, size, 0);
        check(got >= 0);
        return got;
    }

private:
    void *const m_context;
    void *const m_socket;
};

// Runs `serve` in another process, which writes to `to` where it listens.
template<typename Serve>
pid_t startOther(int to, Serve serve)
{
    const pid_t other = fork();
    check(other >= 0);
    if (other == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve([to](const std::string &address) { check(write(to, address.c_str(), address.size() + 1) > 0); });
        _exit(0);
    }
    return other;
}

// Calls `measure` with where `serve` listens in another process.
template<typename Serve, typename Measure>
void withOther(Serve serve, Measure measure)
{
    int ends[2];
    check(pipe(ends) == 0);
    const pid_t other = startOther(ends[1], serve);
    char address[256] = {};
    check(read(ends[0], address, sizeof address - 1) > 0);
    measure(std::string(address));
    kill(other, SIGKILL);
    waitpid(other, nullptr, 0);
}

void measureSend(const char *name, std::size_t size, int count)
{
    char answer = 0;
    withOther(
        [&](auto tell) {
            Socket sink(ZMQ_PULL);
            Socket done(ZMQ_PUSH);
            char bytes[64];
            tell(sink.bind());
            sink.receive(bytes, sizeof bytes); // where the end is to be told
            done.connect(bytes);
            for (int i = 0; i < count; ++i)
                sink.receive(bytes, sizeof bytes);
            done.send("x", 1);
            pause();
        },
        [&](const std::string &address) {
            Socket source(ZMQ_PUSH);
            Socket done(ZMQ_PULL);
            source.connect(address);
            const std::string end = done.bind();
            source.send(end.c_str(), end.size() + 1);
            const char bytes[64] = {};
            const double start = now();
            for (int i = 0; i < count; ++i)
                source.send(bytes, size);
            done.receive(&answer, 1);
            print(name, count / (now() - start), "msg/s");
        });
}

void sendInts(int count)
{
    measureSend("send-int", 4, count);
}

void sendBytes(int count)
{
    measureSend("send-bytes", 32, count);
}

void deliver(int count)
{
    withOther(
        [](auto tell) {
            Socket server(ZMQ_REP);
            char bytes[64];
            tell(server.bind());
            for (;;) {
                const int size = server.receive(bytes, sizeof bytes);
                server.send(bytes, std::size_t(size));
            }
        },
        [&](const std::string &address) {
            Socket client(ZMQ_REQ);
            client.connect(address);
            int number = 0;
            const auto ask = [&](int times) {
                for (int i = 0; i < times; ++i) {
                    client.send(&i, sizeof i);
                    client.receive(&number, sizeof number);
                    if (number != i)
                        fail("another answer");
                }
            };
            ask(100);
            const double start = now();
            ask(count);
            print("deliver", (now() - start) / count * 1e6, "us");
        });
}

// A thousand requests under way at any time.
void deliverMany(int count)
{
    constexpr int UnderWay = 1000;
    withOther(
        [](auto tell) {
            Socket server(ZMQ_ROUTER);
            char identity[256];
            char bytes[64];
            tell(server.bind());
            for (;;) {
                const int length = server.receive(identity, sizeof identity);
                const int size = server.receive(bytes, sizeof bytes);
                server.send(identity, std::size_t(length), ZMQ_SNDMORE);
                server.send(bytes, std::size_t(size));
            }
        },
        [&](const std::string &address) {
            Socket client(ZMQ_DEALER);
            client.connect(address);
            int number = 0;
            const double start = now();
            for (int i = 0; i < count + UnderWay; ++i) {
                if (i >= UnderWay)
                    client.receive(&number, sizeof number);
                if (i < count)
                    client.send(&i, sizeof i);
            }
            print("deliver-many", count / (now() - start), "msg/s");
        });
}

} // namespace

int main(int argc, char **argv)
{
    return run(argc, argv,
               {{"send-int", sendInts, 1'000'000},
                {"send-bytes", sendBytes, 1'000'000},
                {"deliver", deliver, 10'000},
                {"deliver-many", deliverMany, 200'000}});
}
