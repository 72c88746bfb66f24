// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Of wss://

#include "badpeers.h"
#include "tlstest.h"
#include "websockettest.h"

#include <Asyncoro/Result>
#include <Asyncoro/WhenAll>

#include <QFile>
#include <QSslConfiguration>
#include <QSslKey>
#include <QTest>
#include <QWebSocket>

using namespace NetworkTest;
using namespace std::chrono_literals;

class SecureWebSocketTest : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<TlsTest::Certificates> m_certificates;

    QSslConfiguration serverTls() const
    {
        QFile key(m_certificates->key(QStringLiteral("server")));
        if (!key.open(QIODevice::ReadOnly))
            qFatal("no key");
        QSslConfiguration configuration = QSslConfiguration::defaultConfiguration();
        configuration.setLocalCertificateChain(
            QSslCertificate::fromPath(m_certificates->pem(QStringLiteral("server"))));
        configuration.setPrivateKey(QSslKey(&key, QSsl::Ec));
        return configuration;
    }
    /** Connects a client that trusts only this authority. */
    Task<> connectTo(AsyncWebSocketServer &server, AsyncWebSocket &client, QString authority = QStringLiteral("ca"))
    {
        QSslConfiguration configuration = QSslConfiguration::defaultConfiguration();
        configuration.setCaCertificates(QSslCertificate::fromPath(m_certificates->pem(authority)));
        client.socket()->setSslConfiguration(configuration);
        co_await client.connect(QUrl(QStringLiteral("wss://") + server.location().toString()), 20s);
    }

private Q_SLOTS:
    void initTestCase() { m_certificates = std::make_unique<TlsTest::Certificates>(); }

    void aSecureConversation()
    {
        AsyncWebSocketServer server(QStringLiteral("test"), serverTls());
        server.listen(QHostAddress::LocalHost);
        AsyncWebSocket a;
        auto [none, b] = waitFor(whenAll(connectTo(server, a), server.accept(20s)));
        waitFor(a.sendText(QStringLiteral("Grüße")));
        QCOMPARE(waitFor(b.recv(20s)).text(), QStringLiteral("Grüße"));
        const QByteArray much(3'000'000, 'x');
        const Coro<> sending = spawn([&, &b = b]() -> Task<> { co_await b.sendBinary(much, 20s); });
        QVERIFY(waitFor(a.recv(20s)).bytes == much);
        waitFor(sending);
        QCOMPARE(waitFor(asResult(b.recv(10ms))).errorText(),
                 QStringLiteral("recv(), wss://%1/ timed out").arg(server.location().toString()));
        a.close(4321, QStringLiteral("enough"));
        try {
            waitFor(b.recv(20s));
            QFAIL("there is no more");
        } catch (const WebSocketClosed &e) {
            QCOMPARE(e.code(), 4321);
        }
    }

    void aSecureServerThatIsNotTrusted()
    {
        AsyncWebSocketServer server(QStringLiteral("test"), serverTls());
        server.listen(QHostAddress::LocalHost);
        AsyncWebSocket socket;
        try {
            waitFor(connectTo(server, socket, QStringLiteral("other-ca")));
            QFAIL("it was trusted");
        } catch (const SocketError &e) {
            QCOMPARE(e.code(), QAbstractSocket::SslHandshakeFailedError);
            QCOMPARE(e.operation(), "connect()");
        }
        QVERIFY(!socket.isConnected());
    }

    void aSecureServerAndClientsThatAreNone_data()
    {
        QTest::addColumn<QByteArray>("sent");
        QTest::addColumn<bool>("resets");
        QTest::newRow("stalls") << QByteArray() << false;
        QTest::newRow("stalls in the first record") << QByteArray::fromHex("1603010200") << false;
        QTest::newRow("resets") << QByteArray::fromHex("1603010200") << true;
        QTest::newRow("without TLS") << HandshakeRequest << false;
        QTest::newRow("floods") << QByteArray(100'000, 'x') << false;
    }
    // Neither keeps others from being accepted.
    void aSecureServerAndClientsThatAreNone()
    {
        QFETCH(const QByteArray, sent);
        QFETCH(const bool, resets);
        AsyncWebSocketServer server(QStringLiteral("test"), serverTls());
        server.listen(QHostAddress::LocalHost);
        RawPeer bad = rawClient(server.location().port());
        bad.send(sent);
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(server.accept(100ms)));
        if (resets)
            bad.reset();
        const Coro<> cancelled = spawn([&]() -> Task<> { co_await server.accept(); });
        BadPeers::lookAround();
        cancelled.terminate();
        AsyncWebSocket good;
        auto [none, accepted] = waitFor(whenAll(connectTo(server, good), server.accept(20s)));
        waitFor(good.sendText(QStringLiteral("x")));
        QCOMPARE(waitFor(accepted.recv(20s)).text(), QStringLiteral("x"));
    }

    void aSecureClientAndServersThatAreNone_data()
    {
        QTest::addColumn<QByteArray>("sent");
        QTest::addColumn<bool>("resets");
        QTest::newRow("resets") << QByteArray::fromHex("1603030200") << true;
        QTest::newRow("closes half-way") << QByteArray::fromHex("1603030200") << false;
        QTest::newRow("without TLS") << QByteArray("HTTP/1.1 400 Bad Request\r\n\r\n") << false;
        QTest::newRow("floods") << QByteArray(100'000, 'x') << false;
    }
    void aSecureClientAndServersThatAreNone()
    {
        QFETCH(const QByteArray, sent);
        QFETCH(const bool, resets);
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        const QUrl url(QStringLiteral("wss://") + server.location().toString());
        AsyncWebSocket socket;
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(socket.connect(url, 100ms))); // it stalls
        const Coro<> cancelled = spawn(socket.connect(url));
        BadPeers::lookAround();
        cancelled.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(cancelled));
        for (int i = 0; i < 2; ++i)
            run(server.accept(20s)); // those
        const Coro<> connecting = spawn(socket.connect(url, 20s));
        AsyncSocket bad = run(server.accept(20s));
        run(bad.recv());
        run(bad.sendAll(sent));
        if (resets)
            NetworkTest::reset(bad);
        else
            bad.close();
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(connecting, 20s));
        QVERIFY(!socket.isConnected());
    }
};

QTEST_GUILESS_MAIN(SecureWebSocketTest)
#include "securewebsockettest.moc"
