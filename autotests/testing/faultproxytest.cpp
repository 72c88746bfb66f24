// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../network/freeport.h"

#include <Asyncoro/AsyncServer>
#include <Asyncoro/AsyncSocket>
#include <Asyncoro/Coro>
#include <Asyncoro/FaultProxy>

#include <QElapsedTimer>
#include <QTcpSocket>
#include <QTest>

using namespace Asyncoro;
using namespace std::chrono_literals;

namespace {

constexpr auto ToServer = FaultProxy::ToServer;
constexpr auto ToClient = FaultProxy::ToClient;

/** All that comes until the stream ends, and whether it ended in order. */
struct Received {
    QByteArray bytes;
    bool inOrder = true;
};

Task<Received> receiveAll(AsyncSocket &socket)
{
    Received received;
    try {
        for (QByteArray some = co_await socket.recv(); !some.isEmpty(); some = co_await socket.recv())
            received.bytes += some;
    } catch (const SocketError &) {
        received.inOrder = false;
    }
    co_return received;
}

Task<QByteArray> ask(AsyncSocket &socket, QByteArray text)
{
    co_await socket.sendAll(text);
    co_return co_await socket.recvAll(text.size());
}

} // namespace

/** Each fault between a client and a server that sends back what it receives. */
class FaultProxyTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        m_server = std::make_unique<AsyncServer>();
        m_server->listen(QHostAddress::LocalHost);
        m_received.clear();
        m_serving = spawn(detached, &FaultProxyTest::serve, this);
        m_proxy = std::make_unique<FaultProxy>(m_server->location());
    }

    void cleanup()
    {
        m_proxy.reset();
        m_serving.terminate();
        QTRY_VERIFY(!m_serving.isRunning());
        m_server.reset();
        m_sources.clear();
    }

    void withoutFaultsAllPasses()
    {
        run([this]() -> Task<> {
            AsyncSocket socket;
            co_await socket.connect(m_proxy->location());
            QByteArray much(3'000'000, 'x');
            for (qsizetype i = 0; i < much.size(); ++i)
                much[i] = char(i * 7 % 251);
            const Coro<> sender = spawn([&socket, &much]() -> Task<> {
                co_await socket.sendAll(much);
                co_await socket.closeWriting();
            });
            const Received received = co_await receiveAll(socket);
            QVERIFY(received.inOrder);
            QVERIFY(received.bytes == much);
            QCOMPARE(m_proxy->passed(ToServer, 0), much.size());
            QCOMPARE(m_proxy->passed(ToClient, 0), much.size());
            co_await sender;
        });
        QTRY_COMPARE(m_proxy->openConnections(), 0);
        QCOMPARE(m_proxy->connectionCount(), 1);
    }

    void aResetPasses()
    {
        run([this]() -> Task<> {
            AsyncServer resetting;
            resetting.listen(QHostAddress::LocalHost);
            FaultProxy inner(resetting.location()); // cuts what comes to it
            inner.cutAfter(3, ToServer, 0);
            FaultProxy outer(inner.location());
            AsyncSocket socket;
            co_await socket.connect(outer.location());
            co_await socket.sendAll("abcdef");
            const Received received = co_await receiveAll(socket);
            QVERIFY(!received.inOrder);
        });
    }

    void whoCannotReachTheServerIsReset()
    {
        m_server->close();
        run([this]() -> Task<> {
            AsyncSocket socket;
            co_await socket.connect(m_proxy->location());
            const Received received = co_await receiveAll(socket);
            QVERIFY(!received.inOrder);
        });
    }

    void cutAfterSoManyBytes_data()
    {
        QTest::addColumn<int>("bytes");
        QTest::addColumn<bool>("toServer");
        QTest::addColumn<bool>("inOrder");
        for (const int bytes : {0, 1, 5, 9}) {
            for (const bool toServer : {false, true}) {
                for (const bool inOrder : {false, true})
                    QTest::addRow("%d bytes to the %s, %s", bytes, toServer ? "server" : "client",
                                  inOrder ? "closed" : "reset")
                        << bytes << toServer << inOrder;
            }
        }
    }

    void cutAfterSoManyBytes()
    {
        QFETCH(int, bytes);
        QFETCH(bool, toServer);
        QFETCH(bool, inOrder);
        m_proxy->cutAfter(bytes, toServer ? ToServer : ToClient, 1,
                          inOrder ? FaultProxy::Cut::Close : FaultProxy::Cut::Reset);
        run([&, this]() -> Task<> {
            AsyncSocket before;
            co_await before.connect(m_proxy->location());
            AsyncSocket socket;
            co_await socket.connect(m_proxy->location());
            co_await socket.sendAll("0123456789");
            const Received received = co_await receiveAll(socket);
            QCOMPARE(received.inOrder, inOrder);
            QCOMPARE(m_proxy->passed(toServer ? ToServer : ToClient, 1), bytes);
            if (toServer) {
                QCOMPARE_LE(received.bytes.size(), bytes);
            } else {
                QCOMPARE(received.bytes, QByteArray("0123456789").first(bytes));
            }
            QCOMPARE(co_await ask(before, "others do not notice"), "others do not notice");
        });
        if (toServer)
            QTRY_COMPARE(m_received.value(1).size(), bytes);
    }

    void whatHasPassedAlreadyIsCutAtOnce()
    {
        run([this]() -> Task<> {
            AsyncSocket socket;
            co_await socket.connect(m_proxy->location());
            QCOMPARE(co_await ask(socket, "hello"), "hello");
            m_proxy->cutAfter(5, ToServer, 0);
            QVERIFY(!(co_await receiveAll(socket)).inOrder);
        });
    }

    void allAreCut()
    {
        run([this]() -> Task<> {
            AsyncSocket sockets[2];
            for (AsyncSocket &socket : sockets) {
                co_await socket.connect(m_proxy->location());
                QCOMPARE(co_await ask(socket, "hello"), "hello");
            }
            m_proxy->cutAll();
            for (AsyncSocket &socket : sockets)
                QVERIFY(!(co_await receiveAll(socket)).inOrder);
            AsyncSocket later;
            co_await later.connect(m_proxy->location());
            QCOMPARE(co_await ask(later, "hello"), "hello");
        });
    }

    void heldConnectionsAreOvertaken()
    {
        m_proxy->hold(0);
        run([this]() -> Task<> {
            AsyncSocket first;
            AsyncSocket second;
            co_await first.connect(m_proxy->location());
            co_await first.sendAll("first");
            co_await second.connect(m_proxy->location());
            QCOMPARE(co_await ask(second, "second"), "second");
            QCOMPARE(m_received, QByteArrayList{"second"});
            m_proxy->release(0);
            QCOMPARE(co_await first.recvAll(5), "first");
        });
    }

    void delayedBytesAreUnderWayTogether()
    {
        m_proxy->setDelay(ToServer, 500ms);
        run([this]() -> Task<> {
            AsyncSocket socket;
            co_await socket.connect(m_proxy->location());
            QElapsedTimer timer;
            timer.start();
            for (int i = 0; i < 10; ++i) { // were each delayed behind the one before, it would be five seconds
                co_await socket.sendAll("x");
                co_await sleep(1ms);
            }
            QVERIFY(m_received.value(0).isEmpty() || timer.elapsed() >= 500);
            co_await socket.recvAll(10);
            QCOMPARE_GE(timer.elapsed(), 500);
            co_await socket.closeWriting();
            QVERIFY((co_await socket.recv()).isEmpty());
            QCOMPARE_GE(timer.elapsed(), 1000); // so is the end of the stream
        });
    }

    void bytesInPieces()
    {
        m_proxy->setPieceSize(ToClient, 1);
        run([this]() -> Task<> {
            AsyncSocket socket;
            co_await socket.connect(m_proxy->location());
            co_await socket.sendAll("0123456789");
            QCOMPARE(co_await socket.recv(), "0");
            QCOMPARE(co_await socket.recvAll(9), "123456789");
        });
    }

    void stalledBytesAreLate()
    {
        run([this]() -> Task<> {
            AsyncSocket socket;
            co_await socket.connect(m_proxy->location());
            QCOMPARE(co_await ask(socket, "before"), "before");
            m_proxy->stall(ToClient);
            co_await socket.sendAll("after");
            co_await waitUntil([this] { return m_received.value(0) == "beforeafter"; }); // the other direction goes on
            bool timedOut = false;
            try {
                co_await socket.recv(100, 20ms);
            } catch (const TimedOut &) {
                timedOut = true;
            }
            QVERIFY(timedOut);
            m_proxy->heal();
            QCOMPARE(co_await socket.recvAll(5), "after");
        });
    }

    void swallowedBytesAreLost()
    {
        run([this]() -> Task<> {
            auto socket = std::make_unique<AsyncSocket>();
            co_await socket->connect(m_proxy->location());
            QCOMPARE(co_await ask(*socket, "before"), "before");
            m_proxy->swallow(ToServer);
            co_await socket->sendAll("lost");
            co_await socket->flush();
            socket.reset(); // which the server does not notice
            co_await sleep(20ms);
            QCOMPARE(m_proxy->openConnections(), 1);
            QCOMPARE(m_received, QByteArrayList{"before"});
            m_proxy->heal();
            co_await waitUntil([this] { return m_proxy->openConnections() == 0; });
            QCOMPARE(m_received, QByteArrayList{"before"});
            AsyncSocket later;
            co_await later.connect(m_proxy->location());
            QCOMPARE(co_await ask(later, "hello"), "hello");
        });
    }

    void refusedUntilHealed()
    {
        run([this]() -> Task<> {
            AsyncSocket open;
            co_await open.connect(m_proxy->location());
            QCOMPARE(co_await ask(open, "hello"), "hello");
            m_proxy->refuse();
            AsyncSocket socket;
            auto code = QAbstractSocket::UnknownSocketError;
            try {
                co_await socket.connect(m_proxy->location());
            } catch (const SocketError &e) {
                code = e.code();
            }
            QCOMPARE(code, QAbstractSocket::ConnectionRefusedError);
            const quint16 port = m_proxy->location().port();
            QVERIFY(!QTcpSocket().bind(QHostAddress::LocalHost, port, QTcpSocket::DontShareAddress));
            QCOMPARE(co_await ask(open, "those that are open go on"), "those that are open go on");
            m_proxy->heal();
            co_await socket.connect(m_proxy->location());
            QCOMPARE(co_await ask(socket, "hello"), "hello");
        });
    }

