// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "freeport.h"
#include "hostconnector_p.h"
#include "networktest.h"

#include <Asyncoro/WhenAny>

#include <QNetworkProxy>
#include <QTest>
#include <QtEndian>

using namespace NetworkTest;
using namespace std::chrono_literals;

namespace {

QHostAddress address(const char *text)
{
    return QHostAddress(QString::fromLatin1(text));
}

/** Answers no attempt to connect: its queue is full. */
class SilentServer
{
public:
    explicit SilentServer(const QHostAddress &where, quint16 port = 0)
    {
        m_server.listen(where, port);
        ::listen(int(m_server.server()->socketDescriptor()), 0);
        m_server.server()->pauseAccepting();
        for (int fruitless = 0; fruitless < 2; ++fruitless) { // the system might just have had no time
            try {
                for (;;) {
                    AsyncSocket socket;
                    run(socket.connect(m_server.location(), 100ms));
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

/** What a HostConnector comes to. */
struct Outcome {
    QTcpSocket borrowed;
    std::unique_ptr<QTcpSocket> socket; // the one that won; null for the borrowed one
    bool connected = false;
    bool failed = false;
    QAbstractSocket::SocketError code = QAbstractSocket::UnknownSocketError;
    QString text;
    std::unique_ptr<Detail::HostConnector> connector;

    explicit Outcome(quint16 port, const QString &host = QStringLiteral("several.test"))
    {
        connector = std::make_unique<Detail::HostConnector>(
            borrowed, host, port,
            Detail::HostConnector::Callbacks{.connected =
                                                 [this](std::unique_ptr<QTcpSocket> winner) {
                                                     socket = std::move(winner);
                                                     connected = true;
                                                     connector.reset();
                                                 },
                                             .failed =
                                                 [this](auto errorCode, const QString &errorText) {
                                                     code = errorCode;
                                                     text = errorText;
                                                     failed = true;
                                                     connector.reset();
                                                 }});
    }

    [[nodiscard]] QHostAddress peer() const { return (socket ? *socket : borrowed).peerAddress(); }
};

/** The bytes of `data` to each other, until one side ends. */
Task<> relay(AsyncSocket &one, AsyncSocket &other)
{
    const auto pump = [](AsyncSocket &from, AsyncSocket &to) -> Task<> {
        for (;;) {
            const QByteArray data = co_await from.recv();
            if (data.isEmpty())
                co_return;
            co_await to.sendAll(data);
        }
    };
    co_await whenAny(pump(one, other), pump(other, one));
}

/** Serves one client by SOCKS5; keeps the name that was asked for. */
Task<> socksProxy(AsyncServer &server, Location target, QByteArray &asked)
{
    AsyncSocket client = co_await server.accept();
    const QByteArray hello = co_await client.recvAll(2);
    co_await client.recvAll(quint8(hello[1]));
    co_await client.sendAll(QByteArray::fromHex("0500")); // nobody has to log in
    const QByteArray request = co_await client.recvAll(4);
    if (request[3] == 3) { // a name
        const QByteArray size = co_await client.recvAll(1);
        asked = co_await client.recvAll(quint8(size[0]));
    }
    co_await client.recvAll(2);
    AsyncSocket onward;
    co_await onward.connect(target);
    co_await client.sendAll(QByteArray::fromHex("05000001000000000000"));
    co_await relay(client, onward);
}

/** Serves one client by HTTP CONNECT. */
Task<> httpProxy(AsyncServer &server, Location target, QByteArray &asked)
{
    AsyncSocket client = co_await server.accept();
    QByteArray request;
    while (!request.endsWith("\r\n\r\n"))
        request += co_await client.recvAll(1);
    asked = request.split(' ').value(1).split(':').first();
    AsyncSocket onward;
    co_await onward.connect(target);
    co_await client.sendAll("HTTP/1.1 200 Connection established\r\n\r\n");
    co_await relay(client, onward);
}

/** Serves one client by `answers`, one to each thing that it says; then it closes, or keeps still. */
Task<> badProxy(AsyncServer &server, QByteArrayList answers, bool closes)
{
    AsyncSocket client = co_await server.accept();
    for (const QByteArray &answer : answers) {
        co_await client.recv();
        co_await client.sendAll(answer);
    }
    if (!closes)
        co_await sleep(QDeadlineTimer::Forever);
}

Task<> echoOnce(AsyncServer &server)
{
    AsyncSocket socket = co_await server.accept();
    co_await socket.sendAll(co_await socket.recvAll(5));
}

} // namespace

/** Connecting by name: all addresses are tried, RFC 8305. */
class ConnectTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void N06_triesBothFamiliesInTurns()
    {
        const QList<QHostAddress> mixed = Detail::interleaved(
            {address("::1"), address("::2"), address("::3"), address("127.0.0.1"), address("127.0.0.2")});
        QCOMPARE(mixed,
                 (QList<QHostAddress>{address("::1"), address("127.0.0.1"), address("::2"), address("127.0.0.2"),
                                      address("::3")}));
        QCOMPARE(Detail::interleaved({address("127.0.0.1"), address("::1")}).first(), address("127.0.0.1"));
        QVERIFY(Detail::interleaved({}).isEmpty());
    }

    void N06_triesTheNextAddressWhenOneFails()
    {
        QTcpServer server;
        QVERIFY(server.listen(address("127.0.0.5")));
        Outcome outcome(server.serverPort());
        outcome.connector->connectTo({address("127.0.0.2"), address("127.0.0.3"), address("127.0.0.5")});
        QTRY_VERIFY(outcome.connected);
        QCOMPARE(outcome.peer(), address("127.0.0.5"));
        QVERIFY(outcome.socket); // not the borrowed one: that failed
        QCOMPARE(outcome.borrowed.state(), QAbstractSocket::UnconnectedState);
    }

    void N06_doesNotWaitForAnAddressThatIsSilent()
    {
        const quint16 port = freePort();
        const SilentServer silent(address("127.0.0.2"), port);
        QTcpServer server;
        QVERIFY(server.listen(address("127.0.0.3"), port));
        Outcome outcome(port);
        outcome.connector->connectTo({address("127.0.0.2"), address("127.0.0.3")});
        QTRY_VERIFY(outcome.connected); // long before Qt would give up
        QCOMPARE(outcome.peer(), address("127.0.0.3"));
        QCOMPARE(outcome.borrowed.state(), QAbstractSocket::UnconnectedState);
    }

    void N06_theFirstAttemptMayWinLater()
    {
        QTcpServer server;
        QVERIFY(server.listen(address("127.0.0.2")));
        Outcome outcome(server.serverPort());
        outcome.connector->connectTo({address("127.0.0.2"), address("127.0.0.3")});
        QTRY_VERIFY(outcome.connected);
        QVERIFY(!outcome.socket);
        QCOMPARE(outcome.borrowed.state(), QAbstractSocket::ConnectedState);
    }

    void N06_tellsOfEachAddressThatFailed()
    {
        Outcome outcome(freePort());
        outcome.connector->connectTo({address("127.0.0.2"), address("127.0.0.3")});
        QTRY_VERIFY(outcome.failed);
        QCOMPARE(outcome.code, QAbstractSocket::ConnectionRefusedError);
        QVERIFY2(outcome.text.contains(QStringLiteral("127.0.0.2: Connection refused; 127.0.0.3: Connection refused")),
                 qPrintable(outcome.text));
    }

    void N06_canBeGivenUpAtAnyTime()
    {
        const quint16 port = freePort();
        const SilentServer silent(address("127.0.0.2"), port);
        const SilentServer second(address("127.0.0.3"), port);
        {
            Outcome outcome(port);
            outcome.connector->start(); // the lookup is under way
        }
        {
            Outcome outcome(port);
            outcome.connector->connectTo({address("127.0.0.2"), address("127.0.0.3")});
            QTest::qWait(300); // both attempts are
            QVERIFY(!outcome.failed);
            outcome.connector.reset();
            outcome.borrowed.abort();
            QVERIFY(!outcome.failed);
        }
    }

    void N06_connectsByName_data()
    {
        QTest::addColumn<QHostAddress>("listening");
        QTest::newRow("IPv4") << QHostAddress(QHostAddress::LocalHost);
        QTest::newRow("IPv6") << QHostAddress(QHostAddress::LocalHostIPv6);
    }
    void N06_connectsByName()
    {
        QFETCH(const QHostAddress, listening);
        if (QHostInfo::fromName(QStringLiteral("localhost")).addresses().size() < 2)
            QSKIP("localhost has only one address here");
        AsyncServer server;
        server.listen(listening);
        AsyncSocket socket;
        run(socket.connect(QStringLiteral("localhost"), server.location().port()));
        QVERIFY(socket.isConnected());
        QCOMPARE(socket.peerLocation(), server.location());
        AsyncSocket accepted = run(server.accept());
        run(socket.sendAll("hello"));
        QCOMPARE(run(accepted.recvAll(5)), "hello");
        run(accepted.sendAll("world"));
        QCOMPARE(run(socket.recvAll(5)), "world");
    }

    void N06_saysWhichNameIsUnknown()
    {
        AsyncSocket socket;
        try {
            run(socket.connect(QStringLiteral("no-such-host.invalid"), 80));
            QFAIL("nothing was thrown");
        } catch (const SocketError &error) {
            QCOMPARE(error.code(), QAbstractSocket::HostNotFoundError);
            QVERIFY2(error.message().contains(QStringLiteral("no-such-host.invalid")), error.what());
        }
        QVERIFY(!socket.isConnected());
    }

    void N06_namesAllAddressesThatRefuse()
    {
        AsyncSocket socket;
        const quint16 port = freePort();
        try {
            run(socket.connect(QStringLiteral("localhost"), port));
            QFAIL("nothing was thrown");
        } catch (const SocketError &error) {
            QCOMPARE(error.code(), QAbstractSocket::ConnectionRefusedError);
            QVERIFY2(error.message().contains(QStringLiteral("127.0.0.1: Connection refused")), error.what());
            QVERIFY2(error.message().contains(QStringLiteral("localhost:%1").arg(port)), error.what());
        }
        // It can connect again.
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        run(socket.connect(QStringLiteral("localhost"), server.location().port()));
        QVERIFY(socket.isConnected());
    }

    void N06_givesUpByName_data()
    {
        QTest::addColumn<int>("how");
        QTest::newRow("deadline in the past") << 0;
        QTest::newRow("deadline during the lookup") << 1;
        QTest::newRow("cancelled") << 2;
        QTest::newRow("closed") << 3;
        QTest::newRow("destroyed") << 4;
    }
    void N06_givesUpByName()
    {
        QFETCH(const int, how);
        const SilentServer silent(QHostAddress::LocalHost);
        auto socket = std::make_unique<AsyncSocket>();
        QString ending;
        const Coro<> coro = spawn([&]() -> Task<> {
            try {
                co_await socket->connect(QStringLiteral("localhost"), silent.location().port(),
                                         how == 0       ? QDeadlineTimer(0)
                                             : how == 1 ? QDeadlineTimer(1)
                                                        : QDeadlineTimer(QDeadlineTimer::Forever));
            } catch (const TimedOut &) {
                ending = QStringLiteral("timed out");
            } catch (const SocketError &error) {
                ending = error.message();
            } catch (const Cancelled &) {
                ending = QStringLiteral("cancelled");
                throw;
            }
        });
        letOthersRun();
        if (how == 2)
            coro.terminate();
        else if (how == 3)
            socket->close();
        else if (how == 4)
            socket.reset();
        QTRY_VERIFY(!ending.isEmpty());
        if (how < 2)
            QCOMPARE(ending, QStringLiteral("timed out"));
        else if (how == 2)
            QCOMPARE(ending, QStringLiteral("cancelled"));
        else
            QVERIFY2(ending.contains(QStringLiteral("closed")), qPrintable(ending));
        if (!socket)
            return;
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        run(socket->connect(QStringLiteral("localhost"), server.location().port()));
        QVERIFY(socket->isConnected());
    }

    void N06_givesTheNameToAProxy_data()
    {
        QTest::addColumn<bool>("socks");
        QTest::newRow("SOCKS5") << true;
        QTest::newRow("HTTP") << false;
    }
    void N06_givesTheNameToAProxy()
    {
        QFETCH(const bool, socks);
        AsyncServer target;
        target.listen(QHostAddress::LocalHost);
        AsyncServer proxy;
        proxy.listen(QHostAddress::LocalHost);
        QByteArray asked;
        const auto serving = socks ? spawn(socksProxy, std::ref(proxy), target.location(), std::ref(asked))
                                   : spawn(httpProxy, std::ref(proxy), target.location(), std::ref(asked));
        const auto echo = spawn(echoOnce, std::ref(target));
        AsyncSocket socket;
        socket.socket()->setProxy(QNetworkProxy(socks ? QNetworkProxy::Socks5Proxy : QNetworkProxy::HttpProxy,
                                                Localhost, proxy.location().port()));
        run(socket.connect(QStringLiteral("only-the-proxy-knows.test"), 1234));
        run(socket.sendAll("hello"));
        QCOMPARE(run(socket.recvAll(5)), "hello");
        QCOMPARE(asked, "only-the-proxy-knows.test");
        socket.close();
        waitFor(echo);
        waitFor(serving);
    }

    void N06_proxiesThatDoNotDoTheirPart_data()
    {
        using Code = QAbstractSocket::SocketError;
        constexpr auto Socks = QNetworkProxy::Socks5Proxy;
        constexpr auto Http = QNetworkProxy::HttpProxy;
        QTest::addColumn<QNetworkProxy::ProxyType>("type");
        QTest::addColumn<QByteArrayList>("answers");
        QTest::addColumn<bool>("closes");
        QTest::addColumn<Code>("code");
        const QByteArrayList none;
        const QByteArrayList other{"220 mail.example.org ESMTP\r\n"};
        const QByteArrayList wantsToKnowWho{QByteArray::fromHex("05ff")};
        const QByteArrayList saysNo{QByteArray::fromHex("0500"), QByteArray::fromHex("05050001000000000000")};
        QTest::newRow("SOCKS5, closes") << Socks << none << true << QAbstractSocket::ProxyConnectionClosedError;
        QTest::newRow("SOCKS5, is none") << Socks << other << false << QAbstractSocket::ProxyProtocolError;
        QTest::newRow("SOCKS5, wants to know who asks")
            << Socks << wantsToKnowWho << false << QAbstractSocket::ProxyAuthenticationRequiredError;
        QTest::newRow("SOCKS5, says no") << Socks << saysNo << false << QAbstractSocket::ConnectionRefusedError;
        QTest::newRow("HTTP, closes") << Http << none << true << QAbstractSocket::ProxyConnectionClosedError;
        QTest::newRow("HTTP, is none") << Http << other << false << QAbstractSocket::ProxyProtocolError;
        QTest::newRow("HTTP, says no") << Http << QByteArrayList{"HTTP/1.1 403 Forbidden\r\n\r\n"} << false
                                       << QAbstractSocket::SocketAccessError;
    }
    void N06_proxiesThatDoNotDoTheirPart()
    {
        QFETCH(const QNetworkProxy::ProxyType, type);
        QFETCH(const QByteArrayList, answers);
        QFETCH(const bool, closes);
        QFETCH(const QAbstractSocket::SocketError, code);
        AsyncServer proxy;
        proxy.listen(QHostAddress::LocalHost);
        const Coro<> serving = spawn(badProxy, std::ref(proxy), answers, closes);
        AsyncSocket socket;
        socket.socket()->setProxy(QNetworkProxy(type, Localhost, proxy.location().port()));
        try {
            run(socket.connect(QStringLiteral("only-the-proxy-knows.test"), 1234, 20s));
            QFAIL("connected");
        } catch (const SocketError &e) {
            QCOMPARE(e.operation(), "connect()");
            QVERIFY2(e.message().contains(u"only-the-proxy-knows.test:1234"), e.what());
            QCOMPARE(e.code(), code);
        }
        QVERIFY(!socket.isConnected());
        serving.terminate();
    }

    void N06_aProxyThatIsNotThereOrStalls()
    {
        for (const auto type : {QNetworkProxy::Socks5Proxy, QNetworkProxy::HttpProxy}) {
            AsyncServer proxy;
            proxy.listen(QHostAddress::LocalHost);
            const quint16 port = proxy.location().port();
            const auto connectBy = [&](AsyncSocket &socket, AsyncSocket::Deadline deadline) {
                socket.socket()->setProxy(QNetworkProxy(type, Localhost, port));
                run(socket.connect(QStringLiteral("only-the-proxy-knows.test"), 1234, deadline));
            };
            AsyncSocket socket;
            QVERIFY_THROWS_EXCEPTION(TimedOut, connectBy(socket, 50ms));
            QVERIFY(!socket.isConnected());
            proxy.close();
            try {
                connectBy(socket, 20s);
                QFAIL("connected");
            } catch (const SocketError &e) {
                QCOMPARE(e.code(), QAbstractSocket::ProxyConnectionRefusedError);
            }
            // The same socket, without one.
            AsyncServer server;
            server.listen(QHostAddress::LocalHost);
            socket.socket()->setProxy(QNetworkProxy::NoProxy);
            run(socket.connect(server.location()));
            QVERIFY(socket.isConnected());
        }
    }

    void N06_comesFromTheAddressThatItIsBoundTo()
    {
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        AsyncSocket socket;
        QVERIFY(socket.socket()->bind(QHostAddress(QStringLiteral("127.0.0.2"))));
        run(socket.connect(server.location()));
        QCOMPARE(run(server.accept()).peerLocation().address(), "127.0.0.2");
    }
};

QTEST_GUILESS_MAIN(ConnectTest)
#include "connecttest.moc"
