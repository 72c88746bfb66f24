// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What others do to a coroutine: resume, throw, link, and end it with their object.

#include "corotesting.h"

#include <Asyncoro/Coro>
#include <Asyncoro/Event>
#include <Asyncoro/Future>
#include <Asyncoro/Scope>
#include <Asyncoro/Timeout>
#include <Asyncoro/WhenAll>
#include <Asyncoro/WhenAny>

#include <QPromise>
#include <QRegularExpression>
#include <QTest>
#include <QTimer>

#include <stdexcept>
#include <thread>

using namespace Asyncoro;
using namespace CoroTesting;
using namespace std::chrono_literals;

class InterruptionTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    // --- suspend and resume ---

    void C06_suspendGivesTheValueOfResume()
    {
        const Coro<int> coro = spawn([]() -> Task<int> { co_return co_await suspend<int>(); });
        QVERIFY(!coro.resume(1)); // it has not begun
        letOthersRun();
        QVERIFY(coro.resume(2));
        QVERIFY(!coro.resume(3)); // once
        QCOMPARE(waitFor(coro), 2);
    }

    void C06_suspendGivesTheAlarmValue()
    {
        QCOMPARE(waitFor(spawn([]() -> Task<int> { co_return co_await suspend(1ms, 42); })), 42);
        QCOMPARE(waitFor(spawn([]() -> Task<int> { co_return co_await suspend(0ms, 43); })), 43);
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(spawn([]() -> Task<> { co_await suspend(1ms); })));
    }

    void C06_resumeWithAnotherTypeIsAnError()
    {
        const Coro<> coro = spawn([]() -> Task<> { co_await suspend<int>(); });
        letOthersRun();
        coro.resume(QStringLiteral("no number"));
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(coro));
    }

    void C07_resumeWakesOnlyFromSuspend()
    {
        const Coro<> receiving = spawn([]() -> Task<> { co_await receive(); });
        const Coro<> sleeping = spawn(sleepForever);
        letOthersRun();
        QVERIFY(!receiving.resume());
        QVERIFY(!sleeping.resume());
        QVERIFY(receiving.isRunning());
        QVERIFY(sleeping.isRunning());
        receiving.terminate();
        sleeping.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(sleeping));
        QVERIFY(!sleeping.resume()); // it is gone
        QVERIFY(!Coro<>().resume());
    }

    void C07_resumeFromAnotherThread()
    {
        const Coro<int> coro = spawn([]() -> Task<int> { co_return co_await suspend<int>(); });
        letOthersRun();
        std::thread([&] { coro.resume(5); }).join();
        QCOMPARE(waitFor(coro), 5);
    }

    void C07_messagesDoNotWakeFromSuspend()
    {
        const Coro<int> coro = spawn([]() -> Task<int> {
            const int value = co_await suspend<int>();
            co_return value + co_await receive<int>();
        });
        letOthersRun();
        coro.send(100);
        letOthersRun();
        QVERIFY(coro.isRunning());
        coro.resume(1);
        QCOMPARE(waitFor(coro), 101);
    }

    void C06_suspendIsCancelled_data() { addMoments(); }
    void C06_suspendIsCancelled()
    {
        QFETCH(const int, moment);
        const Coro<> coro = spawn([&]() -> Task<> {
            if (moment == 0)
                Coro<>::self().terminate();
            co_await suspend();
            co_await sleepForever();
        });
        letOthersRun();
        if (moment == 2)
            QVERIFY(coro.resume());
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QVERIFY(!coro.resume());
    }

    // --- throwing into a coroutine ---

    void C11_throwIntoAnyWait_data()
    {
        QTest::addColumn<int>("wait");
        QTest::newRow("sleep") << 0;
        QTest::newRow("receive") << 1;
        QTest::newRow("suspend") << 2;
        QTest::newRow("nested") << 3;
        QTest::newRow("another coroutine's end") << 4;
        QTest::newRow("yield") << 5;
    }
    void C11_throwIntoAnyWait()
    {
        QFETCH(const int, wait);
        const Coro<> other = spawn(sleepForever);
        const Coro<QString> coro = spawn([&]() -> Task<QString> {
            try {
                switch (wait) {
                case 0: co_await sleep(1h); break;
                case 1: co_await receive(); break;
                case 2: co_await suspend(); break;
                case 3: co_await sleepForever(); break;
                case 4: co_await other; break;
                case 5: for (;;) co_await yield();
                }
            } catch (const Failure &failure) {
                co_return failure.message();
            }
            co_return QString();
        });
        letOthersRun();
        QVERIFY(coro.throwInto(Failure(QStringLiteral("from outside"))));
        QCOMPARE(waitFor(coro), QStringLiteral("from outside"));
        QVERIFY(!coro.throwInto(Failure(QStringLiteral("too late"))));
        QVERIFY(other.isRunning());
        other.terminate();
    }

    void C11_thrownInOrder()
    {
        const Coro<QStringList> coro = spawn([]() -> Task<QStringList> {
            QStringList seen;
            for (int i = 0; i < 3; ++i) {
                try {
                    co_await sleepForever();
                } catch (const std::exception &error) {
                    seen << QString::fromUtf8(error.what());
                }
            }
            co_return seen;
        });
        coro.throwInto(Failure(QStringLiteral("a"))); // before it begins
        coro.throwInto(std::runtime_error("b"));
        coro.throwInto(std::make_exception_ptr(Failure(QStringLiteral("c"))));
        QCOMPARE(waitFor(coro), QStringList({QStringLiteral("a"), QStringLiteral("b"), QStringLiteral("c")}));
    }

    void C11_throwFromAnotherThread()
    {
        const Coro<> coro = spawn(sleepForever);
        std::thread([&] { coro.throwInto(Failure(QStringLiteral("far"))); }).join();
        QVERIFY_THROWS_EXCEPTION(Failure, waitFor(coro));
    }

    // --- links ---

    void C15_linkedCoroutineIsThrownTheReason()
    {
        const Coro<> first = spawn([]() -> Task<> {
            co_await receive();
            throw Failure(QStringLiteral("broken"));
        });
        const Coro<QString> second = spawn([]() -> Task<QString> {
            try {
                co_await sleepForever();
            } catch (const LinkedCoroEnded &ended) {
                co_return ended.notice().error();
            }
            co_return QString();
        });
        const Coro<> third = spawn(sleepForever); // does not catch it
        first.link(second);
        third.link(first);
        first.send(1);
        QCOMPARE(waitFor(second), QStringLiteral("broken"));
        QVERIFY_THROWS_EXCEPTION(LinkedCoroEnded, waitFor(third));
    }

    void C15_linkAndUnlink()
    {
        const Coro<> finishing = spawn([]() -> Task<> { co_await receive(); });
        const Coro<> terminated = spawn(sleepForever);
        const Coro<> other = spawn(sleepForever);
        finishing.link(other);
        terminated.link(other);
        terminated.unlink(other);
        finishing.send(1);
        terminated.terminate();
        waitFor(finishing);
        letOthersRun();
        QVERIFY(other.isRunning()); // who finishes breaks no link
        other.link(terminated); // which has ended so
        QVERIFY_THROWS_EXCEPTION(LinkedCoroEnded, waitFor(other));
    }

    // --- bound to an object ---

    void endsWithItsObject_data()
    {
        QTest::addColumn<int>("moment");
        QTest::newRow("before it begins") << 0;
        QTest::newRow("while it waits") << 1;
        QTest::newRow("behind a shield") << 2;
        QTest::newRow("with children") << 3;
    }
    void endsWithItsObject()
    {
        QFETCH(const int, moment);
        auto object = std::make_unique<QObject>();
        int cleanedUp = 0;
        struct Guard {
            int &count;
            ~Guard() { ++count; }
        };
        const Coro<> coro = spawn(object.get(), [&]() -> Task<> {
            const Guard guard{cleanedUp};
            if (moment == 2)
                co_await shield(sleep(1h));
            if (moment == 3) {
                co_await withScope([&](Scope &scope) -> Task<> {
                    scope.spawn([&]() -> Task<> {
                        const Guard child{cleanedUp};
                        co_await shield(sleep(1h));
                    });
                    co_await sleepForever();
                });
            }
            co_await sleepForever();
        });
        if (moment > 0)
            letOthersRun();
        object.reset();
        QCOMPARE(cleanedUp, moment == 0 ? 0 : moment == 3 ? 2 : 1);
        if (moment > 0)
            QCOMPARE(coro.state(), CoroState::Terminated); // at once
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
    }

    void endsThereThoughItsWaitIsOver_data()
    {
        QTest::addColumn<Way>("way");
        QTest::newRow("a message was handed over") << Way::Message;
        QTest::newRow("a message, in nested tasks") << Way::NestedTasks;
        QTest::newRow("a message, behind a shield and a time-out") << Way::ShieldAndTimeout;
        QTest::newRow("resumed with a value") << Way::Resume;
        QTest::newRow("an exception was thrown into it") << Way::ThrownInto;
        QTest::newRow("all arms have what they wait for") << Way::WhenAll;
        QTest::newRow("one arm has what it waits for") << Way::WhenAny;
        QTest::newRow("all children have ended") << Way::Children;
        QTest::newRow("a yield") << Way::Yield;
    }
    // The wait has ended, and the coroutine is to be resumed, when the object is destroyed.
    void endsThereThoughItsWaitIsOver()
    {
        QFETCH(const Way, way);
        auto object = std::make_unique<QObject>();
        Ending ending;
        const Coro<> coro = spawn(object.get(), [&]() -> Task<> {
            const Ending::Guard guard{ending};
            try {
                co_await ending.wait(way);
                ending.ranOn = true;
            } catch (const std::exception &) {
                ending.ranOn = true;
            }
        });
        letOthersRun();
        ending.endWait(way, coro);
        object.reset();
        QCOMPARE(coro.state(), CoroState::Terminated);
        QVERIFY(ending.cleanedUp);
        QVERIFY(!ending.ranOn);
    }

    // The deadlines of both have passed when the timer goes off, so both wait no more when the first one runs.
    void endsThereThoughItHasSlept()
    {
        auto object = std::make_unique<QObject>();
        bool ranOn = false;
        const QDeadlineTimer first(100ms, Qt::PreciseTimer);
        const QDeadlineTimer second(101ms, Qt::PreciseTimer);
        const Coro<> destroying = spawn([&]() -> Task<> {
            co_await sleep(first);
            object.reset();
        });
        const Coro<> bound = spawn(object.get(), [&]() -> Task<> {
            co_await sleep(second);
            ranOn = true;
        });
        letOthersRun();
        while (!second.hasExpired()) { }
        waitFor(destroying);
        QCOMPARE(bound.state(), CoroState::Terminated);
        QVERIFY(!ranOn);
    }

    // Both are told that the future has finished before the first one runs.
    void endsThereThoughItsFutureIsReady()
    {
        auto object = std::make_unique<QObject>();
        bool ranOn = false;
        QPromise<int> promise;
        promise.start();
        const Coro<> destroying = spawn([&]() -> Task<> {
            co_await promise.future();
            object.reset();
        });
        const Coro<> bound = spawn(object.get(), [&]() -> Task<> {
            co_await promise.future();
            ranOn = true;
        });
        letOthersRun();
        promise.addResult(1);
        promise.finish();
        waitFor(destroying);
        QCOMPARE(bound.state(), CoroState::Terminated);
        QVERIFY(!ranOn);
    }

    // The first to end is chosen, and the other one takes until after the end of the object to clean up.
    void endsThereThoughAnArmWasChosen()
    {
        auto object = std::make_unique<QObject>();
        bool ranOn = false;
        Event cleanedUp;
        const Coro<> coro = spawn(object.get(), [&]() -> Task<> {
            co_await whenAny(receive(), shield(cleanedUp.wait()));
            ranOn = true;
        });
        letOthersRun();
        coro.send(1);
        letOthersRun();
        QVERIFY(coro.isRunning());
        object.reset();
        QCOMPARE(coro.state(), CoroState::Terminated);
        QVERIFY(!ranOn);
    }

    // What its child failed with was to be thrown next, to a handler that may use the object.
    void endsThereThoughAChildHasFailed()
    {
        auto object = std::make_unique<QObject>();
        bool ranOn = false;
        Coro<> child;
        const Coro<> coro = spawn(object.get(), [&]() -> Task<> {
            try {
                co_await withScope([&](Scope &scope) -> Task<> {
                    child = scope.spawn([&]() -> Task<> {
                        object.reset();
                        throw Failure(QStringLiteral("disk full"));
                        co_return;
                    });
                    co_return;
                });
            } catch (const Failure &) {
                ranOn = true;
            }
        });
        QTest::ignoreMessage(QtWarningMsg,
                             QRegularExpression(QStringLiteral("had to end, and this failed: disk full")));
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QVERIFY(!ranOn);
    }

    void memberFunctionIsBoundToItsObject()
    {
        auto timer = std::make_unique<Waiter>();
        const Coro<> bound = spawn(&Waiter::run, timer.get());
        const Coro<int> on = spawn(detached, &Waiter::answer, timer.get(), 4);
        QCOMPARE(waitFor(on), 4);
        QVERIFY(bound.isRunning());
        timer.reset();
        QCOMPARE(bound.state(), CoroState::Terminated);
        QVERIFY_THROWS_EXCEPTION(Error, spawn(static_cast<QObject *>(nullptr), sleepForever));
        QVERIFY_THROWS_EXCEPTION(Error, spawn(&Waiter::run, static_cast<Waiter *>(nullptr)));
    }

    void objectDestroyedByTheCoroutineItself()
    {
        auto *const object = new QObject;
        const Coro<> coro = spawn(object, [object]() -> Task<> {
            delete object;
            co_await sleep(1h); // throws
        });
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
    }

    void objectOutlivesTheCoroutine()
    {
        QObject object;
        waitFor(spawn(&object, []() -> Task<> { co_await sleep(1ms); }));
    }

