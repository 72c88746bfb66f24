// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "corotesting.h"

#include <Asyncoro/WhenAll>
#include <Asyncoro/WhenAny>

#include <Asyncoro/Coro>
#include <Asyncoro/Timeout>

#include <QTest>

using namespace Asyncoro;
using namespace CoroTesting;
using namespace std::chrono_literals;

namespace {

template<typename T>
Task<T> after(std::chrono::milliseconds time, T value)
{
    co_await sleep(time);
    co_return value;
}

Task<> failAfter(std::chrono::milliseconds time)
{
    co_await sleep(time);
    throw Failure(QStringLiteral("broken"));
}

Task<> sleepForever(bool &cleanedUp)
{
    struct Guard {
        bool &flag;
        ~Guard() { flag = true; }
    } guard{cleanedUp};
    co_await sleep(QDeadlineTimer::Forever);
}

Task<std::unique_ptr<int>> makeUnique(int value)
{
    co_return std::make_unique<int>(value);
}

} // namespace

class WhenTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void allGivesTheValues()
    {
        waitFor(spawn([]() -> Task<> {
            auto [a, b, c] = co_await whenAll(after(3ms, 1), after(1ms, QStringLiteral("x")), sleep(1ms));
            static_assert(std::is_same_v<decltype(c), std::monostate>);
            if (a != 1 || b != QStringLiteral("x"))
                throw Failure(QStringLiteral("wrong values"));
            auto [unique] = co_await whenAll(makeUnique(4));
            if (*unique != 4)
                throw Failure(QStringLiteral("wrong value"));
            co_await whenAll();
        }));
    }

    void allOfMany()
    {
        std::vector<Task<int>> tasks;
        for (int i = 0; i < 100; ++i)
            tasks.push_back(after(std::chrono::milliseconds(i % 3), i));
        const std::vector<int> values = waitFor(whenAll(std::move(tasks)));
        QCOMPARE(values.size(), 100U);
        for (int i = 0; i < 100; ++i)
            QCOMPARE(values[size_t(i)], i);
        waitFor(whenAll(std::vector<Task<>>()));
    }

    void allCancelsTheOthersOnFailure()
    {
        bool cleanedUp = false;
        QVERIFY_THROWS_EXCEPTION(Failure, waitFor(spawn([&]() -> Task<> {
                                     co_await whenAll(failAfter(1ms), sleepForever(cleanedUp));
                                 })));
        QVERIFY(cleanedUp);
    }

    void armsActForTheCoroutine()
    {
        const Coro<int> coro = spawn([]() -> Task<int> {
            const Coro<> self = Coro<>::self();
            const auto isSelf = [](Coro<> one) -> Task<bool> { co_return Coro<>::self() == one; };
            auto [number, text, same] = co_await whenAll(receive<int>(), receive<QString>(), isSelf(self));
            co_return same ? number + int(text.size()) : 0;
        });
        letOthersRun();
        coro.send(QStringLiteral("abc"));
        coro.send(4);
        QCOMPARE(waitFor(coro), 7);
    }

    void anyGivesTheFirst()
    {
        bool cleanedUp = false;
        waitFor(spawn([&]() -> Task<> {
            const auto first
                = co_await whenAny(sleepForever(cleanedUp), after(1ms, 5), after(1h, QStringLiteral("late")));
            if (first.index() != 1 || std::get<1>(first) != 5)
                throw Failure(QStringLiteral("wrong value"));
            if (!cleanedUp)
                throw Failure(QStringLiteral("the loser still runs"));
        }));
    }

    void anyOfMany()
    {
        std::vector<Task<int>> tasks;
        for (int i = 0; i < 10; ++i)
            tasks.push_back(after(i == 6 ? 1ms : 1h, i));
        const FirstOf<int> first = waitFor(whenAny(std::move(tasks)));
        QCOMPARE(first.index, 6U);
        QCOMPARE(first.value, 6);
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(whenAny(std::vector<Task<>>())));
    }

    void anyThrowsIfTheFirstFails()
    {
        bool cleanedUp = false;
        QVERIFY_THROWS_EXCEPTION(Failure, waitFor(spawn([&]() -> Task<> {
                                     co_await whenAny(failAfter(1ms), sleepForever(cleanedUp));
                                 })));
        QVERIFY(cleanedUp);
    }

    void anyOfMessageAndTime()
    {
        bool timeHasCome = false;
        const Coro<QString> coro = spawn([&]() -> Task<QString> {
            QString log;
            auto first = co_await whenAny(receive<int>(), sleep(1ms));
            timeHasCome = true;
            log += QString::number(first.index());
            first = co_await whenAny(receive<int>(), sleep(1h));
            log += QString::number(first.index()) + QString::number(std::get<0>(first));
            // The loser of the first race has left nothing behind that takes this message.
            co_return log + QString::number(co_await receive<int>());
        });
        QTRY_VERIFY(timeHasCome);
        coro.send(7);
        coro.send(8);
        QCOMPARE(waitFor(coro), QStringLiteral("1078"));
    }

    void cancelling_data()
    {
        QTest::addColumn<bool>("any");
        QTest::addColumn<int>("when");
        for (const bool any : {false, true}) {
            const char *const name = any ? "whenAny" : "whenAll";
            QTest::addRow("%s, before", name) << any << 0;
            QTest::addRow("%s, during", name) << any << 1;
            QTest::addRow("%s, timed out", name) << any << 2;
        }
    }
    void cancelling()
    {
        QFETCH(const bool, any);
        QFETCH(const int, when);
        bool first = false;
        bool second = false;
        auto both = [&]() -> Task<> {
            if (any)
                co_await whenAny(sleepForever(first), sleepForever(second));
            else
                co_await whenAll(sleepForever(first), sleepForever(second));
        };
        const Coro<> coro = spawn([&]() -> Task<> {
            if (when == 0)
                Coro<>::self().terminate();
            if (when == 2)
                co_await withTimeout(1ms, both());
            else
                co_await both();
        });
        letOthersRun();
        if (when == 2) {
            QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(coro));
        } else {
            coro.terminate();
            QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        }
        QCOMPARE(first, when != 0); // what never began has nothing to clean up
        QCOMPARE(second, when != 0);
    }
};

QTEST_GUILESS_MAIN(WhenTest)
#include "whentest.moc"
