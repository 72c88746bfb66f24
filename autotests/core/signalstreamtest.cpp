// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "sender.h"
#include "waitmatrix.h"

#include <Asyncoro/Coro>
#include <Asyncoro/SignalStream>

#include <QTest>

#include <thread>

using namespace Asyncoro;
using namespace std::chrono_literals;

namespace {

struct WaitForNext {
    static constexpr bool GoesWithItsObject = true;
    static constexpr auto DestroyedAfterCompletion = WaitMatrix::Outcome::Completed;

    std::unique_ptr<Sender> sender = std::make_unique<Sender>();
    std::unique_ptr<SignalStream<int>> changes = std::make_unique<SignalStream<int>>(sender.get(), &Sender::changed);
    Task<> wait(QDeadlineTimer deadline) { QCOMPARE(co_await changes->next(deadline), 7); }
    void complete() { Q_EMIT sender->changed(7); }
    void destroy() { changes.reset(); }
    void verify(bool completed, WaitMatrix::Outcome outcome)
    {
        QCOMPARE(changes->count(), completed && outcome != WaitMatrix::Outcome::Completed ? 1 : 0); // nothing is lost
    }
};

struct WaitForNextOfSender : WaitForNext {
    void destroy() { sender.reset(); }
};

} // namespace

class SignalStreamTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void waits_data() { WaitMatrix::addRows<WaitForNext>(); }
    void waits() { WaitMatrix::run<WaitForNext>(); }
    void waitsForASender_data() { WaitMatrix::addRows<WaitForNextOfSender>(); }
    void waitsForASender() { WaitMatrix::run<WaitForNextOfSender>(); }

    void losesNoEmissionBetweenTwoAwaits()
    {
        Sender sender;
        SignalStream changes(&sender, &Sender::changed);
        static_assert(std::is_same_v<decltype(changes), SignalStream<int>>);
        QList<int> seen;
        const Coro<> coro = spawn([&]() -> Task<> {
            while (seen.size() < 100) {
                seen << co_await changes.next();
                co_await yield();
            }
        });
        QList<int> sent;
        for (int i = 0; i < 100; ++i) {
            Q_EMIT sender.changed(i);
            sent << i;
            if (i % 7 == 0)
                QTest::qWait(0);
        }
        waitFor(coro);
        QCOMPARE(seen, sent);
        QCOMPARE(changes.count(), 0);
    }

    void eachWaiterGetsItsOwn()
    {
        Sender sender;
        SignalStream changes(&sender, &Sender::changed);
        const auto next = [&]() -> Task<int> { co_return co_await changes.next(); };
        const Coro<int> first = spawn(next);
        const Coro<int> second = spawn(next);
        QTest::qWait(0);
        for (int i = 1; i <= 3; ++i)
            Q_EMIT sender.changed(i);
        QCOMPARE(waitFor(first), 1);
        QCOMPARE(waitFor(second), 2);
        QCOMPARE(changes.count(), 1);
        QCOMPARE(waitFor(next()), 3);
    }

    void givesTheArgumentsOfEachKindOfSignal()
    {
        Sender sender;
        SignalStream fired(&sender, &Sender::fired);
        SignalStream moved(&sender, &Sender::moved);
        SignalStream sealed(&sender, &Sender::sealed);
        static_assert(std::is_same_v<decltype(fired), SignalStream<void>>);
        static_assert(std::is_same_v<decltype(moved), SignalStream<std::tuple<int, QString>>>);
        static_assert(std::is_same_v<decltype(sealed), SignalStream<int>>);
        Q_EMIT sender.fired();
        Q_EMIT sender.moved(1, QStringLiteral("a"));
        sender.emitSealed(2);
        const auto body = [&]() -> Task<> {
            co_await fired.next();
            const auto [x, name] = co_await moved.next();
            QCOMPARE(x, 1);
            QCOMPARE(name, QStringLiteral("a"));
            QCOMPARE(co_await sealed.next(), 2);
        };
        waitFor(body());
    }

    void whatWasEmittedCanBeTakenAfterTheSenderIsGone()
    {
        auto sender = std::make_unique<Sender>();
        SignalStream changes(sender.get(), &Sender::changed);
        Q_EMIT sender->changed(1);
        QVERIFY(!changes.hasEnded());
        sender.reset();
        QVERIFY(changes.hasEnded());
        const auto next = [&]() -> Task<int> { co_return co_await changes.next(); };
        QCOMPARE(waitFor(next()), 1);
        QVERIFY_THROWS_EXCEPTION(Destroyed, waitFor(next()));

        SignalStream none(static_cast<Sender *>(nullptr), &Sender::changed);
        QVERIFY(none.hasEnded());
    }

    void aSenderOnAnotherThread()
    {
        WorkerThread thread;
        auto *sender = new Sender;
        sender->moveToThread(&thread);
        SignalStream changes(sender, &Sender::changed);
        const Coro<int> coro = spawn([&]() -> Task<int> {
            int sum = 0;
            try {
                for (;;)
                    sum += co_await changes.next();
            } catch (const Destroyed &) {
                co_return sum;
            }
        });
        thread.run([&] {
            for (int i = 1; i <= 100; ++i)
                Q_EMIT sender->changed(i);
            delete sender;
        });
        QCOMPARE(waitFor(coro), 5050);
    }

    void aStreamDestroyedWhileEmissionsAreUnderWay()
    {
        Sender sender;
        auto changes = std::make_unique<SignalStream<int>>(&sender, &Sender::changed);
        std::thread([&] { Q_EMIT sender.changed(1); }).join();
        changes.reset();
        QTest::qWait(0);
    }

    void anotherThreadIsRefused()
    {
        Sender sender;
        SignalStream changes(&sender, &Sender::changed);
        std::thread([&] {
            const auto next = [&]() -> Task<int> { co_return co_await changes.next(); };
            QVERIFY_THROWS_EXCEPTION(Error, waitFor(next()));
        }).join();
    }
};

QTEST_GUILESS_MAIN(SignalStreamTest)
#include "signalstreamtest.moc"
