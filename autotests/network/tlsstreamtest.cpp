// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "tlstest.h"

#include "badpeers.h"
#include "waitmatrix.h"

#include <Asyncoro/Scope>

using namespace TlsTest;
using namespace std::chrono_literals;

namespace {

const Certificates &certificates()
{
    static const Certificates all; // made once, it takes a while
    return all;
}

/** Two secure ends, and between them somebody who sees and can change what goes over the wire. */
struct Relayed {
    AsyncSocket client;
    AsyncSocket server;
    AsyncSocket towardsClient; // of the one between
    AsyncSocket towardsServer;

    /** Each `pieceSize` bytes of the handshake on their own; the one between stops after it. */
    explicit Relayed(qint64 pieceSize = 65536)
    {
        Pair left = connectedPair();
        Pair right = connectedPair();
        client = std::move(left.a);
        towardsClient = std::move(left.b);
        towardsServer = std::move(right.a);
        server = std::move(right.b);
        const auto there = spawn(pump, std::ref(towardsClient), std::ref(towardsServer), pieceSize);
        const auto back = spawn(pump, std::ref(towardsServer), std::ref(towardsClient), pieceSize);
        const auto serving = spawn([this]() -> Task<> { co_await server.startServerTls(certificates().server()); });
        waitFor(spawn([this]() -> Task<> {
            co_await client.startTls(certificates().client(), QStringLiteral("localhost"));
            co_await client.sendAll("over");
        }));
        waitFor(serving);
        run(server.recvAll(4));
        run(server.sendAll("and out"));
        run(client.recvAll(7));
        there.terminate();
        back.terminate();
        letOthersRun();
    }

    static Task<> pump(AsyncSocket &from, AsyncSocket &to, qint64 pieceSize)
    {
        for (;;) {
            const QByteArray piece = co_await from.recv(pieceSize);
            if (piece.isEmpty())
                co_return;
            co_await to.sendAll(piece);
        }
    }
};

Pair securePair()
{
    return TlsTest::securePair(certificates().client(), certificates().server());
}

/** A handshake with a peer that says nothing until complete(). */
struct WaitForTls {
    // It takes some messages there and back.
    static constexpr bool CompletesAtOnce = false;
    static constexpr auto CancelledAfterCompletion = WaitMatrix::Outcome::Cancelled;
    static constexpr auto DestroyedAfterCompletion = WaitMatrix::Outcome::Destroyed;

    Pair pair = connectedPair();
    std::unique_ptr<AsyncSocket> socket = std::make_unique<AsyncSocket>(std::move(pair.a));
    Coro<> peer;

    Task<> wait(QDeadlineTimer deadline)
    {
        try {
            co_await socket->startTls(certificates().client(), QStringLiteral("localhost"), deadline);
        } catch (const SocketError &error) {
            if (error.message().contains(QStringLiteral("the socket was closed")))
                throw Destroyed(error.message());
            throw;
        }
    }
    void complete()
    {
        peer = spawn([this]() -> Task<> {
            try {
                co_await pair.b.startServerTls(certificates().server());
            } catch (const SocketError &) {
                // the other side has given up
            }
        });
    }
    void destroy() { socket.reset(); }
    void verify(bool, WaitMatrix::Outcome outcome)
    {
        QCOMPARE(socket->tlsSession().isValid(), outcome == WaitMatrix::Outcome::Completed);
    }
    ~WaitForTls()
    {
        peer.terminate();
        letOthersRun();
    }
};

/**
 * A client, and the wire to its server, which is in our hands: `peer` is the end of it that the client sees. What the
 * server sends goes over when the test says so.
 */
class TlsConversation : public BadPeers::Conversation
{
public:
    TlsConversation()
    {
        RawPair left = rawPair();
        m_client = std::move(left.socket);
        peer = std::move(left.peer);
        RawPair right = rawPair();
        m_server = std::move(right.socket);
        m_towardsServer = std::move(right.peer);
        m_serving = spawn([this]() -> Task<> {
            co_await m_server.startServerTls(certificates().server(), BadPeers::patience());
        });
    }
    ~TlsConversation() override
    {
        m_serving.terminate();
        letOthersRun();
    }
    // A record that comes twice is no record.
    bool repeats() const override { return false; }

protected:
    Task<> secure(QDeadlineTimer deadline)
    {
        co_await m_client.startTls(certificates().client(), QStringLiteral("localhost"), deadline);
    }
    /** What the server says when it has got what the client has said. */
    QByteArray fromServer()
    {
        m_towardsServer.send(peer.recv());
        BadPeers::lookAround();
        return m_towardsServer.recv();
    }

