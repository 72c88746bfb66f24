// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "badpeers.h"
#include "freeport.h"
#include "waitmatrix.h"
#include "websockettest.h"

#include <Asyncoro/Result>
#include <Asyncoro/WhenAll>

#include <QAbstractEventDispatcher>
#include <QCryptographicHash>
#include <QRegularExpression>
#include <QScopeGuard>
#include <QTest>
#include <QWebSocket>
#include <QWebSocketServer>

#include <sys/resource.h>

using namespace NetworkTest;
using namespace std::chrono_literals;

namespace {

struct WebPair {
    AsyncWebSocket a;
    AsyncWebSocket b;
};

QUrl urlOf(const Location &location)
{
    return QUrl(QStringLiteral("ws://") + location.toString());
}

Task<WebPair> connectPair()
{
    AsyncWebSocketServer server;
    server.listen(QHostAddress::LocalHost);
    AsyncWebSocket a;
    auto [none, b] = co_await whenAll(a.connect(urlOf(server.location()), 20s), server.accept(20s));
    co_return WebPair{std::move(a), std::move(b)};
}

WebPair webPair()
{
    return waitFor(connectPair());
}

/** A client that does as it likes once the handshake is over. */
struct RudeClient {
    AsyncSocket raw;
    AsyncWebSocket socket;
};

RudeClient rudeClient()
{
    AsyncWebSocketServer server;
    server.listen(QHostAddress::LocalHost);
    AsyncSocket raw;
    run(raw.connect(server.location()));
    run(raw.sendAll(HandshakeRequest));
    AsyncWebSocket socket = waitFor(server.accept(20s));
    run(raw.recvUntil("\r\n\r\n"));
    return {std::move(raw), std::move(socket)};
}

/** Of a client, up to 125 bytes, with a mask of zeros. `kind` has the bit for the last one. */
QByteArray frame(char kind, const QByteArray &payload)
{
    return QByteArray(1, kind) + char(0x80 | payload.size()) + QByteArray(4, '\0') + payload;
}

/** Receives a message of a client that is made of system calls. */
class MessageConversation final : public BadPeers::Conversation
{
public:
    MessageConversation()
    {
        AsyncWebSocketServer server;
        server.listen(QHostAddress::LocalHost);
        peer = rawClient(server.location().port());
        peer.send(HandshakeRequest);
        m_socket = waitFor(server.accept(20s));
    }
    Task<QByteArray> receive(QDeadlineTimer deadline) override { co_return (co_await m_socket.recv(deadline)).bytes; }
    QByteArray result() const override { return "0123456789"; }
    QByteArray unit() const override { return frame('\x82', result()); }

private:
    AsyncWebSocket m_socket;
};

/** A server accepts a client, and has to shake hands first. One that fails at that is none. */
class AcceptConversation final : public BadPeers::Conversation
{
public:
    AcceptConversation()
    {
        m_server.listen(QHostAddress::LocalHost);
        peer = client();
    }
    Task<QByteArray> receive(QDeadlineTimer deadline) override
    {
        m_accepted = co_await m_server.accept(deadline);
        co_return QByteArray(m_accepted.isConnected() ? "accepted" : "gone");
    }
    QByteArray result() const override { return "accepted"; }
    QByteArray unit() const override { return HandshakeRequest; }
    std::optional<RawPeer> next() override { return client(); }
    bool repeats() const override { return false; }

private:
    RawPeer client() const { return rawClient(m_server.location().port()); }

    AsyncWebSocketServer m_server;
    AsyncWebSocket m_accepted;
};

/** A client connects to a server that is made of system calls. */
class ConnectConversation final : public BadPeers::Conversation
{
public:
    Task<QByteArray> receive(QDeadlineTimer deadline) override
    {
        co_await m_socket.connect(QUrl(QStringLiteral("ws://127.0.0.1:%1").arg(m_server.port())), deadline);
        co_return QByteArray("connected");
    }
    QByteArray result() const override { return "connected"; }
    bool isReady() override
    {
        if (peer.descriptor() == -1)
            peer = m_server.accept();
        m_request += peer.recv();
        return m_request.endsWith("\r\n\r\n");
    }
    QByteArray unit() const override
    {
        const QByteArray name = "Sec-WebSocket-Key: ";
        const qsizetype start = m_request.indexOf(name) + name.size();
        const QByteArray key = m_request.sliced(start, m_request.indexOf('\r', start) - start);
        const QByteArray answer = QCryptographicHash::hash(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
                                                           QCryptographicHash::Sha1);
        return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Accept: "
            + answer.toBase64() + "\r\n\r\n";
    }
    bool goesOn() const override { return false; }
    bool repeats() const override { return false; }

private:
    const RawListener m_server;
    AsyncWebSocket m_socket;
    QByteArray m_request;
};

struct WaitForMessage {
    WebPair pair = webPair();
    QByteArray received;

