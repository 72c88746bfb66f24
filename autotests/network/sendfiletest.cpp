// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "badpeers.h"

#include <Asyncoro/AsyncFile>

#include <QTemporaryDir>
#include <QTest>

using namespace NetworkTest;
using namespace std::chrono_literals;

namespace {

/** A file of that content. */
class TestFile
{
public:
    explicit TestFile(const QByteArray &content)
    {
        QFile file(path());
        if (!m_folder.isValid() || !file.open(QIODevice::WriteOnly) || file.write(content) != content.size())
            qFatal("cannot write %s", qPrintable(file.fileName()));
    }
    [[nodiscard]] QString path() const { return m_folder.filePath(QStringLiteral("file")); }

private:
    const QTemporaryDir m_folder;
};

/** Larger than what the system and the send limit take at once. */
constexpr qint64 Much = 12 * 1024 * 1024;

/** Sends a file to a peer that does not receive; returns when it waits. */
Coro<qint64> sendToStallingPeer(AsyncSocket &socket, const TestFile &file)
{
    const Coro<qint64> sending = spawn(
        [&socket, path = file.path()]() -> Task<qint64> { co_return co_await socket.sendFile(path); });
    static_cast<void>(QTest::qWaitFor([&] { return socket.unsentBytes() > socket.sendLimit(); }));
    return sending;
}

} // namespace

