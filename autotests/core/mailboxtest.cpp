// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "corotesting.h"

#include <Asyncoro/Coro>

#include <QTest>

#include <atomic>
#include <thread>

using namespace Asyncoro;
using namespace CoroTesting;
using namespace std::chrono_literals;

/** Receiving by type and by predicate, and a mailbox with a limit. */
class MailboxTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void C10_receiveGivesTheAlarmValue()
    {
        QCOMPARE(waitFor(spawn([]() -> Task<int> { co_return co_await receive<int>(1ms, -1); })), -1);
        const Coro<int> coro = spawn([]() -> Task<int> { co_return co_await receive<int>(0ms, -1); });
        coro.send(4);
        QCOMPARE(waitFor(coro), 4);
    }

    void C10_receiveByPredicate()
    {
        const Coro<QList<int>> coro = spawn([]() -> Task<QList<int>> {
            auto isEven = [](int n) { return n % 2 == 0; };
            QList<int> seen;
            seen << co_await receive<int>(isEven); // there already
            seen << co_await receive<int>(isEven); // comes later
            seen << co_await receive<int>() << co_await receive<int>();
            co_return seen;
        });
        coro.send(1);
        coro.send(2);
        letOthersRun();
        coro.send(QStringLiteral("no number"));
        coro.send(3);
        letOthersRun();
        coro.send(4);
        QCOMPARE(waitFor(coro), QList<int>({2, 4, 1, 3}));
    }

    void C10_predicateThatThrows_data()
    {
        QTest::addColumn<bool>("later");
        QTest::newRow("for a message that is there") << false;
        QTest::newRow("for a later one: not at the sender's") << true;
    }
    void C10_predicateThatThrows()
    {
        QFETCH(const bool, later);
        const Coro<int> coro = spawn([]() -> Task<int> {
            try {
                co_await receive<int>([](int) -> bool { throw Failure(QStringLiteral("predicate")); });
                co_return 0;
            } catch (const Failure &) {
            }
            co_return co_await receive<int>(); // it is still there
        });
        if (later)
            letOthersRun();
        QVERIFY(coro.send(5));
        QCOMPARE(waitFor(coro), 5);
    }

    void C08_sendToAFullMailbox()
    {
        const Coro<int> coro = spawn([]() -> Task<int> {
            co_await suspend();
            int sum = 0;
            while (const int value = co_await receive<int>(0ms, 0))
                sum += value;
            co_return sum;
        });
        coro.setMailboxLimit(2);
        QVERIFY(coro.send(1));
        QVERIFY(coro.send(2));
        QVERIFY(!coro.send(4));
        coro.setMailboxLimit(3);
        QVERIFY(coro.send(8));
        letOthersRun();
        coro.resume();
        QCOMPARE(waitFor(coro), 11);
    }

    void C09_deliverWaitsForRoom_data()
    {
        QTest::addColumn<bool>("otherThread");
        QTest::newRow("same thread") << false;
        QTest::newRow("from another thread") << true;
    }
    void C09_deliverWaitsForRoom()
    {
        QFETCH(const bool, otherThread);
        const Coro<QList<int>> coro = spawn([]() -> Task<QList<int>> {
            co_await suspend();
            QList<int> all;
            for (int i = 0; i < 3; ++i)
                all << co_await receive<int>();
            co_return all;
        });
        coro.setMailboxLimit(1);
        coro.send(1);
        std::atomic<bool> delivered = false;
        auto deliver = [&]() -> Task<> {
            co_await coro.deliver(2);
            co_await coro.deliver(3);
            delivered = true;
        };
        std::thread thread;
        Coro<> delivering;
        if (otherThread)
            thread = std::thread([&] { waitFor(deliver()); });
        else
            delivering = spawn(deliver);
        QTest::qWait(10);
        QVERIFY(!delivered);
        coro.resume();
        QCOMPARE(waitFor(coro), QList<int>({1, 2, 3}));
        if (otherThread)
            thread.join();
        else
            waitFor(delivering);
        QVERIFY(delivered);
    }

    void C09_whoReceivesByTypeGetsWhatWaitsForRoom()
    {
        const Coro<QString> coro = spawn([]() -> Task<QString> {
            co_await suspend();
            co_return co_await receive<QString>(5s);
        });
        coro.setMailboxLimit(1);
        coro.send(1);
        const Coro<> other = spawn([&]() -> Task<> { co_await coro.deliver(2); });
        const Coro<> delivering = spawn([&]() -> Task<> { co_await coro.deliver(QStringLiteral("text")); });
        letOthersRun();
        QVERIFY(delivering.isRunning());
        coro.resume();
        QCOMPARE(waitFor(coro), QStringLiteral("text"));
        waitFor(delivering);
        QVERIFY_THROWS_EXCEPTION(CoroEnded, waitFor(other));
    }

    void C09_deliverTimesOutAndTakesTheMessageBack()
    {
        const Coro<int> coro = spawn([]() -> Task<int> {
            co_await suspend();
            const int first = co_await receive<int>();
            co_return first + co_await receive<int>(5ms, 100);
        });
        coro.setMailboxLimit(1);
        coro.send(1);
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(coro.deliver(2, 2ms)));
        coro.resume();
        QCOMPARE(waitFor(coro), 101);
    }

    void C09_deliverToOneThatEnds()
    {
        const Coro<> coro = spawn(sleepForever);
        coro.setMailboxLimit(0);
        const Coro<> delivering = spawn([&]() -> Task<> { co_await coro.deliver(1); });
        letOthersRun();
        QVERIFY(delivering.isRunning());
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroEnded, waitFor(delivering));
    }
};

QTEST_GUILESS_MAIN(MailboxTest)
#include "mailboxtest.moc"
