// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/Semaphore>

#include "waitmatrix.h"

#include <Asyncoro/Coro>

#include <QTest>

#include <limits>
#include <thread>

using namespace Asyncoro;
using namespace std::chrono_literals;

class SemaphoreTest : public QObject
{
    Q_OBJECT

    struct Wait {
        static constexpr auto DestroyedAfterCompletion = WaitMatrix::Outcome::Destroyed;

        std::unique_ptr<Semaphore> semaphore = std::make_unique<Semaphore>(2);

        Task<> wait(QDeadlineTimer deadline)
        {
            const auto guard = co_await semaphore->acquire(5, deadline);
            QCOMPARE(guard.count(), 5);
            QCOMPARE(semaphore->available(), 0);
        }
        void complete() { semaphore->release(3); }
        void destroy() { semaphore.reset(); }
        void verify(bool completed, WaitMatrix::Outcome)
        {
            QCOMPARE(semaphore->available(), completed ? 5 : 2);
            QVERIFY(semaphore->tryAcquire()); // nobody is left in the queue
        }
    };

private Q_SLOTS:
    void L05_waits_data() { WaitMatrix::addRows<Wait>(); }
    void L05_waits() { WaitMatrix::run<Wait>(); }

    void L05_soManyAtATime()
    {
        Semaphore semaphore(3);
        int inside = 0;
        int most = 0;
        auto work = [&]() -> Task<> {
            const auto guard = co_await semaphore.acquire();
            most = std::max(most, ++inside);
            co_await yield();
            --inside;
        };
        QList<Coro<>> all;
        for (int i = 0; i < 20; ++i)
            all << spawn(work);
        for (const Coro<> &coro : std::as_const(all))
            waitFor(coro);
        QCOMPARE(most, 3);
        QCOMPARE(semaphore.available(), 3);
    }

    void L05_producersReleaseWhatOthersAcquire()
    {
        Semaphore items(0);
        int taken = 0;
        const Coro<> consumer = spawn([&]() -> Task<> {
            while (taken < 10) {
                auto item = co_await items.acquire();
                item.keep();
                QVERIFY(!item);
                QCOMPARE(item.count(), 0);
                ++taken;
            }
        });
        waitFor(spawn([&]() -> Task<> {
            for (int i = 1; i <= 4; ++i) {
                items.release(i);
                co_await yield();
            }
        }));
        waitFor(consumer);
        QCOMPARE(taken, 10);
        QCOMPARE(items.available(), 0);
    }

    void L05_nobodyOvertakesABigRequest()
    {
        Semaphore semaphore(4);
        Semaphore::Guard mine = semaphore.tryAcquire(3);
        QList<int> order;
        const QList<Coro<>> all = {spawn(worker, std::ref(semaphore), 4, std::ref(order)),
                                   spawn(worker, std::ref(semaphore), 1, std::ref(order)),
                                   spawn(worker, std::ref(semaphore), 2, std::ref(order))};
        waitFor(pause());
        QCOMPARE(order, QList<int>());
        QCOMPARE(semaphore.available(), 1);
        QVERIFY(!semaphore.tryAcquire()); // nor so
        mine.release();
        QCOMPARE(semaphore.available(), 0);
        for (const Coro<> &coro : all)
            waitFor(coro);
        QCOMPARE(order, QList<int>({4, 1, 2}));
        QCOMPARE(semaphore.available(), 4);
    }

