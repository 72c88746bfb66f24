// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "dispatchertest.h"

#include <QElapsedTimer>
#include <QEventLoop>
#include <QLoggingCategory>
#include <QRegularExpression>
#include <QSocketNotifier>
#include <QTimer>

#include <array>
#include <atomic>
#include <cstdlib>
#include <new>

#include <dlfcn.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

using Asyncoro::EventDispatcher;
using namespace DispatcherTest;

// What the dispatcher asks of the system: these stand before the C library's.
namespace {

std::atomic<int> interestCalls = 0;
std::atomic<int> wakeUpCalls = 0;
std::atomic<int> waitCalls = 0;
std::atomic<int> glances = 0; // of these, those that do not wait
std::atomic<int> allocations = 0;

} // namespace

extern "C" Q_DECL_EXPORT int epoll_ctl(int epoll, int operation, int fd, epoll_event *event) noexcept
{
    ++interestCalls;
    static const auto original = reinterpret_cast<decltype(&epoll_ctl)>(::dlsym(RTLD_NEXT, "epoll_ctl"));
    return original(epoll, operation, fd, event);
}

extern "C" Q_DECL_EXPORT int eventfd_write(int fd, eventfd_t value)
{
    ++wakeUpCalls;
    static const auto original = reinterpret_cast<decltype(&eventfd_write)>(::dlsym(RTLD_NEXT, "eventfd_write"));
    return original(fd, value);
}

extern "C" Q_DECL_EXPORT int epoll_pwait2(int epoll, epoll_event *events, int size, const timespec *time, const sigset_t *mask)
{
    ++waitCalls;
    glances += time && time->tv_sec == 0 && time->tv_nsec == 0;
    static const auto original = reinterpret_cast<decltype(&epoll_pwait2)>(::dlsym(RTLD_NEXT, "epoll_pwait2"));
    return original(epoll, events, size, time, mask);
}

// Those of the tests and of the dispatcher; Qt's containers call malloc() and do not count, nor do its events.
[[gnu::noinline]] void *operator new(std::size_t size)
{
    ++allocations;
    if (void *memory = std::malloc(size))
        return memory;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void *memory) noexcept
{
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void *memory, std::size_t) noexcept
{
    std::free(memory);
}

namespace {

/** Runs a function on a thread with our dispatcher. */
void runOnOurs(std::function<void()> function)
{
    const std::unique_ptr<QThread> thread(QThread::create(std::move(function)));
    EventDispatcher::install(thread.get());
    thread->start();
    thread->wait();
}

} // namespace

