// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What the pages of Qt 6.8 on timers promise: QAbstractEventDispatcher's functions for them, Qt::TimerType, QTimer,
// QChronoTimer, QBasicTimer and QObject::startTimer(). A test function for each promise, by class; what timertest.cpp
// shows is not repeated here.

#include "dispatchertest.h"

#include <QBasicTimer>
#include <QChronoTimer>
#include <QElapsedTimer>
#include <QEventLoop>
#include <QPointer>
#include <QRegularExpression>
#include <QSignalSpy>
#include <QTimer>
#include <QTimerEvent>

#include <limits>

using namespace DispatcherTest;

namespace {

class TimerObject : public QObject
{
public:
    QList<Qt::TimerId> fired;
    std::function<void(Qt::TimerId)> handler;

protected:
    void timerEvent(QTimerEvent *event) override
    {
        fired.append(event->id());
        if (handler)
            handler(event->id());
    }
};

constexpr qint64 Millisecond = 1'000'000;

} // namespace

class DocumentedTimersTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { addDispatchers(); }

    // --- QAbstractEventDispatcher ---

    // registerTimer(interval, type, object): "returns the timer id"
    void givesEachTimerAnId()
    {
        run([] {
            TimerObject object;
            QSet<Qt::TimerId> ids;
            for (int i = 0; i < 100; ++i) {
                const Qt::TimerId id = dispatcher()->registerTimer(1h, Qt::CoarseTimer, &object);
                QVERIFY(id > Qt::TimerId::Invalid);
                ids += id;
            }
            QCOMPARE(ids.size(), 100);
            QCOMPARE(dispatcher()->timersForObject(&object).size(), 100);
            QVERIFY(dispatcher()->unregisterTimers(&object));
        });
    }

    // registerTimer(id, ...), with a Duration and in milliseconds as before Qt 6.8; registeredTimers(), remainingTime()
    void takesMillisecondsAndNanoseconds()
    {
        run([] {
            TimerObject object;
            const Qt::TimerId id = dispatcher()->registerTimer(500ms, Qt::PreciseTimer, &object);
            const auto infos = dispatcher()->registeredTimers(&object);
            QCOMPARE(infos.size(), 1);
            QCOMPARE(infos[0].timerId, int(id));
            QCOMPARE(infos[0].interval, 500);
            QCOMPARE(infos[0].timerType, Qt::PreciseTimer);
            QCOMPARE_GT(dispatcher()->remainingTime(int(id)), 0);
            QCOMPARE_LE(dispatcher()->remainingTime(int(id)), 500);

            QVERIFY(dispatcher()->unregisterTimer(int(id)));
            QVERIFY(!dispatcher()->unregisterTimer(int(id)));
            QCOMPARE_LT(dispatcher()->remainingTime(int(id)), 0); // -1, but that of Qt 6.8 overflows
            if (isDispatcher("epoll"))
                QCOMPARE(dispatcher()->remainingTime(int(id)), -1);
            dispatcher()->registerTimer(int(id), qint64(2), Qt::PreciseTimer, &object); // the same id anew
            processUntil([&] { return object.fired.size() == 3; });
            QCOMPARE(object.fired, QList<Qt::TimerId>(3, id));
            QVERIFY(dispatcher()->unregisterTimer(id));

            // less than a millisecond
            const Qt::TimerId fine = dispatcher()->registerTimer(100us, Qt::PreciseTimer, &object);
            QCOMPARE_LE(dispatcher()->remainingTime(fine), 100us);
            processUntil([&] { return object.fired.count(fine) == 2; });
            dispatcher()->unregisterTimer(fine);
        });
    }

    // remainingTime(): "If the timer is inactive, the returned value will be negative. If overdue, 0."
    void tellsWhatRemains()
    {
        run([] {
            TimerObject object;
            const Qt::TimerId id = dispatcher()->registerTimer(1ms, Qt::PreciseTimer, &object);
            QThread::msleep(3);
            QCOMPARE(dispatcher()->remainingTime(id), 0ns);
            QCOMPARE(dispatcher()->remainingTime(int(id)), 0);
            dispatcher()->unregisterTimer(id);
            QCOMPARE_LT(dispatcher()->remainingTime(id), 0ns);
        });
    }

    void refusesWhatMakesNoSense()
    {
        run([] {
            TimerObject object;
            QTest::ignoreMessage(QtWarningMsg, QRegularExpression(QStringLiteral("negative|invalid")));
            QCOMPARE(object.startTimer(-1), 0);
            if (!isDispatcher("epoll"))
                return; // a release of Qt does not look at the rest
            const QRegularExpression invalid(QStringLiteral("invalid argument"));
            QTest::ignoreMessage(QtWarningMsg, invalid);
            dispatcher()->registerTimer(Qt::TimerId::Invalid, 1ms, Qt::CoarseTimer, &object);
            QTest::ignoreMessage(QtWarningMsg, invalid);
            QVERIFY(!dispatcher()->unregisterTimer(Qt::TimerId::Invalid));
            QTest::ignoreMessage(QtWarningMsg, invalid);
            QVERIFY(!dispatcher()->unregisterTimers(nullptr));
            QTest::ignoreMessage(QtWarningMsg, invalid);
            QVERIFY(dispatcher()->timersForObject(nullptr).isEmpty());
            QVERIFY(dispatcher()->timersForObject(&object).isEmpty());
        });
    }

    // --- Qt::TimerType and "Accuracy and Timer Resolution" ---

    // "Precise timers will never time out earlier than expected." A coarse one is earlier by 5 % at most, a very coarse
    // one by 500 ms. How late it is depends on the machine; what the dispatcher means to do is in remainingTime().
    void aimsWithinTheAccuracyOfTheType_data()
    {
        QTest::addColumn<int>("type");
        QTest::addColumn<int>("interval");
        for (const int interval : {1, 19, 20, 21, 50, 99, 100, 333, 1000, 1500, 7777, 20'000, 100'000, 3'600'000}) {
            QTest::addRow("precise %d", interval) << int(Qt::PreciseTimer) << interval;
            QTest::addRow("coarse %d", interval) << int(Qt::CoarseTimer) << interval;
            if (interval >= 1000)
                QTest::addRow("very coarse %d", interval) << int(Qt::VeryCoarseTimer) << interval;
        }
    }

    void aimsWithinTheAccuracyOfTheType()
    {
        QFETCH(int, type);
        QFETCH(int, interval);
        run([type, interval] {
            TimerObject object;
            QElapsedTimer clock;
            clock.start();
            const auto id = Qt::TimerId(object.startTimer(interval, Qt::TimerType(type)));
            const std::chrono::nanoseconds remaining = dispatcher()->remainingTime(id);
            const std::chrono::nanoseconds passed(clock.nsecsElapsed());
            // Whole seconds for very coarse ones, and for those that may be a second off; Qt rounds to a millisecond.
            const bool seconds = type == Qt::VeryCoarseTimer || (type == Qt::CoarseTimer && interval >= 20'000);
            const std::chrono::nanoseconds coarse = seconds ? 1s : interval * 50'000ns + 1ms;
            const std::chrono::nanoseconds off = type == Qt::PreciseTimer ? 0ns : coarse;
            QCOMPARE_LE(remaining, interval * 1ms + off + (type == Qt::PreciseTimer ? 0ms : 1ms));
            QCOMPARE_GE(remaining + passed, interval * 1ms - off - 1ms); // Qt's clock for timers has whole milliseconds
        });
    }

    // "In such a case of timeout overrun, Qt will emit timeout() only once, even if multiple timeouts have expired"
    void overrunIsOneTimeout()
    {
        run([] {
            QChronoTimer timer(20ms);
            timer.setTimerType(Qt::PreciseTimer);
            QSignalSpy fired(&timer, &QChronoTimer::timeout);
            timer.start();
            QThread::msleep(90);
            processUntil([&] { return !fired.isEmpty(); });
            QCOMPARE(fired.size(), 1);
            QCOMPARE_LE(timer.remainingTime(), 20ms);
        });
    }

    // A repeating timer keeps its rhythm: what a round is late by does not add up.
    void rhythmIsKept()
    {
        run([] {
            QTimer timer;
            timer.setTimerType(Qt::PreciseTimer);
            QElapsedTimer clock;
            QList<qint64> times;
            timer.callOnTimeout([&] { times.append(clock.nsecsElapsed()); });
            clock.start();
            timer.start(10);
            processUntil([&] { return times.size() == 30; });
            for (qsizetype i = 0; i < times.size(); ++i)
                QCOMPARE_GE(times[i], (i + 1) * 10 * Millisecond - Millisecond); // never ahead of its rhythm
        });
    }

    // --- QChronoTimer ---

    // "a ±292 years range"
    void longestIntervals()
    {
        run([] {
            using namespace std::chrono;
            QList<nanoseconds> intervals{hours(24 * 24), hours(24 * 365 * 50)};
            if (isDispatcher("epoll")) // those of Qt 6.8 do not stand these
                intervals += {hours(24 * 365 * 200), nanoseconds::max() - 1ns, nanoseconds::max()};
            for (const nanoseconds interval : intervals) {
                for (const auto type : {Qt::PreciseTimer, Qt::CoarseTimer, Qt::VeryCoarseTimer}) {
                    QChronoTimer timer(interval);
                    timer.setTimerType(type);
                    QSignalSpy fired(&timer, &QChronoTimer::timeout);
                    timer.start();
                    QVERIFY(timer.isActive());
                    QTimer end;
                    end.setSingleShot(true);
                    end.start(1);
                    processUntil([&] { return !end.isActive(); });
                    QCOMPARE(fired.size(), 0);
                    QCOMPARE_GT(timer.remainingTime(), hours(24 * 22));
                }
            }
        });
    }

    // setInterval(): "stop() and then start() the timer, and acquire a new id(). If it is not running, only the
    // interval is changed."
    void intervalOfARunningTimer()
    {
        run([] {
            QChronoTimer timer(1h);
            timer.setInterval(2h);
            QVERIFY(!timer.isActive());
            QCOMPARE(timer.id(), Qt::TimerId::Invalid);
            timer.start();
            timer.setInterval(1ms);
            QVERIFY(timer.isActive());
            QCOMPARE(dispatcher()->timersForObject(&timer).size(), 1);
            QCOMPARE(dispatcher()->timersForObject(&timer)[0].interval, 1ms);
            QSignalSpy fired(&timer, &QChronoTimer::timeout);
            processUntil([&] { return fired.size() >= 2; });
            timer.stop();
            QCOMPARE(timer.id(), Qt::TimerId::Invalid);
            QCOMPARE_LT(timer.remainingTime(), 0ns);
        });
    }

    // "it is not possible to start a timer from another thread", nor to stop it
    void timersAreOfTheirThread()
    {
        run([] {
            TimerObject object;
            const int id = object.startTimer(1);
            const QRegularExpression otherThread(QStringLiteral("from another thread"));
            QTest::ignoreMessage(QtWarningMsg, otherThread);
            QTest::ignoreMessage(QtWarningMsg, otherThread);
            {
                Beside other([&] {
                    object.startTimer(1);
                    object.killTimer(id);
                });
            }
            processUntil([&] { return object.fired.size() == 3; });
            QCOMPARE(object.fired, QList<Qt::TimerId>(3, Qt::TimerId(id)));
        });
    }

    // --- QTimer ---

    // singleShot(): at once for 0, not for a context that is gone, and once
    void singleShots()
    {
        run([] {
            int fired = 0;
            auto *gone = new QObject;
            QObject context;
            for (const auto interval : {0ns, 1ns, 500'000ns, 2'000'000ns}) {
                for (const auto type : {Qt::PreciseTimer, Qt::CoarseTimer})
                    QTimer::singleShot(interval, type, &context, [&] { ++fired; });
                QTimer::singleShot(interval, gone, [&] { fired += 100; });
            }
            delete gone;
            processUntil([&] { return fired >= 8; });
            QThread::msleep(4);
            settle();
            QCOMPARE(fired, 8);
        });
    }

    // In a nested loop of its own handler a timer rests; the shot of a single one is over there.
    void singleShotInItsOwnNestedLoop()
    {
        run([] {
            QTimer timer;
            timer.setSingleShot(true);
            int fired = 0;
            timer.callOnTimeout([&] {
                if (++fired > 1)
                    return;
                timer.start(1);
                QEventLoop loop;
                QTimer::singleShot(20, &loop, &QEventLoop::quit);
                loop.exec();
                QCOMPARE(fired, 2); // started anew, it fires within
            });
            timer.start(0);
            processUntil([&] { return fired == 2; });
        });
    }

    // --- QBasicTimer, QObject ---

    // start(): "the timer is stopped first"; a moved-from one is inactive
    void basicTimers()
    {
        run([] {
            TimerObject object;
            QBasicTimer timer;
            QVERIFY(!timer.isActive());
            timer.start(1h, &object);
            timer.start(1ms, &object);
            QCOMPARE(dispatcher()->timersForObject(&object).size(), 1);
            QBasicTimer moved = std::move(timer);
            QVERIFY(moved.isActive());
            processUntil([&] { return object.fired.size() == 2; });
            moved.stop();
            QVERIFY(!moved.isActive());
            QVERIFY(dispatcher()->timersForObject(&object).isEmpty());
        });
    }

    // killTimer() in its own event, of an object that starts another at once: the same number may be used again
    void idsAreUsedAgainAtOnce()
    {
        run([] {
            TimerObject object;
            QSet<Qt::TimerId> current{Qt::TimerId(object.startTimer(0))};
            int wrong = 0;
            object.handler = [&](Qt::TimerId id) {
                wrong += !current.remove(id);
                object.killTimer(id);
                for (int i = 0; i < 2 && current.size() < 5; ++i)
                    current += Qt::TimerId(object.startTimer(i));
            };
            processUntil([&] { return object.fired.size() > 300; });
            QCOMPARE(wrong, 0);
        });
    }

    // "A timer's event is not sent to an object that is being deleted, nor after it"
    void endsWithItsObject()
    {
        run([] {
            for (int i = 0; i < 50; ++i) {
                QPointer<TimerObject> a = new TimerObject;
                QPointer<TimerObject> b = new TimerObject;
                a->startTimer(0);
                b->startTimer(0);
                a->handler = [&](Qt::TimerId) { delete b; };
                b->handler = [&](Qt::TimerId) { delete a; };
                processUntil([&] { return !a || !b; });
                settle();
                QVERIFY(a || b);
                delete a;
                delete b;
            }
        });
    }
};

QTEST_GUILESS_MAIN(DocumentedTimersTest)

#include "documentedtimerstest.moc"
