// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../../src/distributed/limits_p.h"
#include "../../src/distributed/outgoingstream_p.h"
#include "distributedtest.h"
#include "resumingpeer.h"

#include <QLoggingCategory>

using namespace DistributedTest;
using Asyncoro::Detail::FrameSink;
using Asyncoro::Detail::OutgoingStream;
using Asyncoro::Detail::PeerLimits;
using Asyncoro::Detail::peerLimits;

namespace {

QByteArray takeAll(OutgoingStream *stream)
{
    QByteArray bytes;
    while (stream->canTake())
        bytes += stream->take();
    return bytes;
}

} // namespace

/** Sessions that go on over another connection, byte by byte. */
class SessionTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        failOnWarnings();
        peerLimits() = PeerLimits();
        peerLimits().retry = 10ms;
        m_network = makeNetwork();
        m_network->offer(QStringLiteral("add"), add);
    }

    void cleanup()
    {
        m_network.reset();
        peerLimits() = PeerLimits();
    }

    // --- what is kept ---

    void sentBytesAreKeptUntilThePeerHasThem()
    {
        OutgoingStream stream;
        QVERIFY(!stream.canTake());
        stream.sink().write("abc");
        QCOMPARE(stream.take(), QByteArray("abc"));
        stream.sink().write("defg");
        QCOMPARE(stream.take(), QByteArray("defg"));
        QVERIFY(stream.acknowledge(2));
        QCOMPARE(stream.size(), 5);
        QVERIFY(stream.acknowledge(1)); // it comes again after a break
        QCOMPARE(stream.size(), 5);
        QVERIFY(!stream.rewind(1)); // but that is gone
        QVERIFY(!stream.acknowledge(8)); // was not sent
        stream.sink().write("hi");
        QVERIFY(stream.rewind(4));
        QCOMPARE(takeAll(&stream), QByteArray("efghi"));
        QVERIFY(stream.acknowledge(9));
        QCOMPARE(stream.size(), 0);
        QVERIFY(stream.rewind(9));
        QVERIFY(!stream.canTake());
        QVERIFY(!stream.rewind(10));
    }

    void onlyAWindowOfBytesIsUnderWay()
    {
        OutgoingStream stream;
        stream.sink().write(QByteArray(OutgoingStream::Window + 10, 'x'));
        QCOMPARE(stream.take().size(), OutgoingStream::Window);
        QVERIFY(!stream.canTake());
        QVERIFY(stream.acknowledge(4));
        QCOMPARE(stream.take().size(), 4);
        QVERIFY(stream.acknowledge(quint64(OutgoingStream::Window) + 4));
        QCOMPARE(stream.take().size(), 6);
        QCOMPARE(stream.size(), 6);
    }

    void whatIsUrgentGoesBeyondTheWindow()
    {
        OutgoingStream stream;
        stream.sink().write(QByteArray(OutgoingStream::Window + 10, 'x'));
        stream.urge();
        stream.sink().write("not urgent");
        QCOMPARE(stream.take().size(), OutgoingStream::Window + 10);
        QVERIFY(!stream.canTake());
        QVERIFY(stream.acknowledge(20));
        QCOMPARE(stream.take(), QByteArray("not urgent"));
    }

    void aLongArrayIsNotCopied()
    {
        OutgoingStream stream;
        FrameSink &sink = stream.sink();
        const QByteArray bytes(FrameSink::LongArray, 'x');
        const auto writeFrame = [&](const QByteArray &content) {
            const FrameSink::Mark mark = sink.begin(2);
            sink.write("<");
            sink.announce(content);
            sink.write(content);
            sink.write(">");
            mark.chunk->replace(mark.offset, 2, "hd");
            return mark;
        };
        writeFrame("short");
        QCOMPARE(sink.since(writeFrame(bytes)), "hd<" + bytes + '>');
        const FrameSink::Mark mark = writeFrame(bytes);
        sink.drop(mark);
        writeFrame("last");
        QCOMPARE(sink.waiting(), 9 + bytes.size() + 4 + 8);
        QCOMPARE(stream.take(), QByteArray("hd<short>hd<"));
        QCOMPARE(static_cast<const void *>(stream.take().constData()), static_cast<const void *>(bytes.constData()));
        QCOMPARE(stream.take(), QByteArray(">hd<last>"));
        QVERIFY(stream.acknowledge(3));
        QVERIFY(stream.rewind(3));
        QCOMPARE(takeAll(&stream), "short>hd<" + bytes + ">hd<last>"); // "hd<" is with the peer
        QVERIFY(!stream.canTake());
    }

    // --- going on ---

    void bulkGoesBothWays()
    {
        const auto far = makeNetwork();
        const auto echo = [](QByteArray bytes) -> Task<QByteArray> { co_return bytes; };
        m_network->offer(QStringLiteral("echo"), echo);
        far->offer(QStringLiteral("echo"), echo);
        const QByteArray bytes(15'000'000, 'x');
        const auto there = spawn(m_network->call<QByteArray>(far->location(), QStringLiteral("echo"), bytes));
        const auto back = spawn(far->call<QByteArray>(m_network->location(), QStringLiteral("echo"), bytes));
        QCOMPARE(waitFor(there, 60s), bytes);
        QCOMPARE(waitFor(back, 60s), bytes);
    }

    void anAcknowledgementThatComesAgainIsNoOffence()
    {
        waitFor([](Location location) -> Task<> {
            ResumingPeer peer;
            co_await peer.begin(location);
            co_await peer.socket.sendAll(call(1, 1));
            co_await peer.next();
            const QByteArray again = frameOf(FrameKind::Acknowledge, QCborArray{1});
            const SessionAnswer answer = co_await peer.resume(location); // says that all has come
            expect(answer.verdict == Verdict::Resumed, "not resumed");
            co_await peer.socket.sendAll(again + call(2, 2));
            expect((co_await peer.next()).items == QCborArray{2, 3}, "not answered");
        }(m_network->location()));
    }

    void anAnswerComesAgainOverTheNextConnection()
    {
        waitFor([](Location location) -> Task<> {
            ResumingPeer peer;
            co_await peer.begin(location);
            co_await peer.socket.sendAll(call(1, 1));
            co_await peer.receiveFrame(); // but it is taken for lost on the way
            const SessionAnswer answer = co_await peer.resume(location);
            expect(answer.verdict == Verdict::Resumed && answer.session == peer.request.session, "not resumed");
            expect(answer.received == quint64(call(1, 1).size()), "another position");
            const RawPeer::Frame frame = co_await peer.next();
            expect(frame.items == QCborArray{1, 2}, "another answer");
            // and what it does have comes no more
            co_await peer.resume(location);
            co_await peer.socket.sendAll(call(2, 2));
            expect((co_await peer.next()).items == QCborArray{2, 3}, "another second answer");
        }(m_network->location()));
    }

    void aFrameMayBeCutAnywhere()
    {
        waitFor([](Location location) -> Task<> {
            const QByteArray frame = call(1, 1);
            for (qsizetype cut = 0; cut <= frame.size(); ++cut) {
                ResumingPeer peer;
                co_await peer.begin(location);
                co_await peer.socket.sendAll(frame.first(cut));
                co_await peer.socket.flush();
                co_await peer.socket.closeWriting();
                const SessionAnswer answer = co_await peer.resume(location);
                expect(answer.verdict == Verdict::Resumed && answer.received <= quint64(cut), "not resumed");
                co_await peer.socket.sendAll(frame.sliced(qsizetype(answer.received)) + call(2, 5));
                expect((co_await peer.next()).items == QCborArray{1, 2}, "not answered");
                expect((co_await peer.next()).items == QCborArray{2, 6}, "answered twice");
            }
        }(m_network->location()));
    }

    void whoCannotBeCalledIsWaitedFor()
    {
        // The peer does not listen. Its connection breaks, a message is sent to it, and it comes back.
        const auto result = waitFor([](PeerNetwork *network) -> Task<QString> {
            ResumingPeer peer;
            co_await peer.begin(network->location());
            const Peer known = network->peers().constFirst();
            peer.socket.abort();
            while (known.info().state == PeerInfo::State::Connected)
                co_await yield();
            expect(known.isConnected() && known.info().state == PeerInfo::State::Interrupted, "lost");
            const Coro<> remote = network->fromBytes(QByteArray::fromHex("d9415382744173796e636f726f3a3a436f726f3c766f69643e8550")
                                                     + peer.ours.incarnation + QByteArray::fromHex("6000182a60")).value<Coro<>>();
            expect(remote.send(QStringLiteral("hello")), "not taken");
            expect((co_await peer.resume(network->location())).verdict == Verdict::Resumed, "not resumed");
            const RawPeer::Frame frame = co_await peer.next();
            expect(known.info().state == PeerInfo::State::Connected && known.info().interruptions == 1, "not counted");
            co_return frame.items.at(1).toString();
        }(m_network.get()));
        QCOMPARE(result, QStringLiteral("hello"));
    }

    void whoDoesNotComeBackIsLost()
    {
        m_network.reset();
        peerLimits().silence = 1s;
        m_network = makeNetwork();
        m_network->offer(QStringLiteral("wait"), waitForever);
        const auto peer = std::make_unique<ResumingPeer>();
        waitFor(peer->begin(m_network->location()));
        QTRY_COMPARE(m_network->peers().size(), 1);
        const Peer known = m_network->peers().constFirst();
        peer->socket.abort();
        QTRY_COMPARE(known.info().state, PeerInfo::State::Lost);
        QVERIFY(m_network->peers().isEmpty());
        QCOMPARE(waitFor(peer->resume(m_network->location())).verdict, Verdict::Gone);
    }

    void anotherSessionIsGone_data()
    {
        QTest::addColumn<bool>("sameProcess");
        QTest::newRow("of the same process") << true;
        QTest::newRow("of another process") << false;
    }

    void anotherSessionIsGone()
    {
        QFETCH(bool, sameProcess);
        waitFor([](Location location, bool same) -> Task<> {
            ResumingPeer peer;
            co_await peer.begin(location);
            ResumingPeer stranger;
            if (same)
                stranger.ours.incarnation = peer.ours.incarnation;
            stranger.request.session = same ? peer.request.session ^ 1 : peer.request.session;
            expect((co_await stranger.introduce(location)).verdict == Verdict::Gone, "taken for it");
            co_await peer.socket.sendAll(call(1, 1));
            expect((co_await peer.next()).items == QCborArray{1, 2}, "disturbed");
        }(m_network->location(), sameProcess));
    }

    void whoHasWhatWasNeverSentIsLost()
    {
        waitFor([](PeerNetwork *network) -> Task<> {
            ResumingPeer peer;
            co_await peer.begin(network->location());
            peer.request.received = 1'000'000;
            co_await peer.resume(network->location());
            co_await peer.isClosed();
            expect(network->peers().isEmpty(), "believed");
        }(m_network.get()));
    }

    void whoBeginsAnewHasGivenUpTheOldSession()
    {
        waitFor([](PeerNetwork *network) -> Task<> {
            ResumingPeer peer;
            co_await peer.begin(network->location());
            const Peer known = network->peers().constFirst();
            peer.socket.abort();
            while (known.info().state == PeerInfo::State::Connected)
                co_await yield();
            peer.request = {};
            expect((co_await peer.resume(network->location())).verdict == Verdict::Accepted, "refused");
            expect(known.info().state == PeerInfo::State::Lost, "two sessions");
        }(m_network.get()));
    }

    void aSecondConnectionTakesThePlaceOfTheFirst()
    {
        // As if this side had not noticed yet that the first one is dead.
        waitFor([](Location location) -> Task<> {
            ResumingPeer peer;
            co_await peer.begin(location);
            AsyncSocket first = std::move(peer.socket);
            expect((co_await peer.resume(location)).verdict == Verdict::Resumed, "not resumed");
            expect((co_await first.recv()).isEmpty(), "goes on");
            co_await peer.socket.sendAll(call(1, 1));
            expect((co_await peer.next()).items == QCborArray{1, 2}, "not answered");
        }(m_network->location()));
    }

    void aRequestThatWasOvertakenChangesNothing()
    {
        // As where both sides make a connection at once, and the one that came to nothing is heard of last.
        waitFor([](Location location) -> Task<> {
            ResumingPeer peer;
            co_await peer.begin(location);
            ResumingPeer late;
            late.ours.incarnation = peer.ours.incarnation;
            late.request = peer.request;
            co_await peer.socket.sendAll(call(1, 1));
            co_await peer.next();
            const auto received = qint64(peer.request.received);
            co_await peer.socket.sendAll(frameOf(FrameKind::Acknowledge, QCborArray{received}) + call(2, 1));
            co_await peer.next(); // so that what was sent before has come, too
            expect((co_await late.resume(location)).verdict == Verdict::Duplicate, "believed");
            co_await peer.socket.sendAll(call(3, 3));
            expect((co_await peer.next()).items == QCborArray{3, 4}, "not answered");
            expect((co_await peer.resume(location)).verdict == Verdict::Resumed, "not resumed");
        }(m_network->location()));
    }

    void aRequestForANewSessionThatWasOvertakenChangesNothing()
    {
        waitFor([](PeerNetwork *network) -> Task<> {
            ResumingPeer peer;
            ResumingPeer late;
            late.ours.incarnation = peer.ours.incarnation;
            co_await late.greet(network->location());
            co_await peer.begin(network->location());
            const Peer known = network->peers().constFirst();
            peer.socket.abort();
            while (known.info().state == PeerInfo::State::Connected)
                co_await yield();
            co_await late.socket.sendAll(late.introduction());
            expect((co_await late.receiveAnswer()).verdict == Verdict::Duplicate, "believed");
            expect((co_await peer.resume(network->location())).verdict == Verdict::Resumed, "not resumed");
        }(m_network.get()));
    }

    void signsOfLifeAreAnswered()
    {
        waitFor([](Location location) -> Task<> {
            ResumingPeer peer;
            co_await peer.begin(location);
            co_await peer.socket.sendAll(frameOf(FrameKind::Ping, QCborArray{0}));
            const RawPeer::Frame frame = co_await peer.next();
            expect(frame.kind == FrameKind::Pong && frame.items == QCborArray{10}, "not answered");
        }(m_network->location()));
    }

    void theWayIsMeasuredOnABusyConnectionToo()
    {
        m_network.reset();
        peerLimits().ping = 50ms;
        m_network = makeNetwork();
        m_network->offer(QStringLiteral("add"), add);
        const auto near = makeNetwork();
        const QDeadlineTimer deadline(20s);
        PeerInfo info;
        while (info.roundTripTime == 0 && !deadline.hasExpired()) {
            waitFor(near->call<int>(m_network->location(), QStringLiteral("add"), 1, 2));
            info = near->peers().constFirst().info();
        }
        QVERIFY(info.roundTripTime > 0);
        QVERIFY(info.bytesSent > 0 && info.bytesReceived > 0);
    }

    void theTraceShowsEveryFrame()
    {
        static QStringList lines;
        lines.clear();
        const auto near = makeNetwork();
        const QtMessageHandler before = qInstallMessageHandler([](QtMsgType, const QMessageLogContext &context, const QString &text) {
            if (qstrcmp(context.category, "asyncoro.wire") == 0)
                lines << text;
        });
        QLoggingCategory::setFilterRules(QStringLiteral("asyncoro.wire.debug=true"));
        const int sum = waitFor(near->call<int>(m_network->location(), QStringLiteral("add"), 1, 2));
        QLoggingCategory::setFilterRules(QString());
        qInstallMessageHandler(before);
        QCOMPARE(sum, 3);
        const auto hasLine = [](const QString &pattern) {
            return lines.contains(QRegularExpression(QRegularExpression::anchoredPattern(pattern)));
        };
        QVERIFY2(hasLine(QStringLiteral("to 127.0.0.1:\\d+ Call \\d+ .*\"add\".*")), qPrintable(lines.join(u'\n')));
        QVERIFY2(hasLine(QStringLiteral("from 127.0.0.1:\\d+ Call \\d+ .*\"add\".*")), qPrintable(lines.join(u'\n')));
        QVERIFY2(hasLine(QStringLiteral("from 127.0.0.1:\\d+ Value \\d+ .*3\\]")), qPrintable(lines.join(u'\n')));
    }

private:
    std::unique_ptr<PeerNetwork> m_network;
};

QTEST_GUILESS_MAIN(SessionTest)
#include "session_internal_test.moc"
