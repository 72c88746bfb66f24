// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/Condition>

#include "waitmatrix.h"

#include <Asyncoro/Coro>

#include <QTest>

#include <thread>

using namespace Asyncoro;
using namespace std::chrono_literals;
using WaitMatrix::Outcome;

class ConditionTest : public QObject
{
    Q_OBJECT

    // The lock is held after each outcome, and free again when the coroutine has ended.
    struct Wait {
        static constexpr bool CompletesAtOnce = false;

        Lock lock;
        std::unique_ptr<Condition> condition = std::make_unique<Condition>();

        Task<> wait(QDeadlineTimer deadline)
        {
            auto guard = lock.tryAcquire();
            try {
                co_await condition->wait(guard, deadline);
            } catch (...) {
                QVERIFY(guard);
                QVERIFY(lock.isHeld());
                throw;
            }
            QVERIFY(guard);
            QVERIFY(lock.isHeld());
        }
        void complete()
        {
            QVERIFY(!lock.isHeld());
            condition->notifyOne();
        }
        void destroy() { condition.reset(); }
        void verify(bool, Outcome)
        {
            QVERIFY(!lock.isHeld());
            condition->notifyAll(); // touches whoever is still entered
        }
    };

    // The same with a predicate.
    struct WaitUntil {
        static constexpr auto CompletedAfterDeadline = Outcome::Completed; // it is asked once more

        Lock lock;
        std::unique_ptr<Condition> condition = std::make_unique<Condition>();
        bool ready = false;

        Task<> wait(QDeadlineTimer deadline)
        {
            auto guard = lock.tryAcquire();
            try {
                co_await condition->wait(guard, [this] { return isReady(); }, deadline);
            } catch (...) {
                QVERIFY(guard);
                throw;
            }
            QVERIFY(guard);
            ready = false; // taken
        }
        bool isReady() const { return ready && lock.isHeld(); }
        void complete()
        {
            ready = true;
            condition->notifyOne();
        }
        void destroy() { condition.reset(); }
        void verify(bool completed, Outcome outcome)
        {
            QVERIFY(!lock.isHeld());
            QCOMPARE(ready, completed && outcome != Outcome::Completed);
        }
    };

    // Lock and condition are destroyed together.
    struct WaitInObject {
        static constexpr bool CompletesAtOnce = false;
        static constexpr auto DestroyedAfterCompletion = Outcome::Destroyed;

        struct Object {
            Condition condition;
            Lock lock;
        };
        std::unique_ptr<Object> object = std::make_unique<Object>();

        Task<> wait(QDeadlineTimer deadline)
        {
            auto guard = object->lock.tryAcquire();
            co_await object->condition.wait(guard, deadline);
        }
        void complete() { object->condition.notifyOne(); }
        void destroy() { object.reset(); }
        void verify(bool, Outcome) { QVERIFY(!object->lock.isHeld()); }
    };

private Q_SLOTS:
    void L04_waits_data() { WaitMatrix::addRows<Wait>(); }
    void L04_waits() { WaitMatrix::run<Wait>(); }
    void L04_waitsForPredicate_data() { WaitMatrix::addRows<WaitUntil>(); }
    void L04_waitsForPredicate() { WaitMatrix::run<WaitUntil>(); }
    void L04_waitsInObject_data() { WaitMatrix::addRows<WaitInObject>(); }
    void L04_waitsInObject() { WaitMatrix::run<WaitInObject>(); }

    void L04_waitingNeedsTheLock()
    {
        Lock lock;
        Condition condition;
        waitFor(spawn([&]() -> Task<> {
            Lock::Guard guard;
            QString message;
            try {
                co_await condition.wait(guard, 1h);
            } catch (const Error &e) {
                message = e.message();
            }
            QCOMPARE(message, QStringLiteral("Condition::wait(): the guard does not hold its lock"));

            guard = co_await lock.acquire();
            guard.release();
            message.clear();
            try {
                co_await condition.wait(guard, [] { return true; });
            } catch (const Error &e) {
                message = e.message();
            }
            QVERIFY(!message.isEmpty());
        }));
    }