    void L05_whenABigRequestGivesUpTheNextAreServed_data()
    {
        QTest::addColumn<bool>("terminate");
        QTest::newRow("terminated") << true;
        QTest::newRow("deadline") << false;
    }
    void L05_whenABigRequestGivesUpTheNextAreServed()
    {
        QFETCH(const bool, terminate);
        Semaphore semaphore(2);
        QList<int> order;
        const Coro<> big = spawn([&]() -> Task<> {
            const auto guard = co_await semaphore.acquire(3, terminate ? QDeadlineTimer::Forever : QDeadlineTimer(5ms));
        });
        const Coro<> first = spawn(worker, std::ref(semaphore), 1, std::ref(order));
        const Coro<> second = spawn(worker, std::ref(semaphore), 1, std::ref(order));
        waitFor(pause());
        if (terminate) {
            QCOMPARE(semaphore.available(), 2);
            big.terminate();
            QCOMPARE(semaphore.available(), 0);
        }
        waitFor(first);
        waitFor(second);
        QCOMPARE(order, QList<int>({1, 1}));
        QVERIFY(big.state() != CoroState::Running);
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(big));
        QCOMPARE(semaphore.available(), 2);
    }

    void L05_guards()
    {
        Semaphore semaphore(5);
        Semaphore::Guard two = semaphore.tryAcquire(2);
        Semaphore::Guard three = semaphore.tryAcquire(3);
        QCOMPARE(two.count(), 2);
        QVERIFY(!semaphore.tryAcquire());
        Semaphore::Guard moved = std::move(two);
        QCOMPARE(moved.count(), 2);
        QCOMPARE(two.count(), 0); // NOLINT: moved from, and empty
        moved = std::move(three);
        QCOMPARE(semaphore.available(), 2);
        moved.release();
        moved.release();
        QCOMPARE(semaphore.available(), 5);
        QVERIFY(!semaphore.tryAcquire(6));
        semaphore.release(); // no upper bound
        QVERIFY(semaphore.tryAcquire(6));
    }

    void L05_deadlineAloneMeansOnePermit()
    {
        Semaphore semaphore(1);
        waitFor(spawn([&]() -> Task<> {
            const auto guard = co_await semaphore.acquire(1h);
            QCOMPARE(guard.count(), 1);
            bool timedOut = false;
            try {
                const auto second = co_await semaphore.acquire(1ms);
            } catch (const TimedOut &) {
                timedOut = true;
            }
            QVERIFY(timedOut);
        }));
    }

    void L05_wrongCountsAreErrors()
    {
        QVERIFY_THROWS_EXCEPTION(Error, Semaphore(-1));
        Semaphore semaphore(1);
        for (const int count : {0, -1}) {
            QVERIFY_THROWS_EXCEPTION(Error, static_cast<void>(semaphore.acquire(count)));
            QVERIFY_THROWS_EXCEPTION(Error, static_cast<void>(semaphore.tryAcquire(count)));
            QVERIFY_THROWS_EXCEPTION(Error, semaphore.release(count));
        }
        const Semaphore::Guard guard = semaphore.tryAcquire(); // its permit needs room, too
        QVERIFY_THROWS_EXCEPTION(Error, semaphore.release(std::numeric_limits<int>::max()));
        QCOMPARE(semaphore.available(), 0);
    }

    void L05_aGuardMayOutliveItsSemaphore()
    {
        auto semaphore = std::make_unique<Semaphore>(3);
        Semaphore::Guard one = semaphore->tryAcquire();
        Semaphore::Guard two = semaphore->tryAcquire(2);
        semaphore.reset();
        QVERIFY(!one);
        QCOMPARE(two.count(), 0);
        one.release();
        two.keep();
    }

    void L05_aThreadThatDoesNotOwnItGetsAnError()
    {
        Semaphore semaphore(2);
        Semaphore::Guard guard = semaphore.tryAcquire();
        std::thread([&] {
            QVERIFY_THROWS_EXCEPTION(Error, static_cast<void>(semaphore.tryAcquire()));
            QVERIFY_THROWS_EXCEPTION(Error, static_cast<void>(semaphore.acquire()));
            QVERIFY_THROWS_EXCEPTION(Error, static_cast<void>(semaphore.available()));
            QVERIFY_THROWS_EXCEPTION(Error, semaphore.release());
            QVERIFY_THROWS_EXCEPTION(Error, guard.release());
            QVERIFY_THROWS_EXCEPTION(Error, guard.keep());
        }).join();
        QCOMPARE(semaphore.available(), 1);
    }

private:
    static Task<> worker(Semaphore &semaphore, int count, QList<int> &order)
    {
        const auto guard = co_await semaphore.acquire(count);
        order << count;
        co_await yield();
    }

    static Task<> pause()
    {
        for (int i = 0; i < 3; ++i)
            co_await yield();
    }
};

QTEST_GUILESS_MAIN(SemaphoreTest)
#include "semaphoretest.moc"
