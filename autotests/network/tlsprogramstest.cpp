// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "tlstest.h"

#include <Asyncoro/Signal>

#include <QSslSocket>
#include <QStandardPaths>

using namespace TlsTest;
using namespace std::chrono_literals;

namespace {

QString name(const char *text)
{
    return QString::fromLatin1(text);
}

} // namespace

/** TLS with the programs of others: openssl s_server, s_client and curl. */
class TlsProgramsTest : public QObject
{
    Q_OBJECT

private:
    Certificates m_certificates;

    /** How connecting to that server fails. */
    QString refusedBy(const OpensslServer &server, const TlsConfiguration &configuration, Reason reason)
    {
        return failsWith(reason, [&] {
            AsyncSocket socket;
            run(socket.connect(Localhost, server.port()));
            run(socket.startTls(configuration));
            run(socket.recv()); // with TLS 1.3, what the server thinks of the client comes only then
        });
    }

    /** `openssl s_client` with a server of ours: what startServerTls() failed with, if it did. */
    std::exception_ptr serveClient(const TlsConfiguration &configuration, const QStringList &arguments,
                                   QByteArray *said, TlsSession *session = nullptr)
    {
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        Program client(name("openssl"), QStringList{name("s_client"), name("-connect"), server.location().toString(),
                                                    name("-CAfile"), m_certificates.pem(name("ca")),
                                                    name("-verify_return_error")}
                           + arguments);
        std::exception_ptr failure;
        waitFor(spawn([&]() -> Task<> {
            AsyncSocket socket = co_await server.accept();
            try {
                co_await socket.startServerTls(configuration, 20s);
                if (session)
                    *session = socket.tlsSession();
                co_await socket.sendAll("welcome\n");
            } catch (const SocketError &) {
                failure = std::current_exception();
            }
        }));
        *said = client.waitForEnd();
        return failure;
    }

private Q_SLOTS:
    void N08_talksToSServer_data()
    {
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<QSsl::SslProtocol>("protocol");
        QTest::newRow("TLS 1.3") << QStringList{} << QSsl::TlsV1_3;
        QTest::newRow("TLS 1.2") << QStringList{name("-tls1_2")} << QSsl::TlsV1_2;
    }
    void N08_talksToSServer()
    {
        QFETCH(const QStringList, arguments);
        QFETCH(const QSsl::SslProtocol, protocol);
        OpensslServer server(m_certificates, QStringList{name("-rev")} + arguments); // answers with each line reversed
        waitFor(spawn([&]() -> Task<> {
            AsyncSocket socket;
            co_await socket.connectTls(Localhost, server.port(), m_certificates.client());
            QCOMPARE(socket.tlsSession().protocol(), protocol);
            co_await socket.sendAll("hello\n");
            QCOMPARE(co_await socket.readLine(), "olleh\n");
        }));
    }

    void N08_wrapsAQSslSocket()
    {
        OpensslServer server(m_certificates, {name("-rev")});
        waitFor(spawn([&]() -> Task<> {
            auto wrapped = std::make_unique<QSslSocket>();
            QSslConfiguration configuration = wrapped->sslConfiguration();
            configuration.setCaCertificates(QSslCertificate::fromPath(m_certificates.pem(name("ca"))));
            wrapped->setSslConfiguration(configuration);
            wrapped->connectToHostEncrypted(Localhost, server.port());
            co_await signal(wrapped.get(), &QSslSocket::encrypted, 20s);
            AsyncSocket socket(wrapped.release());
            co_await socket.sendAll("hello\n");
            QCOMPARE(co_await socket.readLine(), "olleh\n");
            const Coro<QByteArray> reading = spawn([&]() -> Task<QByteArray> { co_return co_await socket.recv(); });
            co_await yield();
            co_await socket.sendAll("again\n");
            QCOMPARE(co_await reading, "niaga\n");
            QVERIFY(!socket.tlsSession().isValid()); // that is QSslSocket's own affair
            socket.close();
        }));
    }

