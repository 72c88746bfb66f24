// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What a socket receives, from peers of all sorts.

#include "badpeers.h"
#include "waitmatrix.h"

#include <QTest>

using namespace NetworkTest;
using namespace std::chrono_literals;

namespace {

enum class Receive : quint8 { Some, Into, All, Until, Line, Message };

/** A way to receive, and what it needs. */
struct Kind {
    const char *name;
    Receive receive;
    QByteArray sent; // makes it complete
    QByteArray received;
    QByteArray partial; // a part of `sent` that does not
};

const Kind Kinds[] = {
    {"recv()", Receive::Some, "0123456789", "0123456789", ""},
    {"recvInto()", Receive::Into, "0123456789", "0123456789", ""},
    {"recvAll()", Receive::All, "0123456789", "0123456789", "01234"},
    {"recvUntil()", Receive::Until, "012345678\r\n", "012345678\r\n", "012345678\r"},
    {"readLine()", Receive::Line, "012345678\n", "012345678\n", "01234"},
    {"recvMessage()", Receive::Message, QByteArray("\0\0\0\x0a", 4) + "0123456789", "0123456789",
     QByteArray("\0\0\0\x0a", 4) + "01234"},
    {"recvMessage(), in its header", Receive::Message, QByteArray("\0\0\0\x0a", 4) + "0123456789", "0123456789",
     QByteArray("\0\0", 2)},
};

Task<QByteArray> received(Receive kind, AsyncSocket &socket, AsyncSocket::Deadline deadline = {})
{
    switch (kind) {
    case Receive::Some:
        co_return co_await socket.recv(100, deadline);
    case Receive::Into: {
        QByteArray bytes(100, Qt::Uninitialized);
        bytes.truncate(co_await socket.recvInto(bytes.data(), bytes.size(), deadline));
        co_return bytes;
    }
    case Receive::All:
        co_return co_await socket.recvAll(10, deadline);
    case Receive::Until:
        co_return co_await socket.recvUntil("\r\n", 100, deadline);
    case Receive::Line:
        co_return co_await socket.readLine(100, deadline);
    case Receive::Message:
        break;
    }
    co_return co_await socket.recvMessage(100, deadline);
}

/** Is content with any bytes. */
bool takesWhatThereIs(Receive kind)
{
    return kind == Receive::Some || kind == Receive::Into;
}

void addKinds()
{
    QTest::addColumn<int>("kind");
    for (int i = 0; i < int(std::size(Kinds)); ++i)
        QTest::newRow(Kinds[i].name) << i;
}

const Kind &fetchKind()
{
    QFETCH_GLOBAL(int, kind);
    return Kinds[kind];
}

/** For waitmatrix.h. */
struct WaitToReceive {
    explicit WaitToReceive(const Kind &kind)
        : kind(kind)
    {
        RawPair pair = rawPair();
        socket = std::move(pair.socket);
        peer = std::move(pair.peer);
        peer.send(kind.partial);
    }

    // What comes from outside is seen by the event loop, after the coroutine has been cancelled or its socket closed.
    static constexpr auto CancelledAfterCompletion = WaitMatrix::Outcome::Cancelled;
    static constexpr auto DestroyedAfterCompletion = WaitMatrix::Outcome::Destroyed;

    Task<> wait(QDeadlineTimer deadline)
    {
        try {
            bytes = co_await received(kind.receive, *socket, deadline);
        } catch (const SocketError &e) {
            throw Destroyed(e.message());
        }
    }
    void complete() { peer.send(kind.sent.sliced(kind.partial.size())); }
    void destroy() { socket.reset(); }
    void verify(bool completed, WaitMatrix::Outcome outcome)
    {
        if (outcome == WaitMatrix::Outcome::Completed) {
            QCOMPARE(bytes, kind.received);
            return;
        }
        if (!completed)
            complete();
        QCOMPARE(run(received(kind.receive, *socket)), kind.received); // nothing was lost
    }

    const Kind &kind;
    std::optional<AsyncSocket> socket;
    RawPeer peer;
    QByteArray bytes;
};

/** For badpeers.h; what takes whatever there is gets it byte by byte. */
class ReceiveConversation final : public BadPeers::Conversation
{
public:
    explicit ReceiveConversation(const Kind &kind)
        : m_kind(kind)
    {
        RawPair pair = rawPair();
        m_socket = std::move(pair.socket);
        peer = std::move(pair.peer);
    }
    Task<QByteArray> receive(QDeadlineTimer deadline) override { return received(m_kind.receive, m_socket, deadline); }
    QByteArray result() const override { return takesWhatThereIs(m_kind.receive) ? unit() : m_kind.received; }
    QByteArray unit() const override { return takesWhatThereIs(m_kind.receive) ? "0" : m_kind.sent; }
    QByteArray firstPart() const override { return m_kind.partial; }
    std::chrono::milliseconds timeOut() const override { return 20ms; }
    std::optional<QByteArray> resultAtEnd() const override
    {
        if (takesWhatThereIs(m_kind.receive) || m_kind.receive == Receive::Line)
            return firstPart();
        return {};
    }
    // What more has come is a part of the result, then.
    bool repeats() const override { return !takesWhatThereIs(m_kind.receive); }

private:
    const Kind &m_kind;
    AsyncSocket m_socket;
};

} // namespace

class SocketReceiveTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { addKinds(); }

    void N02_N03_N05_waits_data() { WaitMatrix::addRows<WaitToReceive>(); }
    void N02_N03_N05_waits()
    {
        WaitMatrix::run<WaitToReceive>([] { return std::make_unique<WaitToReceive>(fetchKind()); });
    }

    void N02_N03_N05_completeButCancelledBeforeItResumes()
    {
        const Kind &kind = fetchKind();
        RawPair pair = rawPair();
        pair.peer.send(kind.sent);
        const Coro<QByteArray> first
            = spawn([&]() -> Task<QByteArray> { co_return co_await pair.socket.recvAll(1000); });
        QByteArray bytes;
        const Coro<> second = spawn([&]() -> Task<> { bytes = co_await received(kind.receive, pair.socket); });
        letOthersRun();
        QCoreApplication::processEvents(); // the first one has taken all of it
        first.terminate(); // and gives it back, which makes the second one complete
        second.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(first));
        waitFor(second);
        QCOMPARE(bytes, kind.received);
    }

    void N02_N03_N05_peerStalls()
    {
        const Kind &kind = fetchKind();
        auto [socket, peer] = rawPair();
        peer.send(kind.partial);
        for (const auto time : {0ms, 10ms, 1ms}) {
            try {
                run(received(kind.receive, socket, time));
                QFAIL("received what was not sent");
            } catch (const TimedOut &e) {
                QVERIFY2(e.message().contains(QLatin1StringView(kind.name).first(6)), e.what());
            }
        }
        peer.send(kind.sent.sliced(kind.partial.size()));
        QCOMPARE(run(received(kind.receive, socket)), kind.received);
    }

    void N02_N03_N05_peerResets()
    {
        const Kind &kind = fetchKind();
        for (const bool waiting : {false, true}) {
            auto [socket, peer] = rawPair();
            const Location location = socket.peerLocation();
            const Coro<QByteArray> receiver = spawn(received, kind.receive, std::ref(socket), AsyncSocket::Deadline());
            if (waiting)
                letOthersRun();
            peer.send(kind.partial);
            if (waiting)
                QCoreApplication::processEvents();
            peer.reset();
            if (takesWhatThereIs(kind.receive) && !kind.partial.isEmpty()) {
                QCOMPARE(waitFor(receiver), kind.partial);
                continue;
            }
            try {
                waitFor(receiver);
                QFAIL("a reset is no end of stream");
            } catch (const SocketError &e) {
                QCOMPARE(e.code(), QAbstractSocket::RemoteHostClosedError);
                QVERIFY2(QLatin1StringView(kind.name).startsWith(e.operation()), qPrintable(e.operation()));
                QCOMPARE(e.peer(), location);
                QVERIFY2(e.message().contains(u"reset"), e.what());
            }
            // What came before the reset is not lost.
            if (!kind.partial.isEmpty())
                QCOMPARE(run(socket.recvAll(kind.partial.size())), kind.partial);
            QVERIFY_THROWS_EXCEPTION(SocketError, run(socket.recv()));
            QVERIFY_THROWS_EXCEPTION(SocketError, run(socket.sendAll("x")));
            QVERIFY(!socket.isConnected());
        }
    }

    void N02_N03_N05_peerEndsItsSide()
    {
        const Kind &kind = fetchKind();
        for (const bool waiting : {false, true}) {
            auto [socket, peer] = rawPair();
            const Coro<QByteArray> receiver = spawn(received, kind.receive, std::ref(socket), AsyncSocket::Deadline());
            if (waiting)
                letOthersRun();
            peer.send(kind.partial);
            peer.halfClose();
            if (takesWhatThereIs(kind.receive) || kind.receive == Receive::Line) {
                QCOMPARE(waitFor(receiver), kind.partial);
            } else {
                try {
                    waitFor(receiver);
                    QFAIL("received what was not sent");
                } catch (const EndOfStream &e) {
                    QCOMPARE(e.partial(), kind.partial);
                }
            }
            QCOMPARE(run(socket.recv()), "");
            QCOMPARE(run(socket.readLine()), "");
            run(socket.sendAll("you are heard")); // it may still listen
            QCOMPARE(peer.recv(), "you are heard");
            QVERIFY(!socket.isConnected());
            socket.close();
            peer.recv();
            QVERIFY(peer.isAtEnd());
        }
    }

    void N02_N03_N05_peersOfAllSorts_data() { BadPeers::addRows(); }
    void N02_N03_N05_peersOfAllSorts()
    {
        BadPeers::run([] { return std::make_unique<ReceiveConversation>(fetchKind()); });
    }

    void N02_N03_N05_peerFloods()
    {
        const Kind &kind = fetchKind();
        auto [socket, peer] = rawPair();
        const qint64 sent = peer.flood(kind.sent);
        QVERIFY(sent > 100'000);
        for (int i = 0; i < 10; ++i)
            QCoreApplication::processEvents();
        QCOMPARE(socket.socket()->bytesAvailable(), 0); // nothing is read that nobody wants
        QByteArray some;
        for (int i = 0; i < 1000; ++i) {
            some = run(received(kind.receive, socket));
            if (!takesWhatThereIs(kind.receive))
                QCOMPARE(some, kind.received);
        }
        const qint64 taken = takesWhatThereIs(kind.receive) ? 100'000 : 1000 * kind.sent.size();
        peer.halfClose();
        QCOMPARE(waitFor(recvToEnd(socket)).size(), sent - taken);
    }
};

int main(int argc, char **argv)
{
    return runWithBothKindsOfSocket<SocketReceiveTest>(argc, argv);
}


#include "socketreceivetest.moc"