private:
    enum class Way : quint8 {
        Message,
        NestedTasks,
        ShieldAndTimeout,
        Resume,
        ThrownInto,
        WhenAll,
        WhenAny,
        Children,
        Yield,
    };

    /** What a coroutine waits for, and what became of it. */
    struct Ending {
        struct Guard {
            Ending &ending;
            ~Guard() { ending.cleanedUp = true; }
        };

        Task<> wait(Way way)
        {
            switch (way) {
            case Way::Message:
            case Way::ThrownInto:
                co_await receive();
                break;
            case Way::NestedTasks:
                co_await wait(Way::Message);
                ranOn = true;
                break;
            case Way::ShieldAndTimeout:
                co_await withTimeout(1h, shield(wait(Way::Message)));
                break;
            case Way::Resume:
                co_await suspend();
                break;
            case Way::WhenAll:
                co_await whenAll(wait(Way::NestedTasks), event.wait());
                break;
            case Way::WhenAny:
                co_await whenAny(wait(Way::NestedTasks), event.wait());
                break;
            case Way::Children:
                co_await withScope([this](Scope &scope) -> Task<> {
                    scope.spawn([this]() -> Task<> { co_await event.wait(); });
                    co_return;
                });
                break;
            case Way::Yield:
                for (;;)
                    co_await yield();
            }
        }

        void endWait(Way way, const Coro<> &coro)
        {
            switch (way) {
            case Way::Message:
            case Way::NestedTasks:
            case Way::ShieldAndTimeout:
            case Way::WhenAny:
                coro.send(1);
                break;
            case Way::WhenAll:
                coro.send(1);
                event.set();
                break;
            case Way::Resume:
                QVERIFY(coro.resume(1));
                break;
            case Way::ThrownInto:
                coro.throwInto(Failure(QStringLiteral("thrown")));
                break;
            case Way::Children:
                event.set();
                break;
            case Way::Yield:
                break;
            }
        }

        Event event;
        bool cleanedUp = false;
        bool ranOn = false;
    };

    class Waiter : public QObject
    {
    public:
        Task<> run() { co_await sleepForever(); }
        Task<int> answer(int n) { co_return n; }
    };

    static void addMoments()
    {
        QTest::addColumn<int>("moment");
        QTest::newRow("before") << 0;
        QTest::newRow("during") << 1;
        QTest::newRow("after") << 2;
    }
};

QTEST_GUILESS_MAIN(InterruptionTest)
#include "interruptiontest.moc"
