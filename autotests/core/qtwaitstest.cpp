// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "corotesting.h"
#include "sender.h"
#include "waitmatrix.h"

#include <Asyncoro/Coro>
#include <Asyncoro/Thread>
#include <Asyncoro/Timeout>
#include <Asyncoro/Timer>

#include <QElapsedTimer>
#include <QSemaphore>
#include <QTest>

using namespace Asyncoro;
using namespace CoroTesting;
using namespace std::chrono_literals;

namespace {

template<typename Timer>
Task<> timeOutOf(Timer *timer)
{
    co_await *timer;
}

Task<> endOf(QThread *thread)
{
    co_await *thread;
}

template<typename Timer>
void awaitTimer()
{
    Timer timer;
    timer.setSingleShot(true);
    timer.setInterval(1ms);
    const Coro<> coro = spawn(timeOutOf<Timer>, &timer);
    QTest::qWait(5);
    QCOMPARE(coro.state(), CoroState::Running); // it was not started
    timer.start();
    waitFor(coro);

    timer.setSingleShot(false);
    timer.start();
    const auto three = [&]() -> Task<> {
        for (int i = 0; i < 3; ++i)
            co_await &timer;
    };
    waitFor(three());
    QVERIFY(timer.isActive());
}

template<typename Timer>
void destroyTimer()
{
    auto timer = std::make_unique<Timer>();
    const Coro<> coro = spawn(timeOutOf<Timer>, timer.get());
    letOthersRun();
    timer.reset();
    QVERIFY_THROWS_EXCEPTION(Destroyed, waitFor(coro));
    const auto none = []() -> Task<> { co_await static_cast<Timer *>(nullptr); };
    QVERIFY_THROWS_EXCEPTION(Destroyed, waitFor(none()));
}

} // namespace

/** co_await of timers, durations and the end of threads. */
class QtWaitsTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aDuration()
    {
        QElapsedTimer elapsed;
        elapsed.start();
        const auto body = []() -> Task<> {
            co_await 10ms;
            co_await std::chrono::duration<double>(0.01);
            co_await 0s;
            co_await -1s;
        };
        waitFor(body());
        QVERIFY(elapsed.elapsed() >= 20);

        const Coro<> coro = spawn([]() -> Task<> { co_await 24h; });
        letOthersRun();
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
    }

    void aQTimer() { awaitTimer<QTimer>(); }
    void aQChronoTimer() { awaitTimer<QChronoTimer>(); }
    void aQTimerDestroyed() { destroyTimer<QTimer>(); }
    void aQChronoTimerDestroyed() { destroyTimer<QChronoTimer>(); }

    void aTimerIsLeftAloneWhenTheWaitIsCancelled()
    {
        QTimer timer;
        timer.start(1h);
        const Coro<> coro = spawn(timeOutOf<QTimer>, &timer);
        letOthersRun();
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QVERIFY(timer.isActive());
    }

    void timeOuts()
    {
        QTimer timer;
        WorkerThread thread;
        const auto forTimer = [&]() -> Task<> { co_await withTimeout(2ms, timer); };
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(forTimer()));
        const auto forThread = [&]() -> Task<> { co_await withTimeout(2ms, thread); };
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(forThread()));
        const auto forTime = []() -> Task<> { co_await withTimeout(2ms, 1h); };
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(forTime()));
    }

    void theEndOfAThread()
    {
        WorkerThread thread;
        const Coro<> coro = spawn(endOf, &thread);
        const Coro<> another = spawn([&]() -> Task<> { co_await &thread; });
        letOthersRun();
        QCOMPARE(coro.state(), CoroState::Running);
        thread.quit();
        waitFor(coro);
        QVERIFY(thread.isFinished());
        waitFor(another);
    }

    void aThreadThatHasEnded()
    {
        WorkerThread thread;
        thread.end();
        bool suspended = true;
        const auto body = [&]() -> Task<> {
            const Coro<> other = spawn([&]() -> Task<> {
                suspended = true;
                co_return;
            });
            suspended = false;
            co_await thread;
            QVERIFY(!suspended);
            co_await other;
        };
        waitFor(body());
    }

    void aThreadThatIsNotStartedYet()
    {
        const std::unique_ptr<QThread> thread(QThread::create([] {}));
        const Coro<> coro = spawn(endOf, thread.get());
        letOthersRun();
        QCOMPARE(coro.state(), CoroState::Running);
        thread->start();
        waitFor(coro);
        thread->wait();
    }

    void aThreadDestroyed()
    {
        auto thread = std::make_unique<QThread>();
        const Coro<> coro = spawn(endOf, thread.get());
        letOthersRun();
        thread.reset();
        QVERIFY_THROWS_EXCEPTION(Destroyed, waitFor(coro));
        const auto none = []() -> Task<> { co_await static_cast<QThread *>(nullptr); };
        QVERIFY_THROWS_EXCEPTION(Destroyed, waitFor(none()));
    }

    void cancelledWhileItWaitsForAThread()
    {
        WorkerThread thread;
        const Coro<> coro = spawn(endOf, &thread);
        letOthersRun();
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QVERIFY(thread.isRunning());

        // It ends, then the wait is cancelled before it resumes.
        const Coro<> late = spawn(endOf, &thread);
        letOthersRun();
        thread.end();
        late.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(late));
    }

    // The end comes at any moment: no wait may miss it.
    void manyThreadsThatEndAtOnce()
    {
        for (int i = 0; i < 200; ++i) {
            const std::unique_ptr<QThread> thread(QThread::create([] {}));
            thread->start();
            for (std::atomic<int> k = 0; k < i * 20; ++k) { }
            waitFor(endOf(thread.get()), 20s);
            thread->wait();
        }
    }
};

QTEST_GUILESS_MAIN(QtWaitsTest)
#include "qtwaitstest.moc"