    AsyncSocket m_client;
    AsyncSocket m_server;
    RawPeer m_towardsServer;
    Coro<> m_serving;
};

/** The client's half of a handshake: what the server has to say to it is its unit. */
class SecureConversation final : public TlsConversation
{
public:
    Task<QByteArray> receive(QDeadlineTimer deadline) override
    {
        co_await secure(deadline);
        co_return "secure";
    }
    QByteArray result() const override { return "secure"; }
    bool isReady() override
    {
        m_flight += fromServer();
        return !m_flight.isEmpty();
    }
    QByteArray unit() const override { return m_flight; }
    bool goesOn() const override { return false; } // half a handshake is of no use

private:
    QByteArray m_flight;
};

/** Receives over a secure connection: a record is its unit. */
class SecretConversation final : public TlsConversation
{
public:
    SecretConversation()
    {
        const Coro<> securing = spawn([this] { return secure(BadPeers::patience()); });
        while (m_serving.isRunning()) { // to its deadline, if the client fails
            peer.send(fromServer());
            BadPeers::lookAround();
        }
        waitFor(securing);
        waitFor(m_serving);
        peer.send(fromServer()); // tickets
        BadPeers::lookAround();
        NetworkTest::run(m_server.sendAll(result()));
        m_record = fromServer();
    }
    Task<QByteArray> receive(QDeadlineTimer deadline) override { co_return co_await m_client.recvAll(10, deadline); }
    QByteArray result() const override { return "0123456789"; }
    QByteArray unit() const override { return m_record; }
    std::chrono::milliseconds timeOut() const override { return 20ms; }

private:
    QByteArray m_record;
};

} // namespace

