// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "corotesting.h"

#include <Asyncoro/Coro>

#include <QElapsedTimer>
#include <QRegularExpression>
#include <QSemaphore>
#include <QTest>
#include <QThread>
#include <QTimer>

#include <atomic>
#include <thread>

using namespace Asyncoro;
using namespace CoroTesting;
using namespace std::chrono_literals;

namespace {

Task<int> receiveInts(int count)
{
    int sum = 0;
    for (int i = 0; i < count; ++i)
        sum += co_await receive<int>();
    co_return sum;
}

struct SetAtEnd {
    std::atomic<bool> &flag; // another thread may look: QThread::wait() orders nothing for the thread sanitizer
    ~SetAtEnd() { flag = true; }
};

} // namespace

class CoroTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void C01_runsOnItsOwn()
    {
        bool ran = false;
        const Coro<> coro = spawn([&]() -> Task<> {
            ran = true;
            co_return;
        });
        QVERIFY(!ran); // queued, not run
        QCOMPARE(coro.state(), CoroState::Running);
        waitFor(coro);
        QVERIFY(ran);
        QCOMPARE(coro.state(), CoroState::Finished);
    }

    void C01_keepsFunctionAndArgumentsAlive()
    {
        auto guard = std::make_shared<int>(42);
        const std::weak_ptr<int> watch = guard;
        Coro<int> coro = spawn(
            [guard](const QString &text) -> Task<int> {
                co_await sleep(1ms);
                co_return int(text.size()) + *guard;
            },
            QStringLiteral("abc"));
        guard.reset();
        QVERIFY(!watch.expired());
        QCOMPARE(waitFor(coro), 45);
        QVERIFY(watch.expired()); // at the end, not with the last handle
    }

    void C19_hasIdAndName()
    {
        const Coro<> a = spawn(sleepForever);
        const Coro<> b = spawn(sleepForever);
        QVERIFY(a.id() != b.id());
        QVERIFY(a != b);
        QCOMPARE(a, Coro<>(a));
        QCOMPARE(a.name(), QStringLiteral("coroutine %1").arg(a.id()));
        a.setName(QStringLiteral("server"));
        QCOMPARE(a.name(), QStringLiteral("server"));
        a.terminate();
        b.terminate();
    }

    void nullHandleRefersToNone()
    {
        const Coro<> none;
        QVERIFY(!none);
        QVERIFY(!none.send(1));
        none.terminate();
        none.setDaemon();
        QVERIFY_THROWS_EXCEPTION(CoroEnded, waitFor(none.deliver(1)));
        QVERIFY(!Coro<>::self());
    }

    void C08_messagesArriveInOrder()
    {
        auto collect = []() -> Task<QList<int>> {
            QList<int> all;
            while (all.size() < 20)
                all << (co_await receive()).toInt();
            co_return all;
        };
        Coro<QList<int>> coro = spawn(collect);
        QList<int> sent;
        for (int i = 0; i < 20; ++i) {
            QVERIFY(coro.send(i));
            sent << i;
        }
        QCOMPARE(waitFor(coro), sent);
        QVERIFY(!coro.send(1)); // it has ended
    }

    void C10_receiveOfATypeLeavesTheOthers()
    {
        auto body = []() -> Task<QStringList> {
            QStringList seen;
            seen << co_await receive<QString>();
            seen << QString::number(co_await receive<int>());
            seen << QString::number(co_await receive<int>());
            seen << co_await receive<QString>();
            co_return seen;
        };
        Coro<QStringList> coro = spawn(body);
        coro.send(1);
        coro.send(2);
        coro.send(QStringLiteral("a"));
        letOthersRun(); // it waits for a text now: an int must not wake it
        coro.send(QStringLiteral("b"));
        QCOMPARE(waitFor(coro),
                 QStringList({QStringLiteral("a"), QStringLiteral("1"), QStringLiteral("2"), QStringLiteral("b")}));
    }

    void C10_receiveTimesOut()
    {
        auto body = []() -> Task<bool> {
            QElapsedTimer timer;
            timer.start();
            try {
                co_await receive(20ms);
            } catch (const TimedOut &) {
                co_return timer.elapsed() >= 20;
            }
            co_return false;
        };
        QVERIFY(waitFor(body()));
    }

    void C10_receiveWithZeroPolls()
    {
        auto body = []() -> Task<int> {
            try {
                co_await receive(0s);
            } catch (const TimedOut &) {
                Coro<>::self().send(5);
            }
            co_return (co_await receive(0s)).toInt();
        };
        QCOMPARE(waitFor(body()), 5);
    }

    void C10_aMessageAfterATimeOutIsNotLost()
    {
        bool timedOut = false;
        auto body = [&]() -> Task<int> {
            try {
                co_await receive(1ms);
            } catch (const TimedOut &) {
                timedOut = true;
            }
            co_return co_await receive<int>();
        };
        Coro<int> coro = spawn(body);
        QTRY_VERIFY(timedOut);
        coro.send(3);
        QCOMPARE(waitFor(coro), 3);
    }

    void C09_deliverIsCompleteWhenTheMessageIsInTheMailbox()
    {
        Coro<int> target = spawn(receiveInts, 1);
        waitFor(target.deliver(9));
        QCOMPARE(waitFor(target), 9);
        QVERIFY_THROWS_EXCEPTION(CoroEnded, waitFor(target.deliver(9)));
    }

    void C19_handlesTravelInMessages()
    {
        auto echo = []() -> Task<> {
            const auto client = co_await receive<Coro<>>();
            client.send(QStringLiteral("hello ") + client.name());
        };
        auto ask = [](Coro<> server) -> Task<QString> {
            Coro<>::self().setName(QStringLiteral("client"));
            server.send(Coro<>::self());
            co_return co_await receive<QString>();
        };
        QCOMPARE(waitFor(ask(spawn(echo))), QStringLiteral("hello client"));
    }

    void C05_finishGivesTheValueToEveryWaiter()
    {
        Coro<int> target = spawn(receiveInts, 1);
        auto waiter = [](Coro<int> coro) -> Task<int> { co_return co_await coro; };
        Coro<int> a = spawn(waiter, target);
        Coro<int> b = spawn(waiter, target);
        target.send(4);
        QCOMPARE(waitFor(a), 4);
        QCOMPARE(waitFor(b), 4);
        QCOMPARE(waitFor(target), 4); // and again afterwards
    }

    void C05_finishTimesOutAndLeavesTheOtherAlone()
    {
        Coro<int> target = spawn(receiveInts, 1);
        auto wait = [](Coro<int> coro) -> Task<> { co_await coro.finish(5ms); };
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(wait(target)));
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(target, 5ms));
        QCOMPARE(target.state(), CoroState::Running);
        target.send(2);
        QCOMPARE(waitFor(target), 2);
    }

    void C03_finishTellsHowItEnded()
    {
        const Coro<> failed = spawn([]() -> Task<> {
            throw std::logic_error("wrong");
            co_return;
        });
        QVERIFY_THROWS_EXCEPTION(std::logic_error, waitFor(failed));
        QCOMPARE(failed.state(), CoroState::Failed);

        const Coro<> terminated = spawn(sleepForever);
        terminated.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(terminated));
        QCOMPARE(terminated.state(), CoroState::Terminated);

        // A function that throws before there is a coroutine
        const Coro<> neverMade = spawn([]() -> Task<> { throw std::logic_error("at once"); });
        QVERIFY_THROWS_EXCEPTION(std::logic_error, waitFor(neverMade));
    }

    void S06_unobservedFailureIsLogged()
    {
        QTest::ignoreMessage(QtWarningMsg,
                             QRegularExpression(QStringLiteral("^downloader \\(started at corotest.cpp:\\d+ .*\\) "
                                                               "failed, and nobody waited for it: no route$")));
        {
            const Coro<> coro = spawn([]() -> Task<> {
                throw Error(QStringLiteral("no route"));
                co_return;
            });
            coro.setName(QStringLiteral("downloader"));
            QTRY_COMPARE(coro.state(), CoroState::Failed);
        }
    }

    void C12_terminateCleansUpWhereverItWaits_data()
    {
        QTest::addColumn<QString>("where");
        for (const char *where : {"sleep", "receive", "receive with time-out", "finish", "nested", "not begun"})
            QTest::newRow(where) << QString::fromLatin1(where);
    }

    void C12_terminateCleansUpWhereverItWaits()
    {
        QFETCH(QString, where);
        std::atomic<bool> cleaned = false;
        bool wentOn = false;
        const Coro<> other = spawn(sleepForever);
        auto nested = []() -> Task<> { co_await sleepForever(); };
        auto body = [&, set = std::make_unique<SetAtEnd>(cleaned)]() -> Task<> {
            if (where == u"sleep")
                co_await sleep(1h);
            else if (where == u"receive")
                co_await receive();
            else if (where == u"receive with time-out")
                co_await receive(1h);
            else if (where == u"finish")
                co_await other;
            else
                co_await nested();
            wentOn = true;
        };
        const Coro<> coro = spawn(std::move(body));
        if (where != u"not begun")
            letOthersRun();
        coro.terminate();
        coro.terminate(); // twice is once
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QVERIFY(cleaned);
        QVERIFY(!wentOn);
        QCOMPARE(other.state(), CoroState::Running);
        other.terminate();
    }

    void C12_aSwallowedCancellationComesAgain()
    {
        int caught = 0;
        const Coro<> coro = spawn([&]() -> Task<> {
            for (int i = 0; i < 3; ++i) {
                try {
                    co_await sleep(1h);
                } catch (const std::exception &) {
                    qFatal("a cancellation is no std::exception");
                } catch (const Cancelled &) {
                    ++caught;
                }
            }
        });
        letOthersRun();
        coro.terminate();
        waitFor(coro); // it returned, so it finished
        QCOMPARE(caught, 3);
        QCOMPARE(coro.state(), CoroState::Finished);
    }

    void C12_aValueThatHasComeIsNotLostToTermination()
    {
        int got = 0;
        const Coro<> coro = spawn([&]() -> Task<> {
            got = co_await receive<int>();
            co_await receive<int>();
            got = -1;
        });
        letOthersRun();
        coro.send(1); // wakes it
        coro.terminate(); // before it has run
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QCOMPARE(got, 1);
    }

    void C12_terminatingItself()
    {
        bool wentOn = false;
        const Coro<> coro = spawn([&]() -> Task<> {
            Coro<>::self().terminate();
            co_await sleep(0s);
            wentOn = true;
        });
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QVERIFY(!wentOn);
    }

    void C15_monitorIsTold_data()
    {
        QTest::addColumn<CoroState>("state");
        QTest::addColumn<bool>("late");
        for (bool late : {false, true}) {
            for (auto [name, state] : {std::pair("finished", CoroState::Finished),
                                       {"failed", CoroState::Failed},
                                       {"terminated", CoroState::Terminated}})
                QTest::addRow("%s%s", name, late ? ", after the end" : "") << state << late;
        }
    }

    void C15_monitorIsTold()
    {
        QFETCH(CoroState, state);
        QFETCH(bool, late);
        auto body = [](CoroState end) -> Task<int> {
            co_await sleep(1ms);
            if (end == CoroState::Failed)
                throw Error(QStringLiteral("out of paper"));
            if (end == CoroState::Terminated)
                co_await sleepForever();
            co_return 6;
        };
        const Coro<int> target = spawn(body, state);
        const Coro<ExitNotice> observer = spawn([]() -> Task<ExitNotice> { co_return co_await receive<ExitNotice>(); });
        if (!late)
            target.monitor(observer);
        QTest::qWait(10);
        if (state == CoroState::Terminated)
            target.terminate();
        QTRY_COMPARE(target.state(), state);
        if (late)
            target.monitor(observer);
        const ExitNotice notice = waitFor(observer);
        QCOMPARE(notice.coro(), target);
        QCOMPARE(notice.state(), state);
        QCOMPARE(notice.value(), state == CoroState::Finished ? QVariant(6) : QVariant());
        QCOMPARE(notice.error(), state == CoroState::Failed ? QStringLiteral("out of paper")
                     : state == CoroState::Terminated       ? QStringLiteral("terminated")
                                                            : QString());
    }

    void C06_sleepIsNeverEarlyAndInOrder()
    {
        QList<int> order;
        auto body = [&](int ms) -> Task<> {
            QElapsedTimer timer;
            timer.start();
            co_await sleep(std::chrono::milliseconds(ms));
            if (timer.nsecsElapsed() < ms * 1'000'000LL)
                qFatal("woken early");
            order << ms;
        };
        QList<Coro<>> all;
        for (int ms : {30, 10, 40, 20, 1})
            all << spawn(body, ms);
        for (const Coro<> &coro : std::as_const(all))
            waitFor(coro);
        QCOMPARE(order, QList<int>({1, 10, 20, 30, 40}));
    }

    void S02_manyDeadlinesEndedInAnyOrder()
    {
        // Exercises the heap of deadlines: some pass, some are taken out of the middle by a message or by termination.
        constexpr int Count = 2000;
        int timedOut = 0;
        int received = 0;
        QList<Coro<>> all;
        for (int i = 0; i < Count; ++i) {
            all << spawn([&, i]() -> Task<> {
                try {
                    co_await receive(std::chrono::milliseconds((i * 7919) % 50 + (i % 3 == 0 ? 0 : 100'000)));
                    ++received;
                } catch (const TimedOut &) {
                    ++timedOut;
                }
            });
        }
        letOthersRun();
        int terminated = 0;
        for (int i = 0; i < Count; ++i) {
            if (i % 3 == 1)
                all.at(i).send(i);
            else if (i % 3 == 2)
                all.at(i).terminate(), ++terminated;
        }
        for (const Coro<> &coro : std::as_const(all))
            QTRY_VERIFY(coro.state() != CoroState::Running);
        QCOMPARE(timedOut + received + terminated, Count);
        QCOMPARE(received, (Count + 1) / 3);
        QCOMPARE(timedOut, (Count + 2) / 3);
    }

    void S02_yieldLetsOthersGoFirst()
    {
        QStringList order;
        auto body = [&](const QString &name) -> Task<> {
            order << name + u'1';
            co_await yield();
            order << name + u'2';
        };
        const Coro<> a = spawn(body, QStringLiteral("a"));
        const Coro<> b = spawn(body, QStringLiteral("b"));
        waitFor(a);
        waitFor(b);
        QCOMPARE(order.join(u' '), QStringLiteral("a1 b1 a2 b2"));
    }

    void S02_busyCoroutinesLeaveTheEventLoopItsTurns()
    {
        const Coro<> busy = spawn([]() -> Task<> {
            for (;;)
                co_await yield();
        });
        int ticks = 0;
        QTimer timer;
        connect(&timer, &QTimer::timeout, this, [&] { ++ticks; });
        timer.start(1);
        QTRY_VERIFY(ticks >= 5);
        busy.terminate();
        letOthersRun();
        QCOMPARE(busy.state(), CoroState::Terminated);
    }

    void S01_othersGoOnInsideANestedEventLoop()
    {
        QEventLoop loop;
        const Coro<> dialog = spawn([&]() -> Task<> {
            loop.exec(); // as a modal dialog does
            co_return;
        });
        const Coro<> quitter = spawn([&]() -> Task<> {
            co_await yield();
            co_await sleep(1ms);
            loop.quit();
        });
        waitFor(dialog);
        waitFor(quitter);
    }

    void C04_waitForBlocksAThread()
    {
        // From a thread without an event loop of its own, too.
        const Coro<int> coro = spawn(receiveInts, 2);
        int sum = 0;
        std::thread thread([&] { sum = waitFor(coro); });
        coro.send(1);
        coro.send(2);
        QCOMPARE(waitFor(coro), 3);
        thread.join();
        QCOMPARE(sum, 3);
        const Coro<> endless = spawn(sleepForever);
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(endless, 1ms));
        endless.terminate();
    }

    void C13_isRunning()
    {
        const Coro<> coro = spawn(sleepForever);
        QVERIFY(coro.isRunning());
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QVERIFY(!coro.isRunning());
        QVERIFY(!Coro<>().isRunning());
    }

    void C20_messagesAreReceivedWhileAnotherThreadComputes()
    {
        QThread thread;
        thread.start();
        QSemaphore ready;
        Coro<int> receiver;
        QObject there;
        there.moveToThread(&thread);
        QMetaObject::invokeMethod(&there, [&] {
            receiver = spawn(receiveInts, 3);
            ready.release();
        });
        ready.acquire();
        waitFor(spawn([&]() -> Task<> {
            for (int i = 1; i <= 3; ++i)
                receiver.send(i);
            while (receiver.isRunning()) { } // this thread does nothing else
            co_return;
        }));
        QCOMPARE(waitFor(receiver), 6);
        thread.quit();
        QVERIFY(thread.wait(60'000));
    }

    void C04_whatIsRefusedIsNotStarted()
    {
        bool started = false;
        auto task = [](bool &flag) -> Task<> {
            flag = true;
            co_return;
        };
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(spawn([&]() -> Task<> {
                                     waitFor(task(started));
                                     co_return;
                                 })));
        QVERIFY(waitForAll());
        QVERIFY(!started);
    }

    void C04_waitForInsideACoroutineIsRefused()
    {
        auto body = []() -> Task<> {
            waitFor(spawn(sleepForever));
            co_return;
        };
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(body()));
    }

    // --- threads ---

    void C08_messagesFromOtherThreads()
    {
        constexpr int Threads = 4;
        constexpr int PerThread = 5000;
        Coro<int> target = spawn(receiveInts, Threads * PerThread);
        std::vector<std::thread> threads;
        for (int t = 0; t < Threads; ++t) {
            threads.emplace_back([target] {
                for (int i = 0; i < PerThread; ++i)
                    target.send(1);
            });
        }
        QCOMPARE(waitFor(target), Threads * PerThread);
        for (std::thread &thread : threads)
            thread.join();
    }

    void C20_coroutinesOnTwoThreadsTalkAndJoin()
    {
        Coro<int> far;
        const std::unique_ptr<QThread> thread(QThread::create([&] {
            QEventLoop loop;
            far = spawn([&]() -> Task<int> {
                const auto peer = co_await receive<Coro<>>();
                int sum = 0;
                for (int i = 0; i < 1000; ++i) {
                    peer.send(i);
                    sum += co_await receive<int>();
                }
                QMetaObject::invokeMethod(&loop, &QEventLoop::quit, Qt::QueuedConnection);
                co_return sum;
            });
            started.release();
            loop.exec();
        }));
        thread->start();
        started.acquire();
        auto near = [](Coro<int> other) -> Task<int> {
            other.send(Coro<>::self());
            for (int i = 0; i < 1000; ++i)
                other.send(co_await receive<int>() * 2);
            co_return co_await other;
        };
        QCOMPARE(waitFor(near(far)), 999 * 1000);
        QVERIFY(thread->wait(QDeadlineTimer(5s)));
    }

    void C12_terminateFromAnotherThread()
    {
        const Coro<> coro = spawn(sleepForever);
        std::thread([coro] { coro.terminate(); }).join();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
    }

    void S01_aThreadThatEndsTerminatesItsCoroutines()
    {
        Coro<> stranded;
        std::atomic<bool> cleaned = false;
        const std::unique_ptr<QThread> thread(QThread::create([&] {
            stranded = spawn([&, set = std::make_unique<SetAtEnd>(cleaned)]() -> Task<> { co_await sleepForever(); });
            QCoreApplication::processEvents();
        }));
        thread->start();
        QVERIFY(thread->wait(QDeadlineTimer(5s)));
        QVERIFY(cleaned);
        QCOMPARE(stranded.state(), CoroState::Terminated);
        QVERIFY(!stranded.send(1));
    }

private:
    QSemaphore started;
};

QTEST_GUILESS_MAIN(CoroTest)
#include "corotest.moc"
