// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "corotesting.h"
#include "sender.h"
#include "waitmatrix.h"

#include <Asyncoro/Coro>
#include <Asyncoro/Signal>

#include <QCoreApplication>
#include <QPointer>
#include <QSemaphore>
#include <QTest>
#include <QTimer>

#include <thread>

using namespace Asyncoro;
using namespace CoroTesting;
using namespace std::chrono_literals;

namespace {

struct WaitForSignal {
    static constexpr bool CompletesAtOnce = false;

    std::unique_ptr<Sender> sender = std::make_unique<Sender>();
    Task<> wait(QDeadlineTimer deadline) { QCOMPARE(co_await signal(sender.get(), &Sender::changed, deadline), 7); }
    void complete() { Q_EMIT sender->changed(7); }
    void destroy() { sender.reset(); }
    void verify(bool, WaitMatrix::Outcome) { QVERIFY(!sender->isConnected()); }
};

Task<int> nextChange(Sender *sender)
{
    co_return co_await signal(sender, &Sender::changed);
}

} // namespace

class SignalTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void waits_data() { WaitMatrix::addRows<WaitForSignal>(); }
    void waits() { WaitMatrix::run<WaitForSignal>(); }

    void givesTheArgumentsOfEachKindOfSignal()
    {
        DerivedSender sender;
        const Coro<> coro = spawn([&]() -> Task<> {
            co_await signal(&sender, &Sender::fired);
            static_assert(std::is_void_v<decltype(signal(&sender, &Sender::fired).await_resume())>);
            QCOMPARE(co_await signal(&sender, &Sender::changed), 1);
            const auto [x, name] = co_await signal(&sender, &Sender::moved);
            QCOMPARE(x, 2);
            QCOMPARE(name, QStringLiteral("two"));
            QCOMPARE(co_await signal(&sender, &Sender::sealed), 3);
            QCOMPARE(co_await signal(&sender, qOverload<const QString &>(&Sender::overloaded)), QStringLiteral("four"));
            QCOMPARE(co_await signal(&sender, qOverload<int>(&Sender::overloaded)), 5);
            QCOMPARE(co_await signal(&sender, &Sender::constant), 6);
            const QString name7 = co_await signal(&sender, &QObject::objectNameChanged);
            QCOMPARE(name7, QStringLiteral("seven"));
        });
        letOthersRun();
        Q_EMIT sender.fired();
        letOthersRun();
        Q_EMIT sender.changed(1);
        letOthersRun();
        Q_EMIT sender.moved(2, QStringLiteral("two"));
        letOthersRun();
        sender.emitSealed(3);
        letOthersRun();
        Q_EMIT sender.overloaded(QStringLiteral("four"));
        letOthersRun();
        Q_EMIT sender.overloaded(5);
        letOthersRun();
        Q_EMIT sender.constant(6);
        letOthersRun();
        sender.setObjectName(QStringLiteral("seven"));
        waitFor(coro);
    }

    void oneEmissionWakesAllAndOnlyOnce()
    {
        Sender sender;
        const Coro<int> first = spawn(nextChange, &sender);
        const Coro<int> second = spawn(nextChange, &sender);
        letOthersRun();
        Q_EMIT sender.changed(1);
        Q_EMIT sender.changed(2); // missed by both
        QCOMPARE(waitFor(first), 1);
        QCOMPARE(waitFor(second), 1);
        QVERIFY(!sender.isConnected());
    }

    void aNullSenderIsDestroyed()
    {
        auto body = [](QPointer<Sender> sender) -> Task<int> { co_return co_await signal(sender, &Sender::changed); };
        auto sender = std::make_unique<Sender>();
        const QPointer<Sender> pointer = sender.get();
        sender.reset();
        QVERIFY_THROWS_EXCEPTION(Destroyed, waitFor(body(pointer)));
        QVERIFY_THROWS_EXCEPTION(Destroyed, waitFor(nextChange(nullptr)));
    }

    void saysWhichSignal()
    {
        Sender sender;
        const auto body = [&]() -> Task<> { co_await signal(&sender, &Sender::changed, 1ms); };
        try {
            waitFor(body());
            QFAIL("no exception");
        } catch (const TimedOut &error) {
            QCOMPARE(error.message(), QStringLiteral("signal Sender::changed() timed out"));
        }
    }

    void anEmissionWhileItConnectsCounts()
    {
        EagerSender sender;
        const auto body = [&]() -> Task<int> { co_return co_await signal(&sender, &EagerSender::changed); };
        QCOMPARE(waitFor(body()), 5);
    }

    void aSenderDeletedByASlotOfTheSignalHasEmittedIt()
    {
        // Before and after our connection.
        for (const bool before : {true, false}) {
            auto *sender = new Sender;
            const auto deleteSender = [sender] { delete sender; };
            if (before)
                connect(sender, &Sender::changed, this, deleteSender);
            const Coro<int> coro = spawn(nextChange, sender);
            letOthersRun();
            if (!before)
                connect(sender, &Sender::changed, this, deleteSender);
            Q_EMIT sender->changed(1);
            if (before)
                QVERIFY_THROWS_EXCEPTION(Destroyed, waitFor(coro));
            else
                QCOMPARE(waitFor(coro), 1);
        }
    }

    void aSenderDeletedWhileItEmitsAnotherSignalIsDestroyed()
    {
        auto *sender = new Sender;
        connect(sender, &Sender::fired, this, [sender] { delete sender; });
        const Coro<int> coro = spawn(nextChange, sender);
        letOthersRun();
        Q_EMIT sender->fired();
        QVERIFY_THROWS_EXCEPTION(Destroyed, waitFor(coro));
    }

    void theSignalDestroyedCanBeWaitedFor()
    {
        auto sender = std::make_unique<Sender>();
        const Coro<> coro = spawn([&]() -> Task<> { co_await signal(sender.get(), &QObject::destroyed); });
        letOthersRun();
        sender.reset();
        waitFor(coro);
    }

    void blockedSignalsAreNoEmissions()
    {
        Sender sender;
        const Coro<int> coro = spawn(nextChange, &sender);
        letOthersRun();
        sender.blockSignals(true);
        Q_EMIT sender.changed(1);
        sender.blockSignals(false);
        Q_EMIT sender.changed(2);
        QCOMPARE(waitFor(coro), 2);
    }

    void aConnectionThatSomebodyCutsEndsTheWait()
    {
        Sender sender;
        const Coro<int> coro = spawn(nextChange, &sender);
        letOthersRun();
        sender.disconnect(); // from everything
        QVERIFY_THROWS_EXCEPTION(Destroyed, waitFor(coro));

        // While it emits: told when that is over.
        const Coro<int> another = spawn(nextChange, &sender);
        letOthersRun();
        connect(&sender, &Sender::fired, this, [&] { sender.disconnect(); });
        Q_EMIT sender.fired();
        QVERIFY_THROWS_EXCEPTION(Destroyed, waitFor(another));
    }

    void cancelledInASlotOfTheSignal()
    {
        // Before and after our connection.
        for (const bool before : {true, false}) {
            Sender sender;
            Coro<int> coro;
            const auto terminate = [&coro] { coro.terminate(); };
            if (before)
                connect(&sender, &Sender::changed, this, terminate);
            coro = spawn(nextChange, &sender);
            letOthersRun();
            if (!before)
                connect(&sender, &Sender::changed, this, terminate);
            Q_EMIT sender.changed(1);
            if (before)
                QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
            else
                QCOMPARE(waitFor(coro), 1);
        }
    }

    void aSenderOnAnotherThread()
    {
        WorkerThread thread;
        auto *sender = new Sender;
        sender->moveToThread(&thread);
        Qt::HANDLE resumedOn = nullptr;
        const auto body = [&]() -> Task<int> {
            const auto [x, name] = co_await signal(sender, &Sender::moved);
            resumedOn = QThread::currentThreadId();
            co_return x + int(name.size());
        };
        const Coro<int> coro = spawn(body);
        letOthersRun();
        thread.run([&] {
            Q_EMIT sender->moved(1, QStringLiteral("a"));
            Q_EMIT sender->moved(100, QStringLiteral("b"));
        });
        QCOMPARE(waitFor(coro), 2);
        QCOMPARE(resumedOn, QThread::currentThreadId());

        // The sender is gone when the emission arrives: it counts all the same.
        const Coro<int> late = spawn(body);
        letOthersRun();
        thread.run([&] {
            Q_EMIT sender->moved(3, QStringLiteral("c"));
            delete sender;
        });
        QCOMPARE(waitFor(late), 4);

        sender = new Sender;
        sender->moveToThread(&thread);
        const Coro<int> never = spawn(body);
        letOthersRun();
        thread.run([&] { delete sender; });
        QVERIFY_THROWS_EXCEPTION(Destroyed, waitFor(never));
    }

    void anEmissionUnderWayFromAnotherThreadDoesNotFindAWaitThatHasEnded()
    {
        Sender sender;
        const Coro<int> coro = spawn(nextChange, &sender);
        letOthersRun();
        std::thread([&] { Q_EMIT sender.changed(1); }).join(); // the emission lies in our event queue
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QTest::qWait(0);
    }

    // Another thread emits, deletes or disconnects while this one begins, ends and abandons waits.
    void cancelledWhileAnotherThreadEmits_data()
    {
        QTest::addColumn<int>("action");
        QTest::newRow("emits") << 0;
        QTest::newRow("deletes") << 1;
        QTest::newRow("disconnects") << 2;
    }
    void cancelledWhileAnotherThreadEmits()
    {
        QFETCH(const int, action);
        std::atomic<Sender *> shared = nullptr;
        std::atomic<bool> stop = false;
        QSemaphore begin;
        QSemaphore done;
        std::thread other([&] {
            for (;;) {
                begin.acquire();
                if (stop)
                    return;
                Sender *const sender = shared.load();
                if (action == 0)
                    Q_EMIT sender->changed(1);
                else if (action == 1)
                    delete sender;
                else
                    sender->disconnect();
                done.release();
            }
        });
        int emitted = 0;
        int destroyed = 0;
        int cancelled = 0;
        for (int i = 0; i < 500; ++i) {
            auto *sender = new Sender;
            shared = sender;
            const Coro<int> coro = spawn(nextChange, sender);
            letOthersRun();
            begin.release();
            // So that it happens at different moments: while the wait is abandoned, or before that.
            for (std::atomic<int> k = 0; k < (i % 50) * 20; ++k) {
                if (i % 2 == 0 && k % 20 == 0)
                    QCoreApplication::processEvents();
            }
            coro.terminate();
            try {
                waitFor(coro);
                ++emitted;
            } catch (const Destroyed &) {
                ++destroyed;
            } catch (const CoroTerminated &) {
                ++cancelled;
            }
            done.acquire();
            if (action != 1)
                delete sender;
        }
        stop = true;
        begin.release();
        other.join();
        QCOMPARE(emitted + destroyed + cancelled, 500);
        QVERIFY(action == 0 ? destroyed == 0 : emitted == 0);
        QVERIFY(cancelled > 0);
    }
};

QTEST_GUILESS_MAIN(SignalTest)
#include "signaltest.moc"
