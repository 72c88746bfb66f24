// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/RLock>

#include "waitmatrix.h"

#include <Asyncoro/Coro>
#include <Asyncoro/WhenAll>

#include <QTest>

#include <thread>

using namespace Asyncoro;
using namespace std::chrono_literals;

class RLockTest : public QObject
{
    Q_OBJECT

    struct Wait {
        static constexpr auto DestroyedAfterCompletion = WaitMatrix::Outcome::Destroyed; // it was never inside

        std::unique_ptr<RLock> lock = std::make_unique<RLock>();
        RLock::Guard outer = lock->tryAcquire();
        RLock::Guard inner = lock->tryAcquire();

        Task<> wait(QDeadlineTimer deadline)
        {
            const auto guard = co_await lock->acquire(deadline);
            QVERIFY(guard);
            QVERIFY(lock->tryAcquire()); // it is ours
        }
        void complete()
        {
            outer.release();
            QVERIFY(lock->isHeld());
            inner.release();
        }
        void destroy() { lock.reset(); }
        void verify(bool completed, WaitMatrix::Outcome)
        {
            QCOMPARE(lock->isHeld(), !completed);
            outer.release();
            inner.release();
            QVERIFY(lock->tryAcquire());
        }
    };

    static Task<int> depth(RLock &lock, int levels)
    {
        const auto guard = co_await lock.acquire(0s);
        if (levels == 0)
            co_return 0;
        co_return 1 + co_await depth(lock, levels - 1);
    }

private Q_SLOTS:
    void L02_waits_data() { WaitMatrix::addRows<Wait>(); }
    void L02_waits() { WaitMatrix::run<Wait>(); }

    void L02_whoHoldsItMayAcquireItAgain()
    {
        RLock lock;
        QCOMPARE(waitFor(spawn(depth, std::ref(lock), 50)), 50);
        QVERIFY(!lock.isHeld());
    }

    void L02_itIsFreeWhenTheLastGuardIsGone()
    {
        RLock lock;
        bool got = false;
        const Coro<> holder = spawn([&]() -> Task<> {
            auto first = co_await lock.acquire();
            auto second = co_await lock.acquire();
            auto third = lock.tryAcquire();
            QVERIFY(third);
            const Coro<> other = spawn([&]() -> Task<> {
                const auto guard = co_await lock.acquire();
                got = true;
            });
            co_await yield();
            auto fourth = co_await lock.acquire(0s); // others who wait do not matter
            first.release(); // in any order
            fourth.release();
            second.release();
            co_await yield();
            QVERIFY(!got);
            third.release();
            QVERIFY(!lock.tryAcquire()); // handed over
            co_await other;
            QVERIFY(got);
        });
        waitFor(holder);
        QVERIFY(!lock.isHeld());
    }

    void L02_firstComeFirstServed()
    {
        RLock lock;
        QList<int> order;
        auto work = [&](int number) -> Task<> {
            for (int i = 0; i < 2; ++i) {
                const auto guard = co_await lock.acquire();
                co_await yield();
                const auto again = co_await lock.acquire();
                order << number;
            }
        };
        const QList<Coro<>> all = {spawn(work, 1), spawn(work, 2), spawn(work, 3)};
        for (const Coro<> &coro : all)
            waitFor(coro);
        QCOMPARE(order, QList<int>({1, 2, 3, 1, 2, 3}));
    }

    void L02_aCoroutineThatItSpawnsIsAnother()
    {
        RLock lock;
        waitFor(spawn([&]() -> Task<> {
            const auto guard = co_await lock.acquire();
            const Coro<> child = spawn([&]() -> Task<> {
                QVERIFY(!lock.tryAcquire());
                const auto own = co_await lock.acquire(1ms);
            });
            bool timedOut = false;
            try {
                co_await child;
            } catch (const TimedOut &) {
                timedOut = true;
            }
            QVERIFY(timedOut);
        }));
        QVERIFY(!lock.isHeld());
    }

    void L02_theArmsOfACoroutineActForIt()
    {
        RLock lock;
        waitFor(spawn([&]() -> Task<> {
            auto use = [&]() -> Task<> {
                const auto again = co_await lock.acquire(0s);
                co_await yield();
            };
            const auto guard = co_await lock.acquire();
            co_await whenAll(use(), use());
            QVERIFY(lock.isHeld());
        }));
        QVERIFY(!lock.isHeld());

        // What an arm has acquired is the coroutine's.
        RLock::Guard other = lock.tryAcquire();
        const Coro<> waiting = spawn([&]() -> Task<> {
            auto [guard, nothing] = co_await whenAll(lock.acquire(), yield());
            QVERIFY(guard);
            const auto again = co_await lock.acquire(0s);
        });
        waitFor(sleepShortly());
        other.release();
        waitFor(waiting);
        QVERIFY(!lock.isHeld());
    }

    void L02_plainCodeIsOneMore()
    {
        RLock lock;
        const RLock::Guard first = lock.tryAcquire();
        QVERIFY(lock.tryAcquire());
        waitFor(spawn([&]() -> Task<> {
            QVERIFY(!lock.tryAcquire());
            co_return;
        }));
    }

    void L02_aGuardCountsForWhoAcquiredIt()
    {
        RLock lock;
        RLock::Guard kept;
        const Coro<> holder = spawn([&]() -> Task<> {
            kept = co_await lock.acquire();
            co_await receive();
            const auto again = co_await lock.acquire(0s);
            QVERIFY(again);
        });
        waitFor(spawn([&]() -> Task<> {
            co_await yield();
            co_await yield();
            QVERIFY(kept);
            QVERIFY(!lock.tryAcquire());
        }));
        holder.send(1);
        waitFor(holder);
        QVERIFY(lock.isHeld()); // by one that has ended: nobody inherits it
        QVERIFY(!lock.tryAcquire());
        kept.release();
        QVERIFY(lock.tryAcquire());
    }

    void L02_aGuardMayOutliveItsLock()
    {
        auto lock = std::make_unique<RLock>();
        RLock::Guard first = lock->tryAcquire();
        const RLock::Guard second = lock->tryAcquire();
        lock.reset();
        QVERIFY(!first);
        QVERIFY(!second);
        first.release();
    }

    void L02_aThreadThatDoesNotOwnItGetsAnError()
    {
        RLock lock;
        RLock::Guard guard = lock.tryAcquire();
        std::thread([&] {
            QVERIFY_THROWS_EXCEPTION(Error, static_cast<void>(lock.tryAcquire()));
            QVERIFY_THROWS_EXCEPTION(Error, static_cast<void>(lock.isHeld()));
            QVERIFY_THROWS_EXCEPTION(Error, guard.release());
            QVERIFY_THROWS_EXCEPTION(Error, static_cast<void>(lock.acquire()));
        }).join();
        QVERIFY(lock.isHeld());
    }

private:
    static Task<> sleepShortly() { co_await sleep(2ms); }
};

QTEST_GUILESS_MAIN(RLockTest)
#include "rlocktest.moc"
