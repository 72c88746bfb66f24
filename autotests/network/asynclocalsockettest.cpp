// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "badpeers.h"
#include "waitmatrix.h"

#include <Asyncoro/AsyncLocalServer>
#include <Asyncoro/Result>
#include <Asyncoro/WhenAll>

#include <QLocalSocket>
#include <QPointer>
#include <QRegularExpression>
#include <QTemporaryDir>
#include <QTest>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace NetworkTest;
using namespace std::chrono_literals;

namespace {

struct LocalPair {
    AsyncLocalSocket a;
    AsyncLocalSocket b;
};

LocalPair localPair()
{
    static const QTemporaryDir folder;
    return waitFor(spawn([]() -> Task<LocalPair> {
        AsyncLocalServer server;
        server.listen(folder.filePath(QStringLiteral("socket")));
        AsyncLocalSocket a = co_await AsyncLocalSocket::connect(server.path());
        AsyncLocalSocket b = co_await server.accept(20s);
        co_return LocalPair{std::move(a), std::move(b)};
    }));
}

struct RawLocalPair {
    AsyncLocalSocket socket;
    RawPeer peer;
};

RawLocalPair rawLocalPair()
{
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        qFatal("no local sockets");
    auto *const socket = new QLocalSocket;
    socket->setSocketDescriptor(ends[0]);
    return {AsyncLocalSocket(socket), RawPeer(ends[1])};
}

/** Closes with something unread: for a local socket that is a reset. */
void resetLocally(AsyncLocalSocket &socket, RawPeer &peer)
{
    run(socket.sendAll("unread"));
    run(socket.flush());
    peer.close();
}

/** Waits for bytes from the other end. */
struct WaitForBytes {
    LocalPair pair = localPair();
    std::optional<AsyncLocalSocket> a = std::move(pair.a);
    QByteArray received;
    static constexpr bool GoesWithItsObject = true;

    Task<> wait(QDeadlineTimer deadline)
    {
        try {
            received = co_await a->recv(10, deadline);
        } catch (const StreamError &e) {
            throw Destroyed(e.message());
        }
    }
    void complete()
    {
        const auto descriptor = int(pair.b.socket()->socketDescriptor());
        if (::write(descriptor, "abc", 3) != 3)
            qFatal("not written");
        a->socket()->waitForReadyRead(1000);
    }
    void destroy() { a.reset(); }
    void verify(bool completed, WaitMatrix::Outcome outcome)
    {
        if (completed && outcome != WaitMatrix::Outcome::Completed)
            received = run(a->recv()); // not lost
        QCOMPARE(received, completed ? "abc" : "");
    }
};

enum class Receive : quint8 { All, Line, Message };

/** Receives from a peer that is made of system calls. */
class LocalConversation final : public BadPeers::Conversation
{
public:
    explicit LocalConversation(Receive kind)
        : m_kind(kind)
    {
        RawLocalPair pair = rawLocalPair();
        m_socket.emplace(std::move(pair.socket));
        peer = std::move(pair.peer);
    }
    void reset() override { resetLocally(*m_socket, peer); }
    Task<QByteArray> receive(QDeadlineTimer deadline) override
    {
        switch (m_kind) {
        case Receive::All:
            co_return co_await m_socket->recvAll(10, deadline);
        case Receive::Line:
            co_return co_await m_socket->recvUntil("\n", 100, deadline);
        case Receive::Message:
            break;
        }
        co_return co_await m_socket->recvMessage(100, deadline);
    }
    QByteArray result() const override { return m_kind == Receive::Line ? "012345678\n" : "0123456789"; }
    QByteArray unit() const override
    {
        return m_kind == Receive::Message ? QByteArray("\0\0\0\x0a", 4) + result() : result();
    }

private:
    const Receive m_kind;
    std::optional<AsyncLocalSocket> m_socket;
};

sockaddr_un addressOf(const QString &path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    qstrncpy(address.sun_path, path.toLocal8Bit().constData(), sizeof address.sun_path);
    return address;
}

/** Leaves a socket file behind, as a program that crashes does. */
void leaveStaleSocket(const QString &path)
{
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const sockaddr_un address = addressOf(path);
    QCOMPARE(::bind(descriptor, reinterpret_cast<const sockaddr *>(&address), sizeof address), 0);
    ::close(descriptor);
}

/** As long as this lives, the process can open no file. */
class NoMoreFiles
{
public:
    NoMoreFiles()
    {
        ::getrlimit(RLIMIT_NOFILE, &m_before);
        const int next = ::dup(0);
        ::close(next);
        rlimit limit = m_before;
        limit.rlim_cur = rlim_t(next);
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    ~NoMoreFiles() { ::setrlimit(RLIMIT_NOFILE, &m_before); }
    Q_DISABLE_COPY_MOVE(NoMoreFiles)

private:
    rlimit m_before{};
};

} // namespace

class AsyncLocalSocketTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void waits_data() { WaitMatrix::addRows<WaitForBytes>(); }
    void waits() { WaitMatrix::run<WaitForBytes>(); }

