// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "tlstest.h"

#include <QSslKey>

using namespace TlsTest;
using namespace std::chrono_literals;

namespace {

QString name(const char *text)
{
    return QString::fromLatin1(text);
}

QByteArray contentsOf(const QString &path)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        qFatal("%s: %s", qUtf8Printable(path), qUtf8Printable(file.errorString()));
    return file.readAll();
}

} // namespace

/** What the two sides agree on, and each way in which they do not. */
class TlsHandshakeTest : public QObject
{
    Q_OBJECT

private:
    Certificates m_certificates;

private Q_SLOTS:
    void N08_encryptsAConnection()
    {
        Pair pair = securePair(m_certificates.client(), m_certificates.server());
        run(pair.a.sendAll("ping"));
        QCOMPARE(run(pair.b.recvAll(4)), "ping");
        run(pair.b.sendAll("pong"));
        QCOMPARE(run(pair.a.recvAll(4)), "pong");

        const TlsSession session = pair.a.tlsSession();
        QVERIFY(session.isValid());
        QCOMPARE(session.protocol(), QSsl::TlsV1_3);
        QVERIFY2(session.cipher().startsWith(u"TLS_"), qPrintable(session.cipher()));
        QCOMPARE(session.peerCertificate().subjectInfo(QSslCertificate::CommonName), QStringList{name("server")});
        QCOMPARE(session.peerChain().size(), 1);
        QCOMPARE(session.applicationProtocol(), "");
        QVERIFY(!session.isResumed());
        QCOMPARE(pair.b.tlsSession().serverName(), name("localhost"));
        QVERIFY(pair.b.tlsSession().peerCertificate().isNull());

        QCOMPARE(session.channelBinding().size(), 32);
        QCOMPARE(pair.b.tlsSession().channelBinding(), session.channelBinding());
        const Pair other = securePair(m_certificates.client(), m_certificates.server());
        QVERIFY(other.a.tlsSession().channelBinding() != session.channelBinding());
    }

    void N08_aPlainConnectionHasNoSession()
    {
        const Pair pair = connectedPair();
        QVERIFY(!pair.a.tlsSession().isValid());
    }

    // As the ancestor does it: one certificate, signed by itself, that both sides have.
    void N08_trustsOneCertificateThatBothSidesHave()
    {
        Pair pair = securePair(m_certificates.configuration({}, name("self-signed")),
                               m_certificates.configuration(name("self-signed")));
        QVERIFY(pair.a.tlsSession().isValid());
    }

    void N08_trustsTheCertificateOfAPeerAlone()
    {
        securePair(m_certificates.configuration({}, name("server")), m_certificates.server());
    }

    void N06_connectsAndAcceptsWithTls()
    {
        waitFor(spawn([this]() -> Task<> {
            AsyncServer server;
            server.listen(QHostAddress::LocalHost);
            const TlsConfiguration configuration = m_certificates.server();
            const auto echo = spawn([&server, configuration]() -> Task<> {
                AsyncSocket socket = co_await server.accept();
                co_await socket.startServerTls(configuration, 20s);
                co_await socket.sendAll(co_await socket.recvAll(5));
            });
            AsyncSocket socket;
            co_await socket.connectTls(Localhost, server.location().port(), m_certificates.client());
            co_await socket.sendAll("hello");
            QCOMPARE(co_await socket.recvAll(5), "hello");
            co_await echo;
        }));
    }

