// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "corotesting.h"

#include <Asyncoro/Timeout>

#include <Asyncoro/Coro>
#include <Asyncoro/Event>

#include <QTest>

#include <thread>

using namespace Asyncoro;
using namespace CoroTesting;
using namespace std::chrono_literals;

namespace {

Task<int> after(std::chrono::milliseconds time, int value)
{
    co_await sleep(time);
    co_return value;
}

} // namespace

class TimeoutTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void givesTheValueInTime()
    {
        QCOMPARE(waitFor(withTimeout(1h, after(1ms, 5))), 5);
        QCOMPARE(waitFor(withTimeout(QDeadlineTimer::Forever, after(1ms, 5))), 5);
    }

    void throwsTimedOut()
    {
        bool cleanedUp = false;
        const Coro<> coro = spawn([&]() -> Task<> {
            co_await withTimeout(2ms, [](bool &flag) -> Task<> {
                struct Guard {
                    bool &flag;
                    ~Guard() { flag = true; }
                } guard{flag};
                co_await sleepForever();
            }(cleanedUp));
        });
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(coro));
        QVERIFY(cleanedUp);
    }

    void deadlineInThePastStillLetsWhatDoesNotWaitPass()
    {
        QCOMPARE(waitFor(withTimeout(0ms, []() -> Task<int> { co_return 3; }())), 3);
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(withTimeout(0ms, sleepForever())));
    }

    void seesTheMailboxOfTheCoroutine()
    {
        const Coro<int> coro = spawn([]() -> Task<int> {
            co_return co_await withTimeout(1h, receive<int>());
        });
        coro.send(9);
        QCOMPARE(waitFor(coro), 9);
    }

    void innerDeadlineIsTheInnerOnes()
    {
        const int result = waitFor(spawn([]() -> Task<int> {
            try {
                co_await withTimeout(1h, withTimeout(1ms, sleepForever()));
            } catch (const TimedOut &) {
            }
            // what is outside was not cancelled by it
            co_return co_await after(1ms, 4);
        }));
        QCOMPARE(result, 4);
    }

    void outerDeadlineEndsTheInner()
    {
        bool innerCaught = false;
        const Coro<> coro = spawn([&]() -> Task<> {
            co_await withTimeout(2ms, [](bool &caught) -> Task<> {
                try {
                    co_await withTimeout(1h, sleepForever());
                } catch (const TimedOut &) {
                    caught = true; // it is not the inner one's
                }
            }(innerCaught));
        });
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(coro));
        QVERIFY(!innerCaught);
    }

    void aValueInSpiteOfTheTimeoutCounts()
    {
        auto stubborn = []() -> Task<int> {
            try {
                co_await sleepForever();
            } catch (const Cancelled &) {
            }
            co_return 8;
        };
        QCOMPARE(waitFor(withTimeout(1ms, stubborn())), 8);
    }

    void everyWaitInsideThrowsOnceItIsOver()
    {
        int waits = 0;
        auto stubborn = [](int &count) -> Task<> {
            for (int i = 0; i < 3; ++i) {
                try {
                    co_await sleepForever();
                } catch (const Cancelled &) {
                    ++count;
                }
            }
        };
        waitFor(withTimeout(1ms, stubborn(waits)));
        QCOMPARE(waits, 3);
    }

    void cancellingIsNoTimeout_data()
    {
        QTest::addColumn<int>("when");
        QTest::newRow("before") << 0;
        QTest::newRow("during") << 1;
        QTest::newRow("after") << 2;
    }
    void cancellingIsNoTimeout()
    {
        QFETCH(const int, when);
        Event event;
        const Coro<> coro = spawn([&]() -> Task<> {
            if (when == 0)
                Coro<>::self().terminate();
            co_await withTimeout(1h, event.wait());
            co_await sleepForever();
        });
        letOthersRun();
        if (when == 2)
            event.set();
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
    }

    void shieldLetsCleanupWait()
    {
        QStringList log;
        const Coro<> coro = spawn([&]() -> Task<> {
            try {
                co_await sleepForever();
            } catch (const Cancelled &) {
            }
            log << QString::number(co_await shield(after(2ms, 1)));
            co_await sleep(1ms); // not shielded
            log << QStringLiteral("not reached");
        });
        letOthersRun();
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QCOMPARE(log, QStringList(QStringLiteral("1")));
    }

    void shieldHoldsBackTimeoutsFromAround()
    {
        int value = 0;
        const Coro<> coro = spawn([&]() -> Task<> {
            co_await withTimeout(1ms, [](int &result) -> Task<> {
                result = co_await shield(after(10ms, 6));
                co_await sleepForever();
            }(value));
        });
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(coro));
        QCOMPARE(value, 6);
    }

    void timeoutInsideAShieldWorks()
    {
        const Coro<> coro = spawn([]() -> Task<> {
            Coro<>::self().terminate();
            co_await shield(withTimeout(1ms, sleepForever()));
        });
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(coro));
    }

    void shieldHoldsBackThrownExceptions()
    {
        QStringList log;
        const Coro<> coro = spawn([&]() -> Task<> {
            log << QString::number(co_await shield(after(2ms, 1)));
            co_await sleepForever();
        });
        letOthersRun();
        coro.throwInto(Error(QStringLiteral("from outside")));
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(coro));
        QCOMPARE(log, QStringList(QStringLiteral("1")));
    }

    void programWaitsForShields()
    {
        bool cleanedUp = false;
        spawn([&]() -> Task<> {
            try {
                co_await sleepForever();
            } catch (const Cancelled &) {
            }
            co_await shield(after(5ms, 0));
            cleanedUp = true;
        }).setDaemon();
        spawn([]() -> Task<> { co_await sleep(1ms); });
        QCOMPARE(Asyncoro::exec(), 0);
        QVERIFY(cleanedUp);
    }

    void stopTokenCancels_data()
    {
        QTest::addColumn<int>("when");
        QTest::newRow("before") << 0;
        QTest::newRow("during") << 1;
        QTest::newRow("during, from another thread") << 2;
        QTest::newRow("after") << 3;
    }
    void stopTokenCancels()
    {
        QFETCH(const int, when);
        std::stop_source source;
        bool passed = false;
        if (when == 0)
            source.request_stop();
        const Coro<> coro = spawn([&]() -> Task<> {
            co_await withStopToken(source.get_token(), when == 3 ? after(1ms, 1) : after(1h, 1));
            passed = true;
            co_await sleep(1ms);
        });
        if (when == 3) {
            QTRY_VERIFY(passed);
            source.request_stop();
            waitFor(coro);
            return;
        }
        letOthersRun();
        if (when == 1)
            source.request_stop();
        if (when == 2)
            std::thread([&] { source.request_stop(); }).join();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QVERIFY(!passed);
    }

    void givesAStopToken()
    {
        std::stop_token outer;
        std::stop_token inner;
        std::stop_token shielded;
        const Coro<> coro = spawn([&]() -> Task<> {
            outer = currentStopToken();
            try {
                co_await withTimeout(1ms, [](std::stop_token &token) -> Task<> {
                    token = currentStopToken();
                    co_await sleepForever();
                }(inner));
            } catch (const TimedOut &) {
            }
            co_await shield([](std::stop_token &token) -> Task<> {
                token = currentStopToken();
                co_await suspend();
            }(shielded));
        });
        QTRY_VERIFY(inner.stop_requested());
        QVERIFY(!outer.stop_requested());
        QTRY_VERIFY(shielded.stop_possible());
        coro.terminate();
        QVERIFY(outer.stop_requested());
        QVERIFY(!shielded.stop_requested());
        coro.resume();
        waitFor(coro); // it did not wait any more
    }

    void onlyInCoroutines()
    {
        QVERIFY_THROWS_EXCEPTION(Error, std::ignore = currentStopToken());
        QVERIFY(currentDeadline().isForever());
    }
};

QTEST_GUILESS_MAIN(TimeoutTest)
#include "timeouttest.moc"
