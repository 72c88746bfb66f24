// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "httpserver.h"
#include "waitmatrix.h"

#include <Asyncoro/AsyncDevice>
#include <Asyncoro/AsyncReply>
#include <Asyncoro/Result>
#include <Asyncoro/SignalStream>
#include <Asyncoro/Timeout>

#include <QBuffer>
#include <QNetworkAccessManager>
#include <QTest>

using namespace NetworkTest;
using namespace std::chrono_literals;

namespace {

/** A reply to which the test gives what is to come. */
class FakeReply : public QNetworkReply
{
public:
    FakeReply()
    {
        setUrl(QUrl(QStringLiteral("fake:")));
        open(ReadOnly);
    }
    void feed(const QByteArray &bytes)
    {
        m_bytes += bytes;
        Q_EMIT readyRead();
    }
    void abort() override { }
    qint64 bytesAvailable() const override { return m_bytes.size() + QNetworkReply::bytesAvailable(); }

protected:
    qint64 readData(char *to, qint64 size) override
    {
        size = std::min<qint64>(size, m_bytes.size());
        std::copy_n(m_bytes.constData(), size, to);
        m_bytes.remove(0, size);
        return size;
    }

private:
    QByteArray m_bytes;
};

/** An answer that sends the client to another place. */
QByteArray redirection(const QByteArray &location)
{
    return "HTTP/1.1 302 Found\r\nLocation: " + location + "\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n"
        + QByteArray(1000, 'x');
}

/** Waits for bytes of an answer. */
struct WaitForBytes {
    static constexpr bool GoesWithItsObject = true;
    FakeReply *fake = new FakeReply;
    std::optional<AsyncReply> reply = AsyncReply(fake);
    QByteArray received;

    Task<> wait(QDeadlineTimer deadline)
    {
        try {
            received = co_await reply->read(10, deadline);
        } catch (const ReplyError &e) {
            throw Destroyed(e.message());
        }
    }
    void complete() { fake->feed("abc"); }
    void destroy() { reply.reset(); }
    void verify(bool completed, WaitMatrix::Outcome outcome)
    {
        if (completed && outcome != WaitMatrix::Outcome::Completed)
            received = run(reply->read()); // not lost
        QCOMPARE(received, completed ? "abc" : "");
    }
};

Task<> sendSlowly(AsyncSocket &socket, QByteArray bytes)
{
    for (const char byte : bytes) {
        co_await socket.sendAll(QByteArray(1, byte));
        co_await yield();
    }
}

Task<> forever(AsyncSocket &socket)
{
    while (!(co_await socket.recv()).isEmpty()) { }
}

Task<QByteArray> readOnce(AsyncReply &reply)
{
    co_return co_await reply.read();
}

template<typename T>
std::pair<ReplyError, bool> failureOf(Task<T> task)
{
    try {
        waitFor(std::move(task));
    } catch (const ReplyError &e) {
        return {e, true};
    }
    return {ReplyError({}, {}, {}, {}, {}, {}), false};
}

} // namespace

class AsyncReplyTest : public QObject
{
    Q_OBJECT

    QNetworkAccessManager m_manager;

    AsyncReply get(const HttpServer &server) { return AsyncReply(m_manager.get(QNetworkRequest(server.url()))); }
    Task<QByteArray> fetchFrom(const HttpServer &server)
    {
        return fetch(m_manager.get(QNetworkRequest(server.url())));
    }

private Q_SLOTS:
    void waits_data() { WaitMatrix::addRows<WaitForBytes>(); }
    void waits() { WaitMatrix::run<WaitForBytes>(); }

    void fetches()
    {
        const QByteArray body = pattern(3'000'000);
        HttpServer server([&](AsyncSocket &socket, const QByteArray &) -> Task<> {
            co_await socket.sendAll(HttpServer::header(body.size()) + body);
        });
        QCOMPARE(waitFor(fetchFrom(server)), body);
        QCOMPARE(waitFor(fetch(m_manager.get(QNetworkRequest(server.url())), body.size())), body);
        QVERIFY_THROWS_EXCEPTION(MessageTooLong,
                                 waitFor(fetch(m_manager.get(QNetworkRequest(server.url())), body.size() - 1)));
    }

