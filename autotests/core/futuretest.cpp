// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "corotesting.h"
#include "sender.h"

#include <Asyncoro/Coro>
#include <Asyncoro/Future>
#include <Asyncoro/Timeout>

#include <QTest>

#include <thread>

using namespace Asyncoro;
using namespace CoroTesting;
using namespace std::chrono_literals;

namespace {

template<typename T>
Task<T> resultOf(QFuture<T> future)
{
    co_return co_await future;
}

} // namespace

/** co_await of a QFuture, and toFuture(). */
class FutureTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void givesTheResult()
    {
        QPromise<int> promise;
        promise.start();
        const Coro<int> coro = spawn(resultOf<int>, promise.future());
        const Coro<int> another = spawn(resultOf<int>, promise.future());
        letOthersRun();
        QCOMPARE(coro.state(), CoroState::Running);
        promise.addResult(7);
        letOthersRun();
        QCOMPARE(coro.state(), CoroState::Running); // it has a result, but may get more
        promise.finish();
        QCOMPARE(waitFor(coro), 7);
        QCOMPARE(waitFor(another), 7);
        QCOMPARE(waitFor(resultOf(promise.future())), 7);
    }

    void aFutureThatHasFinishedDoesNotSuspend()
    {
        bool othersRan = false;
        const auto body = [&]() -> Task<> {
            const Coro<> other = spawn([&]() -> Task<> {
                othersRan = true;
                co_return;
            });
            QCOMPARE(co_await QtFuture::makeReadyValueFuture(3), 3);
            co_await QtFuture::makeReadyVoidFuture();
            QVERIFY(!othersRan);
            co_await other;
        };
        waitFor(body());
    }

    void givesNothingOrWhatCannotBeCopied()
    {
        QPromise<void> nothing;
        nothing.start();
        QPromise<std::unique_ptr<int>> pointer;
        pointer.start();
        const Coro<> coro = spawn([](QFuture<void> a, QFuture<std::unique_ptr<int>> b) -> Task<> {
            co_await a;
            QCOMPARE(*co_await b, 5);
        }, nothing.future(), pointer.future());
        letOthersRun();
        nothing.finish();
        pointer.addResult(std::make_unique<int>(5));
        pointer.finish();
        waitFor(coro);
    }

    void throwsItsException()
    {
        QPromise<int> promise;
        promise.start();
        const Coro<int> coro = spawn(resultOf<int>, promise.future());
        letOthersRun();
        promise.setException(std::make_exception_ptr(Problem("no")));
        promise.finish();
        QVERIFY_THROWS_EXCEPTION(Problem, waitFor(coro));
    }

    void cancelledIsAnExceptionOfItsOwn()
    {
        QPromise<int> promise;
        promise.start();
        const Coro<int> coro = spawn(resultOf<int>, promise.future());
        letOthersRun();
        promise.future().cancel();
        promise.finish();
        QVERIFY_THROWS_EXCEPTION(FutureCancelled, waitFor(coro));

        auto broken = std::make_unique<QPromise<int>>();
        broken->start();
        const Coro<int> another = spawn(resultOf<int>, broken->future());
        letOthersRun();
        broken.reset();
        QVERIFY_THROWS_EXCEPTION(FutureCancelled, waitFor(another));
        QVERIFY_THROWS_EXCEPTION(FutureCancelled, waitFor(resultOf(QFuture<int>())));

        QPromise<int> empty;
        empty.start();
        empty.finish();
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(resultOf(empty.future())));
    }

    void cancellingTheWaitLeavesTheFutureAlone()
    {
        QPromise<int> promise;
        promise.start();
        const Coro<int> coro = spawn(resultOf<int>, promise.future());
        letOthersRun();
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QVERIFY(!promise.isCanceled());

        // Cancelled, complete before it resumes; and the other way round.
        const Coro<int> cancelled = spawn(resultOf<int>, promise.future());
        const Coro<int> late = spawn(resultOf<int>, promise.future());
        letOthersRun();
        cancelled.terminate();
        promise.addResult(1);
        promise.finish();
        late.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(cancelled));
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(late)); // the future tells it by an event
    }

    void aTimeOutLeavesTheFutureAlone()
    {
        QPromise<int> promise;
        promise.start();
        const auto body = [&]() -> Task<int> { co_return co_await withTimeout(2ms, promise.future()); };
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(body()));
        QVERIFY(!promise.isCanceled());
        promise.addResult(3);
        promise.finish();
        QCOMPARE(waitFor(body()), 3);
    }

    void aContinuationOfTheUserStays()
    {
        QPromise<int> promise;
        promise.start();
        int seen = 0;
        const QFuture<void> then = promise.future().then([&](int value) { seen = value; });
        const Coro<int> coro = spawn(resultOf<int>, promise.future());
        letOthersRun();
        promise.addResult(4);
        promise.finish();
        QCOMPARE(waitFor(coro), 4);
        QCOMPARE(seen, 4);
    }

    void finishedOnAnotherThread()
    {
        for (int i = 0; i < 100; ++i) {
            QPromise<int> promise;
            promise.start();
            const QFuture<int> future = promise.future();
            std::thread other([promise = std::move(promise), i]() mutable {
                promise.addResult(i);
                promise.finish();
            });
            QCOMPARE(waitFor(resultOf(future), 20s), i);
            other.join();
        }
    }

    // --- toFuture() ---

    void aFutureOfACoroutine()
    {
        const auto body = []() -> Task<int> {
            co_await 1ms;
            co_return 42;
        };
        QFuture<int> future = toFuture(spawn(body));
        QVERIFY(!future.isFinished());
        QTRY_VERIFY(future.isFinished());
        QCOMPARE(future.result(), 42);
        QCOMPARE(waitFor(resultOf(toFuture(body()))), 42);

        QFuture<void> nothing = toFuture([]() -> Task<> { co_await 1ms; }());
        QTRY_VERIFY(nothing.isFinished());
        QVERIFY(!nothing.isCanceled());

        QFuture<std::unique_ptr<int>> pointer = toFuture([]() -> Task<std::unique_ptr<int>> {
            co_await 1ms;
            co_return std::make_unique<int>(3);
        }());
        QTRY_VERIFY(pointer.isFinished());
        QCOMPARE(*pointer.takeResult(), 3);
    }

    void aFutureOfACoroutineThatFails()
    {
        QFuture<int> future = toFuture([]() -> Task<int> {
            co_await 1ms;
            throw Problem("no");
        }());
        QTRY_VERIFY(future.isFinished());
        QVERIFY_THROWS_EXCEPTION(Problem, future.result());
    }

    void aFutureOfACoroutineThatIsTerminated()
    {
        const Coro<int> coro = spawn([]() -> Task<int> {
            co_await 1h;
            co_return 1;
        });
        const QFuture<int> future = toFuture(coro);
        letOthersRun();
        coro.terminate();
        QTRY_VERIFY(future.isFinished());
        QVERIFY(future.isCanceled());
    }

    void cancellingTheFutureTerminatesTheCoroutine()
    {
        for (const bool atOnce : {true, false}) {
            const Coro<int> coro = spawn([]() -> Task<int> {
                co_await 1h;
                co_return 1;
            });
            QFuture<int> future = toFuture(coro);
            if (!atOnce)
                letOthersRun();
            future.cancel();
            QTRY_VERIFY(future.isFinished());
            QCOMPARE(coro.state(), CoroState::Terminated);
        }
    }

    void aFutureIsCancelledWhenItsThreadEnds()
    {
        const Coro<int> coro = spawn([]() -> Task<int> {
            co_await 1h;
            co_return 1;
        });
        QFuture<int> future;
        {
            WorkerThread thread;
            thread.run([&] { future = toFuture(coro); });
        }
        QVERIFY(future.isFinished());
        QVERIFY(future.isCanceled());
        QCOMPARE(coro.state(), CoroState::Running);
        coro.terminate();
    }
};

QTEST_GUILESS_MAIN(FutureTest)
#include "futuretest.moc"
