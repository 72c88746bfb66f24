// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/Coro>

#include <QRegularExpression>
#include <QSemaphore>
#include <QTest>
#include <QTimer>

#include <atomic>
#include <thread>

using namespace Asyncoro;
using namespace std::chrono_literals;

class ExecTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void S03_returnsWhenAllHaveEnded()
    {
        int ended = 0;
        for (int i = 0; i < 10; ++i) {
            spawn([&, i]() -> Task<> {
                co_await sleep(std::chrono::milliseconds(i));
                ++ended;
            });
        }
        QCOMPARE(Asyncoro::exec(), 0);
        QCOMPARE(ended, 10);
    }

    void S04_exitHandlersByPriority()
    {
        QStringList log;
        const Coro<> daemon = spawn([]() -> Task<> { co_await sleep(QDeadlineTimer::Forever); });
        daemon.setDaemon();
        spawn([&]() -> Task<> {
            co_await sleep(1ms);
            log << QStringLiteral("coroutine");
        });
        atExit([&] { log << QStringLiteral("first"); }, 1);
        atExit([&] {
            log << QStringLiteral("second, daemon runs: %1").arg(daemon.isRunning());
            spawn([&]() -> Task<> {
                co_await sleep(1ms);
                log << QStringLiteral("started by second");
            });
        });
        const int removed = atExit([&] { log << QStringLiteral("removed"); });
        atExit([] { throw Error(QStringLiteral("no exit")); }, -1);
        atExit([&] { log << QStringLiteral("last"); }, -2);
        removeExitHandler(removed);
        QTest::ignoreMessage(QtWarningMsg, "an exit handler failed: no exit");
        QCOMPARE(Asyncoro::exec(), 0);
        QCOMPARE(log, QStringList({QStringLiteral("coroutine"), QStringLiteral("first"),
                                   QStringLiteral("second, daemon runs: 1"), QStringLiteral("started by second"),
                                   QStringLiteral("last")}));
        QCOMPARE(Asyncoro::exec(), 0); // once
        QCOMPARE(log.size(), 5);
    }

    void S04_exitHandlersAfterExit()
    {
        QStringList log;
        const Coro<> waiting = spawn([]() -> Task<> { co_await receive(); });
        spawn([]() -> Task<> {
            QCoreApplication::exit(4);
            co_return;
        });
        atExit([&] {
            log << QStringLiteral("still runs: %1").arg(waiting.isRunning());
            spawn([&]() -> Task<> {
                co_await sleep(1ms);
                log << QStringLiteral("cleaned up");
            });
        });
        QCOMPARE(Asyncoro::exec(), 4);
        QCOMPARE(log, QStringList({QStringLiteral("still runs: 0"), QStringLiteral("cleaned up")}));
    }

    void S03_waitForAllTerminatesNothing()
    {
        const Coro<> daemon = spawn([]() -> Task<> { co_await sleep(QDeadlineTimer::Forever); });
        daemon.setDaemon();
        const Coro<> coro = spawn([]() -> Task<> { co_await receive(); });
        QVERIFY(!waitForAll(5ms));
        QVERIFY(coro.isRunning());
        coro.send(1);
        QVERIFY(waitForAll());
        QVERIFY(waitForAll(0ms)); // none is left
        QVERIFY(daemon.isRunning());
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(spawn([]() -> Task<> {
                                     waitForAll();
                                     co_return;
                                 })));
        daemon.terminate();
    }

    void S03_waitForAllSeesOtherThreads()
    {
        std::atomic<bool> ended = false;
        QSemaphore started;
        std::thread thread([&] {
            const Coro<> coro = spawn([&]() -> Task<> {
                co_await sleep(20ms);
                ended = true;
            });
            started.release();
            waitFor(coro);
        });
        started.acquire();
        QVERIFY(waitForAll());
        QVERIFY(ended);
        thread.join();
    }

    void returnsAtOnceWithoutCoroutines() { QCOMPARE(Asyncoro::exec(), 0); }

    void waitsForCoroutinesThatOthersStart()
    {
        bool grandchild = false;
        spawn([&]() -> Task<> {
            spawn([&]() -> Task<> {
                co_await sleep(5ms);
                grandchild = true;
            });
            co_return;
        });
        QCOMPARE(Asyncoro::exec(), 0);
        QVERIFY(grandchild);
    }

    void C14_terminatesDaemons()
    {
        const Coro<> daemon = spawn([]() -> Task<> { co_await receive(); });
        daemon.setDaemon();
        spawn([]() -> Task<> { co_await sleep(1ms); });
        QCOMPARE(Asyncoro::exec(), 0);
        QCOMPARE(daemon.state(), CoroState::Terminated);
    }

    void S03_exitTerminatesTheOthers()
    {
        const Coro<> waiting = spawn([]() -> Task<> { co_await receive(); });
        for (int code : {0, 3}) {
            const Coro<> quitter = spawn([code]() -> Task<> {
                co_await sleep(1ms);
                QCoreApplication::exit(code);
                co_await receive();
            });
            QCOMPARE(Asyncoro::exec(), code);
            QCOMPARE(quitter.state(), CoroState::Terminated);
            QCOMPARE(waiting.state(), CoroState::Terminated);
        }
    }

    void aFailureThatNobodySawGivesOne()
    {
        QTest::ignoreMessage(QtWarningMsg,
                             QRegularExpression(QStringLiteral("failed, and nobody waited for it: oops")));
        spawn([]() -> Task<> {
            throw Error(QStringLiteral("oops"));
            co_return;
        });
        QCOMPARE(Asyncoro::exec(), 1);
    }
};

QTEST_GUILESS_MAIN(ExecTest)
#include "exectest.moc"
