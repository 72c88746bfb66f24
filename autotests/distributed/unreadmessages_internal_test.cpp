// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../../src/distributed/limits_p.h"
#include "distributedtest.h"
#include "resumingpeer.h"

#include <Asyncoro/MessageType>
#include <Asyncoro/Suspend>

#include <QThread>

#include <numeric>

using namespace DistributedTest;
using Asyncoro::Detail::PeerLimits;
using Asyncoro::Detail::peerLimits;

/** A value that knows how many of it there are in this process. */
struct Counted {
    Counted() { ++alive; }
    explicit Counted(const QByteArray &what)
        : bytes(what)
    {
        ++alive;
    }
    Counted(const Counted &other)
        : bytes(other.bytes)
    {
        ++alive;
    }
    Counted &operator=(const Counted &) = default;
    ~Counted() { --alive; }

    [[nodiscard]] QCborValue toCbor() const { return bytes; }
    static Counted fromCbor(const QCborValue &value) { return Counted(value.toByteArray()); }

    static inline int alive = 0;
    QByteArray bytes;
};

namespace {

/** The same handle, as `network` has got it from `home`. */
Coro<> passedTo(PeerNetwork &network, const Coro<> &coro, PeerNetwork &home)
{
    return network.fromBytes(home.toBytes(QVariant::fromValue(coro))).value<Coro<>>();
}

QVariantList manyCounted(int count)
{
    QVariantList list;
    for (int i = 0; i < count; ++i)
        list.append(QVariant::fromValue(Counted()));
    return list;
}

/** Waits until it is woken; then takes lists of so many messages, and gives how long they are. */
Task<QList<qsizetype>> takeLists(int count)
{
    co_await suspend();
    QList<qsizetype> sizes;
    while (sizes.size() < count)
        sizes << (co_await receive<QVariantList>()).size();
    co_return sizes;
}

constexpr int NumberedSize = 64 * 1024;

QByteArray numbered(int number)
{
    return QByteArray::number(number).leftJustified(NumberedSize);
}

/** Waits until it is woken by a number; then gives the numbers of so many messages. */
Task<QList<int>> takeNumbered(int count)
{
    co_await receive<int>();
    QList<int> numbers;
    while (numbers.size() < count)
        numbers << (co_await receive<QByteArray>()).trimmed().toInt();
    co_return numbers;
}

/** A thread for coroutines. */
class OtherThread
{
public:
    OtherThread()
    {
        m_there.moveToThread(&m_thread);
        m_thread.start();
    }
    ~OtherThread()
    {
        m_thread.quit();
        m_thread.wait();
    }
    Q_DISABLE_COPY_MOVE(OtherThread)

    template<typename T>
    Coro<T> start(Task<T> (*function)(int), int argument)
    {
        Coro<T> coro;
        QMetaObject::invokeMethod(
            &m_there, [&] { coro = spawn(function, argument); }, Qt::BlockingQueuedConnection);
        return coro;
    }

private:
    QThread m_thread;
    QObject m_there;
};

/** Takes numbers until one is negative; then so many byte arrays. */
Task<int> takeNumbersThenArrays(int count)
{
    while (co_await receive<int>() >= 0) { }
    int taken = 0;
    for (; taken < count; ++taken)
        co_await receive<QByteArray>();
    co_return taken;
}

} // namespace

