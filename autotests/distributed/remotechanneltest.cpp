// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "distributedtest.h"

#include <QBitArray>
#include <QThread>

using namespace DistributedTest;

namespace {

Task<QList<int>> collectNumbers(int count)
{
    QList<int> all;
    while (all.size() < count)
        all << co_await receive<int>();
    co_return all;
}

} // namespace

/** Channels of one process, used by another: what Channel promises holds for them. */
class RemoteChannelTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        failOnWarnings();
        m_near = makeNetwork();
        m_far = makeNetwork();
    }

    void cleanup()
    {
        m_near.reset();
        m_far.reset();
    }

    // --- handles ---

    void H05_aHandleTravels()
    {
        const Channel channel(QStringLiteral("news"));
        const Channel remote = toNear(channel);
        QCOMPARE(remote.id(), channel.id());
        QCOMPARE(remote.name(), QStringLiteral("news"));
        QCOMPARE(remote.location(), m_far->location());
        QVERIFY(!channel.location().isValid());
        QCOMPARE(toNear(channel), remote); // whichever handle
        QCOMPARE(qHash(toNear(channel)), qHash(remote));
        QVERIFY(remote != toNear(Channel(QStringLiteral("news"))));
        const QByteArray home = m_near->toBytes(QVariant::fromValue(remote));
        QVERIFY(m_far->fromBytes(home).value<Channel>().data() == channel.data()); // at home it is the channel itself
        QVERIFY(toNear(Channel()).isNull());
        // In a message, within another value.
        const Coro<QVariantList> receiver = spawn([]() -> Task<QVariantList> { co_return co_await receive<QVariantList>(); });
        coroToNear(receiver).send(QVariantList{1, QVariant::fromValue(remote)});
        QCOMPARE(waitFor(receiver).at(1).value<Channel>().data(), channel.data());
    }

    void H05_whatOnlyItsProcessCanDo()
    {
        const Channel remote = toNear(Channel(QStringLiteral("news")));
        QVERIFY(failureOf<Error>([&] { remote.registerName(); }).contains(QStringLiteral("not of this process")));
        QVERIFY(failureOf<Error>([&] { return remote.subscriberCount(); }).contains(QStringLiteral("of another process")));
        QVERIFY(failureOf<Error>([&] { remote.setTransform({}); }).contains(QStringLiteral("of another process")));
        QVERIFY(failureOf<Error>(remote.deliver(1, -1)).contains(QStringLiteral("atLeast")));
    }

    void H05_itLivesUntilItIsClosed()
    {
        const Channel remote = toNear(Channel(QStringLiteral("news"))); // nobody here holds it
        const Coro<QList<int>> subscriber = spawn(collectNumbers, 1);
        QVERIFY(waitFor(remote.subscribe(subscriber, 10s)));
        remote.send(1);
        QCOMPARE(waitFor(subscriber), QList<int>{1});
    }

    // --- messages ---

    void H03_sendsToAChannelElsewhere()
    {
        const Channel channel(QStringLiteral("news"), [](const QString &name, const Message &message) -> Message {
            return message.toInt() == 0 ? Message() : Message(name + QString::number(message.toInt()));
        });
        const Coro<QStringList> subscriber = spawn(collect, 3);
        channel.subscribe(subscriber);
        const Channel remote = toNear(channel);
        for (int i = 0; i < 4; ++i)
            QVERIFY(remote.send(i));
        QCOMPARE(waitFor(subscriber).join(u' '), QStringLiteral("news1 news2 news3"));
    }

    void H03_manySubscribersElsewhere()
    {
        constexpr int Subscribers = 100;
        constexpr int Messages = 50;
        const Channel channel(QStringLiteral("news"));
        QList<Coro<QList<int>>> subscribers;
        for (int i = 0; i < Subscribers; ++i) {
            subscribers << spawn(collectNumbers, Messages);
            QVERIFY(channel.subscribe(coroToNear(subscribers.last()))); // the channel is m_near's
        }
        QCOMPARE(channel.subscriberCount(), Subscribers);
        QList<int> expected;
        for (int i = 0; i < Messages; ++i) {
            QVERIFY(channel.send(i));
            expected << i;
        }
        for (const Coro<QList<int>> &subscriber : subscribers)
            QCOMPARE(waitFor(subscriber, 20s), expected);
        QTRY_COMPARE(channel.subscriberCount(), 0); // they have ended
    }

    void H03_whatCannotBeSentIsToldAndTheOthersGetIt()
    {
        const Channel channel(QStringLiteral("news"));
        const Coro<QBitArray> here = spawn([]() -> Task<QBitArray> { co_return co_await receive<QBitArray>(); });
        const Coro<> there = spawn(waitForever);
        channel.subscribe(coroToNear(there));
        channel.subscribe(here);
        QVERIFY(failureOf<WireError>([&] { channel.send(QBitArray(2)); }).contains(QStringLiteral("QBitArray")));
        QCOMPARE(waitFor(here), QBitArray(2));
        const Channel remote = toNear(Channel(QStringLiteral("far")));
        QVERIFY(failureOf<WireError>([&] { remote.send(QBitArray(2)); }).contains(QStringLiteral("QBitArray")));
        QVERIFY(failureOf<WireError>(remote.deliver(QBitArray(2))).contains(QStringLiteral("QBitArray")));
        QVERIFY(failureOf<WireError>(channel.deliver(QBitArray(2))).contains(QStringLiteral("QBitArray")));
        there.terminate();
    }

    void H03_aFullMailboxElsewhereIsSentNoMore()
    {
        const Channel channel(QStringLiteral("news"));
        const Coro<QList<int>> slow = spawn([]() -> Task<QList<int>> {
            co_await receive<QString>();
            co_return co_await collectNumbers(3);
        });
        slow.setMailboxLimit(1);
        channel.subscribe(coroToNear(slow));
        channel.send(1);
        channel.send(2); // is under way before it is known that there is no room, and waits over there
        const Coro<> barrier = spawn(waitForever);
        waitFor(coroToNear(barrier).deliver(1)); // behind both
        expectWarning(QStringLiteral("a message of a channel for .* was not sent, for its mailbox is full"));
        QCOMPARE(m_near->peers().constFirst().info().notSent + m_far->peers().constFirst().info().notSent, 0);
        channel.send(3); // is missed
        QCOMPARE(m_near->peers().constFirst().info().notSent + m_far->peers().constFirst().info().notSent, 1);
        slow.send(QStringLiteral("go on"));
        QCOMPARE(waitFor(channel.deliver(4), 10s), 1);
        QCOMPARE(waitFor(slow, 10s), (QList<int>{1, 2, 4}));
        barrier.terminate();
    }

    void aPublisherHeedsHowMuchWaits()
    {
        m_near = std::make_unique<PeerNetwork>(PeerNetwork::Options{.secret = Secret("s3cret"), .sendLimit = 1'000'000});
        waitFor(m_near->connect(m_far->location()));
        const Channel channel(QStringLiteral("news"));
        const Channel remote = toNear(channel);
        const Coro<qsizetype> counter = spawn([]() -> Task<qsizetype> {
            qsizetype count = 0;
            for (; (co_await receive()).metaType() != QMetaType::fromType<bool>(); ++count) { }
            co_return count;
        });
        channel.subscribe(counter);
        int sent = 0;
        while (remote.send(QByteArray(100'000, 'x'))) // the event loop does not run, so all of it waits
            QVERIFY(++sent < 100);
        QVERIFY(sent >= 9);
        const auto deliver = [](Channel to) -> Task<int> { co_return co_await to.deliver(QByteArray(100'000, 'x')); };
        QList<Coro<int>> deliveries;
        for (int i = 0; i < 100; ++i)
            deliveries << spawn(deliver, remote);
        letOthersRun();
        const PeerInfo info = m_near->peers().constFirst().info();
        QVERIFY2(info.waiting + info.unacknowledged < 3'000'000, qPrintable(QString::number(info.waiting)));
        for (const Coro<int> &delivery : std::as_const(deliveries))
            QCOMPARE(waitFor(delivery, 20s), 1);
        counter.send(true);
        QCOMPARE(waitFor(counter), sent + 100);
    }

    // --- subscribers ---

    void H02_subscribesWhateverWhereverItIs_data()
    {
        QTest::addColumn<bool>("confirmed");
        QTest::newRow("asked") << false;
        QTest::newRow("confirmed") << true;
    }

    void H02_subscribesWhateverWhereverItIs()
    {
        QFETCH(bool, confirmed);
        const auto third = makeNetwork();
        const Channel channel(QStringLiteral("news")); // of m_far
        const Channel remote = toNear(channel);
        const Coro<QList<int>> own = spawn(collectNumbers, 1); // of m_near
        const Coro<QList<int>> home = spawn(collectNumbers, 1); // of m_far
        const Coro<QList<int>> other = spawn(collectNumbers, 1); // of the third
        const Coro<QList<int>> behind = spawn(collectNumbers, 1); // through a channel of m_near
        const Channel relay(QStringLiteral("relay"));
        relay.subscribe(behind);
        const Coro<> otherToNear = m_near->fromBytes(third->toBytes(QVariant::fromValue(Coro<>(other)))).value<Coro<>>();
        for (const Coro<> &subscriber : {Coro<>(own), coroToNear(home), otherToNear}) {
            QVERIFY(confirmed ? waitFor(remote.subscribe(subscriber, 10s)) : remote.subscribe(subscriber));
            QVERIFY(remote.subscribe(subscriber)); // once more changes nothing
        }
        QVERIFY(confirmed ? waitFor(remote.subscribe(relay, 10s)) : remote.subscribe(relay));
        if (confirmed)
            QCOMPARE(channel.subscriberCount(), 4);
        remote.send(7); // in the order of what was asked
        for (const Coro<QList<int>> &subscriber : {own, home, other, behind})
            QCOMPARE(waitFor(subscriber, 10s), QList<int>{7});
        QTRY_COMPARE(channel.subscriberCount(), 1);
        QVERIFY(remote.unsubscribe(relay));
        QTRY_COMPARE(channel.subscriberCount(), 0);
    }

    void H02_oneThatHasEndedIsNotSubscribed()
    {
        const Channel remote = toNear(Channel(QStringLiteral("news")));
        const Coro<> ended = spawn([]() -> Task<> { co_return; });
        waitFor(ended);
        // Over there nobody knows yet that it has.
        QVERIFY(waitFor(remote.subscribe(ended, 10s)));
        QTRY_COMPARE(channelAtHome(remote).subscriberCount(), 0);
        QVERIFY(!waitFor(remote.subscribe(Coro<>(), 10s)));
        QVERIFY(!waitFor(Channel().subscribe(ended, 10s)));
    }

    void H02_aSubscriberWhoseProcessIsLostDropsOut()
    {
        const Channel channel(QStringLiteral("news")); // of m_near
        const Coro<> coro = spawn(waitForever);
        const Channel relay(QStringLiteral("relay")); // of m_far
        channel.subscribe(coroToNear(coro));
        channel.subscribe(toNear(relay));
        const Coro<QList<int>> here = spawn(collectNumbers, 2);
        channel.subscribe(here);
        channel.send(1);
        waitFor(m_near->connect(m_far->location()));
        QCOMPARE(channel.subscriberCount(), 3);
        m_far.reset();
        QTRY_COMPARE(channel.subscriberCount(), 1);
        QCOMPARE(waitFor(channel.deliver(2)), 1);
        QCOMPARE(waitFor(here), (QList<int>{1, 2}));
        coro.terminate();
    }

    void H02_aCircleThroughProcessesEnds()
    {
        const Channel first(QStringLiteral("first")); // of m_near
        const Channel second(QStringLiteral("second")); // of m_far
        const Channel firstAtFar = m_far->fromBytes(m_near->toBytes(QVariant::fromValue(first))).value<Channel>();
        first.subscribe(toNear(second));
        second.subscribe(firstAtFar);
        expectWarning(QStringLiteral("a message for channel .* is dropped: there is a circle of channels"));
        const Coro<QList<int>> counter = spawn(collectNumbers, Detail::ChannelData::MaxCrossings / 2 + 1);
        first.subscribe(counter);
        first.send(1);
        waitFor(counter, 10s);
        QTRY_VERIFY(m_near->peers().size() == 1);
    }

    // --- deliver ---

    void H04_countsRecipientsOverProcesses()
    {
        const Channel channel(QStringLiteral("news")); // of m_far
        const Channel inner(QStringLiteral("inner")); // of m_near
        const Channel local(QStringLiteral("local")); // of m_far
        const Channel remote = toNear(channel);
        QList<Coro<>> all;
        const auto sleeper = [&] { return all.emplace_back(spawn(waitForever)); };
        for (int i = 0; i < 3; ++i)
            inner.subscribe(sleeper());
        for (int i = 0; i < 2; ++i)
            local.subscribe(sleeper());
        QCOMPARE(waitFor(remote.deliver(1)), 0);
        channel.subscribe(local);
        waitFor(remote.subscribe(inner, 10s));
        for (int i = 0; i < 4; ++i)
            waitFor(remote.subscribe(sleeper(), 10s)); // of m_near, subscribed to m_far's
        QCOMPARE(waitFor(remote.deliver(1)), 3 + 2 + 4);
        QCOMPARE(waitFor(remote.deliver(1, 6, 10s)), 9);
        QCOMPARE(waitFor(channel.deliver(1)), 9); // from its own process, too
        for (const Coro<> &coro : std::as_const(all))
            coro.terminate();
    }

    void H04_waitsForSubscribers()
    {
        const Channel remote = toNear(Channel(QStringLiteral("news")));
        const QString text = failureOf<TimedOut>(remote.deliver(1, 1, 20ms));
        QVERIFY2(text.contains(QStringLiteral("which has 0 of 1 subscribers")), qPrintable(text));
        const Coro<int> delivery = spawn(remote.deliver(2, 1));
        letOthersRun();
        QVERIFY(delivery.isRunning());
        const Coro<QList<int>> subscriber = spawn(collectNumbers, 1);
        remote.subscribe(subscriber);
        QCOMPARE(waitFor(delivery, 10s), 1);
        QCOMPARE(waitFor(subscriber), QList<int>{2}); // the first one was not sent
    }

    void H04_cancellingTheWaitSendsNothing()
    {
        const Channel channel(QStringLiteral("news"));
        const Channel remote = toNear(channel);
        const Coro<int> delivery = spawn(remote.deliver(1, 1));
        waitFor(m_near->connect(m_far->location()));
        letOthersRun();
        delivery.terminate();
        QVERIFY(!failureOf<CoroTerminated>(delivery).startsWith(u'<'));
        const Coro<QList<int>> subscriber = spawn(collectNumbers, 1);
        waitFor(remote.subscribe(subscriber, 10s));
        remote.send(2);
        QCOMPARE(waitFor(subscriber), QList<int>{2});
    }

    void H04_waitsForRoomElsewhere()
    {
        const Channel channel(QStringLiteral("news")); // of m_near
        const Coro<QList<int>> slow = spawn([]() -> Task<QList<int>> {
            co_await receive<QString>();
            co_return co_await collectNumbers(2);
        });
        const Coro<QList<int>> quick = spawn(collectNumbers, 3);
        slow.setMailboxLimit(1);
        channel.subscribe(coroToNear(slow));
        channel.subscribe(coroToNear(quick));
        QCOMPARE(waitFor(channel.deliver(1)), 2);
        QCOMPARE(waitFor(channel.deliver(2, 0, 500ms)), 1); // one has no room
        const Coro<int> delivery = spawn(channel.deliver(3));
        waitFor(quick, 10s);
        QVERIFY(delivery.isRunning());
        slow.send(QStringLiteral("go on")); // is taken although the mailbox is full, for it waits for a text
        QCOMPARE(waitFor(delivery, 10s), 2);
        QCOMPARE(waitFor(slow, 10s), (QList<int>{1, 3}));
    }

    void H04_aLostProcessIsNotCounted()
    {
        const Channel channel(QStringLiteral("news")); // of m_near
        const Coro<> here = spawn(waitForever);
        const Coro<> there = spawn(waitForever);
        there.setMailboxLimit(1);
        channel.subscribe(here);
        channel.subscribe(coroToNear(there));
        QCOMPARE(waitFor(channel.deliver(1)), 2);
        const Coro<int> delivery = spawn(channel.deliver(2)); // waits for room
        const Channel remote = toNear(Channel(QStringLiteral("far")));
        const Coro<int> lost = spawn(remote.deliver(1, 1));
        waitFor(coroToNear(here).deliver(1)); // behind these
        QVERIFY(delivery.isRunning());
        m_far.reset();
        QCOMPARE(waitFor(delivery, 10s), 1);
        QVERIFY(!failureOf<PeerLost>(lost).startsWith(u'<'));
        QVERIFY(remote.isClosed());
        here.terminate();
        there.terminate();
    }

    // --- the end ---

    void H05_closedWhereItIs()
    {
        const Channel channel(QStringLiteral("news"));
        const Channel remote = toNear(channel);
        const Coro<> subscriber = spawn(waitForever);
        waitFor(remote.subscribe(subscriber, 10s));
        QVERIFY(!remote.isClosed());
        channel.close();
        QTRY_VERIFY(remote.isClosed()); // whoever has used it is told
        QVERIFY(!remote.send(1));
        QVERIFY(!failureOf<ChannelClosed>([&] { remote.subscribe(subscriber); }).startsWith(u'<'));
        QVERIFY(!failureOf<ChannelClosed>(remote.subscribe(subscriber, 10s)).startsWith(u'<'));
        QVERIFY(!failureOf<ChannelClosed>(remote.deliver(1)).startsWith(u'<'));
        subscriber.terminate();
    }

    void H05_closedFromElsewhere()
    {
        const Channel channel(QStringLiteral("news"));
        const Channel remote = toNear(channel);
        const Coro<int> waiting = spawn(remote.deliver(1, 1));
        waitFor(m_near->connect(m_far->location()));
        letOthersRun();
        remote.close();
        QVERIFY(remote.isClosed());
        QVERIFY(!failureOf<ChannelClosed>(waiting).startsWith(u'<'));
        QVERIFY(channel.isClosed());
        remote.close(); // once more does nothing
    }

    void H05_closedBeforeItIsUsed()
    {
        const Channel channel(QStringLiteral("news"));
        const Channel remote = toNear(channel);
        const Channel local(QStringLiteral("local"));
        local.subscribe(remote);
        channel.close();
        QVERIFY(!failureOf<ChannelClosed>(remote.deliver(1)).startsWith(u'<'));
        QVERIFY(remote.isClosed());
        QCOMPARE(local.subscriberCount(), 0);
    }

    // --- threads ---

    void H03_anotherThreadUsesChannels()
    {
        const Channel channel(QStringLiteral("news")); // of m_far
        const Channel remote = toNear(channel);
        const Channel own(QStringLiteral("own")); // of m_near
        const Coro<QList<int>> subscriber = spawn(collectNumbers, 100);
        const Coro<QList<int>> another = spawn(collectNumbers, 100);
        own.subscribe(coroToNear(another));
        QString text;
        const std::unique_ptr<QThread> thread(QThread::create([&] {
            text = failureOf<Error>(remote.deliver(1)) + failureOf<Error>(own.deliver(1));
            remote.subscribe(subscriber);
            for (int i = 0; i < 100; ++i) {
                remote.send(i);
                own.send(i);
            }
        }));
        thread->start();
        QTRY_VERIFY_WITH_TIMEOUT(thread->isFinished(), 20'000);
        thread->wait();
        QCOMPARE(text.count(QStringLiteral("thread of the PeerNetwork")), 2);
        QList<int> expected;
        for (int i = 0; i < 100; ++i)
            expected << i;
        QCOMPARE(waitFor(subscriber, 20s), expected);
        QCOMPARE(waitFor(another, 20s), expected);
    }

private:
    /** A handle of something of m_far, as m_near gets it. */
    Channel toNear(const Channel &channel) { return m_near->fromBytes(m_far->toBytes(QVariant::fromValue(channel))).value<Channel>(); }
    Coro<> coroToNear(const Coro<> &coro) { return m_near->fromBytes(m_far->toBytes(QVariant::fromValue(coro))).value<Coro<>>(); }

    /** The channel itself, of m_far. */
    Channel channelAtHome(const Channel &remote) { return m_far->fromBytes(m_near->toBytes(QVariant::fromValue(remote))).value<Channel>(); }

    std::unique_ptr<PeerNetwork> m_near;
    std::unique_ptr<PeerNetwork> m_far;
};

QTEST_GUILESS_MAIN(RemoteChannelTest)
#include "remotechanneltest.moc"