    void N06_aClientThatFailsStopsNoOther()
    {
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        QList<QString> failures;
        const auto serving = spawn([&]() -> Task<> {
            const auto serve = [&](AsyncSocket socket) -> Task<> {
                try {
                    co_await socket.startServerTls(m_certificates.server(), 20s);
                    co_await socket.sendAll("welcome");
                } catch (const Error &error) {
                    failures += error.message();
                }
            };
            for (;;)
                spawn(serve, co_await server.accept());
        });
        waitFor(spawn([&]() -> Task<> {
            AsyncSocket silent; // says nothing, to the end
            co_await silent.connect(server.location());
            AsyncSocket plain;
            co_await plain.connect(server.location());
            co_await plain.sendAll("GET / HTTP/1.0\r\n\r\n");
            AsyncSocket suspicious;
            bool refused = false;
            try {
                co_await suspicious.connectTls(Localhost, server.location().port(),
                                               m_certificates.configuration({}, name("other-ca")));
            } catch (const TlsError &) {
                refused = true;
            }
            QVERIFY(refused);
            AsyncSocket good;
            co_await good.connectTls(Localhost, server.location().port(), m_certificates.client());
            QCOMPARE(co_await good.recvAll(7), "welcome");
        }));
        QTRY_COMPARE(failures.size(), 3); // that of the silent one: it is gone
        serving.terminate();
    }

    void N08_refusesABadCertificate_data()
    {
        QTest::addColumn<QString>("identity");
        QTest::addColumn<QString>("host");
        QTest::addColumn<Reason>("reason");
        QTest::addColumn<QString>("advice");
        QTest::newRow("expired") << name("expired") << name("localhost") << Reason::CertificateExpired
                                 << name("needs a new one");
        QTest::newRow("not yet valid")
            << name("future") << name("localhost") << Reason::CertificateNotYetValid << name("clock");
        QTest::newRow("signed by itself")
            << name("self-signed") << name("localhost") << Reason::SelfSigned << name("trustOnly()");
        QTest::newRow("unknown authority")
            << name("foreign") << name("localhost") << Reason::UnknownIssuer << name("trustOnly()");
        QTest::newRow("not for servers")
            << name("clients-only") << name("localhost") << Reason::BadCertificate << name("purpose");
        QTest::newRow("other name") << name("second") << name("localhost") << Reason::WrongHostName
                                    << name("not for \"localhost\"");
        QTest::newRow("other address") << name("server") << name("127.0.0.2") << Reason::WrongHostName
                                       << name("not for \"127.0.0.2\"");
        QTest::newRow("part of a name") << name("server") << name("host") << Reason::WrongHostName
                                        << name("not for \"host\"");
        QTest::newRow("one level too deep") << name("second") << name("a.b.wild.test") << Reason::WrongHostName
                                            << name("not for");
    }
    void N08_refusesABadCertificate()
    {
        QFETCH(const QString, identity);
        QFETCH(const QString, host);
        QFETCH(const Reason, reason);
        QFETCH(const QString, advice);
        Handshake handshake;
        handshake.run(m_certificates.client(), m_certificates.configuration(identity), host);
        const QString text = failsWith(reason, handshake.clientFailure);
        QVERIFY2(text.contains(advice), qPrintable(text));
        QVERIFY2(text.contains(identity), qPrintable(text)); // whose certificate
        QVERIFY2(text.contains(name("startTls(), 127.0.0.1:")), qPrintable(text));
        QVERIFY(!handshake.pair.a.isConnected());
        try {
            std::rethrow_exception(handshake.clientFailure);
        } catch (const SocketError &error) {
            QCOMPARE(error.operation(), name("startTls()"));
            QCOMPARE(error.peer(), handshake.pair.a.peerLocation());
            QVERIFY(error.peer().isValid());
        }

        // What is named is accepted.
        TlsConfiguration careless = m_certificates.client();
        careless.accept({reason});
        Handshake second;
        second.run(careless, m_certificates.configuration(identity), host);
        QVERIFY(!second.clientFailure);

        // Nothing else is.
        careless.accept({reason == Reason::WrongHostName ? Reason::UnknownIssuer : Reason::WrongHostName});
        Handshake third;
        third.run(careless, m_certificates.configuration(identity), host);
        failsWith(reason, third.clientFailure);
    }