    void tellsStatusSizeAndHeaders()
    {
        HttpServer server([](AsyncSocket &socket, const QByteArray &) -> Task<> {
            co_await socket.sendAll("HTTP/1.1 202 Accepted\r\nContent-Length: 3\r\nX-Color: green\r\n\r\n");
            co_await sleep(20ms);
            co_await socket.sendAll("abc");
        });
        AsyncReply reply = get(server);
        QCOMPARE(reply.status(), 0);
        QCOMPARE(reply.total(), -1);
        waitFor(reply.started());
        QCOMPARE(reply.status(), 202);
        QCOMPARE(reply.total(), 3);
        QCOMPARE(reply.reply()->rawHeader("X-Color"), "green");
        QCOMPARE(run(reply.readAll(100)), "abc");
        QCOMPARE(reply.received(), 3);
        QCOMPARE(run(reply.read()), "");
    }

    void oneByteAtATime()
    {
        HttpServer server([](AsyncSocket &socket, const QByteArray &) -> Task<> {
            co_await sendSlowly(socket, HttpServer::header(26) + "abcdefghijklmnopqrstuvwxyz");
        });
        QCOMPARE(waitFor(fetchFrom(server)), "abcdefghijklmnopqrstuvwxyz");
    }

    void lines()
    {
        const QByteArray body = "first\nsecond\n\n" + QByteArray(300, 'x') + "\nlast";
        HttpServer server([&](AsyncSocket &socket, const QByteArray &) -> Task<> {
            co_await socket.sendAll(HttpServer::header(body.size()));
            co_await sendSlowly(socket, body);
        });
        AsyncReply reply = get(server);
        QByteArrayList lines;
        for (QByteArray line = run(reply.readLine(200)); !line.isEmpty(); line = run(reply.readLine(200)))
            lines << line;
        QCOMPARE(lines, QByteArrayList({"first\n", "second\n", "\n", QByteArray(200, 'x'),
                                        QByteArray(100, 'x') + '\n', "last"}));
    }

    void longLines()
    {
        const QByteArray line = QByteArray(1'000'000, 'x') + '\n'; // more than is read ahead
        HttpServer server([&](AsyncSocket &socket, const QByteArray &) -> Task<> {
            co_await socket.sendAll(HttpServer::header(line.size()) + line);
        });
        AsyncReply reply = get(server);
        QCOMPARE(run(reply.readLine(2'000'000)), line);
    }