#ifdef Q_OS_LINUX
    void anAddressOfItsOwn()
    {
        const quint16 port = freePort();
        const FaultProxy proxy(m_server->location(), {.address = QStringLiteral("127.0.0.3"),
                                                      .port = port,
                                                      .source = QStringLiteral("127.0.0.2")});
        QCOMPARE(proxy.location(), Location(QStringLiteral("127.0.0.3"), port));
        run([&]() -> Task<> {
            AsyncSocket socket;
            co_await socket.connect(proxy.location());
            QCOMPARE(co_await ask(socket, "hello"), "hello");
        });
        QCOMPARE(m_sources, QStringList{QStringLiteral("127.0.0.2")});
    }
#endif

    void destroyedAtAnyMoment()
    {
        run([this]() -> Task<> {
            AsyncSocket held;
            AsyncSocket stalled;
            AsyncSocket delayed;
            AsyncSocket open;
            m_proxy->hold(0);
            co_await held.connect(m_proxy->location());
            co_await open.connect(m_proxy->location());
            QCOMPARE(co_await ask(open, "hello"), "hello");
            m_proxy->setDelay(ToServer, 1h);
            co_await delayed.connect(m_proxy->location());
            co_await delayed.sendAll("x");
            co_await sleep(5ms);
            m_proxy->stall(ToServer);
            co_await stalled.connect(m_proxy->location());
            co_await stalled.sendAll("x");
            m_proxy.reset();
            for (AsyncSocket *socket : {&held, &stalled, &delayed, &open})
                QVERIFY((co_await receiveAll(*socket)).bytes.isEmpty());
        });
    }

private:
    Task<> serve()
    {
        try {
            co_await m_server->serve([this](AsyncSocket socket) -> Task<> {
                const auto number = m_received.size();
                m_received.append(QByteArray());
                m_sources.append(socket.peerLocation().address());
                for (QByteArray bytes = co_await socket.recv(); !bytes.isEmpty(); bytes = co_await socket.recv()) {
                    m_received[number] += bytes;
                    co_await socket.sendAll(bytes);
                }
            });
        } catch (const SocketError &) {
            // a test has closed it
        }
    }

    void run(const std::function<Task<>()> &body) { waitFor(spawn(body), 20s); }

    static Task<> waitUntil(std::function<bool()> condition)
    {
        while (!condition())
            co_await sleep(1ms);
    }

    std::unique_ptr<AsyncServer> m_server;
    std::unique_ptr<FaultProxy> m_proxy;
    Coro<> m_serving;
    QByteArrayList m_received; // by the server, by connection
    QStringList m_sources; // from where they came
};

QTEST_GUILESS_MAIN(FaultProxyTest)
#include "faultproxytest.moc"