/** Who sends more than is read, and what is kept for those who may ask: bounded, and nothing is lost that need not be. */
class UnreadMessagesTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { registerMessageType<Counted>(); }

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

    void aFullMailboxIsTold()
    {
        const Coro<> target = spawn([]() -> Task<QStringList> {
            co_await receive<int>(); // of this process: only then it reads the others
            co_return co_await collect(4);
        });
        target.setMailboxLimit(2);
        QVERIFY(!m_network->toBytes(QVariant::fromValue(target)).isEmpty());
        waitFor([](PeerNetwork *network, Coro<> full) -> Task<> {
            const auto id = qint64(full.id());
            ResumingPeer peer;
            co_await peer.begin(network->location());
            for (const char *text : {"a", "b", "c"})
                co_await peer.socket.sendAll(frameOf(FrameKind::Send, QCborArray{id, QString::fromLatin1(text)}));
            co_await peer.socket.sendAll(frameOf(FrameKind::Deliver, QCborArray{9, id, QStringLiteral("d")}));
            co_await peer.socket.sendAll(call(1, 1)); // others are served
            RawPeer::Frame frame = co_await peer.next();
            expect(frame.kind == FrameKind::Full && frame.items == QCborArray{id}, "not told");
            expect((co_await peer.next()).items == QCborArray{1, 2}, "not served");
            expect(network->peers().constFirst().info().unread > 0, "not counted");
            const Coro<> starter = spawn([](Coro<> reader) -> Task<> { co_await reader.deliver(1); }, full);
            frame = co_await peer.next();
            expect(frame.kind == FrameKind::Value && frame.items.at(0) == 9, "not delivered");
            expect((co_await peer.next()).kind == FrameKind::Room, "no room");
            expect(network->peers().constFirst().info().unread == 0, "still counted");
        }(m_network.get(), target));
        QCOMPARE(waitFor(Coro<QStringList>(target.data())), QStringLiteral("a b c d").split(u' '));
    }

    void sendersHeedAFullMailbox()
    {
        const auto far = makeNetwork();
        far->offer(QStringLiteral("slow"), []() -> Task<QStringList> {
            Coro<>::self().setMailboxLimit(2);
            co_await receive<bool>();
            co_return co_await collect(6);
        });
        far->offer(QStringLiteral("pass"), []() -> Task<> { co_return; });
        const auto slow = waitFor(m_network->start(far->location(), QStringLiteral("slow")));
        for (const char *text : {"a", "b", "c"})
            QVERIFY(slow.send(QString::fromLatin1(text)));
        waitFor(m_network->call(far->location(), QStringLiteral("pass"))); // so that its answers to these have come
        QVERIFY(!slow.send(QStringLiteral("refused")));
        QVERIFY(!failureOf<TimedOut>(slow.deliver(QStringLiteral("too late"), 20ms)).startsWith(u'<'));
        QList<Coro<>> deliverers;
        for (const char *text : {"d", "e", "f"})
            deliverers << spawn([](Coro<> to, QString message) -> Task<> { co_await to.deliver(message); }, slow, QString::fromLatin1(text));
        letOthersRun();
        // A coroutine of its own process wakes it.
        far->offer(QStringLiteral("wake"), [](Coro<> coro) -> Task<> { co_await coro.deliver(true); });
        waitFor(m_network->call(far->location(), QStringLiteral("wake"), slow));
        for (const Coro<> &deliverer : std::as_const(deliverers))
            waitFor(deliverer);
        QCOMPARE(waitFor(Coro<QStringList>(slow.data())), QStringLiteral("a b c d e f").split(u' '));
    }

    void whoDoesNotReadIsSentNoMore()
    {
        m_network = std::make_unique<PeerNetwork>(PeerNetwork::Options{.secret = Secret("s3cret"), .sendLimit = 5'000'000});
        waitFor([](PeerNetwork *network) -> Task<> {
            ResumingPeer peer;
            co_await peer.begin(network->location());
            const Coro<> remote = network->fromBytes(QByteArray::fromHex("d9415382744173796e636f726f3a3a436f726f3c766f69643e8550")
                                                     + peer.ours.incarnation + QByteArray::fromHex("6000182a60")).value<Coro<>>();
            const QByteArray megabyte(1'000'000, 'x');
            int taken = 0;
            while (remote.send(megabyte))
                expect(++taken < 100, "taken without end");
            expect(taken >= 4, "taken too few");
            try {
                co_await remote.deliver(1, 10ms);
                expect(false, "delivered");
            } catch (const TimedOut &) {
            }
            const Coro<> deliverer = spawn([](Coro<> to) -> Task<> { co_await to.deliver(QStringLiteral("last")); }, remote);
            const PeerInfo info = network->peers().constFirst().info();
            expect(info.waiting + info.unacknowledged > 4'000'000, "not counted");
            // It reads, and says so: all comes, in order.
            for (int i = 0; i < taken; ++i) {
                expect((co_await peer.next()).items.at(1).toByteArray() == megabyte, "another message");
                co_await peer.socket.sendAll(frameOf(FrameKind::Acknowledge, QCborArray{qint64(peer.request.received)}));
            }
            const RawPeer::Frame last = co_await peer.next();
            expect(last.kind == FrameKind::Deliver && last.items.at(2) == QStringLiteral("last"), "not the last");
            co_await peer.socket.sendAll(frameOf(FrameKind::Value, QCborArray{last.items.at(0), nullptr}));
            co_await deliverer;
        }(m_network.get()));
    }

    /** Also those who already wait for the way there to be free when the mailbox becomes full; in their order. */
    void deliveriesOnTheirWayHeedAFullMailbox()
    {
        constexpr int Count = 40;
        m_network = std::make_unique<PeerNetwork>(PeerNetwork::Options{.secret = Secret("s3cret"), .sendLimit = 1'000'000});
        const auto far = makeNetwork();
        far->offer(QStringLiteral("slow"), []() -> Task<QList<int>> {
            Coro<>::self().setMailboxLimit(1);
            co_await receive<bool>();
            QList<int> all;
            while (all.size() < Count)
                all << int((co_await receive<QByteArray>()).at(0));
            co_return all;
        });
        far->offer(QStringLiteral("wake"), [](Coro<> coro) -> Task<> { co_await coro.deliver(true); });
        const Coro<QList<int>> slow(waitFor(m_network->start(far->location(), QStringLiteral("slow"))).data());
        QList<Coro<>> deliverers;
        for (int i = 0; i < Count; ++i) {
            deliverers << spawn([](Coro<> to, char number) -> Task<> { co_await to.deliver(QByteArray(100'000, number)); },
                                slow, char(i));
        }
        letOthersRun();
        QTRY_VERIFY(far->peers().constFirst().info().unread > 0);
        waitFor(m_network->call(far->location(), QStringLiteral("wake"), spawn([]() -> Task<> { co_await receive(); })));
        const qint64 unread = far->peers().constFirst().info().unread;
        QVERIFY2(unread < 2'500'000, qPrintable(QString::number(unread)));
        waitFor(m_network->call(far->location(), QStringLiteral("wake"), slow));
        for (const Coro<> &deliverer : std::as_const(deliverers))
            waitFor(deliverer, 20s);
        QList<int> expected(Count);
        std::iota(expected.begin(), expected.end(), 0);
        QCOMPARE(waitFor(slow), expected);
    }

    void floodsOfAFullMailboxAreBounded()
    {
        m_network.reset();
        peerLimits().unread = 10'500;
        m_network = makeNetwork();
        const Coro<> target = spawn(waitForever);
        target.setMailboxLimit(1);
        QVERIFY(!m_network->toBytes(QVariant::fromValue(target)).isEmpty());
        for (const int dropped : {1, 2, 4, 8})
            expectWarning(QStringLiteral("was dropped: the mailbox of .* stays full - dropped so far: %1$").arg(dropped));
        waitFor([](PeerNetwork *network, qint64 id) -> Task<> {
            ResumingPeer peer;
            co_await peer.begin(network->location());
            for (int i = 0; i < 20; ++i)
                co_await peer.socket.sendAll(frameOf(FrameKind::Send, QCborArray{id, QByteArray(1200, 'x')}));
            co_await peer.socket.sendAll(frameOf(FrameKind::Deliver, QCborArray{9, id, QByteArray(1200, 'x')}));
            expect((co_await peer.next()).kind == FrameKind::Full, "not told");
            const RawPeer::Frame frame = co_await peer.next();
            expect(frame.kind == FrameKind::Failure && frame.items.at(0) == 9, "not refused");
            const PeerInfo info = network->peers().constFirst().info();
            expect(info.dropped == 11 && info.unread <= 10'500, "not counted");
        }(m_network.get(), qint64(target.id())));
    }

    void aMailboxWithoutALimitTakesOnlySoMuchOfPeers_data()
    {
        QTest::addColumn<bool>("hasLimit");
        QTest::newRow("none of its own") << false;
        QTest::newRow("its own, which counts then") << true;
    }

    void aMailboxWithoutALimitTakesOnlySoMuchOfPeers()
    {
        constexpr int Count = 40;
        QFETCH(bool, hasLimit);
        peerLimits().mailbox = 10'000;
        const auto near = makeNetwork();
        const Coro<QStringList> slow = spawn([]() -> Task<QStringList> {
            co_await suspend();
            co_return co_await collect(Count + 100);
        });
        if (hasLimit)
            slow.setMailboxLimit(1000);
        int delivered = 0;
        const Coro<> far = passedTo(*near, slow, *m_network);
        QList<Coro<>> deliverers;
        for (int i = 0; i < Count; ++i) {
            deliverers << spawn([](Coro<> to, int number, int *done) -> Task<> {
                co_await to.deliver(QString::number(number).leftJustified(1000));
                ++*done;
            }, far, i, &delivered);
        }
        letOthersRun();
        // By the answer all have arrived, and those that lie in the mailbox are acknowledged.
        QCOMPARE(waitFor(near->call<int>(m_network->location(), QStringLiteral("add"), 1, 2)), 3);
        letOthersRun();
        if (hasLimit)
            QCOMPARE(delivered, Count);
        else
            QVERIFY2(delivered > 0 && delivered <= 10, qPrintable(QString::number(delivered)));
        for (int i = 0; i < 100; ++i)
            QVERIFY(slow.send(QStringLiteral("of this process"))); // has no limit
        QCOMPARE(far.send(1), hasLimit);
        if (hasLimit)
            waitFor(near->call<int>(m_network->location(), QStringLiteral("add"), 1, 2));

        slow.resume();
        for (const Coro<> &deliverer : std::as_const(deliverers))
            waitFor(deliverer, 20s);
        QStringList numbers;
        for (const QString &text : waitFor(slow, 20s)) {
            if (text.size() == 1000)
                numbers << text.trimmed();
        }
        QCOMPARE(numbers.size(), Count);
        for (int i = 0; i < Count; ++i)
            QCOMPARE(numbers.at(i), QString::number(i));
    }

    void aMailboxOfAnotherThreadTakesOnlySoMuchOfPeers()
    {
        constexpr int Count = 640;
        peerLimits().mailbox = 1024 * 1024;
        OtherThread thread;
        const Coro<QList<int>> target = thread.start(takeNumbered, Count);
        QVERIFY(!m_network->toBytes(QVariant::fromValue(Coro<>(target))).isEmpty());
        waitFor([](PeerNetwork *network, Coro<> reader) -> Task<> {
            const auto id = qint64(reader.id());
            ResumingPeer peer;
            co_await peer.begin(network->location());
            for (int i = 0; i < Count; ++i)
                co_await peer.socket.sendAll(frameOf(FrameKind::Send, QCborArray{id, numbered(i)}));
            co_await peer.socket.sendAll(call(1, 1));
            const RawPeer::Frame frame = co_await peer.next();
            expect(frame.kind == FrameKind::Full && frame.items == QCborArray{id}, "not told");
            expect((co_await peer.next()).items == QCborArray{1, 2}, "not served");
            expect(network->peers().constFirst().info().unread > Count * NumberedSize * 3 / 4, "it is in the mailbox");
            reader.send(1);
            expect((co_await peer.next()).kind == FrameKind::Room, "no room");
            expect(network->peers().constFirst().info().unread == 0, "still counted");
        }(m_network.get(), target));
        QList<int> expected(Count);
        std::iota(expected.begin(), expected.end(), 0);
        QCOMPARE(waitFor(target), expected);
    }

    void whatIsTakenAtOnceMakesNoRoomForTheOthers()
    {
        constexpr int Count = 320;
        peerLimits().mailbox = 1024 * 1024;
        OtherThread thread;
        const Coro<int> target = thread.start(takeNumbersThenArrays, Count);
        QVERIFY(!m_network->toBytes(QVariant::fromValue(Coro<>(target))).isEmpty());
        waitFor([](PeerNetwork *network, Coro<> reader) -> Task<> {
            const auto id = qint64(reader.id());
            ResumingPeer peer;
            co_await peer.begin(network->location());
            for (int i = 0; i < Count; ++i) {
                co_await peer.socket.sendAll(frameOf(FrameKind::Send, QCborArray{id, numbered(i)}));
                if (i % 32 == 31) // for which it waits
                    co_await peer.socket.sendAll(frameOf(FrameKind::Deliver, QCborArray{100 + i, id, i}));
            }
            co_await peer.socket.sendAll(call(1, 1));
            FrameKind last = FrameKind::Value;
            while (last == FrameKind::Value) {
                const RawPeer::Frame frame = co_await peer.next();
                last = frame.kind;
                expect(frame.items.at(0) != 1, "not told");
            }
            expect(last == FrameKind::Full, "something else");
            reader.send(-1);
        }(m_network.get(), target));
        QCOMPARE(waitFor(target), Count);
    }

    void theSmallDoNotOvertakeTheLargeOneThatWaitsForRoom()
    {
        constexpr int Count = 10;
        peerLimits().mailbox = 100'000;
        const auto first = makeNetwork();
        const auto second = makeNetwork();
        const Coro<QStringList> slow = spawn([]() -> Task<QStringList> {
            co_await suspend();
            co_return co_await collect(2 * Count + 1);
        });
        const Coro<> small = passedTo(*first, slow, *m_network);
        const Coro<> large = passedTo(*second, slow, *m_network);
        const auto letAllArrive = [&](PeerNetwork &from) {
            waitFor(from.call<int>(m_network->location(), QStringLiteral("add"), 1, 2));
        };
        const auto sendSmall = [&] {
            for (int i = 0; i < Count; ++i)
                QVERIFY(small.send(QString(500, u's')));
            letAllArrive(*first);
        };
        sendSmall();
        QVERIFY(large.send(QString(20'000, u'l'))); // with so many others it would be too much
        letAllArrive(*second);
        sendSmall();
        slow.resume();
        const QStringList all = waitFor(slow, 20s);
        for (int i = 0; i <= 2 * Count; ++i)
            QCOMPARE(all[i].size(), i == Count ? 20'000 : 500);
    }

    void whatWasUnderWayWhenTheMailboxBecameFullIsNotLost()
    {
        constexpr int Count = 5000;
        peerLimits().mailbox = 10'000;
        const auto near = makeNetwork();
        const Coro<QStringList> slow = spawn([]() -> Task<QStringList> {
            co_await suspend();
            co_return co_await collect(Count);
        });
        const Coro<> far = passedTo(*near, slow, *m_network);
        for (int i = 0; i < Count; ++i)
            QVERIFY(far.send(QString::number(i)));
        waitFor(near->call<int>(m_network->location(), QStringLiteral("add"), 1, 2));
        QVERIFY(!far.send(QStringLiteral("too much")));
        slow.resume();
        const QStringList all = waitFor(slow, 20s);
        for (int i = 0; i < Count; ++i)
            QCOMPARE(all[i], QString::number(i));
    }

    /** A few bytes in a frame may become many in memory: such messages wait as they came. */
    void whatIsLargeInMemoryWaitsEncoded()
    {
        constexpr int Size = 1000;
        const auto near = makeNetwork();
        waitFor(near->connect(m_network->location()));
        const QList<Coro<QList<qsizetype>>> targets{spawn(takeLists, 3), spawn(takeLists, 3)};
        QList<Coro<>> far;
        for (const Coro<> &target : targets) {
            target.setMailboxLimit(0);
            far << passedTo(*near, target, *m_network);
        }
        const int before = Counted::alive;
        for (int i = 0; i < 3; ++i) {
            for (const Coro<> &target : std::as_const(far))
                QVERIFY(target.send(manyCounted(Size)));
        }
        waitFor(near->call<int>(m_network->location(), QStringLiteral("add"), 1, 2)); // by then all have arrived
        QCOMPARE(Counted::alive, before);

        for (const Coro<> &target : targets) {
            target.setMailboxLimit(1);
            target.resume();
        }
        for (const auto &target : targets)
            QCOMPARE(waitFor(target, 20s), QList<qsizetype>(3, Size));
    }

    void whoGivesUpAStartEndsWhatItHasNoHandleOf()
    {
        m_network->offer(QStringLiteral("hold"), waitForever);
        waitFor([](PeerNetwork *network) -> Task<> {
            ResumingPeer peer;
            co_await peer.begin(network->location());
            const auto start = [](int number) {
                return frameOf(FrameKind::Call, QCborArray{number, QStringLiteral("hold"), QCborArray(), true});
            };
            const auto cancel = [](int number) { return frameOf(FrameKind::Cancel, QCborArray{number}); };
            const auto idOf = [](const RawPeer::Frame &frame) {
                expect(frame.kind == FrameKind::Value, "not started");
                return frame.items.at(1).taggedValue().toArray().at(1).toArray().at(3).toInteger();
            };
            co_await peer.socket.sendAll(start(1));
            const qint64 kept = idOf(co_await peer.next());
            const QByteArray acknowledge = frameOf(FrameKind::Acknowledge, QCborArray{qint64(peer.request.received)});
            co_await peer.socket.sendAll(acknowledge + start(2)); // it has the first, so that a Cancel of that is none
            const qint64 givenUp = idOf(co_await peer.next());
            co_await peer.socket.sendAll(cancel(1) + cancel(2));
            const RawPeer::Frame ended = co_await peer.next();
            expect(ended.kind == FrameKind::Ended && ended.items.at(0) == givenUp, "goes on");
            expect(ended.items.at(1) == int(CoroState::Terminated), "not terminated");
            co_await peer.socket.sendAll(frameOf(FrameKind::Terminate, QCborArray{kept}));
            const RawPeer::Frame last = co_await peer.next();
            expect(last.kind == FrameKind::Ended && last.items.at(0) == kept, "another frame");
        }(m_network.get()));
    }

    void aStartThatIsCancelledLeavesNothingBehind()
    {
        bool ended = false;
        m_network->offer(QStringLiteral("hold"), [&ended]() -> Task<> {
            const AtEnd atEnd(ended);
            co_await waitForever();
        });
        const auto near = makeNetwork();
        const auto remote = waitFor(near->find<Rci<void()>>(m_network->location(), QStringLiteral("hold")));
        // The coroutine runs, and its caller is cancelled before the answer is there.
        Coro<> caller;
        m_network->offer(QStringLiteral("cancel"), [&caller]() -> Task<> {
            caller.terminate();
            co_return;
        });
        caller = spawn(remote.start());
        waitFor(near->call(m_network->location(), QStringLiteral("cancel")));
        QTRY_VERIFY(ended);
    }

    void theValuesOfEndedCoroutinesAreBounded()
    {
        constexpr int Size = 10'000;
        peerLimits().ended = 10 * Size;
        const auto make = [](int size) -> Task<Counted> { co_return Counted(QByteArray(size, 'x')); };
        m_network->offer(QStringLiteral("make"), make);
        const auto near = makeNetwork();
        const auto remote = waitFor(near->find<Rci<Counted(int)>>(m_network->location(), QStringLiteral("make")));
        const int before = Counted::alive;
        for (int i = 0; i < 50; ++i) {
            const Coro<Counted> made = waitFor(remote.start(Size));
            QCOMPARE(waitFor(made).bytes.size(), Size);
        }
        QTRY_VERIFY2(Counted::alive - before <= 10, qPrintable(QString::number(Counted::alive - before)));

        // The last one is there for who asks late, however large it is.
        const Coro<Counted> first = spawn(make, 1);
        const Coro<Counted> last = spawn(make, 20 * Size);
        const Coro<Counted> farFirst(passedTo(*near, first, *m_network).data());
        const Coro<Counted> farLast(passedTo(*near, last, *m_network).data());
        waitFor(first);
        waitFor(last);
        QCOMPARE(waitFor(farLast, 10s).bytes.size(), 20 * Size);
        QVERIFY(failureOf<CoroEnded>(farFirst).contains(QStringLiteral("no longer known")));
    }

private:
    std::unique_ptr<PeerNetwork> m_network;
};

QTEST_GUILESS_MAIN(UnreadMessagesTest)
#include "unreadmessages_internal_test.moc"