    void L04_aQueueBetweenProducersAndConsumers()
    {
        Lock lock;
        Condition changed;
        QList<int> queue;
        int sum = 0;
        auto consume = [&]() -> Task<> {
            for (int i = 0; i < 20; ++i) {
                auto guard = co_await lock.acquire();
                co_await changed.wait(guard, [&] { return !queue.isEmpty(); });
                const int value = queue.takeFirst();
                co_await yield(); // inside
                sum += value;
            }
        };
        auto produce = [&]() -> Task<> {
            for (int i = 0; i < 20; ++i) {
                const auto guard = co_await lock.acquire();
                queue << i;
                co_await yield();
                changed.notifyOne();
            }
        };
        const QList<Coro<>> all = {spawn(consume), spawn(consume), spawn(produce), spawn(produce)};
        for (const Coro<> &coro : all)
            waitFor(coro, 20s);
        QCOMPARE(sum, 2 * 190);
        QVERIFY(!lock.isHeld());
    }

    void L04_notifyWakesThoseWhoWaitedLongest()
    {
        Lock lock;
        Condition condition;
        QList<int> order;
        QList<Coro<>> all;
        for (int i = 0; i < 6; ++i)
            all << spawn(waiter, std::ref(lock), std::ref(condition), i, std::ref(order));
        waitFor(pause());
        condition.notifyOne();
        waitFor(pause());
        QCOMPARE(order, QList<int>({0}));
        condition.notify(0);
        condition.notify(-1);
        condition.notify(2);
        waitFor(pause());
        QCOMPARE(order, QList<int>({0, 1, 2}));
        condition.notifyAll();
        condition.notifyAll(); // nobody waits any more: no effect later
        for (const Coro<> &coro : std::as_const(all))
            waitFor(coro);
        QCOMPARE(order, QList<int>({0, 1, 2, 3, 4, 5}));

        const Coro<> late = spawn(waiter, std::ref(lock), std::ref(condition), 6, std::ref(order));
        waitFor(pause());
        QCOMPARE(late.state(), CoroState::Running);
        condition.notify(7);
        waitFor(late);
    }

    // Those outcomes in which the lock is not free when the wait is over.
    void L04_theLockIsHeldAgain_data()
    {
        QTest::addColumn<Outcome>("outcome");
        QTest::newRow("notified") << Outcome::Completed;
        QTest::newRow("deadline") << Outcome::TimedOut;
        QTest::newRow("terminated") << Outcome::Cancelled;
        QTest::newRow("destroyed") << Outcome::Destroyed;
    }
    void L04_theLockIsHeldAgain()
    {
        QFETCH(const Outcome, outcome);
        Lock lock;
        auto condition = std::make_unique<Condition>();
        Outcome ended = Outcome::StillWaits;
        Lock::Guard mine;
        const Coro<> waiting = spawn([&]() -> Task<> {
            auto guard = co_await lock.acquire();
            try {
                co_await condition->wait(guard, outcome == Outcome::TimedOut ? 100ms : 1h);
                ended = Outcome::Completed;
            } catch (const TimedOut &) {
                ended = Outcome::TimedOut;
            } catch (const Cancelled &) {
                ended = Outcome::Cancelled;
            } catch (const Destroyed &) {
                ended = Outcome::Destroyed;
            }
            QVERIFY(guard);
            QVERIFY(!mine);
            QVERIFY(lock.isHeld());
        });
        waitFor(pause());
        mine = lock.tryAcquire();
        QVERIFY(mine);
        switch (outcome) {
        case Outcome::Completed:
            condition->notifyOne();
            break;
        case Outcome::Cancelled:
            waiting.terminate();
            break;
        case Outcome::Destroyed:
            condition.reset();
            break;
        default:
            break;
        }
        waitFor(pass(outcome == Outcome::TimedOut ? 150ms : 10ms)); // longer than the deadline
        QCOMPARE(ended, Outcome::StillWaits); // for the lock
        waiting.terminate(); // which cannot end that wait, nor change how the first one ended
        waiting.terminate();
        waitFor(pause());
        QCOMPARE(ended, Outcome::StillWaits);
        mine.release();
        QVERIFY(lock.isHeld());
        waitFor(waiting);
        QCOMPARE(ended, outcome);
        QVERIFY(!lock.isHeld());
    }