    Task<> wait(QDeadlineTimer deadline)
    {
        try {
            received = (co_await pair.a.recv(deadline)).bytes;
        } catch (const WebSocketClosed &e) {
            throw Destroyed(e.message());
        }
    }
    void complete() { Q_EMIT pair.a.socket()->binaryMessageReceived("abc"); } // as if it had come
    void destroy() { pair.a = AsyncWebSocket(); }
    void verify(bool completed, WaitMatrix::Outcome outcome)
    {
        if (completed && outcome != WaitMatrix::Outcome::Completed)
            received = waitFor(pair.a.recv()).bytes; // not lost
        QCOMPARE(received, completed ? "abc" : "");
    }
    // It takes the message when it resumes.
    static constexpr auto CancelledAfterCompletion = WaitMatrix::Outcome::Completed;
    static constexpr auto DestroyedAfterCompletion = WaitMatrix::Outcome::Destroyed;
};

} // namespace

class AsyncWebSocketTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void waits_data() { WaitMatrix::addRows<WaitForMessage>(); }
    void waits() { WaitMatrix::run<WaitForMessage>(); }

    void peersOfAllSorts_data() { BadPeers::addRows(); }
    void peersOfAllSorts()
    {
        BadPeers::run([] { return std::make_unique<MessageConversation>(); });
        BadPeers::run([] { return std::make_unique<AcceptConversation>(); });
        BadPeers::run([] { return std::make_unique<ConnectConversation>(); });
    }

    // --- what a conversation is ---

    void messagesInBothDirections()
    {
        auto [a, b] = webPair();
        QVERIFY(a.isConnected());
        waitFor(a.sendText(QStringLiteral("Grüße")));
        waitFor(a.sendBinary(QByteArray(300'000, '\0')));
        waitFor(b.sendText(QString()));
        const WebSocketMessage first = waitFor(b.recv());
        QVERIFY(first.isText);
        QCOMPARE(first.text(), QStringLiteral("Grüße"));
        const WebSocketMessage second = waitFor(b.recv());
        QVERIFY(!second.isText);
        QCOMPARE(second.bytes, QByteArray(300'000, '\0'));
        QCOMPARE(waitFor(a.recv()).text(), QString());
    }

    void theyComeInOrderToThoseWhoWait()
    {
        auto [a, b] = webPair();
        QByteArray order;
        const auto receive = [&order, &b = b](char name) -> Task<> { order += name + (co_await b.recv()).bytes; };
        const Coro<> x = spawn(receive, 'x');
        const Coro<> y = spawn(receive, 'y');
        const Coro<> z = spawn(receive, 'z');
        letOthersRun();
        y.terminate();
        waitFor(a.sendText(QStringLiteral("1")));
        waitFor(a.sendText(QStringLiteral("2")));
        waitFor(x);
        waitFor(z);
        QCOMPARE(order, "x1z2");
    }

    void aSlowReceiverSlowsItsSender()
    {
        auto [a, b] = webPair();
        b.setMaxQueuedMessages(4);
        b.setMaxMessageSize(100'000);
        a.setSendLimit(100'000);
        int sent = 0;
        const Coro<> sending = spawn([&, &a = a]() -> Task<> {
            for (; sent < 3000; ++sent)
                co_await a.sendBinary(QByteArray::number(sent).rightJustified(10'000));
        });
        int before = -1;
        while (before != sent) { // until nothing goes on any more
            before = sent;
            QTest::qWait(200);
        }
        QVERIFY2(sent < 2000, qPrintable(QString::number(sent)));
        for (int i = 0; i < 3000; ++i)
            QCOMPARE(waitFor(b.recv(20s)).bytes.trimmed().toInt(), i);
        waitFor(sending);
    }

    void whatCameBeforeTheEndIsReceived()
    {
        auto [a, b] = webPair();
        b.setMaxQueuedMessages(2);
        for (int i = 0; i < 20; ++i)
            waitFor(a.sendText(QString::number(i)));
        a.close(4321, QStringLiteral("enough"));
        QTest::qWait(50);
        for (int i = 0; i < 20; ++i)
            QCOMPARE(waitFor(b.recv(20s)).text(), QString::number(i));
        try {
            waitFor(b.recv(20s));
            QFAIL("there is no more");
        } catch (const WebSocketClosed &e) {
            QCOMPARE(e.code(), 4321);
            QCOMPARE(e.reason(), QStringLiteral("enough"));
        }
        QVERIFY_THROWS_EXCEPTION(WebSocketClosed, waitFor(b.sendText(QString())));
        QVERIFY_THROWS_EXCEPTION(WebSocketClosed, waitFor(a.sendText(QString())));
        QVERIFY(!a.isConnected());
    }

    void thePeerClosesWhileBytesAreUnsent()
    {
        auto [raw, socket] = rudeClient();
        while (socket.socket()->bytesToWrite() == 0)
            waitFor(socket.sendBinary(QByteArray(1'000'000, 'x'), 20s));
        run(raw.sendAll(frame('\x88', QByteArray::fromHex("10e1") + "enough")));
        try {
            waitFor(socket.recv(20s));
            QFAIL("there is no message");
        } catch (const WebSocketClosed &e) {
            QCOMPARE(e.code(), 4321);
            QCOMPARE(e.reason(), QStringLiteral("enough"));
        }
    }

    void aConnectionThatBreaksIsAnError()
    {
        auto [a, b] = webPair();
        const Coro<> receiving = spawn([&b = b]() -> Task<> { co_await b.recv(); });
        letOthersRun();
        a.socket()->abort();
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(receiving, 20s));
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(b.ping()));
    }

    void tooLongAMessage()
    {
        auto [a, b] = webPair();
        b.setMaxMessageSize(1000);
        waitFor(a.sendBinary(QByteArray(1000, 'x')));
        QCOMPARE(waitFor(b.recv(20s)).bytes.size(), 1000);
        waitFor(a.sendBinary(QByteArray(1001, 'x')));
        for (AsyncWebSocket *socket : {&a, &b}) {
            try {
                waitFor(socket->recv(20s));
                QFAIL("it was accepted");
            } catch (const WebSocketClosed &e) {
                QCOMPARE(e.code(), int(QWebSocketProtocol::CloseCodeTooMuchData));
            }
        }
    }

    void pings()
    {
        auto [a, b] = webPair();
        auto [x, y] = waitFor(whenAll(a.ping(20s), a.ping(20s)));
        QVERIFY(x > 0ns && y > 0ns);
        AsyncServer silent; // shakes hands and says no more
        silent.listen(QHostAddress::LocalHost);
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(a.ping(0s)));
        QVERIFY(waitFor(a.ping(20s)) > 0ns);
    }

    void connectFails_data()
    {
        QTest::addColumn<QByteArray>("answer");
        QTest::newRow("the server ends") << QByteArray();
        QTest::newRow("no WebSocket") << QByteArray("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        QTest::newRow("nonsense") << QByteArray("SSH-2.0-OpenSSH_9.9\r\n\r\n");
    }
    void connectFails()
    {
        QFETCH(const QByteArray, answer);
        AsyncServer server;
        server.listen(QHostAddress::LocalHost);
        const Coro<> serving = spawn([&]() -> Task<> {
            AsyncSocket socket = co_await server.accept();
            co_await socket.recvUntil("\r\n\r\n");
            co_await socket.sendAll(answer);
        });
        AsyncWebSocket socket;
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(socket.connect(urlOf(server.location()), 20s)));
        waitFor(serving);
        QVERIFY(!socket.isConnected());
    }

    void connectIsGivenUp()
    {
        AsyncServer silent;
        silent.listen(QHostAddress::LocalHost);
        AsyncWebSocket socket;
        const QUrl url = urlOf(silent.location());
        QCOMPARE(waitFor(asResult(socket.connect(url, 50ms))).errorText(),
                 QStringLiteral("connect(), %1 timed out").arg(url.toString()));
        const Coro<> connecting = spawn(socket.connect(urlOf(silent.location())));
        letOthersRun();
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(socket.connect(urlOf(silent.location())))); // twice
        connecting.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(connecting));

        AsyncWebSocketServer server; // and it can connect again
        server.listen(QHostAddress::LocalHost);
        auto [none, other] = waitFor(whenAll(socket.connect(urlOf(server.location()), 20s), server.accept(20s)));
        waitFor(socket.sendText(QStringLiteral("hello")));
        QCOMPARE(waitFor(other.recv(20s)).text(), QStringLiteral("hello"));
        silent.close();
        AsyncWebSocket another;
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(another.connect(QUrl(QStringLiteral("http://127.0.0.1:1")))));
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(another.connect(QUrl(QStringLiteral("ws://127.0.0.1:1")), 20s)));
    }

    void theServerCloses()
    {
        AsyncWebSocketServer server;
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(server.accept()));
        server.listen(QHostAddress::LocalHost);
        QCOMPARE(waitFor(asResult(server.accept(0s))).errorText(),
                 QStringLiteral("accept(), %1 timed out").arg(server.location().toString()));
        const auto accept = [&]() -> Task<> { co_await server.accept(); };
        const Coro<> cancelled = spawn(accept);
        const Coro<> waiting = spawn(accept);
        letOthersRun();
        cancelled.terminate();
        AsyncWebSocketServer second;
        QVERIFY_THROWS_EXCEPTION(SocketError, second.listen(QHostAddress::LocalHost, server.location().port()));
        server.close();
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(waiting));
        QVERIFY(!server.location().isValid());
    }

    void whatIsSentBeforeAcceptIsReceived()
    {
        AsyncWebSocketServer server;
        server.listen(QHostAddress::LocalHost);
        AsyncWebSocket early;
        waitFor(early.connect(urlOf(server.location()), 20s));
        for (int i = 0; i < 3; ++i)
            waitFor(early.sendText(QString::number(i)));
        QVERIFY(waitFor(early.ping(20s)) > 0ns); // they have been read
        AsyncWebSocket accepted = waitFor(server.accept(20s));
        for (int i = 0; i < 3; ++i)
            QCOMPARE(waitFor(accepted.recv(20s)).text(), QString::number(i));
    }

    void aServerThatNobodyAcceptsFromTakesOnlySoMany()
    {
        AsyncWebSocketServer server;
        server.server()->setMaxPendingConnections(2);
        server.listen(QHostAddress::LocalHost);
        AsyncWebSocket clients[4];
        for (int i = 0; i < 2; ++i)
            waitFor(clients[i].connect(urlOf(server.location()), 20s));
        std::vector<Coro<>> later;
        for (int i = 2; i < 4; ++i)
            later.push_back(spawn(clients[i].connect(urlOf(server.location()), 20s)));
        QTest::qWait(100);
        for (const Coro<> &connecting : later)
            QVERIFY(connecting.isRunning());
        std::vector<AsyncWebSocket> accepted;
        for (int i = 0; i < 4; ++i)
            accepted.push_back(waitFor(server.accept(20s)));
        for (const Coro<> &connecting : later)
            waitFor(connecting);
        for (AsyncWebSocket &client : clients)
            waitFor(client.sendText(QStringLiteral("x")));
        for (AsyncWebSocket &socket : accepted)
            QCOMPARE(waitFor(socket.recv(20s)).text(), QStringLiteral("x"));
    }

    void itWaitsWhileDescriptorsAreShort_data()
    {
        QTest::addColumn<bool>("isFirst");
        QTest::newRow("for the first connection") << true;
        QTest::newRow("for another one") << false; // which QTcpServer takes in another way
    }
    void itWaitsWhileDescriptorsAreShort()
    {
        QFETCH(const bool, isFirst);
        AsyncWebSocketServer server;
        server.listen(QHostAddress::LocalHost);
        AsyncWebSocket before[2];
        if (!isFirst) {
            waitFor(before[0].connect(urlOf(server.location()), 20s));
            before[1] = waitFor(server.accept(20s));
        }
        RawPeer client(::socket(AF_INET, SOCK_STREAM, 0)); // has its descriptor now
        const sockaddr_in address = onLoopback(server.location().port());

        rlimit limit{};
        QCOMPARE(getrlimit(RLIMIT_NOFILE, &limit), 0);
        const int next = dup(0);
        close(next);
        const rlimit none{.rlim_cur = rlim_t(next), .rlim_max = limit.rlim_max};
        QCOMPARE(setrlimit(RLIMIT_NOFILE, &none), 0);
        const auto restore = qScopeGuard([&] { setrlimit(RLIMIT_NOFILE, &limit); });
        QTest::ignoreMessage(QtWarningMsg,
                             QRegularExpression(QStringLiteral("^cannot accept connections at port \\d+")));
        QCOMPARE(::connect(client.descriptor(), reinterpret_cast<const sockaddr *>(&address), sizeof address), 0);
        client.send(HandshakeRequest);
        int wokenUp = 0;
        const QObject context;
        QObject::connect(QAbstractEventDispatcher::instance(), &QAbstractEventDispatcher::awake, &context,
                         [&] { ++wokenUp; });
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(server.accept(500ms))); // and not a second line in the log
        QVERIFY2(wokenUp < 1000, qPrintable(QString::number(wokenUp))); // it does not try again and again
        QCOMPARE(setrlimit(RLIMIT_NOFILE, &limit), 0);

        const AsyncWebSocket accepted = waitFor(server.accept(20s));
        QVERIFY(accepted.isConnected());
    }

    void aFloodOfRubbish()
    {
        auto [raw, socket] = rudeClient();
        run(raw.sendAll(QByteArray(100'000, '\xff')));
        try {
            waitFor(socket.recv(20s));
            QFAIL("it was understood");
        } catch (const WebSocketClosed &e) {
            QCOMPARE(e.code(), int(QWebSocketProtocol::CloseCodeProtocolError));
        }
    }

    void aFloodOfPings()
    {
        auto [raw, socket] = rudeClient();
        const QByteArray pings = frame('\x89', QByteArray(100, 'x')).repeated(1000);
        const Coro<> flooding = spawn([&pings, &raw = raw]() -> Task<> {
            for (int i = 0; i < 1000; ++i) // and reads none of the answers
                co_await raw.sendAll(pings, 20s);
        });
        try {
            waitFor(socket.recv(20s));
            QFAIL("there is no message");
        } catch (const SocketError &e) {
            QCOMPARE(e.code(), QAbstractSocket::SocketResourceError);
            QCOMPARE(e.operation(), "recv()");
            QVERIFY2(e.message().contains(QStringLiteral("pings")), e.what());
        }
        QVERIFY(!socket.isConnected());
        QVERIFY_THROWS_EXCEPTION(StreamError, waitFor(flooding, 20s));
    }

    void closingWithUnreadMessagesIsNoReset()
    {
        auto [raw, socket] = rudeClient();
        socket.setMaxQueuedMessages(1);
        const QByteArray message = frame('\x82', QByteArray(100, 'x'));
        run(raw.sendAll(message + frame('\x89', QByteArray())));
        QCOMPARE(run(raw.recvAll(2, 20s)), QByteArray::fromHex("8a00")); // it has been read
        run(raw.sendAll(message.repeated(1000))); // stays in the system
        socket.close(4321);
        const QByteArray last = run(raw.recvAll(4, 20s));
        QCOMPARE(last, QByteArray::fromHex("880210e1"));
        QCOMPARE(run(raw.recv(10, 20s)), ""); // the end, not an error
    }

    void aReplacedOneIsClosed()
    {
        auto [a, b] = webPair();
        auto [c, d] = webPair();
        a = std::move(c);
        QVERIFY_THROWS_EXCEPTION(WebSocketClosed, waitFor(b.recv(20s)));
        waitFor(a.sendText(QStringLiteral("x")));
        QCOMPARE(waitFor(d.recv(20s)).text(), QStringLiteral("x"));
        AsyncWebSocketServer server;
        AsyncWebSocketServer other;
        server.listen(QHostAddress::LocalHost, freePort());
        const Location location = server.location();
        server = std::move(other);
        QVERIFY(!server.isListening());
        server.listen(QHostAddress::LocalHost, location.port()); // nobody has it any more
    }

    void isMovedWhileSomebodyWaits()
    {
        auto [a, b] = webPair();
        const Coro<WebSocketMessage> receiving = spawn(b.recv());
        letOthersRun();
        AsyncWebSocket moved = std::move(b);
        waitFor(a.sendText(QStringLiteral("x")));
        QCOMPARE(waitFor(receiving).text(), QStringLiteral("x"));
    }
};

QTEST_GUILESS_MAIN(AsyncWebSocketTest)

#include "asyncwebsockettest.moc"
