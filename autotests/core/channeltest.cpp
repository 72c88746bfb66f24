// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "waitmatrix.h"

#include <Asyncoro/Channel>

#include <QRegularExpression>
#include <QTest>

#include <atomic>
#include <thread>

using namespace Asyncoro;
using namespace CoroTesting;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

Task<QList<int>> collect(int count)
{
    QList<int> all;
    while (all.size() < count)
        all << co_await receive<int>();
    co_return all;
}

/** Lets the others go on until they wait for something. */
Task<> settle()
{
    for (int i = 0; i < 20; ++i)
        co_await yield();
}

void end(const Coro<> &coro)
{
    coro.terminate();
    QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
}

/** A coroutine elsewhere, which confirms each message when it is asked to; the only one of its process. */
class ElsewhereData final : public Detail::CoroData, public Detail::Carrier
{
public:
    ElsewhereData()
        : CoroData(nextId())
    {
    }
    Location location() const override { return Location(u"elsewhere"_s, 1); }
    bool isLocal() const override { return false; }
    Carrier *carrier() override { return this; }
    bool send(Message &&message) override
    {
        sent << message;
        return state() == CoroState::Running;
    }
    bool sendToAll(const std::vector<Detail::CoroPointer> &, const Message &message) override
    {
        return send(Message(message));
    }
    Task<> deliver(Message message, QDeadlineTimer deadline) override
    {
        sent << message;
        if (fails)
            throw CoroEnded(u"it is gone"_s);
        co_await sleep(deadline.isForever() ? QDeadlineTimer(1ms) : QDeadlineTimer(deadline));
        if (!deadline.isForever())
            throw TimedOut(u"deliver()"_s);
    }
    Task<int> deliverToAll(std::vector<Detail::CoroPointer>, Message message, QDeadlineTimer deadline) override
    {
        try {
            co_await deliver(std::move(message), deadline);
        } catch (const Error &) {
            co_return 0;
        }
        co_return 1;
    }
    void terminate() override { announceEnd(CoroState::Terminated, {}); }
    void setDaemon(bool) override { }
    bool resumeWith(Message &&) override { return false; }
    bool throwInto(std::exception_ptr) override { return false; }
    QVariant result() const override { return {}; }
    void *resultInPlace() override { return nullptr; }

    QList<Message> sent;
    bool fails = false;
};

struct WaitForSubscriber {
    Channel channel{u"news"_s};
    Coro<> subscriber = spawn(sleepForever);

    WaitForSubscriber() { subscriber.setDaemon(); }
    ~WaitForSubscriber() { subscriber.terminate(); }
    Task<> wait(QDeadlineTimer deadline) { QCOMPARE(co_await channel.deliver(1, 1, deadline), 1); }
    void complete() { channel.subscribe(subscriber); }
    void verify(bool completed, WaitMatrix::Outcome)
    {
        QCOMPARE(channel.subscriberCount(), completed && subscriber.state() == CoroState::Running ? 1 : 0);
    }
};

} // namespace

class ChannelTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void H01_hasANameAndIsAValue()
    {
        const Channel channel(u"news"_s);
        const Channel same = channel;
        QCOMPARE(channel.name(), u"news"_s);
        QCOMPARE(same, channel);
        QCOMPARE(qHash(same), qHash(channel));
        QVERIFY(channel != Channel(u"news"_s)); // the name does not make it the same
        QCOMPARE(Message::fromValue(channel).value<Channel>(), channel);
        QCOMPARE(QSet<Channel>({channel, same}).size(), 1);
    }

    void H01_nullHandleRefersToNone()
    {
        const Channel none;
        const Coro<> coro = spawn(sleepForever);
        QVERIFY(!none);
        QVERIFY(none.isClosed());
        QVERIFY(!none.send(1));
        QVERIFY(!none.subscribe(coro));
        QVERIFY(!none.unsubscribe(coro));
        QVERIFY(!Channel(u"news"_s).subscribe(none));
        none.close();
        none.setTransform({});
        none.registerName(u"none"_s);
        QVERIFY(!Channel::find(u"none"_s));
        QVERIFY_THROWS_EXCEPTION(ChannelClosed, waitFor(none.deliver(1)));
        end(coro);
    }

    void H01_transformChangesOrDropsMessages()
    {
        const Channel channel(u"even"_s, [](const QString &name, const Message &message) {
            return message.toInt() % 2 ? Message() : Message(int(name.size()) * 100 + message.toInt());
        });
        const auto coro = spawn(collect, 2);
        channel.subscribe(coro);
        for (int i = 0; i < 4; ++i)
            QVERIFY(channel.send(i));
        QCOMPARE(waitFor(coro), QList<int>({400, 402}));
    }

    void H01_transformCanBeReplaced()
    {
        const Channel channel(u"news"_s);
        const auto coro = spawn(collect, 3);
        channel.subscribe(coro);
        channel.send(1);
        channel.setTransform([](const QString &, const Message &message) { return Message(-message.toInt()); });
        channel.send(2);
        channel.setTransform({});
        channel.send(3);
        QCOMPARE(waitFor(coro), QList<int>({1, -2, 3}));
    }

    void H01_aTransformMayUseItsChannel()
    {
        Channel channel(u"news"_s);
        const auto coro = spawn(collect, 2);
        channel.subscribe(coro);
        const std::weak_ptr<int> watch = [&] {
            const auto guard = std::make_shared<int>();
            channel.setTransform([&channel, guard](const QString &, const Message &message) {
                channel.setTransform({}); // while it runs
                channel.send(1);
                return message;
            });
            return guard;
        }();
        QVERIFY(!watch.expired());
        channel.send(2);
        QVERIFY(watch.expired());
        QCOMPARE(waitFor(coro), QList<int>({1, 2}));
    }

    void H01_anExceptionInTheTransformDropsTheMessage()
    {
        const Channel channel(u"picky"_s, [](const QString &, const Message &message) {
            if (message.toInt() == 1)
                throw Error(u"not this one"_s);
            return message;
        });
        const auto coro = spawn(collect, 1);
        channel.subscribe(coro);
        QTest::ignoreMessage(QtWarningMsg, "channel picky dropped a message, for its transform failed: not this one");
        QVERIFY(channel.send(1));
        QTest::ignoreMessage(QtWarningMsg, "channel picky dropped a message, for its transform failed: not this one");
        QCOMPARE(waitFor(channel.deliver(1)), 0);
        channel.send(2);
        QCOMPARE(waitFor(coro), QList<int>({2}));
    }

    void H02_subscribingTwiceIsOnce()
    {
        const Channel channel(u"news"_s);
        const auto coro = spawn(collect, 2);
        QVERIFY(channel.subscribe(coro));
        QVERIFY(channel.subscribe(coro));
        QCOMPARE(channel.subscriberCount(), 1);
        channel.send(1);
        channel.send(2);
        QCOMPARE(waitFor(coro), QList<int>({1, 2}));
    }

    void H02_nothingComesAfterUnsubscribing()
    {
        const Channel channel(u"news"_s);
        const auto coro = spawn(collect, 2);
        channel.subscribe(coro);
        channel.send(1);
        QVERIFY(channel.unsubscribe(coro));
        QVERIFY(!channel.unsubscribe(coro));
        QCOMPARE(channel.subscriberCount(), 0);
        channel.send(2);
        coro.send(3);
        QCOMPARE(waitFor(coro), QList<int>({1, 3}));
    }

    void H02_aSubscriberThatEndsDropsOut()
    {
        const Channel channel(u"news"_s);
        const auto coro = spawn(collect, 1);
        channel.subscribe(coro);
        QCOMPARE(channel.subscriberCount(), 1);
        coro.send(1);
        waitFor(coro);
        QCOMPARE(channel.subscriberCount(), 0);
        QVERIFY(!channel.subscribe(coro));
        QCOMPARE(channel.subscriberCount(), 0);
    }

    void H02_theFailureOfASubscriberIsStillLogged()
    {
        const Channel channel(u"news"_s);
        Coro<> coro = spawn([]() -> Task<> {
            co_await receive();
            throw Error(u"bad news"_s);
        });
        coro.setName(u"reader"_s);
        channel.subscribe(coro);
        channel.send(1);
        coro = {};
        QTest::ignoreMessage(QtWarningMsg, QRegularExpression(u"^reader .*nobody waited for it: bad news"_s));
        QTRY_COMPARE(channel.subscriberCount(), 0);
    }

    void H02_theChannelGoesWithItsLastHandle()
    {
        const auto guard = std::make_shared<int>();
        const Coro<> coro = spawn(sleepForever);
        {
            const Channel inner(u"inner"_s, [guard](const QString &, const Message &message) { return message; });
            const Channel outer(u"outer"_s);
            inner.subscribe(coro);
            outer.subscribe(inner);
        }
        QCOMPARE(guard.use_count(), 1); // though the subscriber lives
        end(coro);
    }

    void H02_channelsFormAHierarchy()
    {
        const auto twice = [](const QString &, const Message &message) { return Message(2 * message.toInt()); };
        const Channel top(u"top"_s);
        const Channel left(u"left"_s, twice);
        const Channel right(u"right"_s);
        const auto below = spawn(collect, 3);
        const auto direct = spawn(collect, 1);
        top.subscribe(left);
        top.subscribe(right);
        top.subscribe(left);
        top.subscribe(direct);
        left.subscribe(below);
        right.subscribe(below);
        QCOMPARE(top.subscriberCount(), 3);
        top.send(1); // two ways lead there
        left.send(5);
        QCOMPARE(waitFor(below), QList<int>({2, 1, 10}));
        QCOMPARE(waitFor(direct), QList<int>({1}));
        QVERIFY(top.unsubscribe(left));
        QCOMPARE(top.subscriberCount(), 1);
    }

    void H02_aCircleIsRefused()
    {
        const Channel a(u"a"_s);
        const Channel b(u"b"_s);
        const Channel c(u"c"_s);
        QVERIFY_THROWS_EXCEPTION(Error, a.subscribe(a));
        a.subscribe(b);
        b.subscribe(c);
        try {
            c.subscribe(a);
            QFAIL("no exception");
        } catch (const Error &error) {
            QCOMPARE(error.message(), u"subscribe(): channel \"a\" passes its messages on to channel \"c\" already, "
                                      "which would pass them back"_s);
        }
        b.unsubscribe(c);
        QVERIFY(c.subscribe(a));
    }

    void H02_twoThreadsCannotCloseACircle()
    {
        for (int i = 0; i < 100; ++i) {
            const Channel a(u"a"_s);
            const Channel b(u"b"_s);
            std::atomic<int> refused = 0;
            const auto subscribe = [&refused](const Channel &to, const Channel &subscriber) {
                try {
                    to.subscribe(subscriber);
                } catch (const Error &) {
                    ++refused;
                }
            };
            std::thread other(subscribe, a, b);
            subscribe(b, a);
            other.join();
            QCOMPARE(refused, 1);
        }
    }

    void H03_sendReachesAllInOrder()
    {
        const Channel channel(u"news"_s);
        QVERIFY(channel.send(0)); // to nobody
        const auto first = spawn(collect, 100);
        const auto second = spawn(collect, 100);
        channel.subscribe(first);
        channel.subscribe(second);
        QList<int> sent;
        for (int i = 0; i < 100; ++i) {
            sent << i;
            channel.send(i);
        }
        QCOMPARE(waitFor(first), sent);
        QCOMPARE(waitFor(second), sent);
    }

    void H03_aFullMailboxDropsForItselfOnly()
    {
        const Channel channel(u"news"_s);
        const auto slow = spawn(collect, 2);
        const auto quick = spawn(collect, 5);
        slow.setName(u"slow"_s);
        slow.setMailboxLimit(1);
        channel.subscribe(slow);
        channel.subscribe(quick);
        for (const char *count : {"1", "2", "4"}) {
            const auto line = u"channel news dropped a message for slow whose mailbox is full; messages that it has "
                              "dropped so far: "_s + QLatin1StringView(count);
            QTest::ignoreMessage(QtWarningMsg, qPrintable(line));
        }
        for (int i = 0; i < 5; ++i)
            QVERIFY(channel.send(i));
        QCOMPARE(waitFor(quick), QList<int>({0, 1, 2, 3, 4}));
        QCOMPARE(channel.subscriberCount(), 1); // slow is still there
        channel.send(7);
        QCOMPARE(waitFor(slow), QList<int>({0, 7}));
    }

    void H04_deliverWaitsForRoom()
    {
        const Channel channel(u"news"_s);
        const auto slow = spawn([]() -> Task<QList<int>> {
            co_await settle();
            co_return co_await collect(2);
        });
        slow.setMailboxLimit(1);
        channel.subscribe(slow);
        channel.send(1);
        QCOMPARE(waitFor(channel.deliver(2)), 1);
        QCOMPARE(waitFor(slow), QList<int>({1, 2}));
    }

    void H04_deliverGivesUpOnAFullMailbox()
    {
        const Channel channel(u"news"_s);
        const Coro<> full = spawn(sleepForever);
        full.setMailboxLimit(1);
        channel.subscribe(full);
        QCOMPARE(waitFor(channel.deliver(1, 1, 1ms)), 1);
        QCOMPARE(waitFor(channel.deliver(2, 1, 1ms)), 0);
        QCOMPARE(channel.subscriberCount(), 1);
        end(full);
    }

    void H03_sendFromManyThreads()
    {
        constexpr int Count = 1000;
        const Channel channel(u"news"_s);
        const auto receiver = spawn([]() -> Task<bool> {
            bool ordered = true;
            int last[2] = {-1, -1};
            for (int i = 0; i < 2 * Count; ++i) {
                const int value = co_await receive<int>();
                int &before = last[value % 2];
                ordered = ordered && value / 2 == before + 1;
                before = value / 2;
            }
            co_return ordered;
        });
        channel.subscribe(receiver);
        const auto work = [channel](int odd) {
            for (int i = 0; i < Count; ++i) {
                channel.send(2 * i + odd);
                const auto passing = spawn(sleepForever);
                channel.subscribe(passing);
                channel.setTransform({});
                passing.terminate();
            }
            waitFor(spawn([]() -> Task<> { co_await yield(); }));
        };
        std::thread threads[] = {std::thread(work, 0), std::thread(work, 1)};
        const bool ordered = waitFor(receiver);
        for (std::thread &thread : threads)
            thread.join();
        QVERIFY(ordered);
        QTRY_COMPARE(channel.subscriberCount(), 0);
    }

    void H04_deliverCountsTheEndRecipients()
    {
        const Channel top(u"top"_s);
        const Channel below(u"below"_s);
        const auto a = spawn(collect, 1);
        const auto b = spawn(collect, 1);
        const auto c = spawn(collect, 1);
        QCOMPARE(waitFor(top.deliver(1)), 0);
        top.subscribe(a);
        top.subscribe(below);
        below.subscribe(b);
        below.subscribe(c);
        QCOMPARE(waitFor(top.deliver(1, 2)), 3);
        for (const auto &coro : {a, b, c})
            QCOMPARE(waitFor(coro), QList<int>({1}));
        QCOMPARE(waitFor(top.deliver(1)), 0);
    }

    void H04_deliverWaitsForSubscribers()
    {
        const Channel channel(u"news"_s);
        const auto delivery = spawn([channel]() -> Task<int> { co_return co_await channel.deliver(7, 2); });
        const auto first = spawn(collect, 1);
        channel.subscribe(first);
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(delivery, 5ms));
        const auto second = spawn(collect, 1);
        channel.subscribe(second);
        QCOMPARE(waitFor(delivery), 2);
        QCOMPARE(waitFor(first), QList<int>({7}));
        QCOMPARE(waitFor(second), QList<int>({7}));
    }

    void H04_theDead()
    {
        const Channel channel(u"news"_s);
        const Channel closed(u"closed"_s);
        channel.subscribe(closed);
        closed.close();
        const Coro<> dead = spawn(collect, 1);
        channel.subscribe(dead);
        end(dead);
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(channel.deliver(1, 1, 1ms)));
        channel.send(1);
        QCOMPARE(channel.subscriberCount(), 0);
        QVERIFY(!channel.subscribe(closed));
    }

    void H04_deliverWaits_data() { WaitMatrix::addRows<WaitForSubscriber>(); }
    void H04_deliverWaits() { WaitMatrix::run<WaitForSubscriber>(); }

    void H04_deliverTellsWhatItWaitedFor()
    {
        try {
            waitFor(Channel(u"news"_s).deliver(1, 2, 1ms));
            QFAIL("no exception");
        } catch (const TimedOut &error) {
            QCOMPARE(error.message(), u"Channel::deliver() to \"news\", which has 0 of 2 subscribers timed out"_s);
        }
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(Channel(u"news"_s).deliver(1, -1)));
    }

    void H04_aRecipientElsewhereCountsOnceItHasConfirmed()
    {
        auto *data = new ElsewhereData;
        auto *failing = new ElsewhereData;
        failing->fails = true;
        const Coro<> elsewhere{Detail::CoroPointer(data)};
        const Coro<> broken{Detail::CoroPointer(failing)};
        const Channel channel(u"news"_s);
        channel.subscribe(elsewhere);
        channel.subscribe(broken);
        QCOMPARE(waitFor(channel.deliver(1)), 1);
        QCOMPARE(waitFor(channel.deliver(2, 0, 5ms)), 0); // not confirmed in time, which is no failure
        QCOMPARE(data->sent, QList<Message>({1, 2}));
        QCOMPARE(failing->sent, QList<Message>({1, 2}));
        elsewhere.terminate();
        QCOMPARE(channel.subscriberCount(), 1);
    }

    void H04_cancellingWhileARecipientElsewhereIsAsked()
    {
        auto *data = new ElsewhereData;
        const Coro<> elsewhere{Detail::CoroPointer(data)};
        const Channel channel(u"news"_s);
        channel.subscribe(elsewhere);
        const auto delivery = spawn([channel]() -> Task<int> { co_return co_await channel.deliver(1, 0, 1h); });
        QTRY_COMPARE(data->sent.size(), 1);
        end(delivery);
    }

    void H05_closeDropsSubscribersAndName()
    {
        const Channel channel(u"news"_s);
        const auto coro = spawn(collect, 1);
        channel.subscribe(coro);
        channel.registerName();
        const auto delivery = spawn([channel]() -> Task<int> { co_return co_await channel.deliver(1, 2); });
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(delivery, 1ms));
        QVERIFY(!channel.isClosed());
        channel.close();
        channel.close();
        QVERIFY(channel.isClosed());
        QVERIFY(!channel.send(1));
        QCOMPARE(channel.subscriberCount(), 0);
        QVERIFY(!Channel::find(u"news"_s));
        QVERIFY_THROWS_EXCEPTION(ChannelClosed, waitFor(delivery)); // it waited
        QVERIFY_THROWS_EXCEPTION(ChannelClosed, waitFor(channel.deliver(1)));
        QVERIFY_THROWS_EXCEPTION(ChannelClosed, channel.subscribe(coro));
        QVERIFY_THROWS_EXCEPTION(ChannelClosed, channel.registerName());
        QVERIFY(!channel.unsubscribe(coro));
        end(coro);
    }

    void H05_isFoundByItsRegisteredName()
    {
        {
            const Channel channel(u"news"_s);
            QVERIFY(!Channel::find(u"news"_s));
            channel.registerName();
        }
        const Channel found = Channel::find(u"news"_s); // registered, so it lives
        QVERIFY(found);
        QVERIFY_THROWS_EXCEPTION(NameTaken, Channel(u"news"_s).registerName());
        QVERIFY_THROWS_EXCEPTION(Error, Channel(QString()).registerName());
        const Coro<> coro = spawn(sleepForever);
        coro.registerName(u"news"_s); // names of coroutines are others
        found.registerName(u"old news"_s);
        QVERIFY(!Channel::find(u"news"_s));
        QCOMPARE(Channel::find(u"old news"_s), found);
        found.unregisterName();
        QVERIFY(!Channel::find(u"old news"_s));
        end(coro);
    }

    void H05_locateWaitsForALaterOne()
    {
        const auto waiting = spawn([]() -> Task<Channel> { co_return co_await Channel::locate(u"news"_s); });
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(waiting, 1ms));
        const Channel channel(u"news"_s);
        channel.registerName();
        QCOMPARE(waitFor(waiting), channel);
        channel.close();
    }
};

QTEST_GUILESS_MAIN(ChannelTest)
#include "channeltest.moc"