    void N08_theServerLearnsThatItIsRefused()
    {
        Handshake handshake;
        handshake.run(m_certificates.client(), m_certificates.configuration(name("foreign")));
        const QString text = failsWith(Reason::RefusedByPeer, handshake.serverFailure);
        QVERIFY2(text.contains(name("startServerTls(), 127.0.0.1:")), qPrintable(text));
    }

    void N08_acceptsAddressesAndPatterns_data()
    {
        QTest::addColumn<QString>("identity");
        QTest::addColumn<QString>("host");
        QTest::newRow("IPv4") << name("server") << name("127.0.0.1");
        QTest::newRow("IPv6") << name("server") << name("::1");
        QTest::newRow("capitals") << name("server") << name("LocalHost");
        QTest::newRow("dot at the end") << name("server") << name("localhost.");
        QTest::newRow("pattern") << name("second") << name("x.wild.test");
    }
    void N08_acceptsAddressesAndPatterns()
    {
        QFETCH(const QString, identity);
        QFETCH(const QString, host);
        Handshake handshake;
        handshake.run(m_certificates.client(), m_certificates.configuration(identity), host);
        QVERIFY(!handshake.clientFailure);
        QVERIFY(!handshake.serverFailure);
    }

    void N08_asksForTheCertificateOfTheClient()
    {
        TlsConfiguration server = m_certificates.server();
        server.setClientCertificate(TlsConfiguration::ClientCertificate::Required);
        const Pair pair = securePair(m_certificates.configuration(name("client")), server);
        QCOMPARE(pair.b.tlsSession().peerCertificate().subjectInfo(QSslCertificate::CommonName),
                 QStringList{name("client")});
    }

    void N08_serverMissesTheCertificateOfTheClient()
    {
        TlsConfiguration server = m_certificates.server();
        server.setClientCertificate(TlsConfiguration::ClientCertificate::Required);
        Handshake handshake;
        handshake.run(m_certificates.client(), server);
        failsWith(Reason::NoPeerCertificate, handshake.serverFailure);
        // With TLS 1.3 the client is done before the server has looked: it learns of it when it receives.
        QVERIFY(!handshake.clientFailure);
        const QString text = failsWith(Reason::CertificateRequired, [&] { run(handshake.pair.a.recv()); });
        QVERIFY2(text.contains(name("addIdentity()")), qPrintable(text));
    }

    void N08_asksForACertificateButTakesNone()
    {
        TlsConfiguration server = m_certificates.server();
        server.setClientCertificate(TlsConfiguration::ClientCertificate::Asked);
        securePair(m_certificates.client(), server);
        Handshake handshake;
        handshake.run(m_certificates.configuration(name("foreign")), server);
        failsWith(Reason::UnknownIssuer, handshake.serverFailure);
        failsWith(Reason::RefusedByPeer, [&] { run(handshake.pair.a.recv()); });
    }

    void N08_agreesOnAnApplicationProtocol()
    {
        TlsConfiguration server = m_certificates.server();
        server.setApplicationProtocols({"h2", "http/1.1"});
        TlsConfiguration client = m_certificates.client();
        client.setApplicationProtocols({"http/1.1", "h2", "http/1.0"});
        const Pair pair = securePair(client, server);
        QCOMPARE(pair.a.tlsSession().applicationProtocol(), "h2"); // the best of the server
        QCOMPARE(pair.b.tlsSession().applicationProtocol(), "h2");

        client.setApplicationProtocols({"imap"});
        Handshake handshake;
        handshake.run(client, server);
        failsWith(Reason::NoCommonProtocol, handshake.clientFailure);
        failsWith(Reason::NoCommonProtocol, handshake.serverFailure);

        const Pair unasked = securePair(m_certificates.client(), server);
        QCOMPARE(unasked.a.tlsSession().applicationProtocol(), "");
    }