/** AsyncStream::sendFile(). */
class SendFileTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void N02_sendsTheWholeFile_data()
    {
        QTest::addColumn<qint64>("size");
        QTest::newRow("empty") << qint64(0);
        QTest::newRow("a byte") << qint64(1);
        QTest::newRow("one piece") << qint64(256 * 1024);
        QTest::newRow("much") << Much + 5;
    }
    void N02_sendsTheWholeFile()
    {
        QFETCH(const qint64, size);
        const QByteArray content = pattern(size);
        const TestFile file(content);
        auto [a, b] = connectedPair();
        const Coro<qint64> sending = spawn([&, a = std::move(a)]() mutable -> Task<qint64> {
            co_return co_await a.sendFile(file.path());
        }); // closes it, too
        QCOMPARE(run(b.readAll()), content);
        QCOMPARE(waitFor(sending), size);
    }

    void N02_sendsAPartFromThePosition()
    {
        const QByteArray content = pattern(1'000'000);
        const TestFile file(content);
        auto [a, b] = connectedPair();
        const Coro<> sending = spawn([&]() -> Task<> {
            AsyncFile open;
            co_await open.open(file.path());
            co_await open.seek(100);
            QCOMPARE(co_await a.sendFile(open, 600'000), 600'000);
            QCOMPARE(open.position(), 600'100);
            QCOMPARE(co_await a.sendFile(open), 399'900);
            QCOMPARE(co_await a.sendFile(open), 0);
            a.close();
        });
        QCOMPARE(run(b.readAll()), content.sliced(100));
        waitFor(sending);
    }

    void N04_othersWaitUntilItIsSent()
    {
        const QByteArray content = pattern(Much);
        const TestFile file(content);
        auto [a, b] = connectedPair();
        const Coro<qint64> sending = sendToStallingPeer(a, file);
        const Coro<qint64> second
            = spawn([&]() -> Task<qint64> { co_return co_await a.sendFile(file.path()); });
        const Coro<> last = spawn([&]() -> Task<> { co_await a.sendAll("end"); });
        const QByteArray received = run(b.recvAll(2 * Much + 3));
        QCOMPARE(received.first(Much), content);
        QVERIFY(received.sliced(Much, Much) == content || received.sliced(Much, 3) == "end");
        QCOMPARE(waitFor(sending), Much);
        QCOMPARE(waitFor(second), Much);
        waitFor(last);
    }

    void N04_othersGoOnIfItIsCancelled()
    {
        const TestFile file(pattern(Much));
        auto [a, b] = connectedPair();
        const Coro<qint64> sending = sendToStallingPeer(a, file);
        const Coro<> last = spawn([&]() -> Task<> { co_await a.sendAll("end"); });
        letOthersRun();
        sending.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(sending));
        QVERIFY(last.isRunning()); // there is no room yet
        const Coro<QByteArray> receiving = spawn([&]() -> Task<QByteArray> { co_return co_await b.readAll(); });
        waitFor(last);
        a.close();
        const QByteArray received = waitFor(receiving);
        QVERIFY(received.size() < Much);
        QVERIFY(received.endsWith("end"));
    }

    void N04_cancelledBeforeItBegins()
    {
        const TestFile file("content");
        auto [a, b] = connectedPair();
        const Coro<> sending = spawn([&]() -> Task<> {
            Coro<>::self().terminate();
            co_await a.sendFile(file.path());
        });
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(sending));
        run(a.sendAll("x"));
        QCOMPARE(run(b.recv()), "x");
    }

    // The second one is given the turn, and its object is destroyed before it can take it.
    void N04_othersGoOnIfItsObjectIsDestroyed()
    {
        const QByteArray content = pattern(Much);
        const TestFile file(content);
        auto [a, b] = connectedPair();
        auto object = std::make_unique<QObject>();
        const Coro<> first = spawn([&, &a = a]() -> Task<> {
            co_await a.sendFile(file.path());
            object.reset();
        });
        QVERIFY(QTest::qWaitFor([&, &a = a] { return a.unsentBytes() > a.sendLimit(); }));
        AsyncFile open;
        run(open.open(file.path()));
        const Coro<> second = spawn(object.get(), [&, &a = a]() -> Task<> { co_await a.sendFile(open); });
        letOthersRun();
        const Coro<> third = spawn([&a = a]() -> Task<> { co_await a.sendAll("end", 20s); });
        letOthersRun();
        const QByteArray received = run(b.recvAll(Much + 3, 20s));
        QVERIFY(received == content + "end");
        waitFor(first);
        QVERIFY(!second.isRunning());
        waitFor(third);
    }

    void N02_N04_peersOfAllSorts_data() { BadPeers::addRows(); }
    void N02_N04_peersOfAllSorts()
    {
        const QByteArray content = pattern(600'000);
        const TestFile file(content);
        BadPeers::run(BadPeers::Sending{
            .send = [&](AsyncSocket &socket,
                        QDeadlineTimer deadline) -> Task<> { co_await socket.sendFile(file.path(), deadline); },
            .wire = content,
            .inPart = true,
        });
    }

    void N04_aPeerThatResets()
    {
        const TestFile file(pattern(Much));
        auto [a, b] = connectedPair();
        const Coro<qint64> sending = sendToStallingPeer(a, file);
        const Coro<> last = spawn([&]() -> Task<> { co_await a.sendAll("end"); });
        letOthersRun();
        reset(b);
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(sending));
        QVERIFY_THROWS_EXCEPTION(SocketError, waitFor(last));
    }

    void N04_theSocketIsDestroyed()
    {
        const TestFile file(pattern(Much));
        Pair pair = connectedPair();
        auto socket = std::make_unique<AsyncSocket>(std::move(pair.a));
        const Coro<qint64> sending = sendToStallingPeer(*socket, file);
        socket->abort();
        socket.reset();
        QVERIFY_THROWS_EXCEPTION(StreamError, waitFor(sending));

        const Coro<qint64> other = spawn([&]() -> Task<qint64> {
            AsyncSocket again = std::move(pair.b);
            const Coro<qint64> inner
                = spawn([&again, path = file.path()]() -> Task<qint64> { co_return co_await again.sendFile(path); });
            co_await yield(); // it opens the file now
            again = AsyncSocket();
            co_return co_await inner;
        });
        QVERIFY_THROWS_EXCEPTION(StreamError, waitFor(other));
    }

    void N02_errorsOfTheFile()
    {
        auto [a, b] = connectedPair();
        QVERIFY_THROWS_EXCEPTION(FileError, waitFor(a.sendFile(QStringLiteral("/nowhere/file"))));
        AsyncFile closed;
        QVERIFY_THROWS_EXCEPTION(FileError, waitFor(a.sendFile(closed)));
        run(a.sendAll("x")); // nothing is in its way
        QCOMPARE(run(b.recv()), "x");
    }
};

QTEST_GUILESS_MAIN(SendFileTest)
#include "sendfiletest.moc"
