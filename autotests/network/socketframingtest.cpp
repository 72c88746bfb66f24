// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// How a socket cuts its stream into pieces: messages, lines, so many bytes.

#include "networktest.h"

#include <QTest>

using namespace NetworkTest;
using namespace std::chrono_literals;

class SocketFramingTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void N05_messages()
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

    void N03_N05_oneByteAtATime()
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

    void N05_messageIsTooLong()
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

    void N03_N05_endOfStreamWithin_data()
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

    void N03_N05_endOfStreamWithin()
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

    void N02_severalReceiveInOrder()
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

    void N03_aLongReceiveLosesNothingWhenItIsGivenUp()
    {
        auto [a, b] = connectedPair();
        const QByteArray bytes = pattern(2'000'000);
        const Coro<> sender = spawn([&a = a, &bytes]() -> Task<> { co_await a.sendAll(bytes + bytes); });
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(b.recvAll(5'000'000, 50ms))); // and gives back a lot
        QVERIFY(run(b.recvAll(bytes.size())) == bytes);
        QVERIFY(run(b.recvAll(bytes.size())) == bytes);
        waitFor(sender);
    }

    void N02_readsLines()
    {
        auto [socket, peer] = rawPair();
        peer.send("one\n\nthree\r\nfour");
        QCOMPARE(run(socket.readLine()), "one\n");
        QCOMPARE(run(socket.readLine()), "\n");
        QCOMPARE(run(socket.readLine()), "three\r\n");
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(socket.readLine(100, 1ms)));
        peer.send("\nfive, which is long\nsix");
        QCOMPARE(run(socket.readLine()), "four\n");
        QCOMPARE(run(socket.readLine(6)), "five, "); // in pieces
        QCOMPARE(run(socket.readLine(13)), "which is long");
        QCOMPARE(run(socket.readLine(1)), "\n");
        peer.close();
        QCOMPARE(run(socket.readLine()), "six");
        QCOMPARE(run(socket.readLine()), "");
    }

    void N02_receivesUntilADelimiter()
    {
        auto [socket, peer] = rawPair();
        peer.send("GET / HTTP/1.1\r\nHost: here\r\n\r\nbody");
        QCOMPARE(run(socket.recvUntil("\r\n\r\n")), "GET / HTTP/1.1\r\nHost: here\r\n\r\n");
        QCOMPARE(run(socket.recvAll(4)), "body");
        peer.send("aaab");
        QCOMPARE(run(socket.recvUntil("ab")), "aaab");
        peer.send("12345;");
        QVERIFY_THROWS_EXCEPTION(MessageTooLong, run(socket.recvUntil(";", 5)));
        QCOMPARE(run(socket.recvUntil(";", 6)), "12345;");
        peer.send("123456");
        QVERIFY_THROWS_EXCEPTION(MessageTooLong, run(socket.recvUntil(";", 6))); // before it comes
        QCOMPARE(run(socket.recv()), "123456");
        QVERIFY_THROWS_EXCEPTION(Error, run(socket.recvUntil("")));
    }

    void N02_readsAllToTheEnd()
    {
        auto [a, b] = connectedPair();
        const QByteArray bytes = pattern(1'000'000);
        const Coro<> sender = spawn([&a = a, &bytes]() -> Task<> {
            co_await a.sendAll(bytes);
            co_await a.closeWriting();
        });
        QVERIFY_THROWS_EXCEPTION(MessageTooLong, run(b.readAll(999'999)));
        QVERIFY(run(b.readAll(1'000'000)) == bytes);
        QCOMPARE(run(b.readAll()), "");
        waitFor(sender);
        run(b.sendAll("answer"));
        b.close();
        QCOMPARE(run(a.readAll()), "answer");
    }

    void N02_isUsedAsAFile()
    {
        auto [a, b] = connectedPair();
        run(a.write("first line\nsecond line\nrest"));
        a.close();
        QCOMPARE(run(b.readLine()), "first line\n");
        QCOMPARE(run(b.read(6)), "second");
        QCOMPARE(run(b.readAll()), " line\nrest");
    }

    void N05_manyMessagesInOnePiece()
    {
        auto [a, b] = connectedPair();
        QByteArray expected;
        for (int i = 0; i < 1000; ++i) {
            run(a.sendMessage(pattern(i)));
            QCOMPARE(a.socket()->bytesToWrite(), 0);
        }
        for (int i = 0; i < 1000; ++i)
            QVERIFY(run(b.recvMessage()) == pattern(i));
        run(a.sendMessage("last"));
        QCOMPARE(run(b.recvMessage()), "last");
    }

    void N07_timeouts()
    {
        auto [socket, peer] = rawPair();
        QCOMPARE(socket.timeout(), -1ms);
        socket.setTimeout(5ms);
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(socket.recv()));
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(socket.recvMessage()));
        // The deadline of an operation wins, be it earlier or later.
        const Coro<QByteArray> patient = spawn([&socket = socket]() -> Task<QByteArray> {
            co_return co_await socket.recvAll(4, 1h);
        });
        waitFor(spawn([]() -> Task<> { co_await sleep(20ms); }));
        QCOMPARE(patient.state(), CoroState::Running);
        peer.send("late");
        QCOMPARE(waitFor(patient), "late");
        socket.setTimeout(1h);
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(socket.recv(1, 0ms)));
        socket.setTimeout(0ms);
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(socket.recv()));
        peer.send("x");
        QCOMPARE(run(socket.recv()), "x"); // does not wait
        socket.setTimeout(-1ms);
        peer.send("y");
        QCOMPARE(run(socket.recv()), "y");
    }

    void N07_defaultTimeout()
    {
        QCOMPARE(AsyncSocket::defaultTimeout(), -1ms);
        AsyncSocket before;
        AsyncSocket::setDefaultTimeout(3ms);
        auto [socket, peer] = rawPair();
        AsyncSocket::setDefaultTimeout(-1ms);
        QCOMPARE(before.timeout(), -1ms);
        QCOMPARE(socket.timeout(), 3ms);
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(socket.recv()));
        QCOMPARE(AsyncSocket().timeout(), -1ms);
    }
};

QTEST_GUILESS_MAIN(SocketFramingTest)

#include "socketframingtest.moc"
