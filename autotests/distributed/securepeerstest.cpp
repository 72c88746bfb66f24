// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../network/tlstest.h"
#include "distributedtest.h"

#include <Asyncoro/AsyncServer>
#include <Asyncoro/FaultProxy>
#include <Asyncoro/TlsFiles>
#include <Asyncoro/WhenAll>

using namespace DistributedTest;
using TlsTest::Certificates;

/** Peers whose connections are secure: who has a certificate of the authority takes part, and nobody else. */
class SecurePeersTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        failOnWarnings();
        m_far = make(m_certificates.server());
        m_far->offer(QStringLiteral("add"), add);
    }

    void cleanup() { m_far.reset(); }

    void twoWithCertificatesNeedNoSecret()
    {
        const auto near = make(m_certificates.configuration(QStringLiteral("second"))); // for another name
        QCOMPARE(sum(*near, m_far->location()), 3);
        QCOMPARE(m_far->peers().size(), 1);
    }

    void theyMayListenEverywhere()
    {
        const auto wide = make(m_certificates.server(), {}, QStringLiteral("0.0.0.0"));
        wide->offer(QStringLiteral("add"), add);
        QCOMPARE(sum(*m_far, Location(QStringLiteral("127.0.0.1"), wide->location().port())), 3);
    }

    void aSecretBesidesMustBeRight()
    {
        const auto both = make(m_certificates.server(), Secret("s3cret"));
        both->offer(QStringLiteral("add"), add);
        const auto alike = make(m_certificates.server(), Secret("s3cret"));
        QCOMPARE(sum(*alike, both->location()), 3);
        expectWarning(QStringLiteral("refused a connection from .*: it has another secret"));
        QVERIFY(failureOf<PeerRefused>(m_far->connect(both->location())).contains(QStringLiteral("another secret")));
    }

    // It has a certificate of the authority, and no secret.
    void nobodyBetweenPassesOnTheProof()
    {
        const auto both = make(m_certificates.server(), Secret("s3cret"));
        const auto alike = make(m_certificates.server(), Secret("s3cret"));
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        const Coro<> between = spawn(&SecurePeersTest::passOn, this, std::ref(server), both->location());
        expectWarning(QStringLiteral("refused a connection from .*: it has another secret"));
        QVERIFY(failureOf<PeerRefused>(alike->connect(server.location())).contains(QStringLiteral("another secret")));
        waitFor(between);
    }

    void D05_strangersAreRefused_data()
    {
        QTest::addColumn<QString>("identity");
        QTest::addColumn<QString>("authority");
        const auto row = [](const char *name, const char *identity, const char *authority) {
            QTest::newRow(name) << QString::fromLatin1(identity) << QString::fromLatin1(authority);
        };
        row("of another authority", "foreign", "ca");
        row("who trusts another authority", "server", "other-ca");
        row("expired", "expired", "ca");
        row("signed by itself", "self-signed", "ca");
        row("without a certificate", "", "ca");
    }

    void D05_strangersAreRefused()
    {
        QFETCH(QString, identity);
        QFETCH(QString, authority);
        const auto stranger = make(m_certificates.configuration(identity, authority));
        expectWarning(QStringLiteral("refused a connection from "));
        QVERIFY(!failureOf<PeerRefused>(stranger->connect(m_far->location())).startsWith(u'<'));
        othersAreServed();
        // Nor do they get anything when they are called, unless they have nothing to show and cannot answer at all.
        if (identity.isEmpty())
            return;
        expectWarning(QStringLiteral("refused a connection from "));
        QVERIFY(!failureOf<PeerRefused>(m_far->connect(stranger->location())).startsWith(u'<'));
        othersAreServed();
    }

    void whoHasNoTlsIsToldSo()
    {
        PeerNetwork plain;
        plain.offer(QStringLiteral("add"), add);
        expectWarning(QStringLiteral("refused a connection from .*: it uses TLS, and this process does not"));
        QCOMPARE(failureOf<PeerRefused>(m_far->connect(plain.location())),
                 QStringLiteral("%1 does not use TLS, and this process does").arg(plain.location().toString()));
        othersAreServed();
        expectWarning(QStringLiteral("refused a connection from "));
        const QString failure = failureOf<PeerRefused>(plain.connect(m_far->location()));
        QVERIFY2(failure.contains(QStringLiteral("uses TLS, and this process has no certificate")),
                 qPrintable(failure));
        othersAreServed();
        QVERIFY(plain.peers().isEmpty());
    }

    void aBrokenConnectionIsMadeAgain()
    {
        FaultProxy proxy(m_far->location());
        const auto near = make(m_certificates.server());
        const Peer peer = waitFor(near->connect(proxy.location()));
        QCOMPARE(sum(*near, proxy.location()), 3);
        proxy.cutAll();
        QTRY_COMPARE(peer.info().interruptions, 1);
        QCOMPARE(sum(*near, proxy.location()), 3);
        QCOMPARE(peer.info().state, PeerInfo::State::Connected);
        QCOMPARE(near->peers(), QList<Peer>{peer});
    }

    void lastWordsArrive()
    {
        const Coro<QStringList> collector = spawn(collect, 2);
        m_far->offer(QStringLiteral("collector"), [collector]() -> Task<Coro<>> { co_return collector; });
        auto near = make(m_certificates.server());
        const auto remote = waitFor(near->call<Coro<>>(m_far->location(), QStringLiteral("collector")));
        QVERIFY(remote.send(QString(3'000'000, u'x')));
        QVERIFY(remote.send(QStringLiteral("last")));
        near.reset();
        QCOMPARE(waitFor(collector, 20s).at(1), QStringLiteral("last"));
    }

    void aKeyThatOthersCanReadIsToldOnce()
    {
        const TlsFiles files{m_certificates.pem(QStringLiteral("server")), m_certificates.key(QStringLiteral("server")),
                             m_certificates.pem(QStringLiteral("ca"))};
        QFile key(files.key);
        QVERIFY(key.setPermissions(QFile::ReadOwner | QFile::WriteOwner));
        QVERIFY(files.read());
        QVERIFY(key.setPermissions(key.permissions() | QFile::ReadOther));
        expectWarning(QStringLiteral("the key in .*server.key can be read by other users"));
        QVERIFY(files.read());
        QVERIFY(files.read());
    }

