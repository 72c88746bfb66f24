// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Many connections between two processes, opened, used and closed 20 times over: nothing is left behind on either side.
// Each process needs as many descriptors and some more.

#include <Asyncoro/AsyncServer>
#include <Asyncoro/AsyncSocket>
#include <Asyncoro/Coro>
#include <Asyncoro/Event>
#include <Asyncoro/Insight>
#include <Asyncoro/Scope>
#include <Asyncoro/Semaphore>

#include <QAbstractEventDispatcher>
#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QProcess>
#include <QScopeGuard>
#include <QTcpSocket>
#include <QTest>

#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace Asyncoro;
using namespace std::chrono_literals;

namespace {

constexpr int Rounds = 20;
constexpr int FirstRounds = 3; // until then memory may grow: buffers, tables and pools get their size
constexpr int AtOnce = 500; // connections that are being made
constexpr auto Patience = 60s;

/** What a process holds. */
struct Usage {
    static Usage now()
    {
        QFile statm(QStringLiteral("/proc/self/statm"));
        if (!statm.open(QIODevice::ReadOnly))
            throw Error(statm.errorString());
        const qint64 pages = statm.readAll().split(' ').value(1).toLongLong();
        statm.close();
        return {.descriptors = qint64(QDir(QStringLiteral("/proc/self/fd")).count()),
                .coroutines = liveCoroutines().size(),
                .heap = qint64(mallinfo2().uordblks), // 0 with a sanitizer's allocator, which finds leaks by itself
                .resident = pages * sysconf(_SC_PAGESIZE)};
    }

    [[nodiscard]] QString text() const
    {
        return QStringLiteral("%1 descriptors, %2 coroutines, %3 bytes of heap, %4 bytes resident")
            .arg(descriptors)
            .arg(coroutines)
            .arg(heap)
            .arg(resident);
    }

    qint64 descriptors = 0;
    qint64 coroutines = 0;
    qint64 heap = 0;
    qint64 resident = 0;
};

/** Compares what a process holds after each round. */
class Balance
{
public:
    void check(int round)
    {
        const Usage now = Usage::now();
        if (round < FirstRounds)
            m_before = now;
        const auto over = [&](qint64 Usage::*what, qint64 allowed) { return now.*what > m_before.*what + allowed; };
        // What is resident depends on where the heap has holes.
        if (over(&Usage::descriptors, 0) || over(&Usage::coroutines, 0) || over(&Usage::heap, 64 * 1024)
            || (now.heap > 0 && over(&Usage::resident, m_before.resident / 4 + 8 * 1024 * 1024)))
            throw Error(QStringLiteral("after round %1: %2; before: %3").arg(round).arg(now.text(), m_before.text()));
    }

private:
    Usage m_before;
};

void raiseFileLimit(int needed)
{
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < rlim_t(needed))
        throw Error(QStringLiteral("%1 descriptors are needed, and %2 allowed").arg(needed).arg(limit.rlim_cur));
}

// --- The client's process ---

struct Round {
    Location server;
    int connections = 0;
    Semaphore connecting{AtOnce};
    Event allOpen;
    int open = 0;
};

Task<> exchange(AsyncSocket &socket, int number)
{
    const QByteArray message = QByteArray::number(number).rightJustified(64, '.');
    co_await socket.sendAll(message, Patience);
    if (co_await socket.recvAll(message.size(), Patience) != message)
        throw Error(QStringLiteral("another answer"));
}

Task<> use(Round &round, int number)
{
    AsyncSocket socket;
    {
        const auto turn = co_await round.connecting.acquire(1, Patience);
        co_await socket.connect(round.server, Patience);
        co_await exchange(socket, number);
    }
    if (++round.open == round.connections)
        round.allOpen.set();
    co_await round.allOpen.wait(Patience);
    co_await exchange(socket, number + 1);
    if (number % 2 == 0)
        co_return; // the destructor closes it
    const linger none{.l_onoff = 1, .l_linger = 0};
    setsockopt(int(socket.socket()->socketDescriptor()), SOL_SOCKET, SO_LINGER, &none, sizeof none);
    socket.abort(); // resets it
}

