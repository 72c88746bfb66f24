// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What others do to a coroutine: resume, throw, link, swap, bound its mailbox.

#include <Asyncoro/Coro>
#include <Asyncoro/Timeout>

#include <QTest>
#include <QTimer>

#include <stdexcept>
#include <thread>

using namespace Asyncoro;
using namespace std::chrono_literals;

namespace {

struct Failure : Error {
    using Error::Error;
};

Task<> sleepForever()
{
    co_await sleep(QDeadlineTimer::Forever);
}

/** Counts messages until it is told otherwise. */
Task<int> countMessages(int from)
{
    Coro<>::self().setHotSwappable();
    for (int count = from;; ++count) {
        const Message message = co_await receive();
        if (message.metaType() == QMetaType::fromType<QString>())
            co_return count;
    }
}

Task<int> countByTens(int from)
{
    Coro<>::self().setHotSwappable();
    for (int count = from;; count += 10) {
        const Message message = co_await receive();
        if (message.metaType() == QMetaType::fromType<QString>())
            co_return count;
    }
}

Task<bool> swapped(Coro<int> coro)
{
    co_return co_await coro.hotSwap(countByTens, 1000);
}

} // namespace

class InterruptionTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    // --- suspend and resume ---

    void C06_suspendGivesTheValueOfResume()
    {
        const Coro<int> coro = spawn([]() -> Task<int> { co_return co_await suspend<int>(); });
        QVERIFY(!coro.resume(1)); // it has not begun
        QTest::qWait(1);
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
        QTest::qWait(1);
        coro.resume(QStringLiteral("no number"));
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(coro));
    }

    void C07_resumeWakesOnlyFromSuspend()
    {
        const Coro<> receiving = spawn([]() -> Task<> { co_await receive(); });
        const Coro<> sleeping = spawn(sleepForever);
        QTest::qWait(1);
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
        QTest::qWait(1);
        std::thread([&] { coro.resume(5); }).join();
        QCOMPARE(waitFor(coro), 5);
    }

    void C07_messagesDoNotWakeFromSuspend()
    {
        const Coro<int> coro = spawn([]() -> Task<int> {
            const int value = co_await suspend<int>();
            co_return value + co_await receive<int>();
        });
        QTest::qWait(1);
        coro.send(100);
        QTest::qWait(1);
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
        QTest::qWait(1);
        if (moment == 2)
            QVERIFY(coro.resume());
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QVERIFY(!coro.resume());
    }

    // --- receive ---

    void C10_receiveGivesTheAlarmValue()
    {
        QCOMPARE(waitFor(spawn([]() -> Task<int> { co_return co_await receive<int>(1ms, -1); })), -1);
        const Coro<int> coro = spawn([]() -> Task<int> { co_return co_await receive<int>(0ms, -1); });
        coro.send(4);
        QCOMPARE(waitFor(coro), 4);
    }

    void C10_receiveByPredicate()
    {
        const Coro<QList<int>> coro = spawn([]() -> Task<QList<int>> {
            auto isEven = [](int n) { return n % 2 == 0; };
            QList<int> seen;
            seen << co_await receive<int>(isEven); // there already
            seen << co_await receive<int>(isEven); // comes later
            seen << co_await receive<int>() << co_await receive<int>();
            co_return seen;
        });
        coro.send(1);
        coro.send(2);
        QTest::qWait(1);
        coro.send(QStringLiteral("no number"));
        coro.send(3);
        QTest::qWait(1);
        coro.send(4);
        QCOMPARE(waitFor(coro), QList<int>({2, 4, 1, 3}));
    }

    void C10_predicateThatThrows_data()
    {
        QTest::addColumn<bool>("later");
        QTest::newRow("for a message that is there") << false;
        QTest::newRow("for a later one: not at the sender's") << true;
    }
    void C10_predicateThatThrows()
    {
        QFETCH(const bool, later);
        const Coro<int> coro = spawn([]() -> Task<int> {
            try {
                co_await receive<int>([](int) -> bool { throw Failure(QStringLiteral("predicate")); });
                co_return 0;
            } catch (const Failure &) {
            }
            co_return co_await receive<int>(); // it is still there
        });
        if (later)
            QTest::qWait(1);
        QVERIFY(coro.send(5));
        QCOMPARE(waitFor(coro), 5);
    }

    // --- a bounded mailbox ---

    void C08_sendToAFullMailbox()
    {
        const Coro<int> coro = spawn([]() -> Task<int> {
            co_await suspend();
            int sum = 0;
            while (const int value = co_await receive<int>(0ms, 0))
                sum += value;
            co_return sum;
        });
        coro.setMailboxLimit(2);
        QVERIFY(coro.send(1));
        QVERIFY(coro.send(2));
        QVERIFY(!coro.send(4));
        coro.setMailboxLimit(3);
        QVERIFY(coro.send(8));
        QTest::qWait(1);
        coro.resume();
        QCOMPARE(waitFor(coro), 11);
    }

    void C09_deliverWaitsForRoom_data()
    {
        QTest::addColumn<bool>("otherThread");
        QTest::newRow("same thread") << false;
        QTest::newRow("from another thread") << true;
    }
    void C09_deliverWaitsForRoom()
    {
        QFETCH(const bool, otherThread);
        const Coro<QList<int>> coro = spawn([]() -> Task<QList<int>> {
            co_await suspend();
            QList<int> all;
            for (int i = 0; i < 3; ++i)
                all << co_await receive<int>();
            co_return all;
        });
        coro.setMailboxLimit(1);
        coro.send(1);
        std::atomic<bool> delivered = false;
        auto deliver = [&]() -> Task<> {
            co_await coro.deliver(2);
            co_await coro.deliver(3);
            delivered = true;
        };
        std::thread thread;
        Coro<> delivering;
        if (otherThread)
            thread = std::thread([&] { waitFor(deliver()); });
        else
            delivering = spawn(deliver);
        QTest::qWait(10);
        QVERIFY(!delivered);
        coro.resume();
        QCOMPARE(waitFor(coro), QList<int>({1, 2, 3}));
        if (otherThread)
            thread.join();
        else
            waitFor(delivering);
        QVERIFY(delivered);
    }

    void C09_deliverTimesOutAndTakesTheMessageBack()
    {
        const Coro<int> coro = spawn([]() -> Task<int> {
            co_await suspend();
            const int first = co_await receive<int>();
            co_return first + co_await receive<int>(5ms, 100);
        });
        coro.setMailboxLimit(1);
        coro.send(1);
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(coro.deliver(2, 2ms)));
        coro.resume();
        QCOMPARE(waitFor(coro), 101);
    }

    void C09_deliverToOneThatEnds()
    {
        const Coro<> coro = spawn(sleepForever);
        coro.setMailboxLimit(0);
        const Coro<> delivering = spawn([&]() -> Task<> { co_await coro.deliver(1); });
        QTest::qWait(1);
        QVERIFY(delivering.isRunning());
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroEnded, waitFor(delivering));
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
        QTest::qWait(1);
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
        QTest::qWait(1);
        QVERIFY(other.isRunning()); // who finishes breaks no link
        other.link(terminated); // which has ended so
        QVERIFY_THROWS_EXCEPTION(LinkedCoroEnded, waitFor(other));
    }

    // --- hot swap ---

    void C17_hotSwapKeepsMailboxAndHandle()
    {
        const Coro<int> coro = spawn(countMessages, 0);
        QTest::qWait(1);
        const bool accepted = waitFor(spawn([&]() -> Task<bool> {
            coro.send(1); // for the old one: it wakes before it is asked
            const Coro<bool> swapping = spawn(swapped, coro);
            coro.send(2);
            co_return co_await swapping;
        }));
        QVERIFY(accepted);
        coro.send(3);
        coro.send(QStringLiteral("end"));
        const int count = waitFor(coro);
        QVERIFY(count >= 1010);
    }

    void C17_swapBeforeItBegins()
    {
        const Coro<int> coro = spawn(countMessages, 0);
        coro.send(1);
        coro.send(QStringLiteral("end"));
        const Coro<bool> swapping = spawn([&]() -> Task<bool> { co_return co_await coro.hotSwap(countByTens, 0); });
        QCOMPARE(waitFor(coro), 1); // the first one has begun before
        QVERIFY_THROWS_EXCEPTION(CoroEnded, waitFor(swapping));
    }

    void C17_swapCanBeRefused()
    {
        const Coro<int> coro = spawn([]() -> Task<int> {
            Coro<>::self().setHotSwappable();
            for (;;) {
                try {
                    co_return co_await receive<int>();
                } catch (const HotSwapRequest &) {
                }
            }
        });
        QTest::qWait(1);
        QVERIFY(!waitFor(spawn(swapped, coro)));
        coro.send(5);
        QCOMPARE(waitFor(coro), 5);
    }

    void C17_cleanupMayWaitBeforeAccepting()
    {
        bool cleanedUp = false;
        const Coro<int> coro = spawn([&]() -> Task<int> {
            Coro<>::self().setHotSwappable();
            std::optional<HotSwapRequest> request;
            try {
                co_await sleepForever();
                co_await sleep(1h);
            } catch (const HotSwapRequest &asked) {
                request = asked;
            }
            co_await sleep(1ms);
            cleanedUp = true;
            throw HotSwapRequest(*request);
        });
        QTest::qWait(1);
        // The wait is nested: it is not a safe point until the function waits itself.
        const Coro<bool> swapping = spawn(swapped, coro);
        QTest::qWait(5);
        QVERIFY(swapping.isRunning());
        QVERIFY(!cleanedUp);
        swapping.terminate();
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));

        const Coro<int> flat = spawn([&]() -> Task<int> {
            Coro<>::self().setHotSwappable();
            std::optional<HotSwapRequest> request;
            try {
                co_await sleep(1h);
            } catch (const HotSwapRequest &asked) {
                request = asked;
            }
            co_await sleep(1ms);
            cleanedUp = true;
            throw HotSwapRequest(*request);
        });
        QTest::qWait(1);
        QVERIFY(waitFor(spawn(swapped, flat)));
        QVERIFY(cleanedUp);
        flat.send(QStringLiteral("end"));
        QCOMPARE(waitFor(flat), 1000);
    }

    void C17_onlyWhereItAllowsIt()
    {
        const Coro<int> coro = spawn([]() -> Task<int> {
            co_await suspend();
            Coro<>::self().setHotSwappable();
            co_return co_await receive<int>();
        });
        QTest::qWait(1);
        const Coro<bool> swapping = spawn(swapped, coro);
        QTest::qWait(1);
        QVERIFY(swapping.isRunning()); // postponed
        coro.resume();
        QVERIFY(waitFor(swapping));
        coro.send(QStringLiteral("end"));
        QCOMPARE(waitFor(coro), 1000);
        QVERIFY_THROWS_EXCEPTION(Error, coro.setHotSwappable());
    }

    void C17_clearErrors()
    {
        const Coro<int> coro = spawn(countMessages, 0);
        QTest::qWait(1);
        auto otherType = [](Coro<> target) -> Task<> { co_await target.hotSwap(sleepForever); };
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(spawn(otherType, Coro<>(coro))));
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(spawn(otherType, Coro<>())));
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QVERIFY_THROWS_EXCEPTION(CoroEnded, waitFor(spawn(swapped, coro)));
    }

    void C17_swapFromAnotherThread()
    {
        const Coro<int> coro = spawn(countMessages, 0);
        bool accepted = false;
        std::thread thread([&] { accepted = waitFor(spawn(swapped, coro)); });
        coro.send(1);
        QTest::qWait(20);
        coro.send(QStringLiteral("end"));
        QVERIFY(waitFor(coro) >= 1000);
        thread.join();
        QVERIFY(accepted);
    }

    void C16_failedMonitoredCoroutineIsRestarted()
    {
        const Coro<int> coro = spawn([]() -> Task<int> {
            co_await receive<int>();
            throw Failure(QStringLiteral("broken"));
        });
        const Coro<QList<CoroState>> monitor = spawn([&]() -> Task<QList<CoroState>> {
            QList<CoroState> seen;
            seen << (co_await receive<ExitNotice>()).state();
            if (!co_await coro.hotSwap(countByTens, 0))
                throw Failure(QStringLiteral("refused"));
            seen << coro.state();
            seen << (co_await receive<ExitNotice>()).state();
            co_return seen;
        });
        coro.monitor(monitor);
        coro.send(1);
        coro.send(2); // the failed one has not read it; the new one does
        QTest::qWait(5);
        QVERIFY(coro.isRunning());
        coro.send(QStringLiteral("end"));
        QCOMPARE(waitFor(coro), 10);
        QCOMPARE(waitFor(monitor), QList<CoroState>({CoroState::Failed, CoroState::Running, CoroState::Finished}));
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
            QTest::qWait(1);
        object.reset();
        QCOMPARE(cleanedUp, moment == 0 ? 0 : moment == 3 ? 2 : 1);
        if (moment > 0)
            QCOMPARE(coro.state(), CoroState::Terminated); // at once
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
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
