// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What the pages of Qt 6.8 on QAbstractEventDispatcher and QEventLoop promise, one sentence after the other: a test
// function for each, in the order of the pages, named by what is promised. Timers, notifiers and threads have files of
// their own. What eventlooptest.cpp shows is not repeated here.

#include "dispatchertest.h"

#include <QAbstractNativeEventFilter>
#include <QDeadlineTimer>
#include <QElapsedTimer>
#include <QEventLoop>
#include <QRegularExpression>
#include <QSignalSpy>
#include <QSocketNotifier>
#include <QTimer>

#include <atomic>

using namespace DispatcherTest;
using namespace Qt::StringLiterals;

namespace {

void post(QObject *context, std::function<void()> function)
{
    QMetaObject::invokeMethod(context, std::move(function), Qt::QueuedConnection);
}

class Filter : public QAbstractNativeEventFilter
{
public:
    Filter(QString name, QStringList *log, bool takes = false)
        : m_name(std::move(name))
        , m_log(log)
        , m_takes(takes)
    {
    }

    bool nativeEventFilter(const QByteArray &, void *, qintptr *) override
    {
        m_log->append(m_name);
        if (removesItself)
            dispatcher()->removeNativeEventFilter(this);
        return m_takes;
    }

    bool removesItself = false;

private:
    const QString m_name;
    QStringList *m_log;
    const bool m_takes;
};

/** One source of each kind that a dispatcher has: a posted event, a socket, a timer. */
struct Sources {
    Sources()
    {
        QObject::connect(&notifier, &QSocketNotifier::activated, &notifier, [this] {
            readAll(pair.a.fd());
            ++activated;
        });
        timer.setSingleShot(true);
        timer.callOnTimeout([this] { ++fired; });
        writeByte(pair.b);
        timer.start(0);
        post(&timer, [this] { ++posted; });
    }

    Pair pair;
    QSocketNotifier notifier{pair.a.fd(), QSocketNotifier::Read};
    QTimer timer;
    int activated = 0;
    int fired = 0;
    int posted = 0;
};

} // namespace

class DocumentedLoopTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { addDispatchers(); }

    // --- QAbstractEventDispatcher ---

    // "you must install it ... before a default event dispatcher has been installed"
    void cannotBeReplaced()
    {
        run([] {
            const auto thread = makeThread({});
            thread->start();
            QTRY_VERIFY(thread->eventDispatcher());
            QAbstractEventDispatcher *first = thread->eventDispatcher();
            QTest::ignoreMessage(QtWarningMsg, QRegularExpression(u"already been created"_s));
            QThread other;
            QVERIFY(Asyncoro::EventDispatcher::install(&other));
            thread->setEventDispatcher(other.eventDispatcher());
            QCOMPARE(thread->eventDispatcher(), first);
            other.start(); // it owns its dispatcher only then
            for (QThread *each : {thread.get(), &other}) {
                each->quit();
                each->wait();
            }
        });
    }

    // aboutToBlock(): "before the event loop calls a function that could block"; awake(): "after it returns"
    void blocksBetweenAboutToBlockAndAwake()
    {
        run([] {
            settle();
            std::atomic<int> blocks = 0;
            std::atomic<int> awakes = 0;
            QObject context;
            connect(dispatcher(), &QAbstractEventDispatcher::aboutToBlock, &context, [&] { ++blocks; });
            connect(dispatcher(), &QAbstractEventDispatcher::awake, &context, [&] { ++awakes; });
            QAbstractEventDispatcher *waiting = dispatcher();
            std::atomic<bool> woke = false;
            Beside other([&] {
                while (blocks == 0)
                    QThread::usleep(100);
                woke = true;
                waiting->wakeUp();
            });
            while (!woke || awakes == 0)
                dispatcher()->processEvents(QEventLoop::WaitForMoreEvents);
            QCOMPARE_GE(blocks, 1);
        });
    }

    // installNativeEventFilter(), filterNativeEvent(), removeNativeEventFilter()
    void filtersNativeEventsLastInstalledFirst()
    {
        run([] {
            QStringList log;
            Filter a(u"a"_s, &log);
            Filter b(u"b"_s, &log);
            Filter taking(u"taking"_s, &log, true);
            dispatcher()->installNativeEventFilter(&a);
            dispatcher()->installNativeEventFilter(&b);
            QVERIFY(!dispatcher()->filterNativeEvent("test", nullptr, nullptr));
            QCOMPARE(log, QStringList({u"b"_s, u"a"_s}));

            dispatcher()->installNativeEventFilter(&taking);
            QVERIFY(dispatcher()->filterNativeEvent("test", nullptr, nullptr));
            QCOMPARE(log.takeLast(), u"taking"_s);
            dispatcher()->removeNativeEventFilter(&taking);
            dispatcher()->removeNativeEventFilter(&taking); // ignored

            log.clear();
            b.removesItself = true;
            QVERIFY(!dispatcher()->filterNativeEvent("test", nullptr, nullptr));
            QVERIFY(!dispatcher()->filterNativeEvent("test", nullptr, nullptr));
            QCOMPARE(log, QStringList({u"b"_s, u"a"_s, u"a"_s}));
            dispatcher()->removeNativeEventFilter(&a);
        });
    }

    // instance(thread): that of the thread, of the current one for nullptr, nullptr if there is none
    void instanceIsThatOfTheThread()
    {
        run([] {
            QCOMPARE(QAbstractEventDispatcher::instance(QThread::currentThread()), dispatcher());
            QCOMPARE(QThread::currentThread()->eventDispatcher(), dispatcher());
            QAbstractEventDispatcher *there = nullptr;
            const auto thread = makeThread([&] { there = QAbstractEventDispatcher::instance(); });
            thread->start();
            thread->wait();
            QVERIFY(there);
            QVERIFY(there != dispatcher());
            QVERIFY(!QAbstractEventDispatcher::instance(thread.get()));
        });
    }

    // interrupt(): "will return from processEvents() as soon as possible"
    void interruptedInAnyHandlerReturnsWithoutWaiting()
    {
        run([] {
            constexpr auto Wait = QEventLoop::WaitForMoreEvents;
            QObject context;
            int calls = 0;
            const auto interrupt = [&] {
                ++calls;
                dispatcher()->interrupt();
            };
            post(&context, interrupt);
            dispatcher()->processEvents(Wait);
            QCOMPARE(calls, 1);

            QTimer::singleShot(0, &context, interrupt);
            for (int i = 0; calls < 2 && i < 5; ++i)
                dispatcher()->processEvents(Wait);
            QCOMPARE(calls, 2);

            settle();
            connect(dispatcher(), &QAbstractEventDispatcher::aboutToBlock, &context, interrupt, Qt::SingleShotConnection);
            dispatcher()->processEvents(Wait);
            QCOMPARE(calls, 3);
            settle();
        });
    }

    // processEvents(): "until there are no more events"; "true if an event was processed"; "if WaitForMoreEvents is not
    // set and no events are available, this function will return immediately"
    void processesAllThatIsThere()
    {
        run([] {
            settle();
            Sources sources;
            // All three kinds are there now. Which of them a turn begins with is not said.
            int turns = 0;
            while (dispatcher()->processEvents(QEventLoop::AllEvents) && turns < 100)
                ++turns;
            QCOMPARE_LT(turns, 100);
            QCOMPARE(sources.activated, 1);
            QCOMPARE(sources.fired, 1);
            QCOMPARE(sources.posted, 1);
            QVERIFY(!dispatcher()->processEvents(QEventLoop::AllEvents));
        });
    }

    // "If events are available, this function returns after processing them"
    void doesNotWaitWhenThereAreEvents_data()
    {
        QTest::addColumn<int>("source");
        QTest::newRow("posted") << 0;
        QTest::newRow("socket") << 1;
        QTest::newRow("timer") << 2;
    }

    void doesNotWaitWhenThereAreEvents()
    {
        QFETCH(int, source);
        run([source] {
            settle();
            int handled = 0;
            Pair pair;
            QSocketNotifier notifier(pair.a.fd(), QSocketNotifier::Read);
            connect(&notifier, &QSocketNotifier::activated, &notifier, [&] { handled += int(readAll(pair.a.fd())); });
            QTimer timer;
            timer.setTimerType(Qt::PreciseTimer);
            timer.setSingleShot(true);
            timer.callOnTimeout([&] { ++handled; });
            settle();
            for (int i = 1; i <= 20; ++i) {
                if (source == 0)
                    post(&timer, [&] { ++handled; });
                else if (source == 1)
                    writeByte(pair.b);
                else
                    timer.start(1);
                if (source == 2)
                    QThread::msleep(2); // it is overdue
                processUntil([&] { return handled == i; });
            }
        });
    }

    // "events posted while the function runs will be queued until a later round"
    void whatIsPostedMeanwhileIsForALaterRound()
    {
        run([] {
            settle();
            QObject context;
            int count = 0;
            std::function<void()> again = [&] {
                ++count;
                post(&context, again);
            };
            post(&context, again);
            for (int i = 1; i <= 10; ++i) {
                dispatcher()->processEvents(QEventLoop::AllEvents);
                QCOMPARE_LE(count, 2 * i); // and does not run for ever; a round may be two for who waits
                QCOMPARE_GE(count, i);
            }
        });
    }

    // wakeUp(): "Wakes up the event loop. This function is thread-safe."
    void anyThreadWakesIt()
    {
        run([] {
            constexpr int Threads = 4;
            constexpr int Rounds = 200;
            QAbstractEventDispatcher *waiting = dispatcher();
            std::atomic<int> asked = 0;
            std::atomic<int> seen = 0;
            std::vector<std::unique_ptr<Beside>> others;
            for (int t = 0; t < Threads; ++t) {
                others.push_back(std::make_unique<Beside>([&] {
                    for (int i = 0; i < Rounds; ++i) {
                        const int mine = ++asked;
                        waiting->wakeUp();
                        while (seen < mine) // each is followed by a turn
                            QThread::usleep(20);
                    }
                }));
            }
            while (seen < Threads * Rounds) {
                const int before = asked;
                if (before > seen)
                    seen = before;
                else
                    dispatcher()->processEvents(QEventLoop::WaitForMoreEvents);
            }
        });
    }

    // --- QEventLoop ---

    // ProcessEventsFlags: every combination delivers what it allows and leaves the rest for later
    void deliversWhatTheFlagsAllow_data()
    {
        QTest::addColumn<int>("flags");
        const QList<QPair<QEventLoop::ProcessEventsFlag, const char *>> names{
            {QEventLoop::ExcludeUserInputEvents, "ExcludeUserInputEvents"},
            {QEventLoop::ExcludeSocketNotifiers, "ExcludeSocketNotifiers"},
            {QEventLoop::WaitForMoreEvents, "WaitForMoreEvents"},
            {QEventLoop::X11ExcludeTimers, "X11ExcludeTimers"},
            {QEventLoop::EventLoopExec, "EventLoopExec"},
            {QEventLoop::DialogExec, "DialogExec"},
            {QEventLoop::ApplicationExec, "ApplicationExec"},
        };
        for (int bits = 0; bits < 1 << names.size(); ++bits) {
            int flags = 0;
            QByteArrayList words;
            for (qsizetype i = 0; i < names.size(); ++i) {
                if (bits >> i & 1) {
                    flags |= names[i].first;
                    words += names[i].second;
                }
            }
            QTest::newRow(words.isEmpty() ? "AllEvents" : words.join("|").constData()) << flags;
        }
    }

    void deliversWhatTheFlagsAllow()
    {
        QFETCH(int, flags);
        run([flags] {
            const bool isGlib = dispatcher()->inherits("QEventDispatcherGlib"); // it serves sockets always
            const int withSockets = isGlib || !(flags & QEventLoop::ExcludeSocketNotifiers);
            const int withTimers = !(flags & QEventLoop::X11ExcludeTimers);
            settle();
            Sources sources;
            QThread::msleep(1);
            for (int i = 0; i < 4; ++i) {
                dispatcher()->interrupt(); // so that no call waits when it has nothing to do any more
                dispatcher()->processEvents(QEventLoop::ProcessEventsFlags(flags));
            }
            QCOMPARE(sources.posted, 1);
            QCOMPARE(sources.activated, withSockets);
            QCOMPARE(sources.fired, withTimers);
            settle();
            QCOMPARE(sources.posted, 1);
            QCOMPARE(sources.activated, 1);
            QCOMPARE(sources.fired, 1);
        });
    }

    // exec(): "waits until exit() is called. Returns the value that was passed to exit()"
    void execReturnsWhatExitWasGiven()
    {
        run([] {
            for (int i = -3; i < 3; ++i) {
                QEventLoop loop;
                QVERIFY(!loop.isRunning());
                post(&loop, [&loop, i] {
                    QVERIFY(loop.isRunning());
                    loop.exit(i);
                    QVERIFY(!loop.isRunning()); // "until exit() is called"
                });
                QCOMPARE(loop.exec(), i);
                QVERIFY(!loop.isRunning());
            }
        });
    }

    void execBeginsAnewAfterExit()
    {
        run([] {
            QEventLoop loop;
            for (int i = 0; i < 2000; ++i) {
                loop.exit(99); // of a loop that does not run: without effect on the next exec()
                QTimer::singleShot(0, &loop, [&loop, i] { i % 2 ? loop.exit(i) : loop.quit(); });
                QCOMPARE(loop.exec(), i % 2 ? i : 0);
            }
        });
    }

    // "If flags are specified, only events of the types allowed by the flags will be processed"
    void execWithFlags()
    {
        run([] {
            if (dispatcher()->inherits("QEventDispatcherGlib"))
                QSKIP("glib serves sockets always");
            settle();
            Pair pair;
            QSocketNotifier notifier(pair.a.fd(), QSocketNotifier::Read);
            QSignalSpy activated(&notifier, &QSocketNotifier::activated);
            writeByte(pair.b);
            QEventLoop loop;
            QTimer::singleShot(5, &loop, &QEventLoop::quit);
            loop.exec(QEventLoop::ExcludeSocketNotifiers);
            QCOMPARE(activated.size(), 0);
            QTimer::singleShot(5, &loop, &QEventLoop::quit);
            loop.exec();
            QCOMPARE_GE(activated.size(), 1);
        });
    }

    // "use a QChronoTimer with 0ns timeout" for a function that is executed whenever there are no pending events
    void idleProcessing()
    {
        run([] {
            QEventLoop loop;
            QTimer idle;
            int rounds = 0;
            idle.callOnTimeout([&] {
                if (++rounds == 500)
                    loop.quit();
            });
            idle.start(0);
            loop.exec();
            QCOMPARE(rounds, 500);
        });
    }

    // exit() "of the inner does not end the outer"; after exit() of the outer the inner one goes on
    void exitIsForOneLoop()
    {
        run([] {
            QEventLoop outer;
            QEventLoop inner;
            QStringList log;
            post(&outer, [&] {
                post(&inner, [&] { inner.exit(2); });
                log += u"inner %1"_s.arg(inner.exec());
                QVERIFY(outer.isRunning());
                post(&outer, [&] { outer.exit(1); });
            });
            log += u"outer %1"_s.arg(outer.exec());
            QCOMPARE(log, QStringList({u"inner 2"_s, u"outer 1"_s}));
        });
    }

    // processEvents(flags, deadline): "until the deadline has expired, or until there are no more events, whichever
    // happens first"; "Specifying WaitForMoreEvents makes no sense and will be ignored"
    void processesUntilADeadline()
    {
        run([] {
            settle();
            QEventLoop loop;
            loop.processEvents(QEventLoop::AllEvents, QDeadlineTimer(1h));
            loop.processEvents(QEventLoop::AllEvents | QEventLoop::WaitForMoreEvents, QDeadlineTimer(1h));
            loop.processEvents(QEventLoop::AllEvents, 3600'000);

            QObject context;
            std::function<void()> again = [&] { post(&context, again); };
            post(&context, again); // there are always more
            QElapsedTimer clock;
            clock.start();
            loop.processEvents(QEventLoop::AllEvents, QDeadlineTimer(20ms, Qt::PreciseTimer));
            QCOMPARE_GE(clock.nsecsElapsed(), 20'000'000);
        });
    }

    // wakeUp()
    void loopIsWokenUp()
    {
        run([] {
            settle();
            QEventLoop loop;
            QAbstractEventDispatcher *waiting = dispatcher();
            std::atomic<bool> blocks = false;
            QObject context;
            connect(waiting, &QAbstractEventDispatcher::aboutToBlock, &context, [&] { blocks = true; });
            Beside other([&] {
                while (!blocks)
                    QThread::usleep(100);
                loop.wakeUp();
            });
            loop.processEvents(QEventLoop::WaitForMoreEvents);
            while (!blocks)
                loop.processEvents(QEventLoop::WaitForMoreEvents);
        });
    }
};

QTEST_GUILESS_MAIN(DocumentedLoopTest)

#include "documentedlooptest.moc"