    void N08_aServerHasSeveralNames()
    {
        TlsConfiguration server = m_certificates.server();
        server.addIdentity(m_certificates.pem(name("second")), m_certificates.key(name("second")));
        for (const QString &host : {name("second.test"), name("any.wild.test"), name("localhost"), name("127.0.0.1")}) {
            Handshake handshake;
            handshake.run(m_certificates.client(), server, host);
            QVERIFY(!handshake.clientFailure);
            QCOMPARE(handshake.pair.b.tlsSession().serverName(), host == Localhost ? QString() : host);
        }
    }

    void N08_resumesASession()
    {
        const TlsConfiguration client = m_certificates.client();
        const TlsConfiguration server = m_certificates.server();
        const auto talk = [&](const TlsConfiguration &configuration) {
            Pair pair = securePair(configuration, server);
            run(pair.b.sendAll("x")); // what makes a session resumable comes with it
            run(pair.a.recvAll(1));
            const bool resumed = pair.a.tlsSession().isResumed();
            [&] { QCOMPARE(pair.b.tlsSession().isResumed(), resumed); }();
            return resumed;
        };
        // Each connection has another port: sessions belong to a name and a port.
        AsyncServer listener;
        listener.listen(QHostAddress::LocalHost);
        const auto meet = [&](const TlsConfiguration &configuration) {
            return waitFor(spawn([&]() -> Task<bool> {
                const auto accepted = spawn([&]() -> Task<> {
                    AsyncSocket socket = co_await listener.accept();
                    co_await socket.startServerTls(server);
                    co_await socket.sendAll("x");
                    co_await socket.recv();
                });
                AsyncSocket socket;
                co_await socket.connectTls(Localhost, listener.location().port(), configuration);
                co_await socket.recvAll(1);
                const bool resumed = socket.tlsSession().isResumed();
                socket.close();
                co_await accepted;
                co_return resumed;
            }));
        };
        QVERIFY(!meet(client));
        QVERIFY(meet(client));
        QVERIFY(meet(TlsConfiguration(client))); // a copy shares it
        QVERIFY(!meet(m_certificates.client())); // another one has not
        QVERIFY(!talk(client)); // another port
    }

    void N08_refusesOldVersions()
    {
        TlsConfiguration server = m_certificates.server();
        failsWith(Reason::BadConfiguration, [&] { server.setMinimumVersion(QSsl::AnyProtocol); });
        server.setMinimumVersion(QSsl::TlsV1_3);
        securePair(m_certificates.client(), server);
    }

    void N08_saysWhatIsWrongWithFiles_data()
    {
        QTest::addColumn<QString>("certificate");
        QTest::addColumn<QString>("key");
        QTest::addColumn<QByteArray>("passPhrase");
        QTest::addColumn<Reason>("reason");
        QTest::addColumn<QString>("text");
        QTest::newRow("no certificate file") << name("none.pem") << name("server.key") << QByteArray()
                                             << Reason::UnreadableFile << name("none.pem: No such file");
        QTest::newRow("no key file") << name("server.pem") << name("none.key") << QByteArray()
                                     << Reason::UnreadableFile << name("none.key: No such file");
        QTest::newRow("no certificate in it") << name("server.key") << name("server.key") << QByteArray()
                                              << Reason::UnreadableFile << name("has no certificate");
        QTest::newRow("no key in it") << name("server.pem") << name("ca.pem") << QByteArray()
                                      << Reason::UnreadableFile << name("has no private key");
        QTest::newRow("another key") << name("server.pem") << name("client.key") << QByteArray()
                                     << Reason::KeyMismatch << name("does not belong to");
        QTest::newRow("encrypted") << name("server.pem") << name("encrypted.key") << QByteArray()
                                   << Reason::UnreadableFile << name("no pass phrase");
        QTest::newRow("encrypted, wrong phrase") << name("server.pem") << name("encrypted.key") << QByteArray("wrong")
                                                 << Reason::UnreadableFile << name("not its pass phrase");
        QTest::newRow("damaged") << name("damaged.pem") << name("server.key") << QByteArray() << Reason::UnreadableFile
                                 << name("damaged certificate");
    }
    void N08_saysWhatIsWrongWithFiles()
    {
        QFETCH(const QString, certificate);
        QFETCH(const QString, key);
        QFETCH(const QByteArray, passPhrase);
        QFETCH(const Reason, reason);
        QFETCH(const QString, text);
        QFile damaged(m_certificates.path(name("damaged.pem")));
        QVERIFY(damaged.open(QIODevice::WriteOnly));
        damaged.write(contentsOf(m_certificates.pem(name("server"))).replace("MI", "!!"));
        damaged.close();
        TlsConfiguration configuration;
        const QString message = failsWith(reason, [&] {
            configuration.addIdentity(m_certificates.path(certificate), m_certificates.path(key), passPhrase);
        });
        QVERIFY2(message.contains(text), qPrintable(message));
    }

