// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "dispatchertest.h"

#include <QBasicTimer>
#include <QChronoTimer>
#include <QElapsedTimer>
#include <QEventLoop>
#include <QRandomGenerator>
#include <QSignalSpy>
#include <QSocketNotifier>
#include <QTimer>
#include <QTimerEvent>

#include <numeric>

using namespace DispatcherTest;

namespace {

/** Tells of its timer events. */
class TimerObject : public QObject
{
public:
    QList<int> fired;
    std::function<void(int)> handler;

protected:
    void timerEvent(QTimerEvent *event) override
    {
        fired.append(event->timerId());
        if (handler)
            handler(event->timerId());
    }
};

constexpr qint64 Millisecond = 1'000'000;

} // namespace

/** Timers: when and in which order they fire, and what may be done while they do. */
class TimerTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { addDispatchers(); }

    void keepsTheAccuracyOfTheType()
    {
        run([&] {
            struct Timer {
                Qt::TimerType type;
                int interval;
                int earliest;
            };
            QList<Timer> expected;
            for (const int interval : {1, 7, 20, 50})
                expected.append({Qt::PreciseTimer, interval, interval});
            for (const int interval : {1, 20, 40, 99, 140, 400})
                expected.append({Qt::CoarseTimer, interval, interval * 95 / 100 - 1}); // Qt rounds to a millisecond
            expected.append({Qt::VeryCoarseTimer, 1000, 500});

            TimerObject object;
            QHash<int, Timer> timers;
            QElapsedTimer clock;
            clock.start();
            for (const Timer &timer : std::as_const(expected)) {
                const int id = object.startTimer(timer.interval, timer.type);
                QVERIFY(id > 0);
                timers[id] = timer;
            }
            object.handler = [&](int id) {
                object.killTimer(id);
                QCOMPARE_GE(clock.nsecsElapsed(), timers.take(id).earliest * Millisecond);
            };
            processUntil([&] { return timers.isEmpty(); });
            QCOMPARE(object.fired.size(), expected.size());
        });
    }

    // Timers that are started together, in any order, fire in the order of their moments.
    void firesInTheOrderOfTheMoments()
    {
        run([] {
            constexpr int Count = 100;
            struct Timer {
                qint64 earliest;
                qint64 latest;
            };
            QHash<int, Timer> timers;
            TimerObject object;
            QElapsedTimer clock;
            clock.start();
            QList<int> intervals(Count);
            std::iota(intervals.begin(), intervals.end(), 1);
            std::shuffle(intervals.begin(), intervals.end(), *QRandomGenerator::global());
            for (const int interval : std::as_const(intervals)) {
                const qint64 before = clock.nsecsElapsed();
                const int id = object.startTimer(interval, Qt::PreciseTimer);
                timers[id] = {before + interval * Millisecond, clock.nsecsElapsed() + interval * Millisecond};
            }
            object.handler = [&](int id) { object.killTimer(id); };
            processUntil([&] { return object.fired.size() == Count; });
            for (int i = 1; i < Count; ++i)
                QCOMPARE_LE(timers[object.fired[i - 1]].earliest, timers[object.fired[i]].latest);
        });
    }

    void firesInTheOrderOfTheStartWhenTheMomentIsTheSame()
    {
        run([] {
            constexpr int Count = 50;
            TimerObject object;
            QList<int> expected;
            for (int i = 0; i < Count; ++i)
                expected.append(object.startTimer(5, Qt::PreciseTimer));
            object.handler = [&](int id) { object.killTimer(id); };
            QThread::msleep(8);
            processUntil([&] { return object.fired.size() == Count; });
            QCOMPARE(object.fired, expected);
        });
    }

    void repeats()
    {
        run([] {
            TimerObject object;
            QElapsedTimer clock;
            clock.start();
            const int id = object.startTimer(5, Qt::PreciseTimer);
            processUntil([&] { return object.fired.size() == 20; });
            QCOMPARE_GE(clock.nsecsElapsed(), 20 * 5 * Millisecond);
            QCOMPARE(object.fired, QList<int>(20, id));
        });
    }

    void doesNotMakeUpForMissedRounds()
    {
        run([] {
            QTimer timer;
            timer.setTimerType(Qt::PreciseTimer);
            QSignalSpy fired(&timer, &QTimer::timeout);
            timer.start(50);
            QThread::msleep(220);
            QElapsedTimer clock;
            clock.start();
            for (int i = 0; i < 10; ++i)
                dispatcher()->processEvents(QEventLoop::AllEvents);
            if (clock.elapsed() < 45) // else the machine is too busy to tell
                QCOMPARE_LE(fired.size(), 2);
            QCOMPARE_GE(fired.size(), 1);
        });
    }

    void timerOfNoTimeFiresOnceInEachTurn()
    {
        run([] {
            settle();
            TimerObject object;
            object.startTimer(0);
            for (int i = 1; i <= 10; ++i) {
                dispatcher()->processEvents(QEventLoop::AllEvents);
                QCOMPARE(object.fired.size(), i);
            }
            for (int i = 11; i <= 20; ++i) {
                dispatcher()->processEvents(QEventLoop::WaitForMoreEvents);
                QCOMPARE(object.fired.size(), i);
            }
        });
    }

    void timerOfNoTimeIsNoEventToGoOnFor()
    {
        run([] {
            if (dispatcher()->inherits("QEventDispatcherGlib"))
                QSKIP("not so with glib");
            TimerObject object;
            object.startTimer(0);
            while (dispatcher()->processEvents(QEventLoop::AllEvents)) { }
            QVERIFY(!object.fired.isEmpty());
        });
    }

    void timersOfNoTimeDoNotKeepOthersWaiting()
    {
        run([] {
            TimerObject busy;
            for (int i = 0; i < 3; ++i)
                busy.startTimer(0);
            // and one that always starts another
            busy.handler = [&](int id) {
                if (busy.fired.size() % 4 == 3) {
                    busy.killTimer(id);
                    busy.startTimer(0);
                }
            };
            TimerObject object;
            object.startTimer(2);
            Pair pair;
            QSocketNotifier notifier(pair.a.fd(), QSocketNotifier::Read);
            QSignalSpy activated(&notifier, &QSocketNotifier::activated);
            bool posted = false;
            QMetaObject::invokeMethod(&object, [&] { posted = true; }, Qt::QueuedConnection);
            writeByte(pair.b);
            processUntil([&] { return posted && !object.fired.isEmpty() && !activated.isEmpty(); });
        });
    }

    void stoppedByAnotherThatIsDueToo()
    {
        run([] {
            TimerObject object;
            const int a = object.startTimer(1, Qt::PreciseTimer);
            const int b = object.startTimer(1, Qt::PreciseTimer);
            object.handler = [&](int id) { object.killTimer(id == a ? b : a); };
            QThread::msleep(5);
            dispatcher()->processEvents(QEventLoop::AllEvents);
            QCOMPARE(object.fired.size(), 1);
            object.handler = nullptr;
            QThread::msleep(2);
            settle();
            QCOMPARE(object.fired.count(b), 0);
        });
    }

    void stopsAndDeletesItself()
    {
        run([] {
            TimerObject object;
            object.startTimer(1);
            object.handler = [&](int id) { object.killTimer(id); };

            auto *deleted = new TimerObject;
            deleted->startTimer(1);
            deleted->startTimer(1);
            deleted->handler = [&](int) { delete std::exchange(deleted, nullptr); };

            QPointer<QTimer> timer = new QTimer;
            timer->callOnTimeout([&] { delete timer; });
            timer->start(1);

            processUntil([&] { return !object.fired.isEmpty() && !deleted && !timer; });
            QThread::msleep(3);
            settle();
            QCOMPARE(object.fired.size(), 1);
        });
    }

    void singleOneRestartsItself()
    {
        run([] {
            QTimer timer;
            timer.setSingleShot(true);
            int count = 0;
            timer.callOnTimeout([&] {
                QVERIFY(!timer.isActive());
                QCOMPARE(timer.remainingTime(), -1);
                if (++count < 10)
                    timer.start(count % 3);
            });
            timer.start(1);
            processUntil([&] { return count == 10; });
            QVERIFY(!timer.isActive());
            QThread::msleep(3);
            settle();
            QCOMPARE(count, 10);
        });
    }

    void changesItsInterval()
    {
        run([] {
            QTimer timer;
            timer.setTimerType(Qt::PreciseTimer);
            QElapsedTimer clock;
            QList<qint64> times;
            timer.callOnTimeout([&] {
                times.append(clock.nsecsElapsed());
                clock.restart();
                timer.setInterval(10 * int(times.size()));
            });
            clock.start();
            timer.start(1);
            processUntil([&] { return times.size() == 4; });
            for (int i = 0; i < 4; ++i)
                QCOMPARE_GE(times[i], (i == 0 ? 1 : 10 * i) * Millisecond - Millisecond); // the clocks differ a little
        });
    }

    // The one whose event is being handled rests; those that are due with it, and others, fire in the nested loop.
    void firesInNestedEventLoops()
    {
        run([] {
            TimerObject object;
            const int a = object.startTimer(1, Qt::PreciseTimer);
            const int b = object.startTimer(1, Qt::PreciseTimer);
            int depth = 0;
            object.handler = [&](int id) {
                if (depth > 0)
                    return;
                ++depth;
                QElapsedTimer clock;
                clock.start();
                const qsizetype before = object.fired.count(id);
                const int other = id == a ? b : a;
                const qsizetype others = object.fired.count(other);
                processUntil([&] { return object.fired.count(other) >= others + 3; });
                QCOMPARE(object.fired.count(id), before);
                --depth;
            };
            QThread::msleep(5); // both are due now
            processUntil([&] { return object.fired.count(a) > 2 && object.fired.count(b) > 8; });
        });
    }

    void stoppedInANestedEventLoopOfItsOwn()
    {
        run([] {
            TimerObject object;
            int restarted = 0;
            object.startTimer(1, Qt::PreciseTimer);
            object.handler = [&](int id) {
                if (restarted)
                    return;
                QEventLoop loop;
                QTimer::singleShot(2, &loop, [&] {
                    object.killTimer(id);
                    restarted = object.startTimer(1, Qt::PreciseTimer);
                    loop.quit();
                });
                loop.exec();
            };
            processUntil([&] { return restarted && object.fired.count(restarted) >= 2; });
        });
    }

    void tellsTheRemainingTime()
    {
        run([] {
            QTimer timer;
            QCOMPARE(timer.remainingTime(), -1);
            timer.setTimerType(Qt::PreciseTimer);
            timer.start(10'000);
            QCOMPARE_GT(timer.remainingTime(), 0);
            QCOMPARE_LE(timer.remainingTime(), 10'000);
            timer.start(1);
            QThread::msleep(3);
            QCOMPARE(timer.remainingTime(), 0);
            timer.start(0);
            QCOMPARE(timer.remainingTime(), 0);
            timer.stop();
            QCOMPARE(timer.remainingTime(), -1);

            TimerObject object;
            const int id = object.startTimer(500, Qt::PreciseTimer);
            QCOMPARE_GT(dispatcher()->remainingTime(Qt::TimerId(id)), 0ns);
            QCOMPARE_LE(dispatcher()->remainingTime(Qt::TimerId(id)), 500ms);
            object.killTimer(id);
            QCOMPARE_LT(dispatcher()->remainingTime(Qt::TimerId(id)), 0ns);

            // in its own handler: until the next time
            int remaining = -2;
            timer.callOnTimeout([&] { remaining = timer.remainingTime(); });
            timer.start(50);
            processUntil([&] { return remaining != -2; });
            QCOMPARE_GE(remaining, 0);
            QCOMPARE_LE(remaining, 50);
        });
    }

    void tellsTheTimersOfAnObject()
    {
        run([] {
            TimerObject object;
            TimerObject other;
            QVERIFY(dispatcher()->timersForObject(&object).isEmpty());
            QVERIFY(!dispatcher()->unregisterTimers(&object));
            other.startTimer(1000);
            QHash<int, int> intervals; // that every type keeps as they are
            for (const int interval : {15, 1000, 30'000})
                intervals[object.startTimer(interval, interval == 15 ? Qt::PreciseTimer : Qt::VeryCoarseTimer)] = interval;
            const auto infos = dispatcher()->timersForObject(&object);
            QCOMPARE(infos.size(), 3);
            for (const auto &info : infos) {
                const int interval = intervals.take(int(info.timerId));
                QCOMPARE(info.interval, std::chrono::milliseconds(interval));
                QCOMPARE(info.timerType, interval == 15 ? Qt::PreciseTimer : Qt::VeryCoarseTimer);
            }
            QVERIFY(dispatcher()->unregisterTimer(infos[0].timerId));
            QVERIFY(!dispatcher()->unregisterTimer(infos[0].timerId));
            QCOMPARE(dispatcher()->timersForObject(&object).size(), 2);
            QVERIFY(dispatcher()->unregisterTimers(&object));
            QVERIFY(dispatcher()->timersForObject(&object).isEmpty());
            QCOMPARE(dispatcher()->timersForObject(&other).size(), 1);
        });
    }

    void moveToAnotherThread()
    {
        run([] {
            const auto thread = makeThread({});
            thread->start();
            {
                QTimer timer;
                timer.start(2);
                TimerObject object;
                object.startTimer(3);
                std::atomic<int> fired = 0;
                std::atomic<QThread *> where = nullptr;
                timer.callOnTimeout(&timer, [&] {
                    where = QThread::currentThread();
                    ++fired;
                });
                object.handler = [&](int) { ++fired; };
                processUntil([&] { return fired >= 3; });
                QCOMPARE(where.load(), QThread::currentThread());
                timer.moveToThread(thread.get());
                object.moveToThread(thread.get());
                const int before = fired;
                while (fired < before + 6)
                    QThread::msleep(1);
                QCOMPARE(where.load(), thread.get());

                QThread *home = QThread::currentThread();
                QMetaObject::invokeMethod(&timer, [&] { timer.moveToThread(home); object.moveToThread(home); }, Qt::BlockingQueuedConnection);
                const int then = fired;
                processUntil([&] { return fired >= then + 4; });
                QCOMPARE(where.load(), home);
            }
            thread->quit();
            thread->wait();
        });
    }

    void longOnesDoNotOverflow()
    {
        run([] {
            TimerObject object;
            QBasicTimer timers[3];
            timers[0].start(24h * 20, Qt::PreciseTimer, &object);
            timers[1].start(24h * 20, Qt::CoarseTimer, &object);
            timers[2].start(24h * 20, Qt::VeryCoarseTimer, &object);
            QTimer end;
            end.setSingleShot(true);
            end.start(5);
            processUntil([&] { return !end.isActive(); });
            QVERIFY(object.fired.isEmpty());
            QCOMPARE_GT(dispatcher()->remainingTime(timers[1].id()), 24h * 18);
        });
    }

    void chronoTimers()
    {
        run([] {
            QChronoTimer timer(1500us);
            timer.setTimerType(Qt::PreciseTimer);
            QSignalSpy fired(&timer, &QChronoTimer::timeout);
            QElapsedTimer clock;
            clock.start();
            timer.start();
            processUntil([&] { return fired.size() == 3; });
            QCOMPARE_GE(clock.nsecsElapsed(), 3 * Millisecond);
        });
    }

    // Many of all types are started, stopped and restarted while they fire: each that is not stopped fires once.
    void manyAtOnce()
    {
        run([] {
            constexpr int Count = 5000;
            QRandomGenerator random(4711);
            TimerObject object;
            QSet<int> waiting;
            int wrong = 0;
            int started = 0;
            const auto start = [&] {
                const auto type = Qt::TimerType(random.bounded(2)); // a very coarse one would take a second
                waiting.insert(object.startTimer(random.bounded(100), type));
                ++started;
            };
            object.handler = [&](int id) {
                object.killTimer(id);
                wrong += !waiting.remove(id);
                if (started < Count) {
                    start();
                    start();
                }
                if (random.bounded(3) == 0 && !waiting.isEmpty()) {
                    const int other = *waiting.constBegin();
                    waiting.remove(other);
                    object.killTimer(other);
                }
            };
            for (int i = 0; i < 1000; ++i)
                start();
            processUntil([&] { return waiting.isEmpty(); });
            QCOMPARE(wrong, 0);
            QCOMPARE_GE(started, 1000);
        });
    }
};

QTEST_GUILESS_MAIN(TimerTest)

#include "timertest.moc"