private:
    static std::unique_ptr<PeerNetwork> make(const TlsConfiguration &tls, const Secret &secret = {},
                                             const QString &address = QStringLiteral("127.0.0.1"))
    {
        return std::make_unique<PeerNetwork>(PeerNetwork::Options{.address = address, .secret = secret, .tls = tls});
    }

    /** By then what strangers have tried before has been seen and logged. */
    void othersAreServed()
    {
        const auto good = make(m_certificates.server());
        QCOMPARE(sum(*good, m_far->location()), 3);
        QTRY_COMPARE(m_far->peers().size(), 1);
    }

    /** Passes on what one side says to the other, over a secure connection with each. */
    Task<> passOn(AsyncServer &server, Location there)
    {
        TlsConfiguration tls = m_certificates.configuration(QStringLiteral("second"));
        tls.accept({TlsError::Reason::WrongHostName});
        AsyncSocket from = co_await server.accept();
        co_await from.startServerTls(tls);
        AsyncSocket to;
        co_await to.connect(there);
        co_await to.startTls(tls);
        co_await whenAll(copy(from, to), copy(to, from));
    }

    static Task<> copy(AsyncSocket &from, AsyncSocket &to)
    {
        try {
            for (QByteArray bytes = co_await from.recv(); !bytes.isEmpty(); bytes = co_await from.recv())
                co_await to.sendAll(bytes);
        } catch (const Error &) {
            // it ends otherwise
        }
        to.close();
    }

    static int sum(PeerNetwork &from, const Location &there)
    {
        return waitFor(from.call<int>(there, QStringLiteral("add"), 1, 2), 20s);
    }

    Certificates m_certificates;
    std::unique_ptr<PeerNetwork> m_far;
};

QTEST_GUILESS_MAIN(SecurePeersTest)
#include "securepeerstest.moc"