/** What our dispatcher promises beyond Qt's documentation. */
class EventDispatcherTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void isInstalledBeforeTheApplicationOnly()
    {
        QTest::ignoreMessage(QtWarningMsg, QRegularExpression(QStringLiteral("too late.*application")));
        QVERIFY(!EventDispatcher::install());
    }

    void isInstalledInAThreadBeforeItsStartOnly()
    {
        QThread thread;
        QLoggingCategory::setFilterRules(QStringLiteral("asyncoro.eventdispatcher.debug=true"));
        QTest::ignoreMessage(QtDebugMsg, QRegularExpression(QStringLiteral("a thread waits by epoll: .+")));
        QVERIFY(EventDispatcher::install(&thread));
        QLoggingCategory::setFilterRules({});
        QVERIFY(thread.eventDispatcher());
        QTest::ignoreMessage(QtWarningMsg, QRegularExpression(QStringLiteral("too late.*has an event dispatcher")));
        QVERIFY(!EventDispatcher::install(&thread));
        thread.start();
        QTest::ignoreMessage(QtWarningMsg, QRegularExpression(QStringLiteral("too late.*thread runs")));
        QVERIFY(!EventDispatcher::install(&thread));
        thread.quit();
        thread.wait();
        QVERIFY(!thread.eventDispatcher()); // it ended with the thread
        QVERIFY(EventDispatcher::install(&thread));
        thread.start(); // it owns the dispatcher only then
        thread.quit();
        thread.wait();
    }

    void takesNoSystemCallToChangeAWriteNotifierWithinATurn()
    {
        runOnOurs([] {
            Pair pair;
            QSocketNotifier reader(pair.a.fd(), QSocketNotifier::Read);
            QSocketNotifier writer(pair.a.fd(), QSocketNotifier::Write);
            int written = 0;
            writer.setEnabled(false);
            connect(&writer, &QSocketNotifier::activated, &writer, [&] {
                ++written;
                writer.setEnabled(false);
            });
            connect(&reader, &QSocketNotifier::activated, &reader, [&] {
                readAll(pair.a.fd());
                writer.setEnabled(true);
                writer.setEnabled(false);
            });
            settle();
            interestCalls = 0;
            for (int i = 0; i < 100; ++i) {
                writeByte(pair.b);
                dispatcher()->processEvents(QEventLoop::WaitForMoreEvents);
            }
            QCOMPARE(written, 0);
            QCOMPARE(interestCalls, 0);

            // nor for one that is served at once, as that of a QTcpSocket with something in its buffer
            for (int i = 1; i <= 100; ++i) {
                writer.setEnabled(true);
                dispatcher()->processEvents(QEventLoop::WaitForMoreEvents);
                QCOMPARE(written, i);
            }
            QCOMPARE(interestCalls, 0);

            // but one for one that has to wait, and one more after that
            fill(pair.a);
            writer.setEnabled(true);
            settle();
            QCOMPARE(written, 100);
            QCOMPARE(interestCalls, 1);
            readAll(pair.b.fd());
            settle();
            QCOMPARE(written, 101);
            QCOMPARE(interestCalls, 2);
        });
    }

    void takesNoSystemCallToPauseAReader()
    {
        runOnOurs([] {
            Pair pair;
            QSocketNotifier reader(pair.a.fd(), QSocketNotifier::Read);
            settle();
            interestCalls = 0;
            reader.setEnabled(false);
            settle();
            QCOMPARE(interestCalls, 0);
            writeByte(pair.b); // now it must be told
            settle();
            QCOMPARE(interestCalls, 1);
        });
    }

    void wakeUpTakesNoSystemCallUnlessItWaits()
    {
        runOnOurs([] {
            settle();
            wakeUpCalls = 0;
            QObject receiver;
            for (int i = 0; i < 100; ++i) {
                QCoreApplication::postEvent(&receiver, new QEvent(QEvent::User));
                dispatcher()->wakeUp();
                dispatcher()->processEvents(QEventLoop::WaitForMoreEvents);
            }
            QCOMPARE(wakeUpCalls, 0);
        });
    }

    void asksForEventsOnceInATurn()
    {
        runOnOurs([] {
            QTimer timer;
            timer.start(0);
            waitCalls = 0;
            for (int i = 0; i < 100; ++i)
                dispatcher()->processEvents(QEventLoop::WaitForMoreEvents);
            QCOMPARE_LE(waitCalls, 110); // and not two for each, nor more than a few for what else may happen
        });
    }

    void spinsOnlyIfItMay()
    {
        qputenv("ASYNCORO_SPIN", "off");
        runOnOurs([] {
            qunsetenv("ASYNCORO_SPIN");
            constexpr int Rounds = 1000;
            Pair pair;
            QSocketNotifier notifier(pair.a.fd(), QSocketNotifier::Read);
            QEventLoop loop;
            int rounds = 0;
            connect(&notifier, &QSocketNotifier::activated, &loop, [&] {
                readAll(pair.a.fd());
                if (++rounds == Rounds)
                    loop.quit();
                else
                    writeByte(pair.a);
            });
            Beside other([&] {
                for (int i = 0; i < Rounds; ++i) {
                    writeByte(pair.b);
                    for (pollfd answer{.fd = pair.b.fd(), .events = POLLIN, .revents = 0}; i + 1 < Rounds;) {
                        if (::poll(&answer, 1, -1) == 1 && readAll(pair.b.fd()) > 0)
                            break;
                    }
                }
            });
            glances = 0;
            loop.exec();
            QCOMPARE_LE(glances, Rounds / 10); // there may be some for what else wakes it
            QCOMPARE(rounds, Rounds);
        });
    }

    void allocatesNothingInATurn()
    {
        runOnOurs([] {
            constexpr int Count = 50;
            std::array<Pair, Count> pairs;
            std::vector<std::unique_ptr<QSocketNotifier>> notifiers;
            for (const Pair &pair : pairs) {
                auto *reader = notifiers.emplace_back(new QSocketNotifier(pair.a.fd(), QSocketNotifier::Read)).get();
                auto *writer = notifiers.emplace_back(new QSocketNotifier(pair.a.fd(), QSocketNotifier::Write)).get();
                connect(reader, &QSocketNotifier::activated, reader, [reader, writer] {
                    readAll(int(reader->socket()));
                    writer->setEnabled(true);
                });
                connect(writer, &QSocketNotifier::activated, writer, [writer] { writer->setEnabled(false); });
            }
            std::array<QTimer, Count> timers;
            for (int i = 0; i < Count; ++i)
                timers[size_t(i)].start(i % 5);
            const auto turns = [&] {
                for (int i = 0; i < 200; ++i) {
                    for (const Pair &pair : pairs)
                        writeByte(pair.b);
                    dispatcher()->processEvents(QEventLoop::WaitForMoreEvents);
                }
            };
            turns();
            allocations = 0;
            turns();
            QCOMPARE(allocations, 0);
        });
    }

    void noTimerIsEarly()
    {
        runOnOurs([] {
            std::vector<std::unique_ptr<QTimer>> timers;
            int waiting = 0;
            for (const auto type : {Qt::PreciseTimer, Qt::CoarseTimer, Qt::VeryCoarseTimer}) {
                for (const int interval : {1, 21, 33, 100, 333, 800}) {
                    QTimer *timer = timers.emplace_back(new QTimer).get();
                    timer->setTimerType(type);
                    timer->setSingleShot(true);
                    QElapsedTimer clock;
                    clock.start();
                    timer->callOnTimeout([&waiting, clock, interval] {
                        --waiting;
                        QCOMPARE_GE(clock.nsecsElapsed(), interval * 1'000'000);
                    });
                    timer->start(interval);
                    ++waiting;
                    const auto lateness = type == Qt::PreciseTimer ? 0ns : type == Qt::CoarseTimer ? interval * 50us : 1s;
                    QCOMPARE_LE(dispatcher()->remainingTime(timer->id()), interval * 1ms + lateness);
                }
            }
            processUntil([&] { return waiting == 0; });
        });
    }

    void coarseTimersFireTogether()
    {
        runOnOurs([] {
            QTimer timers[10];
            int turns = 0;
            int fired = 0;
            for (int i = 0; i < 10; ++i) {
                timers[i].setSingleShot(true);
                timers[i].callOnTimeout([&] { ++fired; });
                timers[i].start(500 + i); // 25 ms of accuracy: two different moments at most
            }
            for (; fired < 10; ++turns)
                dispatcher()->processEvents(QEventLoop::WaitForMoreEvents);
            QCOMPARE_LE(turns, 2);
        });
    }

    void keepsTheTypeAndIntervalThatWereAskedFor()
    {
        runOnOurs([] {
            QObject object;
            object.startTimer(5, Qt::CoarseTimer);
            object.startTimer(100s, Qt::CoarseTimer);
            object.startTimer(1300, Qt::VeryCoarseTimer);
            const auto infos = dispatcher()->timersForObject(&object);
            QCOMPARE(infos.size(), 3);
            QCOMPARE(infos[0].interval, 5ms);
            QCOMPARE(infos[0].timerType, Qt::CoarseTimer);
            QCOMPARE(infos[1].interval, 100s);
            QCOMPARE(infos[1].timerType, Qt::CoarseTimer);
            QCOMPARE(infos[2].interval, 1300ms);
            QCOMPARE(infos[2].timerType, Qt::VeryCoarseTimer);
        });
    }

    void waitsForAnEventAndSendsIt()
    {
        runOnOurs([] {
            settle();
            QObject receiver;
            for (const auto excluded : {QEventLoop::AllEvents, QEventLoop::ExcludeSocketNotifiers}) {
                for (int i = 0; i < 20; ++i) {
                    bool received = false;
                    Beside other([&] {
                        QThread::usleep(200);
                        QMetaObject::invokeMethod(&receiver, [&] { received = true; }, Qt::QueuedConnection);
                    });
                    QVERIFY(dispatcher()->processEvents(QEventLoop::WaitForMoreEvents | excluded));
                    QVERIFY(received);
                }
            }
        });
    }

    void awakeFollowsEachAboutToBlock()
    {
        runOnOurs([] {
            QByteArray log;
            QObject context;
            connect(dispatcher(), &QAbstractEventDispatcher::aboutToBlock, &context, [&] { log += 'b'; });
            connect(dispatcher(), &QAbstractEventDispatcher::awake, &context, [&] { log += 'a'; });
            QEventLoop loop;
            int count = 0;
            QTimer timer;
            timer.callOnTimeout([&] {
                if (++count == 5)
                    loop.quit();
            });
            timer.start(1);
            loop.exec();
            QVERIFY(log.size() >= 10);
            QCOMPARE(log, QByteArray("ba").repeated(log.size() / 2));
        });
    }

    void theLastOfTwoNotifiersOfAKindIsServed()
    {
        runOnOurs([] {
            Pair pair;
            QSocketNotifier first(pair.a.fd(), QSocketNotifier::Read);
            QTest::ignoreMessage(QtWarningMsg, QRegularExpression(QStringLiteral("replaces")));
            QSocketNotifier second(pair.a.fd(), QSocketNotifier::Read);
            int a = 0;
            int b = 0;
            connect(&first, &QSocketNotifier::activated, &first, [&] { ++a; });
            connect(&second, &QSocketNotifier::activated, &second, [&] { ++b; });
            first.setEnabled(false);
            writeByte(pair.b);
            dispatcher()->processEvents(QEventLoop::AllEvents);
            QCOMPARE(a, 0);
            QCOMPARE(b, 1);
        });
    }

    // The child has the parent's epoll instance at first, but what it does there must not be seen by the parent.
    void goesOnInAChildProcess()
    {
        runOnOurs([] {
            Pair pair;
            Pair answer;
            int activated = 0;
            QSocketNotifier notifier(pair.a.fd(), QSocketNotifier::Read);
            connect(&notifier, &QSocketNotifier::activated, &notifier, [&] {
                readAll(pair.a.fd());
                ++activated;
            });
            QTimer timer;
            QObject receiver;
            settle();
            const pid_t child = ::fork();
            QVERIFY(child >= 0);
            if (child == 0) {
                timer.setSingleShot(true);
                timer.start(5);
                processUntil([&] { return !timer.isActive(); });
                writeByte(pair.b);
                processUntil([&] { return activated == 1; });
                bool posted = false;
                QMetaObject::invokeMethod(&receiver, [&] { posted = true; }, Qt::QueuedConnection);
                processUntil([&] { return posted; });
                notifier.setEnabled(false);
                settle();
                ::_exit(posted ? 23 : 1);
            }
            int status = 0;
            QCOMPARE(::waitpid(child, &status, 0), child);
            QCOMPARE(WEXITSTATUS(status), 23);
            QCOMPARE(activated, 0);
            writeByte(pair.b);
            processUntil([&] { return activated == 1; });
        });
    }
};

QTEST_GUILESS_MAIN(EventDispatcherTest)

#include "eventdispatchertest.moc"
