// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../../src/distributed/limits_p.h"
#include "distributedtest.h"
#include "resumingpeer.h"

#include <Asyncoro/Channel>
#include <Asyncoro/Event>
#include <Asyncoro/MessageType>

#include <QThread>

using namespace DistributedTest;
using Asyncoro::Detail::PeerLimits;
using Asyncoro::Detail::peerLimits;

constexpr int Megabyte = 1024 * 1024;

/** Travels by its properties. */
struct Parcel {
    Q_GADGET
    Q_PROPERTY(QByteArray content MEMBER content)
public:
    QByteArray content;
};

/** Travels by functions of its own. */
struct Opaque {
    [[nodiscard]] QCborValue toCbor() const { return content; }
    static Opaque fromCbor(const QCborValue &value) { return {value.toByteArray()}; }

    QByteArray content;
};

namespace {

void onAnotherThread(const std::function<void()> &work)
{
    const std::unique_ptr<QThread> thread(QThread::create(work));
    thread->start();
    thread->wait(); // while the event loop of this one takes nothing
}

/** The same handle, as `network` has got it from `home`. */
Coro<> passedTo(PeerNetwork &network, const Coro<> &coro, PeerNetwork &home)
{
    return network.fromBytes(home.toBytes(QVariant::fromValue(coro))).value<Coro<>>();
}

QByteArray callOf(int number, const QString &function, bool start = false)
{
    return frameOf(FrameKind::Call, QCborArray{number, function, QCborArray(), start});
}

/** The next frame, which the peer says to have. */
Task<RawPeer::Frame> take(ResumingPeer &peer)
{
    RawPeer::Frame frame = co_await peer.next();
    co_await peer.socket.sendAll(frameOf(FrameKind::Acknowledge, QCborArray{qint64(peer.request.received)}));
    co_return frame;
}

/** Of a coroutine of `peer`. */
QCborValue handleOf(const RawPeer &peer, int id)
{
    return typed(QStringLiteral("Asyncoro::Coro<void>"), QCborArray{peer.ours.incarnation, QString(), 0, id, QString()});
}

/** The next frame that does not only say that the end of a coroutine is of interest. */
Task<RawPeer::Frame> nextButWatch(RawPeer &peer)
{
    for (;;) {
        RawPeer::Frame frame = co_await peer.receiveFrame();
        if (frame.kind != FrameKind::Watch)
            co_return frame;
    }
}

} // namespace

