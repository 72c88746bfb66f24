// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/Lock>

#include "waitmatrix.h"

#include <Asyncoro/Coro>

#include <QTest>

#include <thread>

using namespace Asyncoro;
using namespace std::chrono_literals;

class LockTest : public QObject
{
    Q_OBJECT

    struct Wait {
        static constexpr auto DestroyedAfterCompletion = WaitMatrix::Outcome::Destroyed; // it was never inside

        std::unique_ptr<Lock> lock = std::make_unique<Lock>();
        Lock::Guard other = lock->tryAcquire();

        Task<> wait(QDeadlineTimer deadline)
        {
            const auto guard = co_await lock->acquire(deadline);
            QVERIFY(guard);
            QVERIFY(lock->isHeld());
        }
        void complete() { other.release(); }
        void destroy() { lock.reset(); }
        void verify(bool completed, WaitMatrix::Outcome)
        {
            QCOMPARE(lock->isHeld(), !completed);
            other.release();
            QVERIFY(lock->tryAcquire());
        }
    };

private Q_SLOTS:
    void L01_waits_data() { WaitMatrix::addRows<Wait>(); }
    void L01_waits() { WaitMatrix::run<Wait>(); }

    void L01_oneAtATime()
    {
        Lock lock;
        int inside = 0;
        int done = 0;
        auto work = [&]() -> Task<> {
            for (int i = 0; i < 10; ++i) {
                const auto guard = co_await lock.acquire();
                QCOMPARE(++inside, 1);
                co_await yield();
                --inside;
            }
            ++done;
        };
        QList<Coro<>> all;
        for (int i = 0; i < 20; ++i)
            all << spawn(work);
        for (const Coro<> &coro : std::as_const(all))
            waitFor(coro);
        QCOMPARE(done, 20);
        QVERIFY(!lock.isHeld());
    }

    void L01_firstComeFirstServed()
    {
        Lock lock;
        QList<int> order;
        auto work = [&](int number) -> Task<> {
            for (int i = 0; i < 2; ++i) {
                const auto guard = co_await lock.acquire();
                order << number;
                co_await yield(); // the others come meanwhile
            }
        };
        const QList<Coro<>> all = {spawn(work, 1), spawn(work, 2), spawn(work, 3)};
        for (const Coro<> &coro : all)
            waitFor(coro);
        // One that comes again goes behind those who wait.
        QCOMPARE(order, QList<int>({1, 2, 3, 1, 2, 3}));
    }

    void L01_nobodyComesBetweenReleaseAndTheNext()
    {
        Lock lock;
        Lock::Guard mine = lock.tryAcquire();
        bool got = false;
        const Coro<> other = spawn([&]() -> Task<> {
            const auto guard = co_await lock.acquire();
            got = true;
        });
        waitFor(pause());
        mine.release();
        QVERIFY(lock.isHeld()); // handed over, though the other one has not resumed
        QVERIFY(!got);
        QVERIFY(!lock.tryAcquire());
        waitFor(other);
        QVERIFY(got);
    }

    void L01_aFreeLockIsTakenWithoutSuspending()
    {
        Lock lock;
        bool otherRan = false;
        waitFor(spawn([&]() -> Task<> {
            const Coro<> other = spawn([&]() -> Task<> {
                otherRan = true;
                co_return;
            });
            for (int i = 0; i < 100; ++i)
                const auto guard = co_await lock.acquire(0s);
            QVERIFY(!otherRan);
            co_await other;
        }));
    }

    void L01_guards()
    {
        Lock lock;
        Lock second;
        QVERIFY(!Lock::Guard());
        Lock::Guard().release(); // nothing to release: no effect

        Lock::Guard guard = lock.tryAcquire();
        QVERIFY(guard);
        QVERIFY(!lock.tryAcquire());
        Lock::Guard moved = std::move(guard);
        QVERIFY(moved);
        QVERIFY(!guard); // NOLINT: moved from, and empty
        guard.release();
        QVERIFY(lock.isHeld());

        moved = second.tryAcquire(); // releases what it held
        QVERIFY(!lock.isHeld());
        QVERIFY(second.isHeld());
        Lock::Guard &same = moved;
        moved = std::move(same);
        QVERIFY(second.isHeld());
        moved.release();
        moved.release();
        QVERIFY(!second.isHeld());
    }

    void L01_anExceptionReleases()
    {
        Lock lock;
        const Coro<> failing = spawn([&]() -> Task<> {
            const auto guard = co_await lock.acquire();
            co_await yield();
            throw Error(QStringLiteral("failed inside"));
        });
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(failing));
        QVERIFY(!lock.isHeld());
    }

    void L01_aTerminatedOneHandsOn()
    {
        Lock lock;
        Lock::Guard mine = lock.tryAcquire();
        auto work = [&]() -> Task<> {
            const auto guard = co_await lock.acquire();
            co_await yield(); // the terminated one ends here
        };
        const Coro<> first = spawn(work);
        const Coro<> second = spawn(work);
        waitFor(pause());
        mine.release(); // to the first
        first.terminate();
        waitFor(second);
        QCOMPARE(first.state(), CoroState::Terminated);
        QVERIFY(!lock.isHeld());
    }

    void L01_whoGivesUpIsPassedOver()
    {
        Lock lock;
        Lock::Guard mine = lock.tryAcquire();
        const Coro<> impatient = spawn([&]() -> Task<> { const auto guard = co_await lock.acquire(1ms); });
        const Coro<> patient = spawn([&]() -> Task<> { const auto guard = co_await lock.acquire(); });
        try {
            waitFor(impatient);
            QFAIL("did not time out");
        } catch (const TimedOut &e) {
            QCOMPARE(e.message(), QStringLiteral("Lock::acquire() timed out"));
        }
        mine.release();
        waitFor(patient);
        QVERIFY(!lock.isHeld());
    }

    void L01_aGuardMayOutliveItsLock()
    {
        auto lock = std::make_unique<Lock>();
        Lock::Guard guard = lock->tryAcquire();
        lock.reset();
        QVERIFY(!guard);
        guard.release();
        const Lock::Guard moved = std::move(guard);
        QVERIFY(!moved);
    }

    void L01_aThreadThatDoesNotOwnItGetsAnError()
    {
        Lock lock;
        Lock::Guard guard = lock.tryAcquire();
        std::thread([&] {
            QVERIFY_THROWS_EXCEPTION(Error, static_cast<void>(lock.tryAcquire()));
            QVERIFY_THROWS_EXCEPTION(Error, static_cast<void>(lock.isHeld()));
            QVERIFY_THROWS_EXCEPTION(Error, guard.release());
            QVERIFY_THROWS_EXCEPTION(Error, waitFor(spawn([&]() -> Task<> {
                                         const auto mine = co_await lock.acquire();
                                     })));
        }).join();
        QVERIFY(guard);
        QVERIFY(lock.isHeld());
    }

private:
    static Task<> pause()
    {
        for (int i = 0; i < 3; ++i)
            co_await yield();
    }
};

QTEST_GUILESS_MAIN(LockTest)
#include "locktest.moc"