    void N02_N05_localPeersOfAllSorts_data() { BadPeers::addRows(); }
    void N02_N05_localPeersOfAllSorts()
    {
        for (const Receive kind : {Receive::All, Receive::Line, Receive::Message})
            BadPeers::run([kind] { return std::make_unique<LocalConversation>(kind); });
    }

    void N03_localPeerThatTakesNothing_data()
    {
        QTest::addColumn<bool>("byDeadline");
        QTest::newRow("cancelled") << false;
        QTest::newRow("timed out") << true;
    }
    // Given up while it waits to send, and sent again: once on the wire, between what came before and after.
    void N03_localPeerThatTakesNothing()
    {
        QFETCH(const bool, byDeadline);
        auto [a, b] = localPair();
        a.setSendLimit(1000);
        const QByteArray much(4'000'000, 'x'); // more than the system keeps
        run(a.sendAll(much));
        const Coro<> waiting = spawn([&, &a = a]() -> Task<> {
            co_await a.sendMessage("never", byDeadline ? QDeadlineTimer(50ms) : QDeadlineTimer::Forever);
        });
        letOthersRun();
        if (byDeadline) {
            QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(waiting));
        } else {
            QVERIFY(waiting.isRunning());
            waiting.terminate();
            QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(waiting));
        }
        const Coro<> sending = spawn([&a = a]() -> Task<> { co_await a.sendMessage("message", 20s); });
        QVERIFY(run(b.recvAll(much.size(), 20s)) == much);
        QCOMPARE(run(b.recvMessage(100, 20s)), "message");
        waitFor(sending);
    }

    void N03_localPeerThatGoesWhileItIsSentTo()
    {
        auto [a, b] = localPair();
        a.setSendLimit(1000);
        run(a.sendAll(QByteArray(4'000'000, 'x')));
        const Coro<> waiting = spawn([&a = a]() -> Task<> { co_await a.sendAll("never"); });
        letOthersRun();
        b = AsyncLocalSocket(new QLocalSocket);
        QVERIFY_THROWS_EXCEPTION(StreamError, waitFor(waiting, 20s));
    }

    void N03_aPeerThatClosesWithUnreadBytesIsNoEnd()
    {
        auto [socket, peer] = rawLocalPair();
        peer.send("part");
        resetLocally(socket, peer);
        QVERIFY_THROWS_EXCEPTION(StreamError, run(socket.readAll()));
        QCOMPARE(run(socket.recvAll(4)), "part"); // not lost
        QVERIFY_THROWS_EXCEPTION(StreamError, run(socket.recv()));
        QVERIFY_THROWS_EXCEPTION(StreamError, run(socket.sendAll("x")));

        auto [other, itsPeer] = rawLocalPair();
        itsPeer.send("all");
        itsPeer.close();
        QCOMPARE(run(other.readAll()), "all");
    }

    void N03_closingEndsWithItsPeer()
    {
        auto [socket, peer] = rawLocalPair();
        run(socket.sendAll(QByteArray(4'000'000, 'x')));
        const QPointer<QLocalSocket> closing = socket.socket();
        socket.close();
        letOthersRun();
        QVERIFY(closing); // has bytes to send
        peer.close();
        QVERIFY(QTest::qWaitFor([&] { return !closing; }, 10'000)); // it is patient with one that is there
    }

    void sendsAndReceives()
    {
        auto [a, b] = localPair();
        run(a.sendAll("one line\nrest"));
        QCOMPARE(run(b.readLine()), "one line\n");
        QCOMPARE(run(b.recvAll(4)), "rest");
        run(b.sendMessage("message"));
        QCOMPARE(run(a.recvMessage()), "message");
        a.close();
        QCOMPARE(run(b.recv(10, 20s)), "");
        QVERIFY_THROWS_EXCEPTION(StreamError, run(a.recv()));
    }

    void aSlowReceiverSlowsItsSender()
    {
        auto [a, b] = localPair();
        const QByteArray chunk(100'000, 'x');
        int sent = 0;
        const Coro<> sending = spawn([&, &a = a]() -> Task<> {
            for (; sent < 200; ++sent)
                co_await a.sendAll(chunk);
            a.close();
        });
        int before = -1;
        while (before != sent) {
            before = sent;
            QTest::qWait(50);
        }
        QVERIFY2(sent < 100, qPrintable(QString::number(sent)));
        qint64 received = 0;
        for (QByteArray bytes = run(b.recv()); !bytes.isEmpty(); bytes = run(b.recv()))
            received += bytes.size();
        QCOMPARE(received, 200 * chunk.size());
        waitFor(sending);
    }

    void nobodyListens()
    {
        const QTemporaryDir folder;
        const QString path = folder.filePath(QStringLiteral("none"));
        try {
            waitFor(AsyncLocalSocket::connect(path));
            QFAIL("nobody does");
        } catch (const SocketError &e) {
            QCOMPARE(e.operation(), "connect()");
            QVERIFY2(e.message().startsWith(QStringLiteral("connect(), %1: ").arg(path)), e.what());
        }
        leaveStaleSocket(path);
        try {
            waitFor(AsyncLocalSocket::connect(path));
            QFAIL("nobody does");
        } catch (const SocketError &e) {
            QCOMPARE(e.code(), QAbstractSocket::ConnectionRefusedError);
        }
    }

    void whatACrashedServerLeftIsRemoved()
    {
        const QTemporaryDir folder;
        const QString path = folder.filePath(QStringLiteral("socket"));
        leaveStaleSocket(path);
        AsyncLocalServer server;
        server.listen(path);
        QCOMPARE(server.path(), path);
        const AsyncLocalSocket client = waitFor(AsyncLocalSocket::connect(path));
        AsyncLocalServer second;
        try {
            second.listen(path);
            QFAIL("two at one path");
        } catch (const SocketError &e) {
            QCOMPARE(e.code(), QAbstractSocket::AddressInUseError);
            QCOMPARE(e.operation(), "listen()");
        }
        waitFor(server.accept(20s)); // the first one goes on
        QVERIFY_THROWS_EXCEPTION(SocketError, server.listen(path)); // twice
        server.close();
        QVERIFY(!QFile::exists(path));
    }

    void onlyWhomItIsMeantForMayConnect()
    {
        const QTemporaryDir folder;
        AsyncLocalServer server;
        server.listen(folder.filePath(QStringLiteral("private")));
        constexpr QFile::Permissions Others
            = QFile::ReadGroup | QFile::WriteGroup | QFile::ReadOther | QFile::WriteOther;
        QCOMPARE(QFile::permissions(server.path()) & Others, QFile::Permissions());
        AsyncLocalServer open;
        open.listen(folder.filePath(QStringLiteral("open")), QLocalServer::WorldAccessOption);
        QCOMPARE(QFile::permissions(open.path()) & Others, Others);
        QVERIFY_THROWS_EXCEPTION(SocketError, AsyncLocalServer().listen(QStringLiteral("/nowhere/at/all")));
    }

    void waitsWhileDescriptorsAreShort()
    {
        const QTemporaryDir folder;
        const QString path = folder.filePath(QStringLiteral("socket"));
        AsyncLocalServer server;
        server.listen(path);
        const Coro<AsyncLocalSocket> waiting
            = spawn([&]() -> Task<AsyncLocalSocket> { co_return co_await server.accept(); });
        letOthersRun();
        const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
        RawPeer client(descriptor);
        {
            const NoMoreFiles noMoreFiles;
            QTest::ignoreMessage(QtWarningMsg,
                                 QRegularExpression(QStringLiteral("^cannot accept connections at .*socket")));
            const sockaddr_un address = addressOf(path);
            QCOMPARE(::connect(descriptor, reinterpret_cast<const sockaddr *>(&address), sizeof address), 0);
            QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(waiting, 250ms)); // and not a second line in the log
        }
        AsyncLocalSocket accepted = waitFor(waiting, 20s);
        client.send("x");
        QCOMPARE(run(accepted.recv()), "x");
        const AsyncLocalSocket next = waitFor(AsyncLocalSocket::connect(path));
        waitFor(server.accept(20s));
    }

    void listensAgain()
    {
        const QTemporaryDir folder;
        AsyncLocalServer server;
        for (int i = 0; i < 2; ++i) {
            server.listen(folder.filePath(QString::number(i)));
            const Coro<> waiting = spawn([&]() -> Task<> { co_await server.accept(); });
            letOthersRun();
            const AsyncLocalSocket client = waitFor(AsyncLocalSocket::connect(server.path()));
            waitFor(waiting, 20s);
            server.close();
        }
    }

    void aReplacedServerIsClosed()
    {
        const QTemporaryDir folder;
        const QString path = folder.filePath(QStringLiteral("socket"));
        AsyncLocalServer server;
        AsyncLocalServer other;
        server.listen(path);
        server = std::move(other);
        QVERIFY(!QFile::exists(path));
        server.listen(path);
        waitFor(AsyncLocalSocket::connect(path));
    }

    void acceptWaits()
    {
        const QTemporaryDir folder;
        AsyncLocalServer server;
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(server.accept()));
        server.listen(folder.filePath(QStringLiteral("socket")));
        QCOMPARE(waitFor(asResult(server.accept(0s))).errorText(),
                 QStringLiteral("accept(), %1 timed out").arg(server.path()));
        const auto accept = [&]() -> Task<> { co_await server.accept(); };
        const Coro<> cancelled = spawn(accept);
        const Coro<> first = spawn(accept);
        const Coro<> second = spawn(accept);
        letOthersRun();
        cancelled.terminate();
        const AsyncLocalSocket client = waitFor(AsyncLocalSocket::connect(server.path()));
        waitFor(first);
        server = AsyncLocalServer();
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(second));
    }
};

QTEST_GUILESS_MAIN(AsyncLocalSocketTest)

#include "asynclocalsockettest.moc"