    void aSlowReaderSlowsTheServer()
    {
        constexpr qint64 Size = 100'000'000;
        qint64 sent = 0;
        HttpServer server([&](AsyncSocket &socket, const QByteArray &) -> Task<> {
            socket.setSendLimit(1);
            co_await socket.sendAll(HttpServer::header(Size));
            const QByteArray chunk(100'000, 'x');
            for (; sent < Size; sent += chunk.size())
                co_await socket.sendAll(chunk);
        });
        AsyncReply reply = get(server);
        QCOMPARE(run(reply.read(1)), "x");
        qint64 before = -1;
        while (before != sent) { // until nothing goes on any more
            before = sent;
            QTest::qWait(100);
        }
        QVERIFY2(sent < Size / 2, qPrintable(QString::number(sent)));
        QVERIFY(reply.reply()->bytesAvailable() < 2'000'000);
        const qint64 rest = waitFor(spawn([&]() -> Task<qint64> {
            qint64 size = 0;
            for (QByteArray chunk = co_await reply.read(); !chunk.isEmpty(); chunk = co_await reply.read())
                size += chunk.size();
            co_return size;
        }));
        QCOMPARE(rest, Size - 1);
    }

    void anErrorIsToldWithItsBody()
    {
        HttpServer server([](AsyncSocket &socket, const QByteArray &) -> Task<> {
            co_await socket.sendAll(HttpServer::header(9, "404 Not Found"));
            co_await sendSlowly(socket, "try later");
        });
        const auto [error, failed] = failureOf(fetchFrom(server));
        QVERIFY(failed);
        QCOMPARE(error.code(), QNetworkReply::ContentNotFoundError);
        QCOMPARE(error.status(), 404);
        QCOMPARE(error.url(), server.url());
        QCOMPARE(error.body(), "try later");
        QVERIFY2(error.message().contains(u"404 Not Found") && error.message().contains(server.url().toString()),
                 error.what());
        AsyncReply reply = get(server);
        QVERIFY_THROWS_EXCEPTION(ReplyError, waitFor(reply.started()));
        QVERIFY_THROWS_EXCEPTION(ReplyError, run(reply.read()));
    }

    void anErrorWithoutEnd()
    {
        HttpServer server([](AsyncSocket &socket, const QByteArray &) -> Task<> {
            co_await socket.sendAll("HTTP/1.1 500 Oops\r\n\r\n");
            for (;;)
                co_await socket.sendAll(QByteArray(10'000, 'x'));
        });
        const auto [error, failed] = failureOf(fetchFrom(server));
        QVERIFY(failed);
        QCOMPARE(error.status(), 500);
        QCOMPARE(error.body().size(), 65536);
    }

    void anErrorWhoseBodyStalls()
    {
        HttpServer server([](AsyncSocket &socket, const QByteArray &) -> Task<> {
            co_await socket.sendAll(HttpServer::header(10, "404 Not Found") + "abc");
            co_await forever(socket);
        });
        AsyncReply reply = get(server);
        const auto [error, failed] = failureOf(reply.started());
        QVERIFY(failed);
        QCOMPARE(error.status(), 404);
        QCOMPARE(error.body(), "abc");
        QVERIFY(failureOf(readOnce(reply)).second);
    }

    // What is told of the answer is told of the last one.
    void followsRedirections_data()
    {
        QTest::addColumn<int>("policy");
        QTest::newRow("default") << int(QNetworkRequest::NoLessSafeRedirectPolicy);
        QTest::newRow("same origin") << int(QNetworkRequest::SameOriginRedirectPolicy);
        QTest::newRow("after a question") << int(QNetworkRequest::UserVerifiedRedirectPolicy);
    }
    void followsRedirections()
    {
        QFETCH(const int, policy);
        bool isTold = false;
        HttpServer server([&](AsyncSocket &socket, const QByteArray &request) -> Task<> {
            if (request.startsWith("GET / "))
                co_return co_await sendSlowly(socket, redirection("/there"));
            co_await sendSlowly(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
            while (!isTold)
                co_await yield();
            co_await sendSlowly(socket, "3\r\ndef\r\n0\r\n\r\n");
        });
        QNetworkRequest request(server.url());
        request.setAttribute(QNetworkRequest::RedirectPolicyAttribute, policy);
        AsyncReply reply(m_manager.get(request));
        QNetworkReply *const inner = reply.reply();
        if (policy == QNetworkRequest::UserVerifiedRedirectPolicy)
            connect(inner, &QNetworkReply::redirected, inner, &QNetworkReply::redirectAllowed);
        waitFor(reply.started());
        QCOMPARE(reply.status(), 200);
        QCOMPARE(reply.total(), -1);
        QCOMPARE(inner->url(), server.url(QStringLiteral("/there")));
        QCOMPARE(run(reply.recvAll(3)), "abc");
        isTold = true;
        QCOMPARE(run(reply.readAll(100)), "def"); // though the redirection had told of 1000 bytes
        QCOMPARE(waitFor(fetchFrom(server)), "abcdef");
    }

    void givesARedirectionThatIsNotToBeFollowed()
    {
        HttpServer server([](AsyncSocket &socket, const QByteArray &) -> Task<> {
            co_await sendSlowly(socket, redirection("/there"));
        });
        QNetworkRequest request(server.url());
        request.setAttribute(QNetworkRequest::RedirectPolicyAttribute, QNetworkRequest::ManualRedirectPolicy);
        AsyncReply reply(m_manager.get(request));
        waitFor(reply.started());
        QCOMPARE(reply.status(), 302);
        QCOMPARE(reply.total(), 1000);
        QCOMPARE(reply.reply()->rawHeader("Location"), "/there");
        QCOMPARE(run(reply.readAll(1000)), QByteArray(1000, 'x'));
    }

    void aRedirectionIsRefused_data()
    {
        QTest::addColumn<QByteArray>("location");
        QTest::addColumn<int>("policy");
        QTest::addColumn<QNetworkReply::NetworkError>("code");
        QTest::newRow("too many") << QByteArray("/") << int(QNetworkRequest::NoLessSafeRedirectPolicy)
                                  << QNetworkReply::TooManyRedirectsError;
        QTest::newRow("to another server") << QByteArray("http://127.0.0.2/")
                                           << int(QNetworkRequest::SameOriginRedirectPolicy)
                                           << QNetworkReply::InsecureRedirectError;
        QTest::newRow("by the program") << QByteArray("/") << int(QNetworkRequest::UserVerifiedRedirectPolicy)
                                        << QNetworkReply::OperationCanceledError;
    }
    void aRedirectionIsRefused()
    {
        QFETCH(const QByteArray, location);
        QFETCH(const int, policy);
        QFETCH(const QNetworkReply::NetworkError, code);
        HttpServer server([&](AsyncSocket &socket, const QByteArray &) -> Task<> {
            co_await sendSlowly(socket, redirection(location));
        });
        QNetworkRequest request(server.url());
        request.setMaximumRedirectsAllowed(3);
        request.setAttribute(QNetworkRequest::RedirectPolicyAttribute, policy);
        AsyncReply reply(m_manager.get(request));
        if (policy == QNetworkRequest::UserVerifiedRedirectPolicy) {
            QNetworkReply *const inner = reply.reply();
            connect(inner, &QNetworkReply::redirected, inner, &QNetworkReply::abort, Qt::QueuedConnection);
        }
        const auto [error, failed] = failureOf(reply.started());
        QVERIFY(failed);
        QCOMPARE(error.code(), code);
        QCOMPARE(error.status(), 302);
        QCOMPARE(failureOf(readOnce(reply)).first.code(), code);
    }

    void nobodyListens()
    {
        QUrl url;
        {
            const HttpServer server([](AsyncSocket &, const QByteArray &) -> Task<> { co_return; });
            url = server.url();
        }
        const auto [error, failed] = failureOf(fetch(m_manager.get(QNetworkRequest(url))));
        QVERIFY(failed);
        QCOMPARE(error.code(), QNetworkReply::ConnectionRefusedError);
        QCOMPARE(error.status(), 0);
    }

    void theServerBreaksOff_data()
    {
        QTest::addColumn<bool>("withReset");
        QTest::newRow("ends its stream, with fewer bytes than it told") << false;
        QTest::newRow("resets") << true;
    }
    void theServerBreaksOff()
    {
        QFETCH(const bool, withReset);
        HttpServer server([&](AsyncSocket &socket, const QByteArray &) -> Task<> {
            co_await socket.sendAll(HttpServer::header(1000) + "abc");
            co_await socket.flush();
            co_await sleep(50ms);
            if (withReset)
                reset(socket);
        });
        AsyncReply reply = get(server);
        QCOMPARE(run(reply.read()), "abc"); // what did come
        const auto [error, failed] = failureOf(readOnce(reply));
        QVERIFY(failed);
        QCOMPARE(error.code(), QNetworkReply::RemoteHostClosedError);
        QVERIFY(failureOf(fetchFrom(server)).second);
    }

    void theServerSendsMoreThanItTold()
    {
        HttpServer server([](AsyncSocket &socket, const QByteArray &) -> Task<> {
            co_await socket.sendAll(HttpServer::header(3) + "abcdef");
        });
        QCOMPARE(waitFor(fetchFrom(server)), "abc");
    }

    void theServerTalksNonsense()
    {
        HttpServer server([](AsyncSocket &socket, const QByteArray &) -> Task<> {
            co_await socket.sendAll("SSH-2.0-OpenSSH_9.9\r\n\r\n");
        });
        QVERIFY(failureOf(fetchFrom(server)).second);
    }

    void theServerStalls_data()
    {
        QTest::addColumn<QByteArray>("begin");
        QTest::newRow("at once") << QByteArray();
        QTest::newRow("in the headers") << QByteArray("HTTP/1.1 200 OK\r\nConte");
        QTest::newRow("before the body") << HttpServer::header(10);
        QTest::newRow("in the body") << HttpServer::header(10) + "abc";
        QTest::newRow("in the body of an error") << HttpServer::header(10, "404 Not Found") + "abc";
    }
    void theServerStalls()
    {
        QFETCH(const QByteArray, begin);
        int served = 0;
        int gone = 0;
        HttpServer server([&](AsyncSocket &socket, const QByteArray &) -> Task<> {
            if (!begin.isEmpty())
                co_await socket.sendAll(begin);
            ++served;
            co_await forever(socket);
            ++gone;
        });
        const auto fetchWithin = [&](std::chrono::milliseconds patience) {
            return fetch(m_manager.get(QNetworkRequest(server.url())), DefaultMaxReplySize, patience);
        };
        for (auto patience = 50ms; served == 0; patience *= 2) // until the server has had its turn
            QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(fetchWithin(patience)));
        QTRY_COMPARE(gone, served); // the connection was closed
        int before = served;
        for (auto patience = 50ms; served == before; patience *= 2)
            QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(withTimeout(patience, fetchFrom(server))));
        QTRY_COMPARE(gone, served);

        before = served;
        const Coro<QByteArray> waiting = spawn(fetchFrom(server));
        QTRY_VERIFY(served > before);
        waiting.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(waiting));
        QTRY_COMPARE(gone, served);
        QTRY_VERIFY(m_manager.findChildren<QNetworkReply *>().isEmpty()); // none is left behind

        if (begin.isEmpty()) {
            const AsyncReply reply(m_manager.get(QNetworkRequest(server.url())));
            QCOMPARE(waitFor(asResult(reply.started(50ms))).errorText(),
                     QStringLiteral("started(), %1 timed out").arg(server.url().toString()));
        }
    }

    void aTaskThatIsNeverAwaitedEndsTheRequest()
    {
        HttpServer server([](AsyncSocket &socket, const QByteArray &) -> Task<> { co_await forever(socket); });
        {
            const auto task = fetchFrom(server);
        }
        QVERIFY(m_manager.findChildren<QNetworkReply *>().isEmpty());
    }

    void theManagerIsDestroyedMeanwhile()
    {
        HttpServer server([](AsyncSocket &socket, const QByteArray &) -> Task<> { co_await forever(socket); });
        auto manager = std::make_unique<QNetworkAccessManager>();
        AsyncReply reply(manager->get(QNetworkRequest(server.url())));
        const Coro<> reading = spawn([&]() -> Task<> { co_await reply.read(); });
        const Coro<QByteArray> fetching = spawn(fetch(manager->get(QNetworkRequest(server.url()))));
        QTest::qWait(20);
        manager.reset();
        QVERIFY_THROWS_EXCEPTION(ReplyError, waitFor(reading));
        QVERIFY_THROWS_EXCEPTION(ReplyError, waitFor(fetching));
        QVERIFY_THROWS_EXCEPTION(ReplyError, waitFor(reply.started()));
        QCOMPARE(reply.status(), 0);
        QCOMPARE(reply.total(), -1);
        QVERIFY(!reply.reply());
    }

    void severalReadInOrder()
    {
        HttpServer server([](AsyncSocket &socket, const QByteArray &) -> Task<> {
            co_await socket.sendAll(HttpServer::header(4));
            co_await sendSlowly(socket, "1234");
        });
        AsyncReply reply = get(server);
        QByteArray order;
        const auto readOne = [&](char name) -> Task<> { order += name + co_await reply.read(1); };
        const Coro<> a = spawn(readOne, 'a');
        const Coro<> b = spawn(readOne, 'b');
        const Coro<> c = spawn(readOne, 'c');
        letOthersRun();
        b.terminate();
        waitFor(a);
        waitFor(c);
        QCOMPARE(order, "a1c2");
        QCOMPARE(run(reply.readAll(10)), "34");
    }

    void uploads_data()
    {
        QTest::addColumn<bool>("fromDevice");
        QTest::newRow("from memory") << false;
        QTest::newRow("from a device") << true;
    }
    void uploads()
    {
        QFETCH(const bool, fromDevice);
        const QByteArray body = pattern(3'000'000);
        HttpServer server([&](AsyncSocket &socket, QByteArray request) -> Task<> {
            while (request.size() < body.size())
                request += co_await socket.recv();
            const QByteArray answer = request.endsWith(body) ? "thanks" : "wrong";
            co_await socket.sendAll(HttpServer::header(answer.size()) + answer);
        });
        QBuffer device;
        device.setData(body);
        QVERIFY(device.open(QIODevice::ReadOnly));
        QNetworkRequest request(server.url());
        request.setHeader(QNetworkRequest::ContentTypeHeader, QStringLiteral("application/octet-stream"));
        AsyncReply reply(fromDevice ? m_manager.put(request, &device) : m_manager.put(request, body));
        SignalStream progress(reply.reply(), &QNetworkReply::uploadProgress);
        QCOMPARE(run(reply.readAll(100)), "thanks");
        QVERIFY(progress.count() > 0);
    }

    void anUploadIsCancelledAndItsDeviceDestroyed()
    {
        HttpServer server([](AsyncSocket &, const QByteArray &) -> Task<> { co_await sleep(10s); });
        for (int i = 0; i < 20; ++i) {
            const Coro<> uploading = spawn([&]() -> Task<> {
                QBuffer device;
                device.setData(QByteArray(20'000'000, 'x'));
                device.open(QIODevice::ReadOnly);
                QNetworkRequest request(server.url());
                request.setHeader(QNetworkRequest::ContentTypeHeader, QStringLiteral("text/plain"));
                co_await fetch(m_manager.put(request, &device));
            });
            QTest::qWait(i);
            uploading.terminate();
            QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(uploading));
        }
        QTest::qWait(20);
    }

