// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// AsyncServer::serve() and stop()

#include "networktest.h"

#include <Asyncoro/Event>
#include <Asyncoro/Insight>
#include <Asyncoro/Timeout>
#include <Asyncoro/WhenAll>

#include <QMutex>
#include <QRegularExpression>
#include <QScopeGuard>
#include <QSet>
#include <QTest>
#include <QThread>

#include <sys/resource.h>
#include <unistd.h>

using namespace NetworkTest;
using namespace std::chrono_literals;

namespace {

/** A server that listens, and a coroutine that serves it. */
template<typename Handler>
struct Served {
    explicit Served(Handler handler, ServeOptions options = {})
    {
        server.listen(QHostAddress::LocalHost);
        serving = spawn([this, options, handler]() -> Task<> { co_await server.serve(handler, options); });
        letOthersRun();
    }

    [[nodiscard]] AsyncSocket connected() const
    {
        AsyncSocket socket;
        run(socket.connect(server.location()));
        return socket;
    }

    AsyncServer server;
    Coro<> serving;
};

/** Whether the other end of it answers. */
bool isServed(AsyncSocket &socket)
{
    run(socket.sendAll("ping"));
    return run(socket.recvAll(4)) == "ping";
}

Task<> askOften(Location location, int n)
{
    AsyncSocket socket;
    co_await socket.connect(location);
    for (int i = 0; i < 10; ++i) {
        const QByteArray question = QByteArray::number(n * 100 + i).rightJustified(64, '.');
        co_await socket.sendAll(question);
        if (co_await socket.recvAll(64) != question)
            throw Error(QStringLiteral("another answer"));
    }
}

} // namespace

class ServeTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void cleanup() { QTRY_COMPARE(liveCoroutines().size(), 0); }

    void N06_eachConnectionHasItsCoroutine()
    {
        Served served(echo);
        QList<Coro<>> clients;
        for (int i = 0; i < 100; ++i)
            clients << spawn(askOften, served.server.location(), i);
        for (const Coro<> &client : std::as_const(clients))
            waitFor(client);
        AsyncSocket last = served.connected();
        QVERIFY(isServed(last));
        served.serving.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(served.serving));
        QCOMPARE(waitFor(recvToEnd(last)), "");
        AsyncSocket again = served.connected(); // it still listens
        served.serving = spawn([&]() -> Task<> { co_await served.server.serve(echo); });
        QVERIFY(isServed(again));
        served.server.stop(0s);
        waitFor(served.serving);
    }

    void N06_aHandlerThatFailsEndsItsConnectionOnly()
    {
        Served served([](AsyncSocket socket) -> Task<> {
            for (;;) {
                const QByteArray bytes = co_await socket.recvAll(4);
                if (bytes == "fail")
                    throw Error(QStringLiteral("no such command"));
                co_await socket.sendAll(bytes);
            }
        });
        AsyncSocket good = served.connected();
        AsyncSocket bad = served.connected();
        AsyncSocket rude = served.connected();
        QVERIFY(isServed(good));
        QVERIFY(isServed(rude));
        const QString from = bad.localLocation().toString();
        QTest::ignoreMessage(QtWarningMsg,
                             qPrintable(QStringLiteral("closed the connection to %1 as its handler failed: "
                                                       "no such command").arg(from)));
        run(bad.sendAll("fail"));
        QCOMPARE(waitFor(recvToEnd(bad)), "");
        reset(rude); // no line in the log: clients come and go
        QVERIFY(isServed(good));
        AsyncSocket next = served.connected();
        QVERIFY(isServed(next));
        served.server.stop(0s);
        waitFor(served.serving);
    }

    // All at once. None of them keeps the good one waiting, and those that are left end with the server.
    void N06_servesAmongClientsOfAllSorts()
    {
        Served served(echo);
        const quint16 port = served.server.location().port();
        RawPeer stalling = rawClient(port);
        RawPeer resetting = rawClient(port);
        RawPeer halfClosing = rawClient(port);
        RawPeer dripping = rawClient(port);
        RawPeer flooding = rawClient(port); // and takes no answer
        std::vector<RawPeer> comingAndGoing;
        for (int i = 0; i < 100; ++i)
            comingAndGoing.push_back(rawClient(port));
        AsyncSocket good = served.connected();
        for (int i = 0; i < 20; ++i) {
            dripping.send("x");
            flooding.flood(QByteArray(100'000, 'x'));
            QVERIFY(isServed(good));
        }
        resetting.send("x");
        resetting.reset();
        halfClosing.send("x");
        halfClosing.halfClose();
        for (RawPeer &peer : comingAndGoing)
            peer.reset();
        QVERIFY(isServed(good));
        QByteArray answers;
        QTRY_VERIFY((answers += halfClosing.recv(), halfClosing.isAtEnd()));
        QCOMPARE(answers, "x");
        answers.clear();
        QTRY_COMPARE((answers += dripping.recv()), QByteArray(20, 'x'));
        served.server.stop(10ms);
        waitFor(served.serving);
        stalling.recv();
        QVERIFY(stalling.isAtEnd());
    }

    void N06_aPlainFunctionThatThrowsIsAHandlerToo()
    {
        Served served([](const AsyncSocket &) -> Task<> { throw Error(QStringLiteral("at once")); });
        QTest::ignoreMessage(QtWarningMsg, QRegularExpression(QStringLiteral("handler failed: at once$")));
        AsyncSocket socket = served.connected();
        QCOMPARE(waitFor(recvToEnd(socket)), "");
        served.server.stop(0s);
        waitFor(served.serving);
    }

    void N06_noMoreConnectionsThanTheLimit()
    {
        int open = 0;
        int most = 0;
        Served served([&](AsyncSocket socket) -> Task<> {
            most = std::max(most, ++open);
            co_await echo(std::move(socket));
            --open;
        }, {.maxConnections = 3});
        std::vector<AsyncSocket> sockets;
        for (int i = 0; i < 10; ++i)
            sockets.push_back(served.connected()); // by the system
        for (AsyncSocket &socket : sockets)
            run(socket.sendAll("ping"));
        for (AsyncSocket &socket : sockets) { // in the order in which they came
            QCOMPARE(run(socket.recvAll(4)), "ping");
            socket.close();
        }
        QCOMPARE(most, 3);
        for (int i = 0; i < 3; ++i)
            sockets[i] = served.connected();
        for (int i = 0; i < 3; ++i)
            QVERIFY(isServed(sockets[i]));
        const AsyncSocket waits = served.connected();
        served.server.stop(0s); // while it waits for one to end
        waitFor(served.serving);
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(served.server.serve(echo, {.maxConnections = 0})));
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(served.server.serve(echo, {.threads = 0})));
    }

    void N06_stopsInOrder()
    {
        Served served(echo);
        AsyncSocket socket = served.connected();
        QVERIFY(isServed(socket));
        served.server.stop(QDeadlineTimer::Forever);
        QVERIFY(!served.server.isListening());
        AsyncSocket late;
        QVERIFY_THROWS_EXCEPTION(SocketError, run(late.connect(socket.peerLocation())));
        QVERIFY(isServed(socket)); // that one goes on
        QVERIFY(served.serving.isRunning());
        socket.close();
        waitFor(served.serving);
    }

    void N06_cancelsWhatIsLeftAtTheDeadline()
    {
        bool cleanedUp = false;
        Served served([&](AsyncSocket socket) -> Task<> {
            const QByteArray first = co_await socket.recv();
            co_await socket.sendAll(first);
            bool cancelled = false;
            try {
                co_await socket.recv();
            } catch (const Cancelled &) {
                cancelled = true;
            }
            co_await shield(sleep(10ms));
            cleanedUp = cancelled;
        });
        AsyncSocket socket = served.connected();
        QVERIFY(isServed(socket));
        served.server.stop(1h);
        served.server.stop(20ms); // less counts
        served.server.stop(1h); // more does not
        waitFor(served.serving);
        QVERIFY(cleanedUp);
        QCOMPARE(waitFor(recvToEnd(socket)), "");
    }

    void N06_stopWhileNothingIsOpen()
    {
        Served served(echo);
        served.server.stop(QDeadlineTimer::Forever);
        waitFor(served.serving);
        AsyncServer idle;
        idle.listen(QHostAddress::LocalHost);
        idle.stop(0s); // nobody serves it
        QVERIFY(!idle.isListening());
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(idle.serve(echo)));
    }

    void N06_closedOrDestroyedWhileItServes_data()
    {
        QTest::addColumn<bool>("destroy");
        QTest::addColumn<bool>("atLimit");
        for (const bool destroy : {false, true}) {
            for (const bool atLimit : {false, true}) {
                QTest::addRow("%s, %s", destroy ? "destroyed" : "closed", atLimit ? "at the limit" : "accepting")
                    << destroy << atLimit;
            }
        }
    }
    void N06_closedOrDestroyedWhileItServes()
    {
        QFETCH(const bool, destroy);
        QFETCH(const bool, atLimit);
        Served served(echo, {.maxConnections = atLimit ? 1 : 2});
        AsyncSocket socket = served.connected();
        QVERIFY(isServed(socket));
        if (destroy)
            served.server = AsyncServer();
        else
            served.server.close();
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(served.serving));
        QCOMPARE(waitFor(recvToEnd(socket)), "");
    }

    void N06_theServerMayBeMovedWhileItServes()
    {
        Served served(echo);
        AsyncServer moved = std::move(served.server);
        AsyncSocket socket;
        run(socket.connect(moved.location()));
        QVERIFY(isServed(socket));
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(moved.serve(echo))); // it is served already
        QVERIFY(isServed(socket));
        moved.stop(0s);
        waitFor(served.serving);
    }

    void N06_aTimeOutAroundItEndsAll()
    {
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        AsyncSocket socket;
        run(socket.connect(server.location()));
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(withTimeout(500ms, server.serve(echo))));
        QCOMPARE(waitFor(recvToEnd(socket)), "");
    }

    void N06_goesOnAsSoonAsThereIsADescriptor()
    {
        Served served(echo);
        std::vector<AsyncSocket> clients(2);
        AsyncSocket first = served.connected();
        QVERIFY(isServed(first));
        for (AsyncSocket &client : clients)
            QVERIFY(client.socket()->bind(QHostAddress::LocalHost)); // has its descriptor now
        rlimit before{};
        QCOMPARE(getrlimit(RLIMIT_NOFILE, &before), 0);
        const int next = dup(0);
        close(next);
        const rlimit none{.rlim_cur = rlim_t(next), .rlim_max = before.rlim_max};
        QCOMPARE(setrlimit(RLIMIT_NOFILE, &none), 0);
        QTest::ignoreMessage(QtWarningMsg,
                             QRegularExpression(QStringLiteral("^cannot accept connections at port \\d+")));
        for (AsyncSocket &client : clients)
            run(client.connect(served.server.location()));
        rusage usage{};
        getrusage(RUSAGE_SELF, &usage);
        QTest::qWait(300); // a loop that tried all the time would use all of this
        rusage after{};
        getrusage(RUSAGE_SELF, &after);
        const auto milliseconds = [](const rusage &all) {
            return (all.ru_utime.tv_sec + all.ru_stime.tv_sec) * 1000
                + (all.ru_utime.tv_usec + all.ru_stime.tv_usec) / 1000;
        };
        QVERIFY(milliseconds(after) - milliseconds(usage) < 150);
        first.close();
        QVERIFY(isServed(clients[0])); // by the descriptor of the first one
        QCOMPARE(setrlimit(RLIMIT_NOFILE, &before), 0);
        QVERIFY(isServed(clients[1]));
        served.server.stop(0s);
        waitFor(served.serving);
    }

    void N06_theLimitHoldsForAllThreadsTogether()
    {
        std::atomic<int> open = 0;
        std::atomic<int> most = 0;
        const auto handler = [&](AsyncSocket socket) -> Task<> {
            const int now = ++open;
            for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) { }
            const auto leave = qScopeGuard([&] { --open; });
            co_await socket.sendAll("here");
            co_await socket.recv();
        };
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        const Coro<> serving
            = spawn([&]() -> Task<> { co_await server.serve(handler, {.maxConnections = 5, .threads = 3}); });
        const Coro<> clients = spawn([&]() -> Task<> {
            co_await withScope([&](Scope &scope) -> Task<> {
                for (int i = 0; i < 30; ++i) {
                    scope.spawn([&]() -> Task<> {
                        AsyncSocket socket;
                        co_await socket.connect(server.location());
                        co_await socket.recvAll(4);
                    });
                }
                co_return;
            });
        });
        waitFor(clients);
        server.stop(0s);
        waitFor(serving);
        QVERIFY2(most >= 1 && most <= 5, QByteArray::number(most.load()).constData());
    }

    void N06_severalThreadsServeOnePort_data()
    {
        QTest::addColumn<QHostAddress>("address");
        QTest::newRow("IPv4") << QHostAddress(QHostAddress::LocalHost);
        QTest::newRow("IPv6") << QHostAddress(QHostAddress::LocalHostIPv6);
    }
    void N06_severalThreadsServeOnePort()
    {
        QFETCH(const QHostAddress, address);
        QMutex mutex;
        QSet<QThread *> threads;
        const auto handler = [&](AsyncSocket socket) -> Task<> {
            {
                const QMutexLocker lock(&mutex);
                threads.insert(QThread::currentThread());
            }
            co_await echo(std::move(socket));
        };
        QSet<QThread *> prepared;
        AsyncServer server;
        try {
            server.listen(address);
        } catch (const SocketError &) {
            QSKIP("no IPv6 here");
        }
        const Coro<> serving = spawn([&]() -> Task<> {
            co_await server.serve(handler, {.threads = 3, .prepareThread = [&prepared](QThread *thread) {
                                                QVERIFY(!thread->isRunning());
                                                prepared.insert(thread);
                                            }});
        });
        // Which connection goes to which thread is up to the system.
        const auto served = [&] {
            const QMutexLocker lock(&mutex);
            return threads.size();
        };
        for (int round = 0; round < 50 && served() < 3; ++round) {
            QList<Coro<>> clients;
            for (int i = 0; i < 20; ++i)
                clients << spawn(askOften, server.location(), i);
            for (const Coro<> &client : std::as_const(clients))
                waitFor(client);
        }
        QCOMPARE(served(), 3);
        QCOMPARE(threads, prepared + QSet{thread()});
        AsyncServer second; // another program cannot take a part of the connections by mistake
        QVERIFY_THROWS_EXCEPTION(SocketError, second.listen(address, server.location().port()));
        server.stop(QDeadlineTimer::Forever);
        waitFor(serving);
    }

    void N06_severalThreadsEndInOrder_data()
    {
        QTest::addColumn<QString>("how");
        for (const char *how : {"stop", "stop at once", "terminate", "close", "destroy"})
            QTest::newRow(how) << QString::fromLatin1(how);
    }
    void N06_severalThreadsEndInOrder()
    {
        QFETCH(const QString, how);
        std::atomic<int> open = 0;
        const auto handler = [&open](AsyncSocket socket) -> Task<> {
            struct Count {
                explicit Count(std::atomic<int> &counter)
                    : n(counter)
                {
                    ++n;
                }
                ~Count() { --n; }
                std::atomic<int> &n;
            } const count(open);
            co_await echo(std::move(socket));
        };
        std::optional<AsyncServer> server(std::in_place);
        server->listen(QHostAddress::LocalHost);
        const Coro<> serving = spawn([&]() -> Task<> { co_await server->serve(handler, {.threads = 3}); });
        letOthersRun();
        std::vector<AsyncSocket> sockets(20);
        for (AsyncSocket &socket : sockets) {
            run(socket.connect(server->location()));
            QVERIFY(isServed(socket));
        }
        QCOMPARE(open, 20);
        if (how == u"stop") {
            server->stop(QDeadlineTimer::Forever);
            for (AsyncSocket &socket : sockets) {
                QVERIFY(isServed(socket));
                QVERIFY(serving.isRunning());
                socket.close();
            }
            waitFor(serving);
        } else if (how == u"stop at once") {
            server->stop(0s);
            waitFor(serving);
        } else if (how == u"terminate") {
            serving.terminate();
            QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(serving));
        } else {
            if (how == u"close")
                server->close();
            else
                server.reset();
            QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(serving));
        }
        QCOMPARE(open, 0);
        for (AsyncSocket &socket : sockets)
            QCOMPARE(how == u"stop" ? QByteArray() : waitFor(recvToEnd(socket)), "");
    }

    void N06_aThreadHasWrittenAllBeforeItEnds()
    {
        constexpr qint64 Size = 20'000'000; // far more than the system takes for a receiver
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        const Coro<> serving = spawn([&]() -> Task<> {
            co_await server.serve([](AsyncSocket socket) -> Task<> {
                co_await socket.sendAll(QByteArray(Size, 'x'));
            }, {.threads = 2});
        });
        letOthersRun();
        std::vector<AsyncSocket> sockets(8); // some of them to the other thread
        for (AsyncSocket &socket : sockets) {
            run(socket.connect(server.location()));
            run(socket.recvAll(1)); // it is accepted
        }
        server.stop(QDeadlineTimer::Forever);
        QList<Coro<QByteArray>> receivers;
        for (AsyncSocket &socket : sockets)
            receivers << spawn(recvToEnd, std::ref(socket));
        for (const Coro<QByteArray> &receiver : std::as_const(receivers))
            QCOMPARE(waitFor(receiver).size(), Size - 1);
        waitFor(serving);
    }
};

QTEST_GUILESS_MAIN(ServeTest)

#include "servetest.moc"
