// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "badpeers.h"

#include <QDir>
#include <QRegularExpression>
#include <QTest>

#include <sys/resource.h>
#include <unistd.h>

using namespace NetworkTest;
using namespace std::chrono_literals;

namespace {

Task<> serve(AsyncServer &server)
{
    for (;;)
        spawn(echo, co_await server.accept());
}

Task<> acceptOne(AsyncServer &server, QDeadlineTimer deadline)
{
    co_await server.accept(deadline);
}

int openDescriptors()
{
    return int(QDir(QStringLiteral("/proc/self/fd")).count());
}

} // namespace

class AsyncServerTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void listens()
    {
        AsyncServer server;
        QVERIFY(!server.isListening());
        QVERIFY(!server.location().isValid());
        server.listen(QHostAddress::LocalHost);
        QVERIFY(server.isListening());
        QCOMPARE(server.location().address(), Localhost);
        QVERIFY(server.location().port() != 0);
        QVERIFY_THROWS_EXCEPTION(SocketError, server.listen(QHostAddress::LocalHost)); // twice
        const AsyncServer moved = std::move(server);
        QVERIFY(moved.isListening());
    }

    void listensOnIPv6()
    {
        AsyncServer server;
        try {
            server.listen(QHostAddress::LocalHostIPv6);
        } catch (const SocketError &) {
            QSKIP("no IPv6 here");
        }
        AsyncSocket socket;
        run(socket.connect(server.location()));
        QCOMPARE(socket.peerLocation().address(), QStringLiteral("::1"));
    }

    void saysWhatIsInTheWay()
    {
        AsyncServer first;
        first.listen(QHostAddress::LocalHost);
        const quint16 port = first.location().port();
        AsyncServer second;
        try {
            second.listen(QHostAddress::LocalHost, port);
            QFAIL("two at one port");
        } catch (const SocketError &e) {
            QCOMPARE(e.code(), QAbstractSocket::AddressInUseError);
            QCOMPARE(e.operation(), "listen()");
            QVERIFY2(e.message().startsWith(QStringLiteral("listen(): port %1 on 127.0.0.1 is in use").arg(port)),
                     e.what());
        }
        QVERIFY(!second.isListening());
        try {
            second.listen(QHostAddress(QStringLiteral("192.0.2.1")));
            QFAIL("that address is for documentation only");
        } catch (const SocketError &e) {
            QVERIFY2(e.message().contains(u"no address of this machine"), e.what());
        }
        QVERIFY_THROWS_EXCEPTION(SocketError, second.listen(QHostAddress(QStringLiteral("127.0.0.x"))));
        first.close();
        second.listen(QHostAddress::LocalHost, port); // free again
    }

    void N06_acceptsInOrder()
    {
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        const auto greet = [](AsyncServer &from, char name) -> Task<> {
            AsyncSocket socket = co_await from.accept();
            co_await socket.sendAll(QByteArray(1, name));
        };
        spawn(greet, std::ref(server), '1');
        spawn(greet, std::ref(server), '2');
        letOthersRun();
        for (const QByteArray name : {"1", "2"}) {
            AsyncSocket socket;
            run(socket.connect(server.location()));
            QCOMPARE(waitFor(recvToEnd(socket)), name);
        }
    }

    void N06_servesManyAtOnce()
    {
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        const Coro<> serving = spawn(serve, std::ref(server));
        const auto ask = [](Location location, int n) -> Task<> {
            AsyncSocket socket;
            co_await socket.connect(location);
            for (int i = 0; i < 10; ++i) {
                const QByteArray question = QByteArray::number(n * 100 + i).rightJustified(64, '.');
                co_await socket.sendAll(question);
                if (co_await socket.recvAll(64) != question)
                    throw Error(QStringLiteral("another answer"));
            }
        };
        QList<Coro<>> clients;
        for (int i = 0; i < 200; ++i)
            clients << spawn(ask, server.location(), i);
        for (const Coro<> &client : std::as_const(clients))
            waitFor(client);
        QCOMPARE(serving.state(), CoroState::Running);
        server.close();
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(serving));
    }

    void N06_connectionsThatNobodyAcceptsWaitInTheSystem()
    {
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        std::vector<AsyncSocket> sockets(40);
        for (AsyncSocket &socket : sockets) {
            run(socket.connect(server.location()));
            run(socket.sendAll("x"));
        }
        const int open = openDescriptors();
        for (size_t i = 0; i < sockets.size(); ++i) {
            QVERIFY(openDescriptors() <= open); // not one is accepted before its time
            AsyncSocket accepted = run(server.accept(10s));
            QCOMPARE(run(accepted.recv()), "x");
        }
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(server.accept(0s)));
    }

    void N06_aClientThatIsGoneBeforeItIsAcceptedIsHeard()
    {
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        {
            AsyncSocket client;
            run(client.connect(server.location()));
            run(client.sendAll("too late"));
        }
        AsyncSocket accepted = run(server.accept());
        QCOMPARE(waitFor(recvToEnd(accepted)), "too late");
    }

    void N06_acceptsClientsOfAllSorts_data() { BadPeers::addRows(); }
    // One that does not accept any more when its client comes loses it to nobody.
    void N06_acceptsClientsOfAllSorts()
    {
        QFETCH(const BadPeers::Peer, peer);
        QFETCH(const Waiter, waiter);
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        if (waiter == Waiter::TimesOut)
            QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(acceptOne(server, 10ms)));
        Coro<> cancelled;
        if (waiter == Waiter::IsCancelled)
            cancelled = spawn(acceptOne, std::ref(server), QDeadlineTimer::Forever);
        letOthersRun();
        RawPeer client = rawClient(server.location().port());
        cancelled.terminate(); // before the event loop has seen the client
        switch (peer) {
        case BadPeers::Peer::Stalls:
            break;
        case BadPeers::Peer::Resets:
            client.send("x");
            client.reset();
            break;
        case BadPeers::Peer::ClosesHalfWay:
            client.send("x");
            client.halfClose();
            break;
        case BadPeers::Peer::SendsOneByteAtATime:
            BadPeers::send(client, "0123456789", true);
            break;
        case BadPeers::Peer::Floods:
            client.flood(QByteArray(100'000, 'x'));
            break;
        }

        AsyncSocket accepted = run(server.accept(20s));
        const Coro<QByteArray> receiving
            = spawn([&]() -> Task<QByteArray> { co_return co_await accepted.recvAll(10); });
        BadPeers::lookAround();
        switch (peer) {
        case BadPeers::Peer::Stalls:
            QVERIFY(receiving.isRunning());
            receiving.terminate();
            break;
        case BadPeers::Peer::Resets:
            QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(receiving, 20s));
            break;
        case BadPeers::Peer::ClosesHalfWay:
            QVERIFY_THROWS_EXCEPTION(EndOfStream, waitFor(receiving, 20s));
            break;
        case BadPeers::Peer::SendsOneByteAtATime:
        case BadPeers::Peer::Floods:
            QCOMPARE(waitFor(receiving, 20s).size(), 10);
            break;
        }
        AsyncSocket good;
        run(good.connect(server.location()));
        AsyncSocket next = run(server.accept(20s));
        run(good.sendAll("x"));
        QCOMPARE(run(next.recv()), "x");
    }

    void N06_timesOut()
    {
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(acceptOne(server, 0ms)));
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(acceptOne(server, 10ms)));
        AsyncSocket socket;
        run(socket.connect(server.location()));
        run(server.accept()); // it is not lost to those who are gone
    }

    void N06_isTerminated()
    {
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        const Coro<> first = spawn(acceptOne, std::ref(server), QDeadlineTimer::Forever);
        const Coro<> second = spawn(acceptOne, std::ref(server), QDeadlineTimer::Forever);
        letOthersRun();
        first.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(first));
        AsyncSocket socket;
        run(socket.connect(server.location()));
        waitFor(second);
    }

    void N06_closeWakes()
    {
        for (const bool destroy : {false, true}) {
            std::optional<AsyncServer> server(std::in_place);
            server->listen(QHostAddress::LocalHost);
            const Coro<> first = spawn(acceptOne, std::ref(*server), QDeadlineTimer::Forever);
            const Coro<> second = spawn(acceptOne, std::ref(*server), QDeadlineTimer::Forever);
            letOthersRun();
            if (destroy)
                server.reset();
            else
                server->close();
            QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(first));
            QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(second));
            if (!destroy)
                QVERIFY_THROWS_EXCEPTION(SocketError, run(server->accept()));
        }
    }

    void closeDropsWhoWasNotAccepted()
    {
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        AsyncSocket socket;
        run(socket.connect(server.location()));
        server.close();
        QVERIFY_THROWS_EXCEPTION(SocketError, run(socket.recv())); // the system resets it
    }

    void N06_waitsWhileDescriptorsAreShort()
    {
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        AsyncSocket client;
        QVERIFY(client.socket()->bind(QHostAddress::LocalHost)); // has its descriptor now

        rlimit before{};
        QCOMPARE(getrlimit(RLIMIT_NOFILE, &before), 0);
        const int next = dup(0);
        close(next);
        const rlimit none{.rlim_cur = rlim_t(next), .rlim_max = before.rlim_max};
        QCOMPARE(setrlimit(RLIMIT_NOFILE, &none), 0);
        QTest::ignoreMessage(QtWarningMsg,
                             QRegularExpression(QStringLiteral("^cannot accept connections at port \\d+")));
        run(client.connect(server.location()));
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(server.accept(250ms))); // and not a second line in the log
        QCOMPARE(setrlimit(RLIMIT_NOFILE, &before), 0);

        AsyncSocket accepted = run(server.accept(10s));
        run(client.sendAll("x"));
        QCOMPARE(run(accepted.recv()), "x");
    }
};

QTEST_GUILESS_MAIN(AsyncServerTest)

#include "asyncservertest.moc"