/** What one peer, or one thread, can make this process keep: bounded, and who keeps within it loses nothing. */
class PeerBoundsTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        registerMessageType<Parcel>();
        registerMessageType<Opaque>();
        registerMessageType<std::pair<int, QByteArray>>();
    }

    void init()
    {
        failOnWarnings();
        peerLimits() = PeerLimits();
        m_network = std::make_unique<PeerNetwork>(PeerNetwork::Options{.secret = Secret("s3cret"), .sendLimit = Megabyte});
        m_network->offer(QStringLiteral("add"), add);
        m_network->offer(QStringLiteral("hold"), waitForever);
    }

    void cleanup()
    {
        m_network.reset();
        peerLimits() = PeerLimits();
    }

    // --- messages of other threads ---

    void whatIsInMessagesOfAnotherThreadCounts_data()
    {
        QTest::addColumn<QVariant>("message");
        const QByteArray bytes(100'000, 'x');
        const QString text(50'000, u'x');
        QTest::newRow("bytes") << QVariant(bytes);
        QTest::newRow("list") << QVariant(QVariantList{1, bytes});
        QTest::newRow("list in a list") << QVariant(QVariantList{QVariant(QVariantList{bytes})});
        QTest::newRow("list of many") << QVariant(QVariantList(10'000, 1));
        QTest::newRow("map") << QVariant(QVariantMap{{QStringLiteral("a"), 1}, {QStringLiteral("b"), bytes}});
        QTest::newRow("hash") << QVariant(QVariantHash{{QStringLiteral("a"), text}});
        QTest::newRow("texts") << QVariant(QStringList{QString(), text});
        QTest::newRow("list of a type") << QVariant::fromValue(QList<QByteArray>{bytes});
        QTest::newRow("map of types") << QVariant::fromValue(QMap<QString, QByteArray>{{QString(), bytes}});
        QTest::newRow("pair") << QVariant::fromValue(std::pair(1, bytes));
        QTest::newRow("gadget") << QVariant::fromValue(Parcel{bytes});
    }

    void whatIsInMessagesOfAnotherThreadCounts()
    {
        QFETCH(QVariant, message);
        const auto far = makeNetwork();
        const Coro<> target = spawn(waitForever);
        const Coro<> remote = passedTo(*m_network, target, *far);
        int accepted = 0;
        onAnotherThread([&] {
            while (accepted < 100 && remote.send(message))
                ++accepted;
        });
        QCOMPARE_GE(accepted, 1);
        QCOMPARE_LE(accepted, 2 * Megabyte / 100'000);
        target.terminate();
    }

    void whatWaitsForAnotherThreadCountsWhateverItIs()
    {
        const auto far = makeNetwork();
        far->offer(QStringLiteral("pass"), []() -> Task<> { co_return; });
        const Coro<> target = spawn(waitForever);
        target.setMailboxLimit(0);
        const Coro<> remote = passedTo(*m_network, target, *far);
        QVERIFY(remote.send(0));
        waitFor(m_network->call(far->location(), QStringLiteral("pass"))); // by its answer it is known to be full
        QVERIFY(!remote.send(0));
        int accepted = 0;
        bool refused = false;
        for (; accepted < 100 && !refused; accepted += !refused) {
            onAnotherThread([&] { refused = !remote.send(QVariant::fromValue(Opaque{QByteArray(100'000, 'x')})); });
            letOthersRun();
        }
        QVERIFY(refused);
        QCOMPARE_GE(accepted, 1);
        QCOMPARE_LE(accepted, 2 * Megabyte / 100'000);
        target.terminate();
    }

    // --- answers ---

    void callsBeginWhenThereIsRoomForAnswers()
    {
        constexpr int Calls = 200;
        int begun = 0;
        m_network->offer(QStringLiteral("give"), [&begun]() -> Task<QByteArray> {
            ++begun;
            co_return QByteArray(100'000, 'x');
        });
        peerLimits().unsent = 5 * Megabyte; // less than all that is asked for
        waitFor([](PeerNetwork *network, int *started) -> Task<> {
            ResumingPeer peer;
            co_await peer.begin(network->location());
            for (int i = 1; i <= Calls; ++i)
                co_await peer.socket.sendAll(callOf(i, QStringLiteral("give")));
            co_await peer.socket.sendAll(frameOf(FrameKind::Watch, QCborArray{1'000'000})); // is answered at once
            int next = 1;
            for (int frames = 0; frames <= Calls; ++frames) {
                const RawPeer::Frame frame = co_await take(peer);
                if (frame.kind == FrameKind::Ended) {
                    expect(*started <= 2 * Megabyte / 100'000, "all at once");
                    continue;
                }
                expect(frame.kind == FrameKind::Value && frame.items.at(0) == next++, "not in their order");
            }
            expect(next == Calls + 1 && *started == Calls, "not all");
        }(m_network.get(), &begun));
    }

    void valuesWaitForRoom()
    {
        constexpr int Calls = 100;
        Event go;
        m_network->offer(QStringLiteral("give"), [&go]() -> Task<QByteArray> {
            co_await go.wait();
            co_return QByteArray(100'000, 'x');
        });
        const auto near = makeNetwork();
        waitFor(near->connect(m_network->location()));
        QList<Coro<QByteArray>> calls;
        for (int i = 0; i < Calls; ++i)
            calls << spawn(near->call<QByteArray>(m_network->location(), QStringLiteral("give")));
        letOthersRun();
        QCOMPARE(waitFor(near->call<int>(m_network->location(), QStringLiteral("add"), 1, 2)), 3); // all run by then
        go.set();
        letOthersRun();
        letOthersRun();
        const PeerInfo info = m_network->peers().constFirst().info();
        QCOMPARE_LE(info.waiting + info.unacknowledged, 2 * Megabyte);
        for (const auto &call : std::as_const(calls))
            QCOMPARE(waitFor(call, 20s).size(), 100'000);
    }

    void valuesThatWaitAreBounded()
    {
        constexpr int Calls = 100;
        peerLimits().unsent = 4 * Megabyte;
        Event go;
        m_network->offer(QStringLiteral("give"), [&go]() -> Task<QByteArray> {
            co_await go.wait();
            co_return QByteArray(100'000, 'x');
        });
        for (const int dropped : {1, 2, 4, 8, 16, 32})
            expectWarning(QStringLiteral("the value of the call, 1000.. bytes, was dropped: .* - dropped so far: %1$").arg(dropped));
        waitFor([](PeerNetwork *network, Event *all) -> Task<> {
            ResumingPeer peer;
            co_await peer.begin(network->location());
            for (int i = 1; i <= Calls; ++i)
                co_await peer.socket.sendAll(callOf(i, QStringLiteral("give")));
            co_await peer.socket.sendAll(call(Calls + 1, 1));
            expect((co_await take(peer)).items == QCborArray{Calls + 1, 2}, "not served"); // all run by then
            all->set();
            int values = 0;
            int failures = 0;
            while (values + failures < Calls) {
                const RawPeer::Frame frame = co_await take(peer);
                values += frame.kind == FrameKind::Value;
                failures += frame.kind == FrameKind::Failure && frame.items.at(2).toString().contains(u"too slowly");
            }
            expect(values >= 37 && failures >= 32, "another share");
            co_await peer.socket.sendAll(call(Calls + 2, 1));
            expect((co_await take(peer)).items == QCborArray{Calls + 2, 2}, "not served afterwards");
        }(m_network.get(), &go));
    }

    void whoTakesNothingIsToldSo()
    {
        peerLimits().unsent = 3 * Megabyte;
        expectWarning(QStringLiteral("closed the connection to .*: it does not take what it asked for, [0-9]+ bytes"));
        waitFor([](PeerNetwork *network) -> Task<> {
            ResumingPeer peer;
            co_await peer.begin(network->location());
            const QString longName(60'000, u'x'); // which the answer names: there is no such function
            for (int i = 1; i <= 100; ++i)
                co_await peer.socket.sendAll(callOf(i, longName));
            RawPeer::Frame frame;
            do {
                frame = co_await take(peer);
            } while (frame.kind == FrameKind::Failure);
            expect(frame.kind == FrameKind::Goodbye, "no goodbye");
            expect(frame.items.at(0).toString().contains(u"did not take"), "another reason");
        }(m_network.get()));
        QVERIFY(m_network->peers().isEmpty());
    }

    // --- one frame for many ---

    void aFrameIsForSoManyCoroutines_data()
    {
        QTest::addColumn<FrameKind>("kind");
        QTest::newRow("SendAll") << FrameKind::SendAll;
        QTest::newRow("DeliverAll") << FrameKind::DeliverAll;
    }

    void aFrameIsForSoManyCoroutines()
    {
        QFETCH(FrameKind, kind);
        expectWarning(QStringLiteral("closed the connection to .*: malformed message: for more than 65536 coroutines"));
        waitFor([](PeerNetwork *network, FrameKind oneKind) -> Task<> {
            const auto frame = [oneKind](int count) {
                QByteArray body = oneKind == FrameKind::SendAll ? QByteArray::fromHex("829f") : QByteArray::fromHex("83059f");
                return frameOf(oneKind, body + QByteArray(count, '\1') + QByteArray::fromHex("ff01"));
            };
            ResumingPeer peer;
            co_await peer.begin(network->location());
            co_await peer.socket.sendAll(frame(65'536) + call(7, 1));
            if (oneKind == FrameKind::DeliverAll)
                expect((co_await peer.next()).items == QCborArray{5, QCborArray{0, QCborArray()}}, "not answered");
            expect((co_await peer.next()).items == QCborArray{7, 2}, "not taken");
            co_await peer.socket.sendAll(frame(65'537));
            co_await peer.isClosed();
        }(m_network.get(), kind));
    }

    void aLongerListIsSplit()
    {
        constexpr int Count = 25;
        peerLimits().targets = 10;
        const Channel channel(QStringLiteral("news"));
        QVERIFY(!m_network->toBytes(QVariant::fromValue(channel)).isEmpty());
        waitFor([](PeerNetwork *network, Channel news) -> Task<> {
            RawPeer peer;
            co_await peer.join(network->location());
            for (int i = 1; i <= Count; ++i)
                co_await peer.socket.sendAll(frameOf(FrameKind::Subscribe, QCborArray{0, qint64(news.id()), handleOf(peer, i)}));
            co_await peer.socket.sendAll(call(1, 1));
            expect((co_await nextButWatch(peer)).items == QCborArray{1, 2}, "not served");
            const auto check = [](QSet<qint64> *all, const QCborArray &targets) {
                expect(targets.size() <= 10, "too many for a frame");
                for (const QCborValue target : targets)
                    all->insert(target.toInteger());
            };
            expect(news.send(1), "not sent");
            QSet<qint64> sentTo;
            for (int frame = 0; frame < 3; ++frame)
                check(&sentTo, (co_await nextButWatch(peer)).items.at(0).toArray());
            expect(sentTo.size() == Count, "not sent to all");

            const Coro<int> delivery = spawn(news.deliver(2));
            QSet<qint64> deliveredTo;
            for (int i = 0; i < 3; ++i) {
                const RawPeer::Frame frame = co_await nextButWatch(peer);
                expect(frame.kind == FrameKind::DeliverAll, "something else");
                check(&deliveredTo, frame.items.at(1).toArray());
                const QCborArray answer{frame.items.at(1).toArray().size(), QCborArray()};
                co_await peer.socket.sendAll(frameOf(FrameKind::Value, QCborArray{frame.items.at(0), answer}));
            }
            expect(deliveredTo.size() == Count, "not delivered to all");
            expect(co_await delivery == Count, "another count");
        }(m_network.get(), channel));
    }

    // --- coroutines that peers start ---

    void coroutinesOfOnePeerAreBounded()
    {
        peerLimits().started = 3;
        const QString hold = QStringLiteral("hold");
        const auto location = m_network->location();
        std::vector<std::unique_ptr<PeerNetwork>> peers;
        QList<Coro<>> all;
        for (int i = 0; i < 4; ++i) {
            peers.push_back(makeNetwork());
            for (int j = 0; j < 3; ++j)
                all << waitFor(peers.back()->start(location, hold));
            const QString text = failureOf<Error>(peers.back()->start(location, hold));
            QVERIFY2(text.contains(QStringLiteral("too many coroutines at once")), qPrintable(text));
        }
        // One that has ended makes room for another one, of the same peer.
        all.last().terminate();
        QVERIFY(!failureOf<CoroTerminated>(all.takeLast()).startsWith(u'<'));
        all << waitFor(peers.back()->start(location, hold));

        // Those of a peer that is gone go on, and count.
        peers.erase(peers.begin());
        QTRY_COMPARE(m_network->peers().size(), 3);
        const auto newcomer = makeNetwork();
        QVERIFY(failureOf<Error>(newcomer->start(location, hold)).contains(QStringLiteral("12 run, 0 of them of this one")));
        QCOMPARE(waitFor(newcomer->call<int>(location, QStringLiteral("add"), 1, 2)), 3);
        all.last().terminate();
        QVERIFY(!failureOf<CoroTerminated>(all.takeLast()).startsWith(u'<'));
        waitFor(newcomer->start(location, hold));
    }

    void whatEveryProcessOffersIsNotStarted()
    {
        waitFor([](PeerNetwork *network) -> Task<> {
            ResumingPeer peer;
            co_await peer.begin(network->location());
            co_await peer.socket.sendAll(callOf(1, QStringLiteral("asyncoro.anchor"), true));
            const RawPeer::Frame frame = co_await peer.next();
            expect(frame.kind == FrameKind::Failure && frame.items.at(2).toString().contains(u"not started as a coroutine"), "started");
            co_await peer.socket.sendAll(callOf(2, QStringLiteral("asyncoro.anchor")));
            expect((co_await peer.next()).kind == FrameKind::Value, "not called");
        }(m_network.get()));
    }

private:
    std::unique_ptr<PeerNetwork> m_network;
};

QTEST_GUILESS_MAIN(PeerBoundsTest)
#include "peerbounds_internal_test.moc"