    void L04_lockDestroyedWhileItIsTakenAgain()
    {
        auto lock = std::make_unique<Lock>();
        Condition condition;
        const Coro<> waiting = spawn([&]() -> Task<> {
            auto guard = co_await lock->acquire();
            bool destroyed = false;
            try {
                co_await condition.wait(guard);
            } catch (const Destroyed &) {
                destroyed = true;
            }
            QVERIFY(destroyed);
            QVERIFY(!guard);
        });
        waitFor(pause());
        const Lock::Guard mine = lock->tryAcquire();
        condition.notifyOne();
        waitFor(pause());
        QCOMPARE(waiting.state(), CoroState::Running);
        lock.reset();
        waitFor(waiting);
    }

    void L04_allEndWhenTheProgramDoes()
    {
        Lock lock;
        Condition condition;
        QList<int> order;
        const Coro<> waiting = spawn(waiter, std::ref(lock), std::ref(condition), 1, std::ref(order));
        const Coro<> holding = spawn([&]() -> Task<> {
            const auto guard = co_await lock.acquire();
            co_await sleep(1h);
        });
        waiting.setDaemon();
        holding.setDaemon();
        waitFor(pause());
        Asyncoro::exec();
        QCOMPARE(waiting.state(), CoroState::Terminated);
        QCOMPARE(holding.state(), CoroState::Terminated);
        QVERIFY(!lock.isHeld());
    }

    void L04_aPredicateIsAskedOnceMoreAtTheDeadline()
    {
        Lock lock;
        Condition condition;
        bool ready = false;
        const Coro<> waiting = spawn([&]() -> Task<> {
            auto guard = co_await lock.acquire();
            co_await condition.wait(guard, [&] { return ready; }, 100ms);
            QVERIFY(guard);
        });
        waitFor(pause());
        ready = true; // without a notification
        waitFor(waiting);
    }

    void L04_aNotificationTooManyDoesNotSatisfyAPredicate()
    {
        Lock lock;
        auto condition = std::make_unique<Condition>();
        bool destroyed = false;
        const Coro<> waiting = spawn([&]() -> Task<> {
            auto guard = co_await lock.acquire();
            try {
                co_await condition->wait(guard, [] { return false; });
            } catch (const Destroyed &) {
                destroyed = true;
            }
            QVERIFY(guard);
        });
        for (int i = 0; i < 3; ++i) {
            waitFor(pause());
            QCOMPARE(waiting.state(), CoroState::Running);
            condition->notifyAll();
        }
        condition.reset(); // notified, but it would have to wait again
        waitFor(waiting);
        QVERIFY(destroyed);
    }

    void L04_aThreadThatDoesNotOwnItGetsAnError()
    {
        Condition condition;
        std::thread([&] {
            QVERIFY_THROWS_EXCEPTION(Error, condition.notifyOne());
            QVERIFY_THROWS_EXCEPTION(Error, condition.notifyAll());
            QVERIFY_THROWS_EXCEPTION(Error, waitFor(spawn([&]() -> Task<> {
                                         Lock lock;
                                         auto guard = co_await lock.acquire();
                                         co_await condition.wait(guard);
                                     })));
        }).join();
    }

private:
    static Task<> waiter(Lock &lock, Condition &condition, int number, QList<int> &order)
    {
        auto guard = co_await lock.acquire();
        co_await condition.wait(guard);
        order << number;
    }

    static Task<> pause()
    {
        for (int i = 0; i < 10; ++i)
            co_await yield();
    }

    static Task<> pass(std::chrono::milliseconds time) { co_await sleep(time); }
};

QTEST_GUILESS_MAIN(ConditionTest)
#include "conditiontest.moc"