    // AsyncDevice takes any QIODevice.
    void asADeviceItFailsLikewise()
    {
        AsyncServer nobody;
        nobody.listen(QHostAddress::LocalHost);
        const QNetworkRequest request(QUrl(QStringLiteral("http://") + nobody.location().toString()));
        nobody.close();
        AsyncDevice refused(std::unique_ptr<QIODevice>(m_manager.get(request)));
        QVERIFY_THROWS_EXCEPTION(StreamError, run(refused.readAll(1000, 20s)));

        const HttpServer server([](AsyncSocket &socket, const QByteArray &asked) -> Task<> {
            const QByteArray status = asked.startsWith("GET /missing") ? "404 Not Found" : "200 OK";
            co_await socket.sendAll(HttpServer::header(4, status) + "body");
        });
        AsyncDevice found(std::unique_ptr<QIODevice>(m_manager.get(QNetworkRequest(server.url()))));
        QCOMPARE(run(found.readAll(1000, 20s)), "body");
        const QNetworkRequest toNothing(server.url(QStringLiteral("/missing")));
        AsyncDevice missing(std::unique_ptr<QIODevice>(m_manager.get(toNothing)));
        QVERIFY_THROWS_EXCEPTION(StreamError, run(missing.readAll(1000, 20s)));
        QCOMPARE(run(missing.recvAll(4)), "body"); // not lost
    }

    void itMayBeMovedWhileSomebodyWaits()
    {
        HttpServer server([](AsyncSocket &socket, const QByteArray &) -> Task<> {
            co_await sleep(20ms);
            co_await socket.sendAll(HttpServer::header(3) + "abc");
        });
        AsyncReply reply = get(server);
        const Coro<QByteArray> reading = spawn([&]() -> Task<QByteArray> { co_return co_await reply.readAll(10); });
        letOthersRun();
        AsyncReply moved = std::move(reply);
        QCOMPARE(waitFor(reading), "abc");
    }
};

QTEST_GUILESS_MAIN(AsyncReplyTest)

#include "asyncreplytest.moc"
