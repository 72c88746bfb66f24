// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What the pages of Qt 6.8 on QThread, QObject (deleteLater, moveToThread), QCoreApplication (posted events) and
// QEventLoopLocker promise of event loops: a test function for each promise, by class.

#include "dispatchertest.h"

#include <QEventLoop>
#include <QEventLoopLocker>
#include <QPointer>
#include <QSemaphore>
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

/** Writes down the events that it gets. */
class Receiver : public QObject
{
public:
    QList<int> events;
    std::function<void(int)> handler;

    static QEvent *make(int number) { return new QEvent(QEvent::Type(QEvent::User + number)); }

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

/** A thread of the row's kind with an event loop, which ends with the scope. */
class LoopThread
{
public:
    LoopThread() { m_thread->start(); }
    ~LoopThread()
    {
        m_thread->quit();
        m_thread->wait();
    }
    QThread *get() const { return m_thread.get(); }
    QThread *operator->() const { return m_thread.get(); }

private:
    const std::unique_ptr<QThread> m_thread = makeThread({});
};

} // namespace

class DocumentedThreadsTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { addDispatchers(); }

    // --- QThread ---

    // setEventDispatcher(): "This method takes ownership of the object"
    void dispatcherEndsWithItsThread()
    {
        run([] {
            QPointer<QAbstractEventDispatcher> dispatcher;
            {
                LoopThread thread;
                QTRY_VERIFY(thread->eventDispatcher());
                dispatcher = thread->eventDispatcher();
            }
            QVERIFY(!dispatcher);
        });
    }

    // exit(): "the thread leaves the event loop and returns from the call to exec(), which returns returnCode"
    void threadsLoopReturnsWhatExitWasGiven()
    {
        run([] {
            class Thread : public QThread
            {
            public:
                std::atomic<int> code = -1; // orders the test after run(): the sanitizer does not see that wait() does

            protected:
                void run() override { code = exec(); }
            };
            for (int i = 0; i < 50; ++i) {
                Thread thread;
                if (isDispatcher("epoll"))
                    Asyncoro::EventDispatcher::install(&thread);
                thread.start();
                if (i % 2)
                    QThread::usleep(100); // it may be in its loop by now, or not: both must do
                QObject there;
                there.moveToThread(&thread);
                post(&there, [&] { thread.exit(i); });
                thread.wait();
                QCOMPARE(thread.code.load(), i);
            }
        });
    }

    // exit(): "If the eventloop in exec() is not running then the next call to exec() will also return immediately";
    // "No QEventLoops will be started anymore in this thread until exec() has been called again"
    void exitBeforeExec()
    {
        run([] {
            class Thread : public QThread
            {
            public:
                std::atomic<int> codes = 0; // a digit each; atomic as above

            protected:
                void run() override
                {
                    exit(5);
                    const int first = exec();
                    QMetaObject::invokeMethod(dispatcher(), [this] { exit(6); }, Qt::QueuedConnection);
                    const int second = exec();
                    QEventLoop loop;
                    codes = 100 * first + 10 * second + (loop.exec() == -1);
                }
            };
            Thread thread;
            if (isDispatcher("epoll"))
                Asyncoro::EventDispatcher::install(&thread);
            thread.start();
            thread.wait();
            QCOMPARE(thread.codes.load(), 561);
        });
    }

    void loopLevelCountsTheLoops()
    {
        run([] {
            const int level = QThread::currentThread()->loopLevel();
            QEventLoop outer;
            post(&outer, [&] {
                QCOMPARE(QThread::currentThread()->loopLevel(), level + 1);
                QEventLoop inner;
                post(&inner, [&] {
                    QCOMPARE(QThread::currentThread()->loopLevel(), level + 2);
                    inner.quit();
                });
                inner.exec();
                outer.quit();
            });
            outer.exec();
            QCOMPARE(QThread::currentThread()->loopLevel(), level);
        });
    }

    // finished(): "No more events will be processed in the thread, except for deferred deletion events"
    void finishedThreadDeletesWhatWasToBeDeleted()
    {
        run([] {
            std::atomic<int> deleted = 0;
            {
                LoopThread thread;
                auto *there = new QObject;
                there->moveToThread(thread.get());
                connect(there, &QObject::destroyed, there, [&] { ++deleted; }, Qt::DirectConnection);
                connect(thread.get(), &QThread::finished, there, &QObject::deleteLater);
            }
            QCOMPARE(deleted, 1);
        });
    }

    // With timers and notifiers that nobody has stopped, again and again.
    void threadsEndWithTimersAndNotifiersLeft()
    {
        run([] {
            for (int i = 0; i < 30; ++i) {
                Pair pair;
                QSemaphore started;
                const auto thread = makeThread([&] {
                    auto *owner = new QObject;
                    connect(QThread::currentThread(), &QThread::finished, owner, &QObject::deleteLater);
                    auto *timer = new QTimer(owner);
                    timer->start(i % 3);
                    auto *notifier = new QSocketNotifier(pair.a.fd(), QSocketNotifier::Read, owner);
                    connect(notifier, &QSocketNotifier::activated, owner, [&] { started.release(); });
                    QEventLoop loop;
                    QTimer::singleShot(1, &loop, &QEventLoop::quit);
                    loop.exec();
                });
                writeByte(pair.b);
                thread->start();
                started.acquire();
                thread->wait();
            }
        });
    }

    // --- QObject ---

    // deleteLater(): "The object will be deleted when control returns to the event loop. If the event loop is not
    // running when this function is called, it will be deleted once the event loop is started"
    void deletesLater()
    {
        run([] {
            QEventLoop loop;
            QPointer<QObject> before = new QObject;
            before->deleteLater();
            before->deleteLater(); // "it is safe to call this function more than once"
            QPointer<QObject> in;
            post(&loop, [&] {
                QVERIFY(!before);
                in = new QObject;
                in->deleteLater();
                post(&loop, [&] {
                    QVERIFY(!in);
                    loop.quit();
                });
                QVERIFY(in);
            });
            loop.exec();
        });
    }

    // "entering and leaving a new event loop (e.g. by opening a modal dialog) will not perform the deferred deletion"
    void nestedLoopDoesNotDelete()
    {
        run([] {
            QEventLoop outer;
            QPointer<QObject> object = new QObject;
            post(&outer, [&] {
                object->deleteLater();
                for (int i = 0; i < 3; ++i) {
                    QEventLoop inner;
                    QTimer::singleShot(1, &inner, &QEventLoop::quit);
                    inner.exec();
                    QCoreApplication::processEvents();
                    QVERIFY(object);
                }
                post(&outer, [&] { outer.quit(); });
            });
            outer.exec();
            QVERIFY(!object);
        });
    }

    // moveToThread(): "all active timers for the object will be reset: stopped in the current thread and restarted with
    // the same interval in the target thread"; posted events go with the object
    void moveToThread()
    {
        run([] {
            LoopThread thread;
            QTRY_VERIFY(thread->eventDispatcher());
            Pair pair;
            std::atomic<int> fired = 0;
            std::atomic<int> activated = 0;
            std::atomic<int> posted = 0;
            auto *object = new QObject;
            auto *timer = new QTimer(object);
            auto *notifier = new QSocketNotifier(pair.a.fd(), QSocketNotifier::Read, object);
            const auto there = [&](std::atomic<int> &count) {
                QCOMPARE(QThread::currentThread(), thread.get());
                ++count;
            };
            connect(timer, &QTimer::timeout, object, [&, there] { there(fired); });
            connect(notifier, &QSocketNotifier::activated, object, [&, there] {
                readAll(pair.a.fd());
                there(activated);
            });
            timer->start(1);
            writeByte(pair.b);
            post(object, [&, there] { there(posted); });
            object->moveToThread(thread.get());
            QTRY_VERIFY(fired >= 2 && activated >= 1 && posted == 1);
            QVERIFY(dispatcher()->timersForObject(timer).isEmpty());
            QMetaObject::invokeMethod(object, [&] { delete object; }, Qt::BlockingQueuedConnection);
        });
    }

    // --- QCoreApplication ---

    // postEvent(): "sorted in descending priority order"; "with equal priority in the order posted"
    void postedEventsBySortOfPriority()
    {
        run([] {
            settle();
            Receiver receiver;
            QCoreApplication::postEvent(&receiver, Receiver::make(1), Qt::LowEventPriority);
            QCoreApplication::postEvent(&receiver, Receiver::make(2));
            QCoreApplication::postEvent(&receiver, Receiver::make(3), Qt::HighEventPriority);
            QCoreApplication::postEvent(&receiver, Receiver::make(4));
            QCoreApplication::postEvent(&receiver, Receiver::make(5), 1000);
            QCoreApplication::postEvent(&receiver, Receiver::make(6), Qt::LowEventPriority);
            settle();
            QCOMPARE(receiver.events, QList<int>({5, 3, 2, 4, 1, 6}));
        });
    }

    // sendPostedEvents(): "dispatches all events of that type for the receiver at once"; removePostedEvents()
    void postedEventsSentAndRemoved()
    {
        run([] {
            settle();
            Receiver receiver;
            Receiver other;
            for (int i = 1; i <= 3; ++i) {
                QCoreApplication::postEvent(&receiver, Receiver::make(i));
                QCoreApplication::postEvent(&other, Receiver::make(i));
            }
            QCoreApplication::sendPostedEvents(&receiver, QEvent::User + 2);
            QCOMPARE(receiver.events, QList<int>({2}));
            QCoreApplication::removePostedEvents(&receiver, QEvent::User + 1);
            settle();
            QCOMPARE(receiver.events, QList<int>({2, 3}));
            QCOMPARE(other.events, QList<int>({1, 2, 3}));
        });
    }

    // Posted events of one who is in a nested loop within a posted event are delivered there.
    void nestedLoopSendsWhatTheOuterOneHasNotYet()
    {
        run([] {
            if (dispatcher()->inherits("QEventDispatcherGlib"))
                QSKIP("not so with glib");
            settle();
            Receiver receiver;
            receiver.handler = [&](int number) {
                if (number != 1)
                    return;
                QEventLoop loop;
                QTimer::singleShot(1, &loop, &QEventLoop::quit);
                loop.exec();
                QCOMPARE(receiver.events, QList<int>({1, 2, 3}));
            };
            for (int i = 1; i <= 3; ++i)
                QCoreApplication::postEvent(&receiver, Receiver::make(i));
            settle();
            QCOMPARE(receiver.events, QList<int>({1, 2, 3}));
        });
    }

    // --- QEventLoopLocker ---

    // "The event loop is quit when there are no more lockers on it"
    void lockersKeepALoop()
    {
        run([] {
            QEventLoop loop;
            auto first = std::make_unique<QEventLoopLocker>(&loop);
            auto second = std::make_unique<QEventLoopLocker>(&loop);
            QStringList log;
            QTimer::singleShot(1, &loop, [&] {
                log += u"first"_s;
                first.reset();
            });
            QTimer::singleShot(5, &loop, [&] {
                log += u"second"_s;
                second.reset();
            });
            QCOMPARE(loop.exec(), 0);
            QCOMPARE(log, QStringList({u"first"_s, u"second"_s}));
        });
    }

    void lockersKeepAThread()
    {
        run([] {
            const auto thread = makeThread({});
            auto locker = std::make_unique<QEventLoopLocker>(thread.get());
            thread->start();
            QTRY_VERIFY(thread->eventDispatcher());
            QVERIFY(!thread->wait(5));
            locker.reset();
            QTRY_VERIFY(thread->isFinished()); // it is the owner's event loop that ends it
        });
    }
};

QTEST_GUILESS_MAIN(DocumentedThreadsTest)

#include "documentedthreadstest.moc"
