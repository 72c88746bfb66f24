// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The figures of peers with Asyncoro. The other process is this program, too: it is called with "peer".

#include "benchmark.h"
#include "dispatcher.h"

#include <Asyncoro/Channel>
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

Task<int> countMessages(int count)
{
    int received = 0;
    while (received < count) {
        co_await receive();
        ++received;
    }
    co_return received;
}

// What the other process offers.
void offerAll(PeerNetwork &network, std::vector<std::unique_ptr<PeerNetwork>> &idle,
              std::vector<Coro<int>> &subscribers)
{
    network.offer(QStringLiteral("subscribe"), [&subscribers](Channel channel, int coroutines, int messages) -> Task<> {
        for (int i = 0; i < coroutines; ++i) {
            subscribers.push_back(spawn(countMessages, messages));
            subscribers.back().setDaemon();
            co_await channel.subscribe(subscribers.back(), QDeadlineTimer::Forever);
        }
    });
    network.offer(QStringLiteral("total"), [&subscribers]() -> Task<int> {
        int total = 0;
        for (const Coro<int> &subscriber : subscribers)
            total += co_await subscriber;
        co_return total;
    });
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
    std::vector<Coro<int>> subscribers;
    offerAll(network, idle, subscribers);
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

Task<> publish(Channel channel, int count)
{
    for (int i = 1; i <= count; ++i) {
        if (i % 100 == 0)
            co_await channel.deliver(i); // no faster than the slowest
        else
            channel.send(i);
    }
}

void channel(int count)
{
    constexpr int Processes = 10;
    constexpr int CoroutinesEach = 100;
    std::vector<OtherProcess> others(Processes);
    PeerNetwork network;
    const Channel channel(QStringLiteral("figures"));
    for (const OtherProcess &other : others)
        waitFor(network.call(other.location, QStringLiteral("subscribe"), channel, CoroutinesEach, count));
    if (channel.subscriberCount() != Processes * CoroutinesEach)
        fail("not all have subscribed");
    const double start = now();
    std::vector<Coro<int>> totals;
    for (const OtherProcess &other : others)
        totals.push_back(spawn(network.call<int>(other.location, QStringLiteral("total"))));
    waitFor(publish(channel, count));
    int total = 0;
    for (const Coro<int> &one : totals)
        total += waitFor(one);
    const double seconds = now() - start;
    if (total != Processes * CoroutinesEach * count)
        fail("not all messages have arrived");
    print("channel", total / seconds, "msg/s");
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
                {"channel", channel, 2'000},
                {"idle", idle, 1'000}});
}