Task<> client(quint16 port)
{
    AsyncSocket control;
    co_await control.connect(QStringLiteral("127.0.0.1"), port);
    Balance balance;
    for (int n = 0; n < Rounds; ++n) {
        const QByteArrayList order = (co_await control.recvMessage()).split(' ');
        Round round;
        round.server = Location(QString::fromLatin1(order.value(0)), order.value(1).toUShort());
        round.connections = order.value(2).toInt();
        raiseFileLimit(round.connections + 100);
        co_await withScope([&round](Scope &scope) -> Task<> {
            for (int i = 0; i < round.connections; ++i)
                scope.spawn(use, std::ref(round), i);
            co_return;
        });
        balance.check(n);
        co_await control.sendMessage("done");
    }
    co_await control.recvMessage(); // the end of the stream
}

int clientMain(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    try {
        waitFor(spawn(client, QString::fromLatin1(argv[2]).toUShort()));
    } catch (const EndOfStream &) {
        return 0;
    } catch (const Error &e) {
        std::fprintf(stderr, "the client: %s\n", e.what());
    }
    return 1;
}

// --- The server's process ---

struct Count {
    int now = 0;
    int most = 0;
};

Task<> echo(AsyncSocket socket, Count &open)
{
    open.most = std::max(open.most, ++open.now);
    const auto leave = qScopeGuard([&open] { --open.now; });
    for (;;) {
        const QByteArray bytes = co_await socket.recv();
        if (bytes.isEmpty())
            break;
        co_await socket.sendAll(bytes);
    }
}

Task<> soak(AsyncSocket &control, int connections)
{
    Balance balance;
    for (int n = 0; n < Rounds; ++n) {
        // To each address there are 28,000 ports, and the system keeps those of closed connections for a minute.
        AsyncServer server;
        server.listen(QHostAddress(QStringLiteral("127.0.0.%1").arg(n + 2)));
        Count open;
        co_await withScope([&](Scope &scope) -> Task<> {
            scope.spawn(server.serve([&open](AsyncSocket socket) { return echo(std::move(socket), open); }));
            const Location location = server.location();
            co_await control.sendMessage(location.address().toLatin1() + ' ' + QByteArray::number(location.port())
                                         + ' ' + QByteArray::number(connections));
            co_await control.recvMessage(); // it is done
            server.stop(Patience);
        });
        if (open.most != connections || open.now != 0)
            throw Error(QStringLiteral("%1 were open at a time, %2 still are").arg(open.most).arg(open.now));
        balance.check(n);
    }
}

bool mayHaveMany()
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;
#else
    return QAbstractEventDispatcher::instance()->inherits("Asyncoro::Detail::LinuxEventDispatcher");
#endif
}

int mostFiles()
{
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    return int(std::min<rlim_t>(limit.rlim_max, 1'000'000));
}

} // namespace

class SoakTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void nothingIsLeftBehind_data()
    {
        QTest::addColumn<int>("connections");
        QTest::newRow("500") << 500;
        QTest::newRow("10,000") << 10'000;
    }

    void nothingIsLeftBehind()
    {
        QFETCH(int, connections);
        if (connections > 500 && !mayHaveMany())
            QSKIP("Qt's dispatcher or a sanitizer makes minutes of it");
        if (connections + 100 > mostFiles())
            QSKIP("so many descriptors are not allowed here: raise the hard limit of RLIMIT_NOFILE");
        raiseFileLimit(connections + 100);
        AsyncServer entrance;
        entrance.listen(QHostAddress::LocalHost);
        QProcess other;
        other.setProcessChannelMode(QProcess::ForwardedChannels);
        other.start(QCoreApplication::applicationFilePath(),
                    {QStringLiteral("--client"), QString::number(entrance.location().port())});
        try {
            waitFor(spawn([&]() -> Task<> {
                AsyncSocket control = co_await entrance.accept(Patience);
                co_await soak(control, connections);
            }));
        } catch (const Error &e) {
            other.waitForFinished();
            QFAIL(e.what());
        }
        QVERIFY(other.waitForFinished());
        QCOMPARE(other.exitStatus(), QProcess::NormalExit);
        QCOMPARE(other.exitCode(), 0);
    }
};

int main(int argc, char **argv)
{
    if (argc == 3 && QByteArrayView(argv[1]) == "--client")
        return clientMain(argc, argv);
    QCoreApplication app(argc, argv);
    SoakTest test;
    return QTest::qExec(&test, argc, argv);
}

#include "soaktest.moc"