    void N08_takesWhatIsRead()
    {
        TlsConfiguration server;
        server.addIdentity(m_certificates.pem(name("server")), m_certificates.path(name("encrypted.key")), "secret");
        securePair(m_certificates.client(), server);

        TlsConfiguration ofQt;
        ofQt.addIdentity(QSslCertificate::fromPath(m_certificates.pem(name("server"))),
                         QSslKey(contentsOf(m_certificates.key(name("server"))), QSsl::Ec));
        TlsConfiguration client;
        client.trustOnly(QSslCertificate::fromPath(m_certificates.pem(name("ca"))));
        securePair(client, ofQt);
    }

    void N08_bytesHoldAllOfIt()
    {
        TlsConfiguration server = m_certificates.server();
        server.setClientCertificate(TlsConfiguration::ClientCertificate::Required);
        server.setApplicationProtocols({"h2", "http/1.1"});
        server.setMinimumVersion(QSsl::TlsV1_3);
        TlsConfiguration client = m_certificates.configuration(name("client"));
        client.setApplicationProtocols({"http/1.1"});
        client.accept({Reason::WrongHostName});
        const TlsConfiguration sameServer = TlsConfiguration::fromBytes(server.toBytes());
        const TlsConfiguration sameClient = TlsConfiguration::fromBytes(client.toBytes());
        QCOMPARE(sameServer.toBytes(), server.toBytes());
        QCOMPARE(sameClient.toBytes(), client.toBytes());

        Handshake handshake;
        handshake.run(sameClient, sameServer, name("other.test"));
        QVERIFY(!handshake.clientFailure && !handshake.serverFailure);
        QCOMPARE(handshake.pair.a.tlsSession().applicationProtocol(), "http/1.1");
        QCOMPARE(handshake.pair.b.tlsSession().peerCertificate().subjectInfo(QSslCertificate::CommonName),
                 QStringList{name("client")});
        Handshake foreign;
        foreign.run(m_certificates.configuration(name("foreign")), sameServer);
        failsWith(Reason::UnknownIssuer, foreign.serverFailure);
        const TlsConfiguration trustsSystem = TlsConfiguration::fromBytes(TlsConfiguration().toBytes());
        Handshake ofNoAuthorityHere;
        ofNoAuthorityHere.run(trustsSystem, m_certificates.server());
        failsWith(Reason::UnknownIssuer, ofNoAuthorityHere.clientFailure);
    }

    void N08_bytesThatAreNone()
    {
        QByteArray bytes = m_certificates.server().toBytes();
        failsWith(Reason::BadConfiguration, [] { static_cast<void>(TlsConfiguration::fromBytes({})); });
        failsWith(Reason::BadConfiguration, [&] {
            static_cast<void>(TlsConfiguration::fromBytes(bytes.first(bytes.size() / 2)));
        });
        failsWith(Reason::BadConfiguration, [&] {
            static_cast<void>(TlsConfiguration::fromBytes(bytes.replace("key", "yek")));
        });
    }

