// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "dispatchertest.h"

#include <QBasicTimer>
#include <QElapsedTimer>
#include <QEventLoop>
#include <QPointer>
#include <QSemaphore>
#include <QSignalSpy>
#include <QSocketNotifier>
#include <QTimer>

#include <atomic>
#include <csignal>

#include <pthread.h>

using namespace DispatcherTest;
using namespace Qt::StringLiterals;

namespace {

class Receiver : public QObject
{
public:
    QList<int> events;
    std::function<void(int)> handler;

    void post(int number, int priority = Qt::NormalEventPriority)
    {
        QCoreApplication::postEvent(this, new QEvent(QEvent::Type(QEvent::User + number)), priority);
    }

    bool event(QEvent *event) override
    {
        if (event->type() < QEvent::User)
            return QObject::event(event);
        events.append(event->type() - QEvent::User);
        if (handler)
            handler(events.last());
        return true;
    }
};

} // namespace

/** Posted events, wake-ups, flags and nested event loops. */
class EventLoopTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { addDispatchers(); }

    void S05_sendsPostedEventsInOrder()
    {
        run([] {
            Receiver receiver;
            QList<int> expected{1000};
            for (int i = 0; i < 100; ++i) {
                receiver.post(i);
                expected.append(i);
            }
            receiver.post(1000, Qt::HighEventPriority);
            QVERIFY(dispatcher()->processEvents(QEventLoop::AllEvents));
            QCOMPARE(receiver.events, expected);
        });
    }

    void tellsWhetherThereWereEvents()
    {
        run([] {
            settle();
            QVERIFY(!dispatcher()->processEvents(QEventLoop::AllEvents));
            Receiver receiver;
            receiver.post(1);
            QVERIFY(dispatcher()->processEvents(QEventLoop::AllEvents));
            QVERIFY(!dispatcher()->processEvents(QEventLoop::AllEvents));

            Pair pair;
            QSocketNotifier notifier(pair.a.fd(), QSocketNotifier::Read);
            settle();
            writeByte(pair.b);
            QVERIFY(dispatcher()->processEvents(QEventLoop::AllEvents));
            readAll(pair.a.fd());
            QVERIFY(!dispatcher()->processEvents(QEventLoop::AllEvents));
        });
    }

    void isLeftThoughATurnWithinItsTurnComesBetween()
    {
        if (isDispatcher("poll"))
            return; // which stays, then
        run([] {
            QEventLoop loop;
            Receiver receiver;
            receiver.handler = [&loop](int) {
                loop.exit(5);
                QCoreApplication::processEvents();
            };
            receiver.post(1);
            QCOMPARE(loop.exec(), 5);

            // By another thread, while a handler lets events come
            std::atomic<bool> hasExited = false;
            receiver.handler = [&](int) {
                const Beside other([&] {
                    loop.exit(6);
                    hasExited = true;
                });
                while (!hasExited)
                    QCoreApplication::processEvents();
                QCoreApplication::processEvents();
            };
            receiver.post(2);
            QCOMPARE(loop.exec(), 6);
        });
    }

    void returnsAtOnceUnlessToldToWait()
    {
        run([] {
            QTimer timer;
            timer.start(1h);
            for (int i = 0; i < 100; ++i)
                dispatcher()->processEvents(QEventLoop::AllEvents);
        });
    }

    void waitsForEventsOfAnotherThread()
    {
        run([] {
            Receiver receiver;
            for (int i = 0; i < 20; ++i) {
                Beside other([&] {
                    QThread::usleep(500);
                    receiver.post(i);
                });
                processUntil([&] { return receiver.events.size() == i + 1; });
            }
        });
    }

    void wakeUpEndsTheWait()
    {
        run([] {
            settle();
            QAbstractEventDispatcher *waiting = dispatcher();
            std::atomic<bool> called = false;
            Beside other([&] {
                QThread::msleep(10);
                called = true;
                waiting->wakeUp();
            });
            processUntil([&] { return called.load(); });
        });
    }

    void wakeUpKeepsTheNextWaitFromBlocking()
    {
        run([] {
            settle();
            dispatcher()->wakeUp();
            dispatcher()->processEvents(QEventLoop::WaitForMoreEvents);
            dispatcher()->wakeUp();
            dispatcher()->processEvents(QEventLoop::WaitForMoreEvents | QEventLoop::ExcludeSocketNotifiers);
        });
    }

    void interruptEndsTheWait()
    {
        run([] {
            settle();
            dispatcher()->interrupt();
            dispatcher()->processEvents(QEventLoop::WaitForMoreEvents);
            settle();
            QAbstractEventDispatcher *waiting = dispatcher();
            Beside other([&] {
                QThread::msleep(10);
                waiting->interrupt();
            });
            dispatcher()->processEvents(QEventLoop::WaitForMoreEvents);
        });
    }

    void noEventOfManyThreadsIsLost()
    {
        run([] {
            constexpr int Threads = 4;
            constexpr int Events = 3000;
            Receiver receiver;
            QEventLoop loop;
            receiver.handler = [&](int) {
                if (receiver.events.size() == Threads * Events)
                    loop.quit();
            };
            QAbstractEventDispatcher *waiting = dispatcher();
            std::vector<std::unique_ptr<Beside>> others;
            for (int t = 0; t < Threads; ++t) {
                others.push_back(std::make_unique<Beside>([&] {
                    for (int i = 0; i < Events; ++i) {
                        receiver.post(i);
                        if (i % 7 == 0)
                            waiting->wakeUp();
                        if (i % 100 == 0)
                            QThread::usleep(300); // so that the loop goes to sleep
                    }
                }));
            }
            loop.exec();
        });
    }

    // Ours spins in a quick exchange, and sleeps when an answer takes longer.
    void losesNothingOfAQuickExchange()
    {
        run([] {
            constexpr int Rounds = 3000;
            Receiver receiver;
            Pair pair;
            QEventLoop loop;
            QTimer timer;
            int ticks = 0;
            QObject::connect(&timer, &QTimer::timeout, &loop, [&] { ++ticks; });
            timer.start(1ms);
            receiver.handler = [&](int) {
                if (receiver.events.size() < Rounds)
                    return writeByte(pair.a);
                pair.a.close();
                loop.quit();
            };

            // It is asked by a byte, and answers by an event.
            const auto other = makeThread([&receiver, fd = pair.b.fd()] {
                QEventLoop answering;
                QSocketNotifier notifier(fd, QSocketNotifier::Read);
                int round = 0;
                QObject::connect(&notifier, &QSocketNotifier::activated, &answering, [&] {
                    if (readAll(fd) == 0)
                        return answering.quit();
                    if (++round % 300 == 0)
                        QThread::usleep(500);
                    receiver.post(1);
                });
                answering.exec();
            });
            other->start();
            writeByte(pair.a);
            loop.exec();
            other->wait();
            QCOMPARE(receiver.events.size(), Rounds);
            processUntil([&] { return ticks > 0; });
        });
    }

    // Each time the loop is just about to sleep, or asleep, or not yet.
    void exitFromAnotherThreadIsNeverLost()
    {
        run([] {
            for (int i = 0; i < 300; ++i) {
                QEventLoop loop;
                QSemaphore entered;
                QSemaphore left;
                Beside other([&] {
                    entered.acquire();
                    loop.exit(i);
                    left.release();
                });
                QMetaObject::invokeMethod(&loop, [&] { entered.release(); }, Qt::QueuedConnection);
                QCOMPARE(loop.exec(), i);
                left.acquire();
            }
        });
    }

    void announcesThatItMayBlock()
    {
        run([] {
            settle();
            QStringList log;
            QObject context;
            connect(dispatcher(), &QAbstractEventDispatcher::aboutToBlock, &context, [&] { log += u"block"_s; });
            connect(dispatcher(), &QAbstractEventDispatcher::awake, &context, [&] { log += u"awake"_s; });
            dispatcher()->processEvents(QEventLoop::AllEvents);
            QVERIFY(!log.contains(u"block"_s));

            log.clear();
            QTimer timer;
            timer.setSingleShot(true);
            timer.setTimerType(Qt::PreciseTimer);
            timer.callOnTimeout(&context, [&] { log += u"timer"_s; });
            timer.start(5);
            processUntil([&] { return !timer.isActive(); });
            dispatcher()->processEvents(QEventLoop::AllEvents); // Qt tells of this turn what was true for the last
            QVERIFY(log.contains(u"block"_s));
            QVERIFY(log.indexOf(u"block"_s) < log.indexOf(u"timer"_s));
            QVERIFY(log.lastIndexOf(u"awake"_s) > log.indexOf(u"block"_s));
        });
    }

    void whatIsPostedWhenAboutToBlockIsNotMissed()
    {
        run([] {
            settle();
            Receiver receiver;
            const auto connection = connect(dispatcher(), &QAbstractEventDispatcher::aboutToBlock, &receiver, [&] {
                if (receiver.events.size() < 10)
                    receiver.post(1);
            });
            processUntil([&] { return receiver.events.size() == 10; });
            QObject::disconnect(connection);
        });
    }

    void excludesSocketNotifiers()
    {
        run([] {
            if (dispatcher()->inherits("QEventDispatcherGlib"))
                QSKIP("not so with glib");
            constexpr auto Flags = QEventLoop::ExcludeSocketNotifiers;
            Pair pair;
            QSocketNotifier notifier(pair.a.fd(), QSocketNotifier::Read);
            int activated = 0;
            connect(&notifier, &QSocketNotifier::activated, &notifier, [&] {
                ++activated;
                readAll(pair.a.fd());
            });
            writeByte(pair.b);
            dispatcher()->processEvents(QEventLoop::ExcludeSocketNotifiers);
            QCOMPARE(activated, 0);

            QTimer timer;
            timer.setSingleShot(true);
            timer.start(10);
            processUntil([&] { return !timer.isActive(); }, Flags);
            QCOMPARE(activated, 0);

            Receiver receiver;
            for (int i = 0; i < 3; ++i) {
                Beside other([&] {
                    QThread::msleep(3);
                    receiver.post(1);
                });
                processUntil([&] { return receiver.events.size() > i; }, Flags);
            }
            QCOMPARE(activated, 0);

            settle();
            QCOMPARE(activated, 1);
        });
    }

    void excludesTimers()
    {
        run([] {
            QTimer timer;
            timer.start(1);
            QSignalSpy fired(&timer, &QTimer::timeout);
            QThread::msleep(5);
            for (int i = 0; i < 3; ++i)
                dispatcher()->processEvents(QEventLoop::X11ExcludeTimers);
            QCOMPARE(fired.size(), 0);

            Receiver receiver;
            Beside other([&] {
                QThread::msleep(5);
                receiver.post(1);
            });
            processUntil([&] { return !receiver.events.isEmpty(); }, QEventLoop::X11ExcludeTimers);
            QCOMPARE(fired.size(), 0);

            dispatcher()->processEvents(QEventLoop::AllEvents);
            QCOMPARE_GE(fired.size(), 1);
        });
    }

    void servesAllElseWithoutUserInput()
    {
        run([] {
            Pair pair;
            QSocketNotifier notifier(pair.a.fd(), QSocketNotifier::Read);
            QSignalSpy activated(&notifier, &QSocketNotifier::activated);
            QTimer timer;
            QSignalSpy fired(&timer, &QTimer::timeout);
            timer.start(0);
            Receiver receiver;
            receiver.post(1);
            writeByte(pair.b);
            for (int i = 0; i < 3; ++i)
                dispatcher()->processEvents(QEventLoop::ExcludeUserInputEvents);
            QVERIFY(!activated.isEmpty() && !fired.isEmpty() && !receiver.events.isEmpty());
        });
    }

    // An event that posts itself again for ever, beside a timer and a socket.
    void postedEventsDoNotKeepOthersWaiting()
    {
        run([] {
            Receiver receiver;
            receiver.handler = [&](int) { receiver.post(1); };
            receiver.post(1);
            Pair pair;
            QSocketNotifier notifier(pair.a.fd(), QSocketNotifier::Read);
            QSignalSpy activated(&notifier, &QSocketNotifier::activated);
            QTimer timer;
            QSignalSpy fired(&timer, &QTimer::timeout);
            timer.start(1);
            writeByte(pair.b);
            processUntil([&] { return !activated.isEmpty() && !fired.isEmpty(); });
        });
    }

    void nestsEventLoops()
    {
        run([] {
            constexpr int Depth = 10;
            Receiver receiver;
            QStringList log;
            receiver.handler = [&](int depth) {
                log += u"in %1"_s.arg(depth);
                if (depth < Depth) {
                    QEventLoop loop;
                    receiver.post(depth + 1);
                    QTimer::singleShot(1, &loop, &QEventLoop::quit);
                    loop.exec();
                }
                log += u"out %1"_s.arg(depth);
            };
            receiver.post(1);
            processUntil([&] { return log.size() == 2 * Depth; });
            for (int i = 0; i < Depth; ++i) {
                QCOMPARE(log.at(i), u"in %1"_s.arg(i + 1));
                QCOMPARE(log.at(Depth + i), u"out %1"_s.arg(Depth - i));
            }
        });
    }

    void outerLoopEndsAfterTheInnerOne()
    {
        run([] {
            QEventLoop outer;
            QEventLoop inner;
            bool innerEnded = false;
            QTimer::singleShot(0, &outer, [&] {
                QTimer::singleShot(1, &outer, [&] { outer.exit(7); });
                QTimer::singleShot(5, &inner, [&] { inner.quit(); });
                inner.exec();
                innerEnded = true;
            });
            QCOMPARE(outer.exec(), 7);
            QVERIFY(innerEnded);
        });
    }

    void deletesLaterWhereItWasAsked()
    {
        run([] {
            QEventLoop outer;
            QPointer<QObject> ofOuter = new QObject;
            QTimer::singleShot(0, &outer, [&] {
                ofOuter->deleteLater();
                QPointer<QObject> ofInner;
                QEventLoop inner;
                QTimer::singleShot(1, &inner, [&] {
                    ofInner = new QObject;
                    ofInner->deleteLater();
                    QTimer::singleShot(1, &inner, &QEventLoop::quit);
                });
                inner.exec();
                QVERIFY(!ofInner);
                QVERIFY(ofOuter);
                QTimer::singleShot(1, &outer, &QEventLoop::quit);
            });
            outer.exec();
            QVERIFY(!ofOuter);
        });
    }

    void signalsDoNotEndTheWait()
    {
        run([] {
            struct sigaction action{};
            action.sa_handler = [](int) {};
            struct sigaction before{};
            sigaction(SIGUSR1, &action, &before);
            std::atomic<bool> done = false;
            {
                Beside other([&done, self = pthread_self()] {
                    while (!done) {
                        QThread::msleep(1);
                        pthread_kill(self, SIGUSR1);
                    }
                });
                QTimer timer;
                timer.setSingleShot(true);
                timer.setTimerType(Qt::PreciseTimer);
                QElapsedTimer clock;
                clock.start();
                timer.start(30);
                processUntil([&] { return !timer.isActive(); });
                QCOMPARE_GE(clock.nsecsElapsed(), 30'000'000);
                done = true;
            }
            sigaction(SIGUSR1, &before, nullptr);
        });
    }

    void spiesAndWaitsOfQtTest()
    {
        run([] {
            QTimer timer;
            QSignalSpy spy(&timer, &QTimer::timeout);
            timer.start(2);
            QVERIFY(spy.wait(5000));
            QTRY_COMPARE_GE(spy.size(), 3);
            timer.stop();
            QVERIFY(!spy.wait(5));
            QTest::qWait(5);
        });
    }
};

QTEST_GUILESS_MAIN(EventLoopTest)

#include "eventlooptest.moc"