    void N08_resumesASessionOfSServer_data() { N08_talksToSServer_data(); }
    void N08_resumesASessionOfSServer()
    {
        QFETCH(const QStringList, arguments);
        OpensslServer server(m_certificates, QStringList{name("-www")} + arguments);
        const TlsConfiguration configuration = m_certificates.client();
        for (const bool again : {false, true}) {
            waitFor(spawn([&]() -> Task<> {
                AsyncSocket socket;
                co_await socket.connectTls(Localhost, server.port(), configuration);
                co_await socket.sendAll("GET / HTTP/1.0\r\n\r\n");
                const QByteArray page = co_await socket.readAll();
                QCOMPARE(socket.tlsSession().isResumed(), again);
                QVERIFY2(page.contains(again ? "\nReused, " : "\nNew, "), page.constData());
                QCOMPARE(socket.tlsSession().peerCertificate().subjectInfo(QSslCertificate::CommonName),
                         QStringList{name("server")});
            }));
        }
    }

    void N08_saysWhySServerDoesNotAgree()
    {
        TlsConfiguration strict = m_certificates.client();
        strict.setMinimumVersion(QSsl::TlsV1_3);
        refusedBy(OpensslServer(m_certificates, {name("-tls1_2")}), strict, Reason::NoCommonVersion);

        refusedBy(OpensslServer(m_certificates, {name("-tls1_2"), name("-cipher"), name("AES128-SHA256")}),
                  m_certificates.client(), Reason::NoCommonCipher); // for RSA only, and its key is none

        TlsConfiguration web = m_certificates.client();
        web.setApplicationProtocols({"h2"});
        refusedBy(OpensslServer(m_certificates, {name("-alpn"), name("imap")}), web, Reason::NoCommonProtocol);

        for (const QString &version : {name("-tls1_2"), name("-tls1_3")}) {
            const QStringList demanding{version, name("-Verify"), name("1"), name("-verify_return_error"),
                                        name("-CAfile"), m_certificates.pem(name("ca"))};
            refusedBy(OpensslServer(m_certificates, demanding), m_certificates.client(), Reason::CertificateRequired);
            refusedBy(OpensslServer(m_certificates, demanding), m_certificates.configuration(name("foreign")),
                      Reason::RefusedByPeer);
        }
    }

    void N08_showsItsCertificateToSServer()
    {
        OpensslServer server(m_certificates, {name("-rev"), name("-Verify"), name("1"), name("-verify_return_error"),
                                              name("-CAfile"), m_certificates.pem(name("ca"))});
        AsyncSocket socket;
        run(socket.connect(Localhost, server.port()));
        run(socket.startTls(m_certificates.configuration(name("client"))));
        run(socket.sendAll("abc\n"));
        QCOMPARE(run(socket.readLine()), "cba\n");
    }

