// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What a socket sends, to peers of all sorts.

#include "badpeers.h"
#include "waitmatrix.h"

#include <Asyncoro/Event>

#include <QTest>
#include <QTimer>

using namespace NetworkTest;
using namespace std::chrono_literals;

namespace {

enum class Send : quint8 { Some, All, Message, Flush, End };

Task<> perform(Send operation, AsyncSocket &socket, AsyncSocket::Deadline deadline = {})
{
    switch (operation) {
    case Send::Some:
        co_await socket.send("more", deadline);
        break;
    case Send::All:
        co_await socket.sendAll("more", deadline);
        break;
    case Send::Message:
        co_await socket.sendMessage("more", deadline);
        break;
    case Send::Flush:
        co_await socket.flush(deadline);
        break;
    case Send::End:
        co_await socket.closeWriting(deadline);
        break;
    }
}

QByteArray onTheWire(Send operation)
{
    switch (operation) {
    case Send::Some:
    case Send::All:
        return "more";
    case Send::Message:
        return QByteArray("\0\0\0\4more", 8);
    case Send::Flush:
    case Send::End:
        break;
    }
    return {};
}

/** In the order of Send. */
const QByteArrayList Operations{"send", "sendAll", "sendMessage", "flush", "closeWriting"};

void addOperations()
{
    QTest::addColumn<int>("operation");
    for (int i = 0; i < int(Operations.size()); ++i)
        QTest::newRow(Operations.at(i)) << i;
}

Send fetchOperation()
{
    QFETCH(const int, operation);
    return Send(operation);
}

/** A socket that cannot send more, as its peer stalls. For waitmatrix.h. */
struct WaitToSend {
    explicit WaitToSend(Send operation)
        : operation(operation)
    {
        RawPair pair = rawPair();
        socket = std::move(pair.socket);
        peer = std::move(pair.peer);
        unread = sendUntilFull(*socket);
    }

    static constexpr bool CompletesAtOnce = false; // the event loop has to find out that there is room
    static constexpr auto CancelledAfterCompletion = WaitMatrix::Outcome::Cancelled;
    static constexpr auto DestroyedAfterCompletion = WaitMatrix::Outcome::Destroyed;

    Task<> wait(QDeadlineTimer deadline)
    {
        try {
            co_await perform(operation, *socket, deadline);
        } catch (const SocketError &e) {
            throw Destroyed(e.message());
        }
    }
    void complete()
    {
        // Reads on while the socket sends on.
        reader = spawn([this]() -> Task<> {
            while (received.size() < unread) {
                received += peer.recv();
                co_await sleep(1ms);
            }
        });
    }
    void destroy()
    {
        if (socket)
            socket->abort();
        socket.reset();
        unread = 0;
    }
    void verify(bool completed, WaitMatrix::Outcome outcome)
    {
        if (!completed)
            complete();
        waitFor(reader);
        QByteArray expected(unread, 'x');
        if (outcome == WaitMatrix::Outcome::Completed)
            expected += onTheWire(operation);
        else
            run(socket->flush()); // one can go on
        if (operation != Send::End || outcome != WaitMatrix::Outcome::Completed) {
            run(socket->sendAll("end"));
            expected += "end";
        }
        received += peer.recv();
        QCOMPARE(received.size(), expected.size());
        QVERIFY(received == expected);
        QCOMPARE(peer.isAtEnd(), operation == Send::End && outcome == WaitMatrix::Outcome::Completed);
    }

    const Send operation;
    std::optional<AsyncSocket> socket;
    RawPeer peer;
    QByteArray received;
    Coro<> reader;
    qint64 unread = 0;
};

} // namespace

class SocketSendTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void N02_N04_N05_waits_data()
    {
        WaitMatrix::addRows<WaitToSend>();
    }
    void N02_N04_N05_waits()
    {
        for (const Send operation : {Send::Some, Send::All, Send::Message, Send::Flush, Send::End})
            WaitMatrix::run<WaitToSend>([operation] { return std::make_unique<WaitToSend>(operation); });
    }

    void N02_N04_N05_peerResets_data() { addOperations(); }
    void N02_N04_N05_peerResets()
    {
        const Send operation = fetchOperation();
        for (const bool waiting : {false, true}) {
            auto [socket, peer] = rawPair();
            peer.send("last words");
            if (waiting)
                sendUntilFull(socket);
            const Coro<> sender = spawn([&, &socket = socket]() -> Task<> {
                for (int i = 0; i < 1000; ++i) {
                    co_await perform(operation, socket);
                    co_await socket.sendAll("x");
                    co_await sleep(1ms);
                }
            });
            letOthersRun();
            peer.reset();
            QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(sender));
            if (operation != Send::End) { // after which it is not the peer that makes sendAll() fail
                QVERIFY(!socket.isConnected());
                QCOMPARE(run(socket.recv()), "last words");
                QVERIFY_THROWS_EXCEPTION(SocketError, run(socket.recv())); // and no end of stream
            }
        }
    }

    void N02_N04_N05_peerEndsItsSideAndReads_data() { addOperations(); }
    void N02_N04_N05_peerEndsItsSideAndReads()
    {
        const Send operation = fetchOperation();
        auto [socket, peer] = rawPair();
        peer.halfClose();
        QCOMPARE(run(socket.recv()), "");
        run(perform(operation, socket));
        QCOMPARE(peer.recv(), onTheWire(operation));
    }

    void N02_N04_N05_peersOfAllSorts_data() { BadPeers::addRows(Operations); }
    void N02_N04_N05_peersOfAllSorts()
    {
        const Send operation = fetchOperation();
        BadPeers::run(BadPeers::Sending{
            .send = [operation](AsyncSocket &socket,
                                QDeadlineTimer deadline) { return perform(operation, socket, deadline); },
            .wire = onTheWire(operation),
            .isLast = operation == Send::End,
        });
    }

    void N02_closeWriting()
    {
        auto [a, b] = connectedPair();
        const QByteArray large = pattern(5'000'000);
        const Coro<> sender = spawn([&a = a, &large]() -> Task<> {
            co_await a.sendAll(large);
            co_await a.closeWriting(); // after all of it
        });
        QVERIFY(run(b.readAll()) == large);
        waitFor(sender);
        run(a.closeWriting()); // twice is once
        try {
            run(a.sendAll("more"));
            QFAIL("sent after the end");
        } catch (const SocketError &e) {
            QCOMPARE(e.code(), QAbstractSocket::OperationError);
            QVERIFY2(e.message().contains(u"closeWriting()"), e.what());
        }
        QVERIFY(a.isConnected());
        run(b.sendAll("answer")); // the other direction goes on
        QCOMPARE(run(a.recvAll(6)), "answer");
        b.close();
        QCOMPARE(run(a.recv()), "");
    }

    void N04_whatWasSentLastIsNotLostWhenTheRestIsUnread()
    {
        auto [socket, peer] = rawPair();
        peer.send("a question that nobody reads");
        run(socket.sendAll("no"));
        socket.close(); // would be a reset, which drops the answer
        QCOMPARE(peer.recv(), "no");
        QVERIFY(peer.isAtEnd());
    }

    void N04_severalSendInOnePiece()
    {
        auto [a, b] = connectedPair();
        const qint64 before = sendUntilFull(a);
        const auto sendAll = [](AsyncSocket &socket, QByteArray bytes) -> Task<> { co_await socket.sendAll(bytes); };
        QList<Coro<>> senders;
        QByteArray expected;
        for (char c = 'a'; c <= 'e'; ++c) {
            const QByteArray bytes(1'000'000, c);
            senders << spawn(sendAll, std::ref(a), bytes);
            if (c != 'c')
                expected += bytes;
        }
        letOthersRun();
        senders.takeAt(2).terminate(); // it has not had its turn, so nothing of it is sent
        run(b.recvAll(before));
        QVERIFY(run(b.recvAll(expected.size())) == expected);
        for (const Coro<> &sender : std::as_const(senders))
            waitFor(sender);
    }

    void N04_backPressure()
    {
        constexpr qint64 Total = 64 * 1024 * 1024;
        const QByteArray chunk = pattern(65521); // a prime: lost or doubled blocks show
        auto [a, b] = connectedPair();
        a.setSendLimit(300'000);

        qint64 mostUnsent = 0;
        Event full;
        const Coro<> sender = spawn([&, &a = a]() -> Task<> {
            for (qint64 sent = 0; sent < Total; sent += chunk.size()) {
                bool mustWait = false;
                try {
                    co_await a.sendAll(chunk, 0s);
                } catch (const TimedOut &) {
                    mustWait = true;
                }
                if (mustWait) {
                    full.set();
                    co_await a.sendAll(chunk);
                }
                mostUnsent = std::max(mostUnsent, a.unsentBytes());
                if (!full.isSet())
                    co_await yield();
            }
            a.close();
        });

        qint64 mostReadAhead = 0;
        const Coro<qint64> receiver = spawn([&, &b = b]() -> Task<qint64> {
            co_await full.wait(); // until then the sender has only the buffers to fill
            qint64 received = 0;
            for (;;) {
                mostReadAhead = std::max(mostReadAhead, b.socket()->bytesAvailable());
                const QByteArray some = co_await b.recv(100'000);
                if (some.isEmpty())
                    co_return received;
                for (qsizetype i = 0; i < some.size();) {
                    const qsizetype at = (received + i) % chunk.size();
                    const qsizetype size = std::min(some.size() - i, chunk.size() - at);
                    if (QByteArrayView(some).sliced(i, size) != QByteArrayView(chunk).sliced(at, size))
                        throw Error(QStringLiteral("other bytes than were sent, after %1").arg(received + i));
                    i += size;
                }
                received += some.size();
            }
        });
        waitFor(sender);
        QCOMPARE(waitFor(receiver), (Total + chunk.size() - 1) / chunk.size() * chunk.size());
        QVERIFY2(mostUnsent <= 300'000 + chunk.size(), qPrintable(QString::number(mostUnsent)));
        QVERIFY2(mostReadAhead <= 256 * 1024, qPrintable(QString::number(mostReadAhead)));
    }

    void N02_tellsHowMuchIsUnsent()
    {
        auto [a, b] = connectedPair();
        QCOMPARE(a.unsentBytes(), 0);
        run(a.sendAll(QByteArray("short")));
        QCOMPARE(a.unsentBytes(), 0); // the system took it at once
        sendUntilFull(a);
        QVERIFY(a.unsentBytes() > 0);
        const Coro<QByteArray> receiver = spawn(recvToEnd(b));
        run(a.flush());
        QCOMPARE(a.unsentBytes(), 0);
        a.close();
        waitFor(receiver);
        QCOMPARE(a.unsentBytes(), 0);
    }

    void N02_sendTakesWhatThereIsRoomFor()
    {
        auto [a, b] = connectedPair();
        a.setSendLimit(1000);
        QCOMPARE(run(a.send(QByteArray(5000, 'x'))), 1000);
        sendUntilFull(a);
        const Coro<qint64> sender = spawn([&a = a]() -> Task<qint64> {
            co_return co_await a.send(QByteArray(5000, 'x'));
        });
        letOthersRun();
        QCOMPARE(sender.state(), CoroState::Running);
        const Coro<QByteArray> receiver = spawn(recvToEnd(b));
        const qint64 sent = waitFor(sender);
        QVERIFY(sent >= 1);
        QVERIFY(sent <= 1000);
        a.close();
        waitFor(receiver);
    }

    void N04_whoGivesUpLetsTheNextOneGoOn()
    {
        auto [a, b] = connectedPair();
        sendUntilFull(a);
        a.setSendLimit(100'000'000); // there is room for who only sends
        const Coro<> flusher = spawn([&a = a]() -> Task<> { co_await a.flush(); });
        const Coro<> sender = spawn([&a = a]() -> Task<> { co_await a.sendAll("x"); });
        letOthersRun();
        QVERIFY(sender.isRunning()); // behind the other one
        flusher.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(flusher));
        waitFor(sender); // though the peer takes nothing
    }

    void N02_whoSendsAllTheTimeLetsOthersRun()
    {
        auto [a, b] = connectedPair();
        a.setSendLimit(100'000'000); // there is always room
        bool stop = false;
        QTimer::singleShot(0, [&stop] { stop = true; });
        const Coro<int> sender = spawn([&]() -> Task<int> {
            int sent = 0;
            for (; !stop && sent < 100'000; ++sent)
                co_await a.sendAll("x");
            co_return sent;
        });
        QVERIFY(waitFor(sender) < 100'000);
    }

    void N04_flushWaitsUntilAllIsSent()
    {
        auto [a, b] = connectedPair();
        const qint64 sent = sendUntilFull(a);
        const Coro<> flusher = spawn([&a = a]() -> Task<> { co_await a.flush(); });
        letOthersRun();
        QCOMPARE(flusher.state(), CoroState::Running);
        run(b.recvAll(sent));
        waitFor(flusher);
        QCOMPARE(a.socket()->bytesToWrite(), 0);
    }

    void N04_unsentDataOutlivesTheSocket()
    {
        const QByteArray bytes = pattern(8'000'000);
        auto [a, b] = connectedPair();
        const Coro<> sender = spawn([&bytes](AsyncSocket socket) -> Task<> {
            co_await socket.sendAll(bytes);
        }, std::move(a));
        waitFor(sender); // it has not waited for the peer
        QVERIFY(waitFor(recvToEnd(b)) == bytes);
    }

    void N04_execWaitsForUnsentData()
    {
        constexpr qint64 Size = 40'000'000; // far more than the system takes for a receiver
        qint64 received = 0;
        auto [a, b] = connectedPair();
        spawn([](AsyncSocket socket) -> Task<> { co_await socket.sendAll(QByteArray(Size, 'x')); }, std::move(a));
        spawn([&received](AsyncSocket socket) -> Task<> {
            for (;;)
                received += (co_await socket.recv()).size();
        }, std::move(b)).setDaemon();
        QCOMPARE(Asyncoro::exec(), 0);
        QVERIFY2(received > Size / 2, qPrintable(QString::number(received)));
    }
};

int main(int argc, char **argv)
{
    return runWithBothKindsOfSocket<SocketSendTest>(argc, argv);
}


#include "socketsendtest.moc"
