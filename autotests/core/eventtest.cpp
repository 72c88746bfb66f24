// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/Event>

#include "waitmatrix.h"

#include <Asyncoro/Coro>

#include <QTest>

#include <thread>

using namespace Asyncoro;
using namespace std::chrono_literals;

class EventTest : public QObject
{
    Q_OBJECT

    struct Wait {
        std::unique_ptr<Event> event = std::make_unique<Event>();

        Task<> wait(QDeadlineTimer deadline) { co_await event->wait(deadline); }
        void complete() { event->set(); }
        void destroy() { event.reset(); }
        void verify(bool completed, WaitMatrix::Outcome)
        {
            QCOMPARE(event->isSet(), completed);
            event->set(); // touches whoever is still entered
        }
    };

private Q_SLOTS:
    void L03_waits_data() { WaitMatrix::addRows<Wait>(); }
    void L03_waits() { WaitMatrix::run<Wait>(); }

    void L03_wakesAllInTheOrderTheyCame()
    {
        Event event;
        QList<int> order;
        QList<Coro<>> all;
        for (int i = 0; i < 3; ++i)
            all << spawn(waiter, std::ref(event), i, std::ref(order));
        const Coro<> setter = spawn([&]() -> Task<> {
            QVERIFY(!event.isSet());
            event.set();
            co_return;
        });
        for (const Coro<> &coro : std::as_const(all))
            waitFor(coro);
        QCOMPARE(order, QList<int>({0, 1, 2}));
        waitFor(setter);
    }

    void L03_lateOnesGoThroughUntilItIsCleared()
    {
        Event event;
        QList<int> order;
        event.set();
        waitFor(spawn(waiter, std::ref(event), 1, std::ref(order)));
        QCOMPARE(order.size(), 1);
        event.clear();
        const Coro<> waiting = spawn(waiter, std::ref(event), 2, std::ref(order));
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(waiting, 5ms));
        event.set();
        waitFor(waiting);
    }

    void L03_aPulseWakesOnlyThoseWhoWait()
    {
        Event event;
        QList<int> order;
        event.pulse();
        const Coro<> waiting = spawn(waiter, std::ref(event), 1, std::ref(order));
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(waiting, 5ms));
        event.pulse();
        waitFor(waiting);
        QVERIFY(!event.isSet());
    }

    void L03_timeOutAndTerminationTakeTheWaiterOut()
    {
        Event event;
        auto patient = [&]() -> Task<> { co_await event.wait(); };
        auto impatient = [&]() -> Task<> { co_await event.wait(5ms); };
        const Coro<> first = spawn(patient);
        const Coro<> second = spawn(impatient);
        const Coro<> third = spawn(patient);
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(second));
        first.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(first));
        event.set(); // must not touch those two
        waitFor(third);
    }

    void L03_aDeadlineInThePastPolls()
    {
        Event event;
        QList<int> order;
        auto poll = [&]() -> Task<> { co_await event.wait(0s); };
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(spawn(poll)));
        event.set();
        waitFor(spawn(poll));
    }

    void L03_mayBeDestroyedRightAfterItIsSet()
    {
        auto event = std::make_unique<Event>();
        QList<int> order;
        const Coro<> first = spawn(waiter, std::ref(*event), 1, std::ref(order));
        const Coro<> second = spawn(waiter, std::ref(*event), 2, std::ref(order));
        waitFor(spawn([&]() -> Task<> {
            event->set();
            event.reset();
            co_return;
        }));
        waitFor(first);
        waitFor(second);
        QCOMPARE(order, QList<int>({1, 2}));
    }

    void L03_destructionSaysSo()
    {
        auto event = std::make_unique<Event>();
        QList<int> order;
        const Coro<> waiting = spawn(waiter, std::ref(*event), 1, std::ref(order));
        waitFor(spawn([&]() -> Task<> {
            event.reset();
            co_return;
        }));
        try {
            waitFor(waiting);
            QFAIL("nothing was thrown");
        } catch (const Destroyed &e) {
            QVERIFY2(e.message().startsWith(QStringLiteral("Event::wait()")), e.what());
        }
    }

    void L03_aThreadThatDoesNotOwnItGetsAnError()
    {
        Event event;
        std::thread([&] {
            QVERIFY_THROWS_EXCEPTION(Error, event.set());
            QVERIFY_THROWS_EXCEPTION(Error, event.clear());
            QVERIFY_THROWS_EXCEPTION(Error, event.pulse());
            QVERIFY_THROWS_EXCEPTION(Error, static_cast<void>(event.isSet()));
            QVERIFY_THROWS_EXCEPTION(Error, waitFor(spawn([&]() -> Task<> { co_await event.wait(); })));
        }).join();
        QVERIFY(!event.isSet());
    }

private:
    static Task<> waiter(Event &event, int number, QList<int> &order)
    {
        co_await event.wait();
        order << number;
    }
};

QTEST_GUILESS_MAIN(EventTest)
#include "eventtest.moc"