    // TLS sends messages of its own. While one has come in part, OpenSSL sends nothing.
    void N08_sendsOnceAMessageOfTlsIsComplete()
    {
        OpensslServer server(m_certificates, {name("-rev"), name("-max_send_frag"), name("512"), name("-Verify"),
                                              name("1"), name("-CAfile"), m_certificates.pem(name("ca"))});
        Pair pair = connectedPair(); // the client, and who is between it and the server
        AsyncSocket between;
        run(between.connect(Localhost, server.port()));
        const auto pump = [](AsyncSocket &from, AsyncSocket &to) -> Task<> {
            for (;;)
                co_await to.sendAll(co_await from.recv());
        };
        const auto starting = spawn([&]() -> Task<> {
            co_await pair.a.startTls(m_certificates.configuration(name("client")), name("localhost"));
        });
        run(between.sendAll(run(pair.b.recv())));
        auto back = spawn(pump, std::ref(between), std::ref(pair.b));
        waitFor(starting);
        back.terminate();
        letOthersRun();
        run(between.sendAll(run(pair.b.recv())));

        const QByteArray header = run(between.recvAll(5)); // a session in a ticket, too long for one record
        const int size = (uchar(header.at(3)) << 8) + uchar(header.at(4));
        QVERIFY(size > 512);
        run(pair.b.sendAll(header + run(between.recvAll(size))));
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(pair.a.recv(100, 0ms)));
        run(pair.a.sendAll("hello\n"));
        run(pair.a.sendAll("again\n"));
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(pair.a.flush(0ms)));
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(pair.b.recv(100, 0ms)));

        back = spawn(pump, std::ref(between), std::ref(pair.b));
        const auto there = spawn(pump, std::ref(pair.b), std::ref(between));
        run(pair.a.flush()); // nobody receives
        QCOMPARE(run(pair.a.readLine()), "olleh\n");
        QCOMPARE(run(pair.a.readLine()), "niaga\n");
        back.terminate();
        there.terminate();
        letOthersRun();
    }

    void N08_talksToSClient_data() { N08_talksToSServer_data(); }
    void N08_talksToSClient()
    {
        QFETCH(const QStringList, arguments);
        QFETCH(const QSsl::SslProtocol, protocol);
        TlsConfiguration server = m_certificates.server();
        server.setApplicationProtocols({"h2", "http/1.1"});
        QByteArray said;
        TlsSession session;
        const QStringList more{name("-alpn"), name("http/1.1,h2"), name("-servername"), name("localhost")};
        QVERIFY(!serveClient(server, arguments + more, &said, &session));
        QVERIFY2(said.contains("welcome\n"), said.constData());
        QVERIFY2(said.contains("ALPN protocol: h2"), said.constData());
        QVERIFY2(said.contains("Verification: OK"), said.constData());
        QCOMPARE(session.protocol(), protocol);
        QCOMPARE(session.serverName(), name("localhost"));
        QCOMPARE(session.applicationProtocol(), "h2");
    }

    void N08_saysWhySClientDoesNotAgree()
    {
        QByteArray said;
        TlsConfiguration strict = m_certificates.server();
        strict.setMinimumVersion(QSsl::TlsV1_3);
        failsWith(Reason::NoCommonVersion, serveClient(strict, {name("-tls1_2")}, &said));
        QVERIFY2(said.contains("alert protocol version"), said.constData()); // it is told why

        const QStringList forRsaOnly{name("-tls1_2"), name("-cipher"), name("AES128-SHA256")};
        failsWith(Reason::NoCommonCipher, serveClient(m_certificates.server(), forRsaOnly, &said));
        QVERIFY2(said.contains("handshake failure"), said.constData());

        failsWith(Reason::RefusedByPeer, serveClient(m_certificates.configuration(name("expired")), {}, &said));
        QVERIFY2(said.contains("certificate has expired"), said.constData());

        TlsConfiguration demanding = m_certificates.server();
        demanding.setClientCertificate(TlsConfiguration::ClientCertificate::Required);
        failsWith(Reason::NoPeerCertificate, serveClient(demanding, {}, &said));
        QVERIFY2(said.contains("certificate required"), said.constData());

        TlsSession session;
        QVERIFY(!serveClient(demanding,
                             {name("-cert"), m_certificates.pem(name("client")), name("-key"),
                              m_certificates.key(name("client"))},
                             &said, &session));
        QCOMPARE(session.peerCertificate().subjectInfo(QSslCertificate::CommonName), QStringList{name("client")});
    }

    void N08_servesCurl()
    {
        if (QStandardPaths::findExecutable(name("curl")).isEmpty())
            QSKIP("curl is not installed");
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        const QByteArray body(1'000'000, 'z');
        Program curl(name("curl"),
                     {name("--silent"), name("--show-error"), name("--noproxy"), name("*"), name("--cacert"),
                      m_certificates.pem(name("ca")), name("--output"), name("-"),
                      name("https://localhost:%1/").arg(server.location().port()), name("--ipv4")});
        waitFor(spawn([&]() -> Task<> {
            AsyncSocket socket = co_await server.accept();
            co_await socket.startServerTls(m_certificates.server(), 20s);
            const QByteArray request = co_await socket.recvUntil("\r\n\r\n");
            QVERIFY2(request.startsWith("GET / HTTP/1.1\r\n"), request.constData());
            co_await socket.sendAll("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body);
        }));
        QVERIFY(curl.waitForEnd() == body);
        QCOMPARE(curl.exitCode(), 0);
    }
};

QTEST_GUILESS_MAIN(TlsProgramsTest)
#include "tlsprogramstest.moc"