/** What goes over a secure connection, and each way in which it ends. */
class TlsStreamTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void N08_movesMuchBothWaysAtOnce()
    {
        Pair pair = securePair();
        const QByteArray data = pattern(8'000'000);
        const auto swap = [&data](AsyncSocket &socket) -> Task<> {
            co_await withScope([&](Scope &scope) -> Task<> {
                scope.spawn([&]() -> Task<> {
                    for (qint64 at = 0; at < data.size(); at += 100'000)
                        co_await socket.sendAll(data.sliced(at, 100'000));
                });
                qint64 at = 0;
                while (at < data.size()) {
                    const QByteArray some = co_await socket.recv();
                    QVERIFY(!some.isEmpty());
                    QVERIFY(data.sliced(at, some.size()) == some);
                    at += some.size();
                }
            });
        };
        const auto other = spawn([&]() -> Task<> { co_await swap(pair.b); });
        waitFor(spawn([&]() -> Task<> { co_await swap(pair.a); }));
        waitFor(other);
    }

    void N05_framesMessages_data()
    {
        QTest::addColumn<qint64>("size");
        for (const qint64 size : {0, 1, 16'379, 16'380, 16'381, 100'000, 3'000'000})
            QTest::addRow("%lld", size) << size;
    }
    void N05_framesMessages()
    {
        QFETCH(const qint64, size);
        Pair pair = securePair();
        const QByteArray message = pattern(size);
        const auto sending = spawn([&]() -> Task<> {
            co_await pair.a.sendMessage(message);
            co_await pair.a.sendMessage("last");
        });
        QVERIFY(run(pair.b.recvMessage()) == message);
        QCOMPARE(run(pair.b.recvMessage()), "last");
        waitFor(sending);
    }

    void N08_slowsASenderWhoseDataNobodyTakes()
    {
        Pair pair = securePair();
        pair.a.setSendLimit(100'000);
        const qint64 sent = sendUntilFull(pair.a);
        QCOMPARE(run(pair.b.recvAll(sent)).count('x'), sent);
        run(pair.a.sendAll("on"));
        QCOMPARE(run(pair.b.recvAll(2)), "on");
    }

    void N08_endsOneSideAlone()
    {
        Pair pair = securePair();
        run(pair.a.sendAll("last words"));
        run(pair.a.closeWriting());
        QCOMPARE(run(pair.b.recvAll(10)), "last words");
        QCOMPARE(run(pair.b.recv()), "");
        run(pair.b.sendAll("answer"));
        QCOMPARE(run(pair.a.recvAll(6)), "answer");
        QVERIFY_THROWS_EXCEPTION(SocketError, run(pair.a.sendAll("more")));
    }

    void N08_closingTellsThePeer()
    {
        Pair pair = securePair();
        run(pair.a.sendAll("last words"));
        pair.a.close();
        QCOMPARE(run(pair.b.readAll()), "last words");
    }

    void N08_aConnectionThatIsCutOffIsNoEnd()
    {
        Relayed relayed;
        run(relayed.server.sendAll("half of it"));
        run(relayed.towardsClient.sendAll(run(relayed.towardsServer.recv())));
        relayed.towardsClient.close(); // in order, as far as TCP goes
        QCOMPARE(run(relayed.client.recvAll(10)), "half of it");
        const QString text = failsWith(Reason::Truncated, [&] { run(relayed.client.recv()); });
        QVERIFY2(text.startsWith(QStringLiteral("recv(), 127.0.0.1:")), qPrintable(text));
        failsWith(Reason::Truncated, [&] { run(relayed.client.sendAll("x")); });
    }

    void N08_aCutCanBeAccepted()
    {
        TlsConfiguration client = certificates().client();
        client.accept({Reason::Truncated});
        Pair pair = TlsTest::securePair(client, certificates().server());
        run(pair.b.sendAll("all"));
        pair.b.socket()->disconnectFromHost(); // past TLS
        QCOMPARE(run(pair.a.readAll()), "all");
    }

    void N08_aPeerThatCutsItsSideIsAnswered()
    {
        TlsConfiguration client = certificates().client();
        client.accept({Reason::Truncated});
        Pair pair = TlsTest::securePair(client, certificates().server());
        run(pair.b.sendAll("question"));
        QCOMPARE(::shutdown(int(pair.b.socket()->socketDescriptor()), SHUT_WR), 0); // past TLS
        QCOMPARE(run(pair.a.readAll()), "question");
        run(pair.a.sendAll("answer"));
        run(pair.a.closeWriting());
        QCOMPARE(run(pair.b.readAll()), "answer");
    }

    void N08_aResetIsAnOrdinaryError()
    {
        Pair pair = securePair();
        reset(pair.b);
        try {
            run(pair.a.recv());
            QFAIL("nothing was thrown");
        } catch (const TlsError &error) {
            QFAIL(error.what());
        } catch (const SocketError &error) {
            QVERIFY2(error.message().contains(QStringLiteral("the peer reset the connection")), error.what());
        }
    }

    void N08_whatIsChangedOnTheWayIsRefused()
    {
        Relayed relayed;
        run(relayed.server.sendAll("pay 10"));
        QByteArray encrypted = run(relayed.towardsServer.recv());
        encrypted[encrypted.size() - 3] ^= 1;
        run(relayed.towardsClient.sendAll(encrypted));
        failsWith(Reason::Damaged, [&] { run(relayed.client.recv()); });
        failsWith(Reason::Damaged, [&] { run(relayed.client.recv()); });
        QVERIFY(!relayed.client.isConnected());
    }

    void N08_whatIsRepeatedOnTheWayIsRefused()
    {
        Relayed relayed;
        run(relayed.server.sendAll("pay 10"));
        const QByteArray encrypted = run(relayed.towardsServer.recv());
        run(relayed.towardsClient.sendAll(encrypted + encrypted));
        QCOMPARE(run(relayed.client.recvAll(6)), "pay 10");
        failsWith(Reason::Damaged, [&] { run(relayed.client.recv()); });
    }

    void N08_goesOverAWireThatIsSlow()
    {
        Relayed relayed(1); // a byte at a time
        QVERIFY(relayed.client.tlsSession().isValid());
    }

    void N08_upgradesAConversation()
    {
        Pair pair = connectedPair();
        const auto serving = spawn([&]() -> Task<> {
            QCOMPARE(co_await pair.b.readLine(), "STARTTLS\r\n");
            co_await pair.b.sendAll("220 ready\r\n");
            co_await pair.b.startServerTls(certificates().server());
            co_await pair.b.sendAll(co_await pair.b.readLine());
        });
        waitFor(spawn([&]() -> Task<> {
            co_await pair.a.sendAll("STARTTLS\r\n");
            QCOMPARE(co_await pair.a.readLine(), "220 ready\r\n");
            co_await pair.a.startTls(certificates().client(), QStringLiteral("localhost"));
            co_await pair.a.sendAll("secret\r\n");
            QCOMPARE(co_await pair.a.readLine(), "secret\r\n");
        }));
        waitFor(serving);
    }

    // Whoever is in between could add a command to STARTTLS that would then count as secure (CVE-2011-0411).
    void N08_whatWasSaidBeforeIsNotSecure()
    {
        Pair pair = connectedPair();
        run(pair.a.sendAll("STARTTLS\r\nDELETE everything\r\n"));
        QCOMPARE(run(pair.b.readLine()), "STARTTLS\r\n");
        failsWith(Reason::NotTls, [&] { run(pair.b.startServerTls(certificates().server())); });
        QCOMPARE(run(pair.a.recvAll(7)), QByteArray::fromHex("15030100020246")); // the alert "protocol version"
    }

    // The first bytes of the handshake may come with the last of the plain ones.
    void N08_aHandshakeMayComeEarly()
    {
        Pair left = connectedPair();
        Pair right = connectedPair();
        const auto connecting = spawn([&]() -> Task<> {
            co_await left.a.startTls(certificates().client(), QStringLiteral("localhost"));
            co_await left.a.sendAll("hello");
        });
        const QByteArray clientHello = run(left.b.recv());
        run(right.a.sendAll("STARTTLS\r\n" + clientHello));
        QCOMPARE(run(right.b.readLine()), "STARTTLS\r\n");
        const auto there = spawn(Relayed::pump, std::ref(left.b), std::ref(right.a), 65536);
        const auto back = spawn(Relayed::pump, std::ref(right.a), std::ref(left.b), 65536);
        run(right.b.startServerTls(certificates().server()));
        QCOMPARE(run(right.b.recvAll(5)), "hello");
        waitFor(connecting);
        there.terminate();
        back.terminate();
        letOthersRun();
    }

    void N06_handshakesWithPeersOfAllSorts_data() { BadPeers::addRows(); }
    void N06_handshakesWithPeersOfAllSorts()
    {
        BadPeers::run([] { return std::make_unique<SecureConversation>(); });
    }

    void N08_receivesFromPeersOfAllSorts_data() { BadPeers::addRows(); }
    void N08_receivesFromPeersOfAllSorts()
    {
        BadPeers::run([] { return std::make_unique<SecretConversation>(); });
    }

    void N06_peersThatDoNotDoTheirPart_data()
    {
        QTest::addColumn<QByteArray>("said");
        QTest::addColumn<bool>("closes");
        QTest::addColumn<Reason>("reason");
        QTest::newRow("plain text") << QByteArray("220 mail.example.org ESMTP\r\n") << false << Reason::NotTls;
        QTest::newRow("HTTP") << QByteArray("HTTP/1.1 400 Bad Request\r\n\r\n") << false << Reason::NotTls;
        QTest::newRow("noise") << pattern(5000) << false << Reason::NotTls;
        QTest::newRow("zeros") << QByteArray(5000, '\0') << false << Reason::NotTls;
        QTest::newRow("closes") << QByteArray() << true << Reason::ClosedByPeer;
        QTest::newRow("closes in the middle") << QByteArray::fromHex("160303007a0200") << true
                                              << Reason::ClosedByPeer;
    }
    void N06_peersThatDoNotDoTheirPart()
    {
        QFETCH(const QByteArray, said);
        QFETCH(const bool, closes);
        QFETCH(const Reason, reason);
        for (const bool isClient : {true, false}) {
            Pair pair = connectedPair();
            run(pair.b.sendAll(said));
            if (closes)
                pair.b.close();
            const QString text = failsWith(reason, [&] {
                if (isClient)
                    run(pair.a.startTls(certificates().client(), QStringLiteral("localhost")));
                else
                    run(pair.a.startServerTls(certificates().server()));
            });
            QVERIFY2(text.contains(QStringLiteral("127.0.0.1:")), qPrintable(text));
            QVERIFY(!pair.a.isConnected());
            QVERIFY_THROWS_EXCEPTION(SocketError, run(pair.a.sendAll("x")));
        }
    }

    void N06_aPeerThatResetsDuringTheHandshake()
    {
        Pair pair = connectedPair();
        const auto coro = spawn([&]() -> Task<QString> {
            try {
                co_await pair.a.startTls(certificates().client(), QStringLiteral("localhost"));
            } catch (const TlsError &error) {
                co_return QStringLiteral("TlsError: ") + error.message();
            } catch (const SocketError &error) {
                co_return error.message();
            }
            co_return QString();
        });
        run(pair.b.recv(10));
        reset(pair.b);
        const QString text = waitFor(coro);
        QVERIFY2(text.startsWith(QStringLiteral("startTls(), 127.0.0.1:")), qPrintable(text));
        QVERIFY2(text.contains(QStringLiteral("the peer reset the connection")), qPrintable(text));
    }

    void N06_aPeerThatStalls()
    {
        Pair pair = connectedPair();
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(pair.a.startServerTls(certificates().server(), 50ms)));
        QVERIFY(!pair.a.isConnected());
        QCOMPARE(run(pair.b.recv()), "");
    }

    void N06_nothingIsSentInTheClear()
    {
        Pair pair = connectedPair();
        const auto coro = spawn([&]() -> Task<> {
            co_await pair.a.startTls(certificates().client(), QStringLiteral("localhost"));
        });
        letOthersRun();
        QVERIFY_THROWS_EXCEPTION(SocketError, run(pair.a.sendAll("secret")));
        QVERIFY_THROWS_EXCEPTION(SocketError, run(pair.a.startTls(certificates().client())));
        run(pair.b.startServerTls(certificates().server()));
        waitFor(coro);
        QVERIFY_THROWS_EXCEPTION(SocketError, run(pair.a.startTls(certificates().client())));
        QVERIFY_THROWS_EXCEPTION(SocketError, [&] { auto socket = pair.a.release(); }());
        run(pair.a.sendAll("x"));
        QCOMPARE(run(pair.b.recvAll(1)), "x");
    }

    void N06_needsAConnection()
    {
        AsyncSocket socket;
        QVERIFY_THROWS_EXCEPTION(SocketError, run(socket.startTls(certificates().client())));
        Pair pair = connectedPair();
        const auto receiving = spawn([&]() -> Task<> { co_await pair.a.recv(); });
        letOthersRun();
        QVERIFY_THROWS_EXCEPTION(SocketError, run(pair.a.startTls(certificates().client())));
        receiving.terminate();
        letOthersRun();
        run(pair.a.closeWriting());
        QVERIFY_THROWS_EXCEPTION(SocketError, run(pair.a.startTls(certificates().client())));
    }

    void N06_connectTlsOfASocketThatIsGone()
    {
        auto socket = std::make_unique<AsyncSocket>();
        Task<> connecting = socket->connectTls(Localhost, 1, certificates().client());
        socket.reset();
        try {
            run(std::move(connecting));
            QFAIL("nothing was thrown");
        } catch (const SocketError &error) {
            QVERIFY2(error.message().contains(QStringLiteral("the socket was destroyed")), error.what());
        }
    }

    void N06_aNameThatCannotBeCheckedIsRefused()
    {
        Pair pair = connectedPair();
        const QString label = QString(60, u'a') + u'.';
        failsWith(Reason::BadConfiguration,
                  [&] { run(pair.a.startTls(certificates().client(), label.repeated(5) + QStringLiteral("test"))); });
    }

    void N06_connectsAgain()
    {
        Pair pair = securePair();
        pair.a.close();
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        run(pair.a.connect(server.location()));
        QVERIFY(!pair.a.tlsSession().isValid());
        AsyncSocket accepted = run(server.accept());
        run(pair.a.sendAll("plain"));
        QCOMPARE(run(accepted.recvAll(5)), "plain");
    }

    void N06_startTlsWaits_data() { WaitMatrix::addRows<WaitForTls>(); }
    void N06_startTlsWaits() { WaitMatrix::run<WaitForTls>(); }
};

QTEST_GUILESS_MAIN(TlsStreamTest)
#include "tlsstreamtest.moc"
