// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "networktest.h"

#include <QSslSocket>
#include <QTest>

using namespace NetworkTest;
using namespace std::chrono_literals;

/**
 * The QTcpSocket and the descriptor below an AsyncSocket. The QTcpSocket of a connection that was adopted or accepted
 * is made when it is asked for, in whatever state.
 */
class WrappedSocketTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void N01_theSocketIsMadeLate()
    {
        auto [socket, peer] = rawPair();
        peer.send("abcdef");
        QCOMPARE(run(socket.recv(3)), "abc");
        const Location here = socket.localLocation();
        const Location there = socket.peerLocation();
        const QTcpSocket *const wrapped = socket.socket();
        QVERIFY(wrapped);
        QCOMPARE(wrapped->state(), QAbstractSocket::ConnectedState);
        QCOMPARE(Location(wrapped->localAddress().toString(), wrapped->localPort()), here);
        QCOMPARE(Location(wrapped->peerAddress().toString(), wrapped->peerPort()), there);
        QCOMPARE(socket.localLocation(), here);
        QCOMPARE(socket.peerLocation(), there);
        QCOMPARE(run(socket.recv(3)), "def");
        run(socket.sendAll("x"));
        QCOMPARE(peer.recv(), "x");
    }

    void N01_theSocketIsMadeWhileACoroutineReceives()
    {
        auto [socket, peer] = rawPair();
        const Coro<QByteArray> receiver = spawn([&socket = socket]() -> Task<QByteArray> {
            co_return co_await socket.recv();
        });
        letOthersRun();
        QVERIFY(socket.socket());
        peer.send("x");
        QCOMPARE(waitFor(receiver), "x");
    }

    void N01_theSocketIsMadeAfterTheEndOfThePeersStream()
    {
        auto [socket, peer] = rawPair();
        peer.halfClose();
        QCOMPARE(run(socket.recv()), "");
        QVERIFY(socket.socket());
        QCoreApplication::processEvents(); // in which it could find out, and close
        run(socket.sendAll("x"));
        QCOMPARE(peer.recv(), "x");
        QCOMPARE(run(socket.recv()), "");
        socket.close();
        QCOMPARE(peer.recv(), "");
        QVERIFY(peer.isAtEnd());
    }

    void N01_theSocketIsMadeToWaitForRoom()
    {
        auto [socket, peer] = rawPair();
        const QByteArray large = pattern(20'000'000);
        const Coro<> sender = spawn([&socket = socket, &large]() -> Task<> {
            co_await socket.sendAll(large.first(100'000));
            co_await socket.sendAll(large.sliced(100'000));
            co_await socket.flush();
        });
        QByteArray received;
        while (received.size() < large.size()) {
            QCoreApplication::processEvents();
            received += peer.recv();
        }
        QVERIFY(received == large);
        waitFor(sender);
    }

    // The one who flushes waits since before there is a QTcpSocket to wait for.
    void N06_theSocketIsMadeWhileAnotherWaitsToFlush()
    {
        auto [socket, peer] = rawPair();
        const QByteArray large = pattern(900'000); // no more than may be unsent
        const Coro<> sender = spawn([&socket = socket, &large]() -> Task<> {
            for (int i = 0; i < 64; ++i) // as often in a row as one may
                co_await socket.sendAll("x");
            co_await socket.sendAll(large);
        });
        const Coro<> flusher = spawn([&socket = socket]() -> Task<> { co_await socket.flush(); });
        letOthersRun();
        QByteArray received;
        while (received.size() < 64 + large.size()) {
            QCoreApplication::processEvents();
            received += peer.recv();
        }
        QVERIFY(received == QByteArray(64, 'x') + large);
        waitFor(sender);
        waitFor(flusher, 20s);
    }

    void N01_theSocketIsMadeAfterAReset()
    {
        auto [socket, peer] = rawPair();
        const Location there = socket.peerLocation();
        peer.reset();
        static_cast<void>(socket.socket());
        QCOMPARE(socket.peerLocation(), there);
        try {
            run(socket.sendAll(QByteArray(1'000'000, 'x')));
            run(socket.flush());
            QFAIL("sent after a reset");
        } catch (const SocketError &e) {
            QCOMPARE(e.peer(), there);
        }
        QCOMPARE(socket.peerLocation(), there);
    }

    void N01_whatWasResetHasNoSocket()
    {
        auto [socket, peer] = rawPair();
        const Location there = socket.peerLocation();
        peer.reset();
        QVERIFY_THROWS_EXCEPTION(SocketError, run(socket.recv()));
        QVERIFY(!socket.isConnected());
        QCOMPARE(socket.peerLocation(), there);
        QVERIFY(!socket.localLocation().isValid());
        QVERIFY(!socket.socket());
        QVERIFY(!socket.release());
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        run(socket.connect(server.location())); // it can connect again
        QVERIFY(socket.socket());
        QCOMPARE(socket.peerLocation(), server.location());
    }

    void N01_whatCameBeforeAResetIsNotReleased()
    {
        auto [socket, peer] = rawPair();
        peer.send("line\nrest");
        QCOMPARE(run(socket.readLine()), "line\n"); // reads ahead
        peer.reset();
        QVERIFY_THROWS_EXCEPTION(SocketError, run(socket.recvAll(5)));
        QVERIFY_THROWS_EXCEPTION(SocketError, static_cast<void>(socket.release()));
        QCOMPARE(run(socket.recv()), "rest");
    }

    void N01_readAheadBytesAreReleased()
    {
        auto [socket, peer] = rawPair();
        peer.send("line\nrest");
        QCOMPARE(run(socket.readLine()), "line\n");
        const std::unique_ptr<QTcpSocket> released = socket.release();
        QVERIFY(released);
        QCOMPARE(released->readAll(), "rest");
        peer.send("more");
        QVERIFY(released->waitForReadyRead());
        QCOMPARE(released->readAll(), "more");
        QVERIFY(!socket.isConnected());
        QVERIFY(!socket.socket());
    }

    void N01_adoptsADescriptor()
    {
        auto [socket, peer] = rawPair(); // does that
        QVERIFY(socket.isConnected());
        run(socket.sendAll("x"));
        QCOMPARE(peer.recv(), "x");

        const int file = ::dup(STDOUT_FILENO);
        for (const int descriptor : {-1, file}) {
            try {
                static_cast<void>(AsyncSocket::adopt(descriptor));
                QFAIL("adopted what is no socket");
            } catch (const SocketError &e) {
                QCOMPARE(e.operation(), QStringLiteral("adopt()"));
                QVERIFY2(e.message().contains(QString::number(descriptor)), e.what());
            }
        }
        QCOMPARE(::close(file), 0); // is still ours
    }

    void N01_tellsItsDescriptor()
    {
        auto [a, b] = connectedPair(); // the one connected, the other accepted
        for (AsyncSocket *socket : {&a, &b}) {
            const auto descriptor = int(socket->socketDescriptor());
            const int on = 1;
            QCOMPARE(::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on), 0);
            QCOMPARE(socket->socket()->socketOption(QAbstractSocket::KeepAliveOption).toInt(), 1);
            QCOMPARE(socket->socketDescriptor(), descriptor);
            socket->close();
            QCOMPARE(socket->socketDescriptor(), -1);
        }
        QCOMPARE(AsyncSocket().socketDescriptor(), -1);
    }

    void N01_isGivenBack()
    {
        auto [socket, peer] = rawPair();
        peer.send("first\nsecond");
        QCOMPARE(run(socket.readLine()), "first\n"); // and reads ahead
        const Coro<QByteArray> receiver
            = spawn([&socket = socket]() -> Task<QByteArray> { co_return co_await socket.recvAll(100); });
        letOthersRun();
        const std::unique_ptr<QTcpSocket> plain = socket.release();
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(receiver));
        QVERIFY_THROWS_EXCEPTION(SocketError, run(socket.recv()));
        QVERIFY_THROWS_EXCEPTION(SocketError, run(socket.sendAll("x")));
        QVERIFY(!socket.release());
        socket.close();

        QCOMPARE(plain->state(), QAbstractSocket::ConnectedState);
        QCOMPARE(plain->readAll(), "second");
        peer.send("third");
        QVERIFY(plain->waitForReadyRead());
        QCOMPARE(plain->readAll(), "third");
        plain->write("answer");
        QVERIFY(plain->waitForBytesWritten());
        QCOMPARE(peer.recv(), "answer");
        peer.close();
        QTRY_COMPARE(plain->state(), QAbstractSocket::UnconnectedState); // it works as ever
    }

    void N01_givesItsDescriptorBack_data()
    {
        QTest::addColumn<bool>("withSocket");
        QTest::newRow("descriptor alone") << false;
        QTest::newRow("QTcpSocket") << true;
    }
    void N01_givesItsDescriptorBack()
    {
        QFETCH(const bool, withSocket);
        auto [socket, peer] = rawPair();
        if (withSocket)
            QVERIFY(socket.socket());
        run(socket.sendAll("before"));
        peer.send("line\nrest");
        QCOMPARE(run(socket.readLine()), "line\n"); // and reads ahead
        QVERIFY_THROWS_EXCEPTION(SocketError, static_cast<void>(socket.releaseDescriptor()));
        QCOMPARE(run(socket.recvAll(4)), "rest");
        const Coro<QByteArray> receiver
            = spawn([&socket = socket]() -> Task<QByteArray> { co_return co_await socket.recvAll(6); });
        letOthersRun();
        QVERIFY_THROWS_EXCEPTION(SocketError, static_cast<void>(socket.releaseDescriptor()));
        peer.send("really");
        QCOMPARE(waitFor(receiver), "really"); // nothing has happened

        const qintptr descriptor = socket.releaseDescriptor();
        QVERIFY(!socket.isConnected());
        QVERIFY_THROWS_EXCEPTION(SocketError, run(socket.recv()));
        QCOMPARE(socket.releaseDescriptor(), -1);
        socket = AsyncSocket();
        peer.send("question");
        RawPeer plain(static_cast<int>(descriptor));
        QCOMPARE(plain.recv(), "question");
        plain.send("after");
        QCOMPARE(peer.recv(), "beforeafter");
        QVERIFY(!peer.isAtEnd());
    }

    void N01_keepsADescriptorThatSomethingIsUnsentOf()
    {
        auto [socket, peer] = rawPair();
        const QByteArray large = pattern(20'000'000);
        const Coro<> sender = spawn([&socket = socket, &large]() -> Task<> {
            co_await socket.sendAll(large);
            co_await socket.flush();
        });
        letOthersRun();
        QVERIFY_THROWS_EXCEPTION(SocketError, static_cast<void>(socket.releaseDescriptor()));
        QByteArray received;
        while (received.size() < large.size()) {
            QCoreApplication::processEvents();
            received += peer.recv();
        }
        QVERIFY(received == large);
        waitFor(sender);
        QVERIFY(RawPeer(static_cast<int>(socket.releaseDescriptor())).send("x") == 1);
    }

    void N01_hasNoDescriptorToGiveBack()
    {
        QCOMPARE(AsyncSocket().releaseDescriptor(), -1);
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        AsyncSocket secure(new QSslSocket);
        run(secure.connect(server.location()));
        QVERIFY_THROWS_EXCEPTION(SocketError, static_cast<void>(secure.releaseDescriptor()));
        QVERIFY(secure.isConnected());
    }

    void N01_adoptsASocket()
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
};

QTEST_GUILESS_MAIN(WrappedSocketTest)
#include "wrappedsockettest.moc"
