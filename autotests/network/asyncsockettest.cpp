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
        for (;;) {
            AsyncSocket socket;
            try {
                run(socket.connect(location(), 100ms));
            } catch (const TimedOut &) {
                return;
            }
            m_queue.push_back(std::move(socket));
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

QByteArray pattern(qsizetype size)
{
    QByteArray bytes(size, Qt::Uninitialized);
    quint32 x = 1;
    for (char &c : bytes)
        c = char((x = x * 1664525 + 1013904223) >> 24);
    return bytes;
}

} // namespace

class AsyncSocketTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void sendsAndReceives()
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

    void connectsByName()
    {
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        AsyncSocket socket;
        run(socket.connect(QStringLiteral("localhost"), server.location().port()));
        QCOMPARE(socket.peerLocation(), server.location());
    }

    void connectIsRefused()
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

    void hostIsNotFound()
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

    void adoptsASocket()
    {
        QTcpServer server;
        QVERIFY(server.listen(QHostAddress::LocalHost));
        auto *plain = new QTcpSocket;
        plain->connectToHost(server.serverAddress(), server.serverPort());
        QVERIFY(plain->waitForConnected());
        QVERIFY(server.waitForNewConnection());
        AsyncSocket a(plain);
        AsyncSocket b(server.nextPendingConnection()); // it has a parent until now
        QCOMPARE(a.socket(), plain);
        QVERIFY(!b.socket()->parent());
        server.close();
        run(a.sendAll("x"));
        QCOMPARE(run(b.recv()), "x");
    }

    void messages()
    {
        auto [a, b] = connectedPair();
        const QByteArray large = pattern(3'000'000);
        const Coro<> sender = spawn([&a = a, &large]() -> Task<> {
            co_await a.sendMessage("first");
            co_await a.sendMessage("");
            co_await a.sendMessage(large);
            co_await a.sendMessage("last");
        });
        QCOMPARE(run(b.recvMessage()), "first");
        QCOMPARE(run(b.recvMessage()), "");
        QCOMPARE(run(b.recvMessage()), large);
        QCOMPARE(run(b.recvMessage(4)), "last"); // exactly as long as is allowed
        waitFor(sender);
        run(a.sendMessage("wire"));
        QCOMPARE(run(b.recvAll(8)), QByteArray::fromHex("00000004") + "wire");
    }

    void oneByteAtATime()
    {
        auto [a, b] = connectedPair();
        const Coro<> sender = spawn([&a = a]() -> Task<> {
            const QByteArray bytes = QByteArray::fromHex("00000005") + "helloworld" + QByteArray::fromHex("00000000");
            for (const char byte : bytes) {
                co_await a.sendAll(QByteArray(1, byte));
                co_await yield();
            }
        });
        QCOMPARE(run(b.recvMessage()), "hello");
        QCOMPARE(run(b.recvAll(5)), "world");
        QCOMPARE(run(b.recvMessage()), "");
        waitFor(sender);
    }

    void messageIsTooLong()
    {
        auto [a, b] = connectedPair();
        run(a.sendMessage("12345"));
        run(a.sendMessage("1"));
        QVERIFY_THROWS_EXCEPTION(MessageTooLong, run(b.recvMessage(4)));
        QVERIFY_THROWS_EXCEPTION(MessageTooLong, run(b.recvMessage(4))); // it does not go away
        QCOMPARE(run(b.recvMessage(5)), "12345"); // nor is it lost
        QCOMPARE(run(b.recvMessage()), "1");

        // No memory for what a header promises
        auto [c, d] = connectedPair();
        run(c.sendAll(QByteArray::fromHex("ffffffff")));
        QVERIFY_THROWS_EXCEPTION(MessageTooLong, run(d.recvMessage()));
    }

    void endOfStream()
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

    void endOfStreamWithin_data()
    {
        QTest::addColumn<QByteArray>("sent");
        QTest::addColumn<bool>("message");
        QTest::newRow("recvAll, nothing") << QByteArray() << false;
        QTest::newRow("recvAll") << QByteArray("abc") << false;
        QTest::newRow("message, nothing") << QByteArray() << true;
        QTest::newRow("message, in its header") << QByteArray("\0\0\0", 3) << true;
        QTest::newRow("message, after its header") << QByteArray("\0\0\0\5", 4) << true;
        QTest::newRow("message, in it") << QByteArray("\0\0\0\5abc", 7) << true;
    }

    void endOfStreamWithin()
    {
        QFETCH(QByteArray, sent);
        QFETCH(bool, message);
        for (const bool waiting : {false, true}) {
            auto [a, b] = connectedPair();
            const Coro<QByteArray> receiver = spawn([&b = b, message]() -> Task<QByteArray> {
                try {
                    co_await (message ? b.recvMessage() : b.recvAll(10));
                } catch (const EndOfStream &e) {
                    co_return e.partial();
                }
                co_return "no end";
            });
            if (waiting)
                letOthersRun();
            run(a.sendAll(sent));
            a.close();
            QCOMPARE(waitFor(receiver), sent);
        }
    }

    void resetByPeer()
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

    void timesOut_data() { addOperations(); }
    void timesOut()
    {
        QFETCH(Operation, operation);
        Waiting waiting(operation);
        for (const auto time : {0ms, 10ms})
            QVERIFY_THROWS_EXCEPTION(TimedOut,
                                     waitFor(perform(operation, waiting.pair.a, waiting.destination, time)));
        verifyUnharmed(operation, waiting);
    }

    void isTerminated_data() { addOperations(); }
    void isTerminated()
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

    void closeWakes_data() { addOperations(); }
    void closeWakes()
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

    void severalReceiveInOrder()
    {
        auto [a, b] = connectedPair();
        const auto recvAll = [](AsyncSocket &socket, int size) -> Task<QByteArray> {
            co_return co_await socket.recvAll(size);
        };
        const Coro<QByteArray> first = spawn(recvAll, std::ref(b), 4);
        const Coro<QByteArray> second = spawn(recvAll, std::ref(b), 2);
        const Coro<QByteArray> third = spawn(recvAll, std::ref(b), 3);
        letOthersRun();
        run(a.sendAll("123")); // enough for the second one, whose turn it is not
        QCoreApplication::processEvents();
        QCOMPARE(second.state(), CoroState::Running);
        first.terminate(); // gives back what it had
        QCOMPARE(waitFor(second), "12");
        run(a.sendAll("45"));
        QCOMPARE(waitFor(third), "345");
    }

    void severalSendInOnePiece()
    {
        auto [a, b] = connectedPair();
        const qint64 before = sendUntilFull(a);
        const auto sendAll = [](AsyncSocket &socket, QByteArray bytes) -> Task<> { co_await socket.sendAll(bytes); };
        QList<Coro<>> senders;
        QByteArray expected;
        for (char c = 'a'; c <= 'e'; ++c) {
            const QByteArray bytes(1'000'000, c);
            senders << spawn(sendAll, std::ref(a), bytes);
            if (c != 'c')
                expected += bytes;
        }
        letOthersRun();
        senders.takeAt(2).terminate(); // it has not had its turn, so nothing of it is sent
        run(b.recvAll(before));
        QVERIFY(run(b.recvAll(expected.size())) == expected);
        for (const Coro<> &sender : std::as_const(senders))
            waitFor(sender);
    }

    void backPressure()
    {
        constexpr qint64 Total = 64 * 1024 * 1024;
        const QByteArray chunk = pattern(65521); // a prime: lost or doubled blocks show
        auto [a, b] = connectedPair();
        a.setSendLimit(300'000);

        qint64 mostUnsent = 0;
        Event full;
        const Coro<> sender = spawn([&, &a = a]() -> Task<> {
            for (qint64 sent = 0; sent < Total; sent += chunk.size()) {
                bool mustWait = false;
                try {
                    co_await a.sendAll(chunk, 0s);
                } catch (const TimedOut &) {
                    mustWait = true;
                }
                if (mustWait) {
                    full.set();
                    co_await a.sendAll(chunk);
                }
                mostUnsent = std::max(mostUnsent, a.socket()->bytesToWrite());
                if (!full.isSet())
                    co_await yield();
            }
            a.close();
        });

        qint64 mostReadAhead = 0;
        const Coro<qint64> receiver = spawn([&, &b = b]() -> Task<qint64> {
            co_await full.wait(); // until then the sender has only the buffers to fill
            qint64 received = 0;
            for (;;) {
                mostReadAhead = std::max(mostReadAhead, b.socket()->bytesAvailable());
                const QByteArray some = co_await b.recv(100'000);
                if (some.isEmpty())
                    co_return received;
                for (qsizetype i = 0; i < some.size();) {
                    const qsizetype at = (received + i) % chunk.size();
                    const qsizetype size = std::min(some.size() - i, chunk.size() - at);
                    if (QByteArrayView(some).sliced(i, size) != QByteArrayView(chunk).sliced(at, size))
                        throw Error(QStringLiteral("other bytes than were sent, after %1").arg(received + i));
                    i += size;
                }
                received += some.size();
            }
        });
        waitFor(sender);
        QCOMPARE(waitFor(receiver), (Total + chunk.size() - 1) / chunk.size() * chunk.size());
        QVERIFY2(mostUnsent <= 300'000 + chunk.size(), qPrintable(QString::number(mostUnsent)));
        QVERIFY2(mostReadAhead <= 256 * 1024, qPrintable(QString::number(mostReadAhead)));
    }

    void sendTakesWhatThereIsRoomFor()
    {
        auto [a, b] = connectedPair();
        a.setSendLimit(1000);
        QCOMPARE(run(a.send(QByteArray(5000, 'x'))), 1000);
        sendUntilFull(a);
        const Coro<qint64> sender = spawn([&a = a]() -> Task<qint64> {
            co_return co_await a.send(QByteArray(5000, 'x'));
        });
        letOthersRun();
        QCOMPARE(sender.state(), CoroState::Running);
        const Coro<QByteArray> receiver = spawn(recvToEnd(b));
        const qint64 sent = waitFor(sender);
        QVERIFY(sent >= 1);
        QVERIFY(sent <= 1000);
        a.close();
        waitFor(receiver);
    }

    void flushWaitsUntilAllIsSent()
    {
        auto [a, b] = connectedPair();
        const qint64 sent = sendUntilFull(a);
        const Coro<> flusher = spawn([&a = a]() -> Task<> { co_await a.flush(); });
        letOthersRun();
        QCOMPARE(flusher.state(), CoroState::Running);
        run(b.recvAll(sent));
        waitFor(flusher);
        QCOMPARE(a.socket()->bytesToWrite(), 0);
    }

    void aLongReceiveGoesBeyondTheReadBuffer()
    {
        auto [a, b] = connectedPair();
        const QByteArray bytes = pattern(2'000'000);
        const Coro<> sender = spawn([&a = a, &bytes]() -> Task<> { co_await a.sendAll(bytes + bytes); });
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(b.recvAll(5'000'000, 50ms))); // and gives back a lot
        QVERIFY(run(b.recvAll(bytes.size())) == bytes);
        QVERIFY(run(b.recvAll(bytes.size())) == bytes);
        waitFor(sender);
    }

    void unsentDataOutlivesTheSocket()
    {
        const QByteArray bytes = pattern(8'000'000);
        auto [a, b] = connectedPair();
        const Coro<> sender = spawn([&bytes](AsyncSocket socket) -> Task<> {
            co_await socket.sendAll(bytes);
        }, std::move(a));
        waitFor(sender); // it has not waited for the peer
        QVERIFY(waitFor(recvToEnd(b)) == bytes);
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

    void execWaitsForUnsentData()
    {
        constexpr qint64 Size = 40'000'000; // far more than the system takes for a receiver
        qint64 received = 0;
        auto [a, b] = connectedPair();
        spawn([](AsyncSocket socket) -> Task<> { co_await socket.sendAll(QByteArray(Size, 'x')); }, std::move(a));
        spawn([&received](AsyncSocket socket) -> Task<> {
            for (;;)
                received += (co_await socket.recv()).size();
        }, std::move(b)).setDaemon();
        QCOMPARE(Asyncoro::exec(), 0);
        QVERIFY2(received > Size / 2, qPrintable(QString::number(received)));
    }
};

QTEST_GUILESS_MAIN(AsyncSocketTest)

#include "asyncsockettest.moc"
