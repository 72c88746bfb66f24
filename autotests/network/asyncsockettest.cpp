// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "networktest.h"

#include <Asyncoro/Event>

#include <QTest>

using namespace NetworkTest;
using namespace std::chrono_literals;

namespace {

constexpr auto Forever = QDeadlineTimer::Forever;

// Each operation in a state in which it waits
enum class Operation : quint8 {
    Connect,
    Recv,
    RecvAll,
    RecvMessage,
    RecvRestOfMessage,
    Send,
    SendAll,
    SendMessage,
    Flush,
};

Task<> perform(Operation operation, AsyncSocket &socket, Location destination, QDeadlineTimer deadline)
{
    switch (operation) {
    case Operation::Connect:
        co_await socket.connect(destination, deadline);
        break;
    case Operation::Recv:
        co_await socket.recv(10, deadline);
        break;
    case Operation::RecvAll:
        co_await socket.recvAll(10, deadline);
        break;
    case Operation::RecvMessage:
    case Operation::RecvRestOfMessage:
        co_await socket.recvMessage(1000, deadline);
        break;
    case Operation::Send:
        co_await socket.send("more", deadline);
        break;
    case Operation::SendAll:
        co_await socket.sendAll("more", deadline);
        break;
    case Operation::SendMessage:
        co_await socket.sendMessage("more", deadline);
        break;
    case Operation::Flush:
        co_await socket.flush(deadline);
        break;
    }
}

/** A listening socket that answers no attempt to connect: its queue is full. */
class SilentServer
{
public:
    SilentServer()
    {
        m_server.listen(QHostAddress::LocalHost);
        ::listen(int(m_server.server()->socketDescriptor()), 0);
        m_server.server()->pauseAccepting();
        for (int fruitless = 0; fruitless < 2; ++fruitless) { // the system might just have had no time
            try {
                for (;;) {
                    AsyncSocket socket;
                    run(socket.connect(location(), 100ms));
                    m_queue.push_back(std::move(socket));
                    fruitless = 0;
                }
            } catch (const TimedOut &) {
            }
        }
    }

    [[nodiscard]] Location location() const { return m_server.location(); }

private:
    AsyncServer m_server;
    std::vector<AsyncSocket> m_queue;
};

/** A socket in which `operation` waits. */
struct Waiting {
    explicit Waiting(Operation operation)
        : pair(connectedPair())
    {
        if (operation == Operation::Connect) {
            silent.emplace();
            pair.a = AsyncSocket();
            destination = silent->location();
        } else if (operation == Operation::RecvAll) {
            run(pair.b.sendAll("abc"));
        } else if (operation == Operation::RecvRestOfMessage) {
            run(pair.b.sendAll(QByteArray::fromHex("0000000a") + "abc"));
        } else if (operation >= Operation::Send) {
            unread = sendUntilFull(pair.a);
        }
    }

    Pair pair;
    std::optional<SilentServer> silent;
    Location destination;
    qint64 unread = 0; // what b has still to receive
};

void addOperations()
{
    QTest::addColumn<Operation>("operation");
    QTest::newRow("connect") << Operation::Connect;
    QTest::newRow("recv") << Operation::Recv;
    QTest::newRow("recvAll") << Operation::RecvAll;
    QTest::newRow("recvMessage") << Operation::RecvMessage;
    QTest::newRow("recvMessage, begun") << Operation::RecvRestOfMessage;
    QTest::newRow("send") << Operation::Send;
    QTest::newRow("sendAll") << Operation::SendAll;
    QTest::newRow("sendMessage") << Operation::SendMessage;
    QTest::newRow("flush") << Operation::Flush;
}

/** After a wait that came to nothing: no byte is lost, none is doubled, and the connection goes on. */
void verifyUnharmed(Operation operation, Waiting &waiting)
{
    AsyncSocket &a = waiting.pair.a;
    AsyncSocket &b = waiting.pair.b;
    if (operation == Operation::Connect) {
        QVERIFY(!a.isConnected());
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        run(a.connect(server.location()));
        b = run(server.accept());
    } else if (operation == Operation::RecvAll) {
        QCOMPARE(run(a.recv()), "abc");
    } else if (operation == Operation::RecvRestOfMessage) {
        run(b.sendAll("defghij"));
        QCOMPARE(run(a.recvMessage()), "abcdefghij");
    } else if (waiting.unread > 0) {
        QCOMPARE(run(b.recvAll(waiting.unread)).count('x'), waiting.unread);
    }
    run(a.sendAll("ping"));
    QCOMPARE(run(b.recvAll(4)), "ping");
    run(b.sendAll("pong"));
    QCOMPARE(run(a.recvAll(4)), "pong");
}

} // namespace

class AsyncSocketTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void N02_readAllLosesNothing_data()
    {
        QTest::addColumn<QString>("how");
        for (const char *how : {"ends", "timed out", "cancelled", "too long", "reset"})
            QTest::newRow(how) << QString::fromLatin1(how);
    }
    void N02_readAllLosesNothing()
    {
        QFETCH(const QString, how);
        const QDeadlineTimer deadline(how == QStringLiteral("timed out") ? 200ms : 60s);
        auto [socket, peer] = rawPair();
        peer.send("01234");
        const Coro<QByteArray> reading = spawn([&socket = socket, deadline]() -> Task<QByteArray> {
            co_return co_await socket.readAll(10, deadline);
        });
        QTest::qWait(0);
        letOthersRun();
        if (how == QStringLiteral("ends")) {
            peer.halfClose();
            QCOMPARE(waitFor(reading), "01234");
            QCOMPARE(run(socket.readAll()), "");
            return;
        }
        if (how == QStringLiteral("timed out")) {
            QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(reading));
        } else if (how == QStringLiteral("cancelled")) {
            reading.terminate();
            QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(reading));
        } else if (how == QStringLiteral("too long")) {
            peer.send("56789x");
            QVERIFY_THROWS_EXCEPTION(MessageTooLong, waitFor(reading));
            QCOMPARE(run(socket.recvAll(11)), "0123456789x");
            return;
        } else {
            peer.reset();
            QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(reading));
        }
        QCOMPARE(run(socket.recvAll(5)), "01234");
    }

    void N02_sendsAndReceives()
    {
        auto [a, b] = connectedPair();
        QVERIFY(a.isConnected());
        QVERIFY(b.isConnected());
        QCOMPARE(a.peerLocation(), b.localLocation());
        QCOMPARE(b.peerLocation(), a.localLocation());
        QCOMPARE(a.peerLocation().address(), Localhost);

        run(a.sendAll("hello"));
        QCOMPARE(run(b.recv()), "hello");
        run(b.sendAll("world"));
        QCOMPARE(run(a.recv(3)), "wor");
        QCOMPARE(run(a.recv(3)), "ld");
        QCOMPARE(run(a.send("abc")), 3);
        run(a.flush());
        QCOMPARE(run(b.recvAll(3)), "abc");
        QCOMPARE(run(b.recvAll(0)), "");
        run(a.sendAll(QByteArray()));
    }

    void N06_connectsByName()
    {
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        AsyncSocket socket;
        run(socket.connect(QStringLiteral("localhost"), server.location().port()));
        QCOMPARE(socket.peerLocation(), server.location());
    }

    void N06_connectIsRefused()
    {
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        const Location location = server.location();
        server.close();
        AsyncSocket socket;
        try {
            run(socket.connect(location));
            QFAIL("connected to nobody");
        } catch (const SocketError &e) {
            QCOMPARE(e.code(), QAbstractSocket::ConnectionRefusedError);
            QVERIFY2(e.message().contains(location.toString()), e.what());
            QVERIFY2(e.message().startsWith(u"connect()"), e.what());
        }
        QVERIFY(!socket.isConnected());
        server.listen(QHostAddress::LocalHost);
        run(socket.connect(server.location())); // the same socket
        QVERIFY(socket.isConnected());
    }

    void N06_hostIsNotFound()
    {
        AsyncSocket socket;
        try {
            run(socket.connect(QStringLiteral("no.such.host.invalid"), 1));
            QFAIL("connected to nobody");
        } catch (const SocketError &e) {
            QCOMPARE(e.code(), QAbstractSocket::HostNotFoundError);
            QVERIFY2(e.message().contains(u"no.such.host.invalid"), e.what());
        }
    }

    void connectsOnlyOnce()
    {
        auto [a, b] = connectedPair();
        QVERIFY_THROWS_EXCEPTION(SocketError, run(a.connect(Localhost, 1)));
        run(a.sendAll("still here"));
        QCOMPARE(run(b.recv()), "still here");

        const SilentServer silent;
        AsyncSocket socket;
        const Coro<> first = spawn(perform, Operation::Connect, std::ref(socket), silent.location(), Forever);
        letOthersRun();
        QVERIFY_THROWS_EXCEPTION(SocketError, run(socket.connect(Localhost, 1)));
        QCOMPARE(first.state(), CoroState::Running);
        socket.close();
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(first));
    }

    void isOfNoUseUnlessConnected()
    {
        AsyncSocket socket;
        QVERIFY(!socket.isConnected());
        QVERIFY(!socket.peerLocation().isValid());
        QVERIFY(!socket.localLocation().isValid());
        QVERIFY_THROWS_EXCEPTION(SocketError, run(socket.recv()));
        QVERIFY_THROWS_EXCEPTION(SocketError, run(socket.recvAll(1)));
        QVERIFY_THROWS_EXCEPTION(SocketError, run(socket.recvMessage()));
        QVERIFY_THROWS_EXCEPTION(SocketError, run(socket.send("x")));
        QVERIFY_THROWS_EXCEPTION(SocketError, run(socket.sendAll("x")));
        QVERIFY_THROWS_EXCEPTION(SocketError, run(socket.sendMessage("x")));
        QVERIFY_THROWS_EXCEPTION(SocketError, run(socket.flush()));
    }

    void N01_isNotGivenBackWhileItConnects()
    {
        const SilentServer silent;
        AsyncSocket socket;
        const Coro<> coro = spawn(perform, Operation::Connect, std::ref(socket), silent.location(), Forever);
        letOthersRun();
        QVERIFY_THROWS_EXCEPTION(SocketError, static_cast<void>(socket.release()));
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QVERIFY(socket.release());
    }

    void N02_errorsNameOperationAndPeer()
    {
        auto [socket, peer] = rawPair();
        const Location location = socket.peerLocation();
        socket.close();
        try {
            run(socket.recvMessage());
            QFAIL("received from a closed socket");
        } catch (const SocketError &e) {
            QCOMPARE(e.code(), QAbstractSocket::OperationError);
            QCOMPARE(e.operation(), QStringLiteral("recvMessage()"));
            QCOMPARE(e.peer(), location);
            QCOMPARE(e.message(),
                     QStringLiteral("recvMessage(), %1: the socket was closed").arg(location.toString()));
        }
    }

    void N02_endOfStream()
    {
        auto [a, b] = connectedPair();
        run(a.sendAll("last words"));
        a.close();
        QCOMPARE(waitFor(recvToEnd(b)), "last words");
        QCOMPARE(run(b.recv()), ""); // again
        QVERIFY(!b.isConnected());
        QVERIFY(b.peerLocation().isValid());
        try {
            run(b.recvAll(1));
            QFAIL("received from nobody");
        } catch (const EndOfStream &e) {
            QCOMPARE(e.partial(), "");
        }
        QVERIFY_THROWS_EXCEPTION(EndOfStream, run(b.recvMessage()));
    }

    void N02_resetByPeer()
    {
        auto [a, b] = connectedPair();
        const Coro<QByteArray> receiver = spawn([&b = b]() -> Task<QByteArray> { co_return co_await b.recv(); });
        letOthersRun();
        reset(a);
        try {
            waitFor(receiver);
            QFAIL("a reset is no end of stream");
        } catch (const SocketError &e) {
            QCOMPARE(e.code(), QAbstractSocket::RemoteHostClosedError);
            QVERIFY2(e.message().contains(u"reset"), e.what());
        }
        QVERIFY_THROWS_EXCEPTION(SocketError, run(b.recv()));
        QVERIFY_THROWS_EXCEPTION(SocketError, run(b.recvMessage()));
        QVERIFY_THROWS_EXCEPTION(SocketError, run(b.sendAll("x")));
        QVERIFY(!b.isConnected());
    }

    void resetByPeerWakesASender_data()
    {
        QTest::addColumn<Operation>("operation");
        QTest::newRow("send") << Operation::Send;
        QTest::newRow("sendAll") << Operation::SendAll;
        QTest::newRow("sendMessage") << Operation::SendMessage;
        QTest::newRow("flush") << Operation::Flush;
    }

    void resetByPeerWakesASender()
    {
        QFETCH(Operation, operation);
        Waiting waiting(operation);
        AsyncSocket &a = waiting.pair.a;
        const Coro<> sender = spawn(perform, operation, std::ref(a), Location(), Forever);
        letOthersRun();
        reset(waiting.pair.b);
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(sender));
        QVERIFY_THROWS_EXCEPTION(SocketError, run(a.sendAll("x")));
        QVERIFY_THROWS_EXCEPTION(SocketError, run(a.recv())); // and is no end of stream
    }

    void whatCameBeforeAFailureIsReceived()
    {
        auto [a, b] = connectedPair();
        run(a.sendAll("last words"));
        sendUntilFull(b); // so that b notices by a failure to write
        reset(a);
        QTRY_VERIFY(!b.isConnected());
        QCOMPARE(run(b.recv(4)), "last");
        QCOMPARE(run(b.recvAll(6)), " words");
        QVERIFY_THROWS_EXCEPTION(SocketError, run(b.recv()));
    }

    void N07_timesOut_data() { addOperations(); }
    void N07_timesOut()
    {
        QFETCH(Operation, operation);
        Waiting waiting(operation);
        for (const auto time : {0ms, 10ms})
            QVERIFY_THROWS_EXCEPTION(TimedOut,
                                     waitFor(perform(operation, waiting.pair.a, waiting.destination, time)));
        verifyUnharmed(operation, waiting);
    }

    void N02_isTerminated_data() { addOperations(); }
    void N02_isTerminated()
    {
        QFETCH(Operation, operation);
        Waiting waiting(operation);
        const Coro<> coro = spawn(perform, operation, std::ref(waiting.pair.a), waiting.destination, Forever);
        letOthersRun();
        QCOMPARE(coro.state(), CoroState::Running);
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        verifyUnharmed(operation, waiting);
    }

    void N02_closeWakes_data() { addOperations(); }
    void N02_closeWakes()
    {
        QFETCH(Operation, operation);
        for (const bool destroy : {false, true}) {
            Waiting waiting(operation);
            std::optional<AsyncSocket> socket = std::move(waiting.pair.a);
            const Coro<> coro = spawn(perform, operation, std::ref(*socket), waiting.destination, Forever);
            letOthersRun();
            if (destroy)
                socket.reset();
            else
                socket->close();
            try {
                waitFor(coro);
                QFAIL("went on in a closed socket");
            } catch (const SocketError &e) {
                QCOMPARE(e.code(), QAbstractSocket::OperationError);
                QVERIFY2(e.message().contains(u"closed"), e.what());
            }
            if (!destroy) {
                QVERIFY(!socket->isConnected());
                QVERIFY(!socket->socket());
                QVERIFY_THROWS_EXCEPTION(SocketError, run(socket->recv()));
                QVERIFY_THROWS_EXCEPTION(SocketError, run(socket->sendAll("x")));
                socket->close(); // twice is once
            }
            if (waiting.unread > 0) // not lost by the close
                QCOMPARE(waitFor(recvToEnd(waiting.pair.b)).size(), waiting.unread);
        }
    }

    void connectsAgainOnceClosed()
    {
        auto [a, b] = connectedPair();
        run(b.sendAll("old"));
        a.close();
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        run(a.connect(server.location()));
        b = run(server.accept());
        run(b.sendAll("new"));
        QCOMPARE(run(a.recv()), "new");
    }

    void connectsAgainAfterTheEndOfThePeersStream()
    {
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        auto [socket, peer] = rawPair();
        peer.send("old");
        peer.halfClose();
        QCOMPARE(run(socket.readAll()), "old");
        QVERIFY(!socket.isConnected());
        run(socket.sendAll("still heard"));
        run(socket.connect(server.location()));
        QVERIFY(socket.isConnected());
        AsyncSocket accepted = run(server.accept());
        run(accepted.sendAll("new"));
        QCOMPARE(run(socket.recv()), "new");
        QCOMPARE(peer.recv(), "still heard");
        QVERIFY(QTest::qWaitFor([&peer = peer] { return peer.recv().isEmpty() && peer.isAtEnd(); })); // closed first
    }

    void oneReceivesWhileAnotherSends()
    {
        auto [a, b] = connectedPair();
        const Coro<QByteArray> receiver = spawn([&a = a]() -> Task<QByteArray> { co_return co_await a.recv(); });
        letOthersRun();
        run(a.sendAll("question"));
        QCOMPARE(run(b.recv()), "question");
        run(b.sendAll("answer"));
        QCOMPARE(waitFor(receiver), "answer");
    }

    void aTerminatedCoroutineClosesItsSocket()
    {
        auto [a, b] = connectedPair();
        const Coro<> owner = spawn([](AsyncSocket socket) -> Task<> {
            co_await socket.sendAll("bye");
            co_await socket.recv();
        }, std::move(a));
        letOthersRun();
        owner.terminate();
        QCOMPARE(waitFor(recvToEnd(b)), "bye");
    }

    void mayBeMovedWhileACoroutineWaits()
    {
        auto [a, b] = connectedPair();
        const Coro<QByteArray> receiver = spawn([&b = b]() -> Task<QByteArray> { co_return co_await b.recv(); });
        letOthersRun();
        const AsyncSocket moved = std::move(b);
        run(a.sendAll("x"));
        QCOMPARE(waitFor(receiver), "x");
    }
};

QTEST_GUILESS_MAIN(AsyncSocketTest)

#include "asyncsockettest.moc"
