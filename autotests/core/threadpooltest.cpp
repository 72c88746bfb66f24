// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "corotesting.h"
#include "waitmatrix.h"

#include <Asyncoro/Coro>
#include <Asyncoro/ThreadPool>
#include <Asyncoro/Timeout>

#include <QSemaphore>
#include <QTest>

#include <atomic>
#include <thread>

using namespace Asyncoro;
using namespace CoroTesting;
using namespace std::chrono_literals;

namespace {

/** Waits until a pool has made its calls; one is in it that ends when it is told to. */
struct WaitForJoin {
    static constexpr bool CompletesAtOnce = false; // the pool's thread may need a moment
    static constexpr auto CancelledAfterCompletion = WaitMatrix::Outcome::Cancelled; // it tells by an event
    static constexpr auto DestroyedAfterCompletion = WaitMatrix::Outcome::Completed;

    QSemaphore end;
    std::unique_ptr<ThreadPool> pool = std::make_unique<ThreadPool>(1);
    Coro<> call = spawn([this]() -> Task<> { co_await pool->run([this] { end.acquire(); }); });

    WaitForJoin()
    {
        call.setDaemon();
        letOthersRun();
    }
    ~WaitForJoin() { end.release(); }
    Task<> wait(QDeadlineTimer deadline) { co_await pool->join(deadline); }
    void complete()
    {
        end.release();
        pool->threadPool()->waitForDone();
    }
    void verify(bool, WaitMatrix::Outcome) { }
};

} // namespace

class ThreadPoolTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void H07_runGivesTheValueOfABlockingCall()
    {
        ThreadPool pool(2);
        const auto body = [&]() -> Task<> {
            const std::thread::id here = std::this_thread::get_id();
            std::thread::id there;
            const int sum = co_await pool.run([&](int a, const QString &text) {
                there = std::this_thread::get_id();
                return a + int(text.size());
            }, 3, QStringLiteral("abc"));
            QCOMPARE(sum, 6);
            QVERIFY(there != here);
            QVERIFY(std::this_thread::get_id() == here); // back again
            co_await pool.run([] {});
            const std::unique_ptr<int> pointer = co_await pool.run([](std::unique_ptr<int> p) {
                ++*p;
                return p;
            }, std::make_unique<int>(4));
            QCOMPARE(*pointer, 5);
            QCOMPARE(co_await runInPool([] { return 7; }), 7);
        };
        waitFor(body());
    }

    void H07_runThrowsTheExceptionOfTheCall()
    {
        ThreadPool pool(1);
        const auto body = [&]() -> Task<> { co_await pool.run([] { throw Problem("no"); }); };
        QVERIFY_THROWS_EXCEPTION(Problem, waitFor(body()));
    }

    void H07_callsRunAtTheSameTimeAndWaitForAFreeThread()
    {
        ThreadPool pool(2);
        QSemaphore entered;
        QSemaphore leave;
        std::atomic<int> inside = 0;
        QList<Coro<>> coros;
        for (int i = 0; i < 5; ++i) {
            coros << spawn([&]() -> Task<> {
                co_await pool.run([&] {
                    ++inside;
                    entered.release();
                    leave.acquire();
                    --inside;
                });
            });
        }
        letOthersRun();
        entered.acquire(2);
        QCOMPARE(inside.load(), 2);
        leave.release(5);
        for (const Coro<> &coro : std::as_const(coros))
            waitFor(coro);
        QCOMPARE(inside.load(), 0);
    }

    void H07_joinWaitsForAllCalls()
    {
        ThreadPool pool(3);
        std::atomic<int> made = 0;
        const auto body = [&]() -> Task<> {
            co_await pool.join(); // nothing to wait for
            for (int i = 0; i < 20; ++i) {
                spawn([&]() -> Task<> {
                    co_await pool.run([&] { ++made; });
                });
            }
            co_await yield();
            co_await pool.join();
            QCOMPARE(made.load(), 20);
        };
        waitFor(body());
    }

    void H07_joinWaits_data() { WaitMatrix::addRows<WaitForJoin>(); }
    void H07_joinWaits() { WaitMatrix::run<WaitForJoin>(); }

    void H07_theDestructorMakesAllCalls()
    {
        std::atomic<int> made = 0;
        QList<Coro<>> coros;
        Coro<> joining;
        QSemaphore begin;
        {
            ThreadPool pool(1);
            for (int i = 0; i < 10; ++i) {
                coros << spawn([&]() -> Task<> {
                    co_await pool.run([&] {
                        begin.acquire();
                        ++made;
                    });
                });
            }
            letOthersRun();
            joining = spawn([&]() -> Task<> { co_await pool.join(); });
            letOthersRun();
            begin.release(10);
        }
        QCOMPARE(made.load(), 10);
        for (const Coro<> &coro : std::as_const(coros))
            waitFor(coro);
        waitFor(joining);
    }

    void aCancelledCallThatHasNotBegunIsNotMade()
    {
        ThreadPool pool(1);
        QSemaphore begun;
        QSemaphore leave;
        const Coro<> first = spawn([&]() -> Task<> {
            co_await pool.run([&] {
                begun.release();
                leave.acquire();
            });
        });
        letOthersRun();
        begun.acquire();
        std::atomic<bool> made = false;
        const auto guard = std::make_shared<int>();
        const Coro<> second = spawn([&, guard]() -> Task<> { co_await pool.run([&made, guard] { made = true; }); });
        letOthersRun();
        QVERIFY(guard.use_count() > 2);
        second.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(second));
        QCOMPARE(guard.use_count(), 1); // not kept until its turn would come
        leave.release();
        waitFor(first);
        waitFor([&]() -> Task<> { co_await pool.join(); }());
        QVERIFY(!made);
    }

    void aCancelledCallThatRunsIsAskedToStopAndGoesOn()
    {
        ThreadPool pool(1);
        QSemaphore begun;
        QSemaphore leave;
        std::atomic<bool> stopped = false;
        const auto result = std::make_shared<int>();
        std::weak_ptr<int> watch;
        const Coro<> coro = spawn([&]() -> Task<> {
            co_await pool.run([&](std::stop_token token, int number) {
                begun.release();
                leave.acquire();
                stopped = token.stop_requested();
                auto value = std::make_shared<int>(number);
                watch = value;
                return value;
            }, 5);
        });
        letOthersRun();
        begun.acquire();
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro)); // at once
        QVERIFY(!stopped);
        leave.release();
        waitFor([&]() -> Task<> { co_await pool.join(); }());
        QVERIFY(stopped);
        QTRY_VERIFY(watch.expired()); // its value was dropped, perhaps just after join() has ended
    }

    void aTimeOutAsksTheCallToStop()
    {
        ThreadPool pool(1);
        std::atomic<bool> stopped = false;
        const auto body = [&]() -> Task<> {
            co_await pool.run([] { }); // so that its thread is there
            co_await withTimeout(500ms, pool.run([&](std::stop_token token) {
                while (!token.stop_requested())
                    QThread::yieldCurrentThread();
                stopped = true;
            }));
        };
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(body()));
        waitFor([&]() -> Task<> { co_await pool.join(); }());
        QVERIFY(stopped);
        const auto inTime = [&]() -> Task<int> { co_return co_await withTimeout(1h, pool.run([] { return 4; })); };
        QCOMPARE(waitFor(inTime()), 4);
    }

    void aTokenOfACallThatIsWaitedForIsNotStopped()
    {
        const auto body = []() -> Task<bool> {
            co_return co_await runInPool([](std::stop_token token) {
                return token.stop_possible() && !token.stop_requested();
            });
        };
        QVERIFY(waitFor(body()));
    }

    void cancelledBeforeItWaitsOrWhenTheCallHasEnded()
    {
        ThreadPool pool(1);
        std::atomic<int> made = 0;
        const Coro<> before = spawn([&]() -> Task<> {
            Coro<>::self().terminate();
            co_await pool.run([&] { ++made; });
        });
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(before));
        QCOMPARE(made.load(), 0);

        const Coro<> after = spawn([&]() -> Task<> { co_await pool.run([&] { ++made; }); });
        letOthersRun();
        pool.threadPool()->waitForDone();
        after.terminate();
        try {
            waitFor(after);
        } catch (const CoroTerminated &) {
            // it has not heard of the end yet
        }
        QCOMPARE(made.load(), 1);
    }

    void aPoolThatIsClearedIsAnError()
    {
        QSemaphore leave;
        QSemaphore begun;
        QThreadPool pool; // ends before what its thread uses
        pool.setMaxThreadCount(1);
        pool.start([&] {
            begun.release();
            leave.acquire();
        });
        begun.acquire();
        const Coro<> coro = spawn([&]() -> Task<> { co_await Detail::callInPool(&pool, nullptr, [] {}); });
        letOthersRun();
        pool.clear();
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(coro));
        leave.release();
    }

    void itsThreadEndsWhileItWaits()
    {
        QSemaphore leave;
        QSemaphore begun;
        ThreadPool pool(1); // ends before what its thread uses
        std::thread([&] {
            spawn([&]() -> Task<> {
                co_await pool.run([&] {
                    begun.release();
                    leave.acquire();
                });
            });
            letOthersRun();
            begun.acquire();
        }).join();
        leave.release();
    }

    void manyThreadsShareAPool()
    {
        ThreadPool pool(2);
        std::atomic<int> sum = 0;
        const auto caller = [&]() -> Task<> {
            for (int i = 0; i < 100; ++i)
                sum += co_await pool.run([i] { return i; });
        };
        std::thread other([&] {
            const Coro<> a = spawn(caller);
            const Coro<> b = spawn(caller);
            waitFor(a);
            waitFor(b);
        });
        waitFor(caller());
        other.join();
        QCOMPARE(sum.load(), 3 * 4950);
    }
};

QTEST_GUILESS_MAIN(ThreadPoolTest)
#include "threadpooltest.moc"