    void N08_aServerWithoutCertificate()
    {
        Handshake handshake;
        const QString text
            = failsWith(Reason::BadConfiguration, [&] { run(handshake.pair.b.startServerTls(TlsConfiguration())); });
        QVERIFY2(text.contains(name("addIdentity()")), qPrintable(text));
    }

    void N08_aBadConfigurationClosesTheConnection_data()
    {
        QTest::addColumn<bool>("isServer");
        QTest::addColumn<bool>("isAccepted");
        QTest::newRow("a client, no name of a host") << false << false;
        QTest::newRow("a client, no name of a host, accepted") << false << true;
        QTest::newRow("a server, no certificate") << true << false;
        QTest::newRow("a server, no certificate, accepted") << true << true;
    }
    void N08_aBadConfigurationClosesTheConnection()
    {
        QFETCH(const bool, isServer);
        QFETCH(const bool, isAccepted);
        Pair pair = connectedPair();
        AsyncSocket &socket = isAccepted ? pair.b : pair.a;
        AsyncSocket &peer = isAccepted ? pair.a : pair.b;
        const Location location = socket.peerLocation();
        TlsError failure(Reason::Damaged, QString());
        try {
            run(isServer ? socket.startServerTls({}) : socket.startTls({}, name("no name")));
        } catch (const TlsError &error) {
            failure = error;
        }
        QCOMPARE(failure.reason(), Reason::BadConfiguration);
        QVERIFY(!socket.isConnected());
        QVERIFY_THROWS_EXCEPTION(SocketError, run(socket.sendAll("secret")));
        QCOMPARE(run(peer.readAll(1000, 20s)), "");
        QCOMPARE(failure.operation(), isServer ? name("startServerTls()") : name("startTls()"));
        QCOMPARE(failure.peer(), location);
    }

    void N08_connectsAgainRightAfterAFailure_data()
    {
        QTest::addColumn<bool>("isThere");
        QTest::addColumn<bool>("isAccepted");
        QTest::newRow("it is there before the handshake begins") << true << false;
        QTest::newRow("it is there before the handshake begins, accepted") << true << true;
        QTest::newRow("it comes later") << false << false;
        QTest::newRow("it comes later, accepted") << false << true;
    }
    void N08_connectsAgainRightAfterAFailure()
    {
        QFETCH(const bool, isThere);
        QFETCH(const bool, isAccepted);
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        Pair pair = connectedPair();
        AsyncSocket &socket = isAccepted ? pair.b : pair.a;
        AsyncSocket &peer = isAccepted ? pair.a : pair.b;
        const QByteArray rubbish(100, 'x');
        if (isThere)
            run(peer.sendAll(rubbish));
        waitFor(spawn([&]() -> Task<> {
            if (!isThere)
                spawn([&]() -> Task<> { co_await peer.sendAll(rubbish); });
            bool hasFailed = false;
            try {
                co_await socket.startTls(m_certificates.client(), name("localhost"), 20s);
            } catch (const TlsError &) {
                hasFailed = true;
            }
            QVERIFY(hasFailed);
            QVERIFY(!socket.isConnected());
            co_await socket.connect(server.location());
            AsyncSocket accepted = co_await server.accept(20s);
            co_await accepted.sendAll("new");
            QCOMPARE(co_await socket.recvAll(3, 20s), "new");
        }));
        run(peer.readAll(100'000, 20s)); // has an end
    }

    void N08_acceptsOnlyWhatCanBe()
    {
        TlsConfiguration configuration;
        failsWith(Reason::BadConfiguration, [&] { configuration.accept({Reason::NoPeerCertificate}); });
        failsWith(Reason::BadConfiguration, [&] { configuration.setApplicationProtocols({""}); });
        failsWith(Reason::UnreadableFile, [&] { configuration.trustOnly(m_certificates.path(name("none"))); });
    }
};

QTEST_GUILESS_MAIN(TlsHandshakeTest)
#include "tlshandshaketest.moc"
