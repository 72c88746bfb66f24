// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The figures of peers with Asyncoro. The other process is this program, too: it is called with "peer".

#include "benchmark.h"
#include "dispatcher.h"

#include <Asyncoro/PeerNetwork>
#include <Asyncoro/Scope>

#include <QCoreApplication>
#include <QProcess>

#include <csignal>
#include <vector>

#include <sys/prctl.h>

using namespace Asyncoro;
using namespace Benchmark;
using namespace std::chrono_literals;

namespace {

Task<> receiveAll(int count)
{
    for (int i = 0; i < count; ++i)
        co_await receive();
}

Task<> receiveForever()
{
    for (;;)
        co_await receive();
}

// What the other process offers.
void offerAll(PeerNetwork &network, std::vector<std::unique_ptr<PeerNetwork>> &idle)
{
    network.offer(QStringLiteral("sink"), [](int count) -> Task<Coro<>> {
        const Coro<> sink = count > 0 ? Coro<>(spawn(receiveAll, count)) : Coro<>(spawn(receiveForever));
        sink.setDaemon();
        co_return sink;
    });
    network.offer(QStringLiteral("connect"), [&idle](Peer caller, int count) -> Task<> {
        for (int i = 0; i < count; ++i) {
            idle.push_back(std::make_unique<PeerNetwork>());
            co_await idle.back()->connect(caller.location());
        }
    });
}

int runPeer()
{
    PeerNetwork network;
    std::vector<std::unique_ptr<PeerNetwork>> idle;
    offerAll(network, idle);
    std::printf("%s\n", qPrintable(network.location().toString()));
    std::fflush(stdout);
    return QCoreApplication::exec();
}

class OtherProcess
{
public:
    OtherProcess()
    {
        m_process.setProcessChannelMode(QProcess::ForwardedErrorChannel);
        m_process.start(QCoreApplication::applicationFilePath(), {QStringLiteral("peer")});
        while (!m_process.canReadLine()) {
            if (!m_process.waitForReadyRead(10'000))
                fail("the other process does not start");
        }
        location = Location::fromString(QString::fromUtf8(m_process.readLine()).trimmed());
    }
    ~OtherProcess()
    {
        m_process.kill();
        m_process.waitForFinished();
    }

    Location location;

private:
    QProcess m_process;
};

Coro<> sinkOf(PeerNetwork &network, const OtherProcess &other, int count)
{
    return waitFor(network.call<Coro<>>(other.location, QStringLiteral("sink"), count));
}

template<typename Value>
Task<> sendAll(Coro<> sink, Value value, int count)
{
    for (int i = 0; i < count; ++i) {
        if (!sink.send(value))
            co_await sink.deliver(value); // the queue is full: this waits for room
    }
    co_await sink.finish();
}

template<typename Value>
void measureSend(const char *name, const Value &value, int count)
{
    const OtherProcess other;
    PeerNetwork network;
    const Coro<> sink = sinkOf(network, other, count);
    const double start = now();
    waitFor(sendAll(sink, value, count));
    print(name, count / (now() - start), "msg/s");
}

void sendInts(int count)
{
    measureSend("send-int", 42, count);
}

void sendBytes(int count)
{
    measureSend("send-bytes", QByteArray(32, 'x'), count);
}

Task<> deliverAll(Coro<> sink, int count)
{
    for (int i = 0; i < count; ++i)
        co_await sink.deliver(i);
}

void deliver(int count)
{
    const OtherProcess other;
    PeerNetwork network;
    const Coro<> sink = sinkOf(network, other, 0);
    waitFor(deliverAll(sink, 100));
    const double start = now();
    waitFor(deliverAll(sink, count));
    print("deliver", (now() - start) / count * 1e6, "us");
}

void deliverMany(int count)
{
    constexpr int Coroutines = 1000;
    const OtherProcess other;
    PeerNetwork network;
    const Coro<> sink = sinkOf(network, other, 0);
    waitFor(deliverAll(sink, 100));
    const int each = count / Coroutines;
    const double start = now();
    std::vector<Coro<>> all;
    for (int i = 0; i < Coroutines; ++i)
        all.push_back(spawn(deliverAll, sink, each));
    for (const Coro<> &one : all)
        waitFor(one);
    print("deliver-many", each * Coroutines / (now() - start), "msg/s");
}

void idle(int count)
{
    const OtherProcess other;
    PeerNetwork network;
    waitFor(network.call(other.location, QStringLiteral("connect"), count));
    if (network.peers().size() != count + 1)
        fail("not all are connected");
    waitFor([]() -> Task<> { co_await sleep(1s); }());
    const double start = now();
    const double cpu = cpuTime();
    waitFor([]() -> Task<> { co_await sleep(10s); }()); // two signs of life of each
    print("idle", (cpuTime() - cpu) / (now() - start) * 100, "%");
    if (network.peers().size() != count + 1)
        fail("not all are connected still");
}

} // namespace

int main(int argc, char **argv)
{
    useOurDispatcher();
    raiseFileLimit();
    QCoreApplication app(argc, argv);
    if (argc > 1 && std::string_view(argv[1]) == "peer") {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        return runPeer();
    }
    return run(argc, argv,
               {{"send-int", sendInts, 1'000'000},
                {"send-bytes", sendBytes, 1'000'000},
                {"deliver", deliver, 10'000},
                {"deliver-many", deliverMany, 200'000},
                {"idle", idle, 1'000}});
}
