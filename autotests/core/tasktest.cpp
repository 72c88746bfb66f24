// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/Coro>

#include <QTest>

#include <memory>

using namespace Asyncoro;
using namespace std::chrono_literals;

namespace {

Task<int> add(int a, int b)
{
    co_return a + b;
}

Task<int> fail()
{
    throw std::runtime_error("broken");
    co_return 0;
}

struct Counted {
    static inline int alive = 0;
    Counted() { ++alive; }
    Counted(const Counted &) { ++alive; }
    Counted &operator=(const Counted &) = default;
    ~Counted() { --alive; }
};

Task<int> depth(int levels)
{
    if (levels == 0)
        co_return 0;
    co_return 1 + co_await depth(levels - 1);
}

} // namespace

class TaskTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void C02_givesItsValue() { QCOMPARE(waitFor(add(1, 2)), 3); }

    void doesNothingUntilAwaited()
    {
        bool ran = false;
        auto body = [&]() -> Task<> {
            ran = true;
            co_return;
        };
        {
            Task<> task = body();
            QVERIFY(task.isValid());
            QVERIFY(!ran);
        }
        QVERIFY(!ran);
        waitFor(body());
        QVERIFY(ran);
    }

    void C02_canBeAwaitedOnce()
    {
        waitFor(spawn([]() -> Task<> {
            Task<int> task = add(1, 2);
            if (co_await std::move(task) != 3)
                throw std::runtime_error("wrong value");
            Task<int> empty;
            for (Task<int> *again : {&task, &empty}) {
                bool refused = false;
                try {
                    co_await std::move(*again);
                } catch (const Error &) {
                    refused = true;
                }
                if (!refused)
                    throw std::runtime_error("awaited again");
            }
        }));
    }

    void C02_exceptionReachesTheAwaiter()
    {
        auto outer = []() -> Task<QString> {
            try {
                co_await fail();
            } catch (const std::runtime_error &e) {
                co_return QString::fromUtf8(e.what());
            }
            co_return QString();
        };
        QCOMPARE(waitFor(outer()), QStringLiteral("broken"));
        QVERIFY_THROWS_EXCEPTION(std::runtime_error, waitFor(fail()));
    }

    void awaitingATaskThatDoesNotWaitStaysInTheTurn()
    {
        QStringList order;
        auto first = [&]() -> Task<> {
            order << QString::number(co_await add(1, 1));
            order << QStringLiteral("first");
        };
        auto second = [&]() -> Task<> {
            order << QStringLiteral("second");
            co_return;
        };
        spawn(first);
        waitFor(second());
        QCOMPARE(order, QStringList({QStringLiteral("2"), QStringLiteral("first"), QStringLiteral("second")}));
    }

    void moveOnlyValues()
    {
        auto make = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
        QCOMPARE(*waitFor(make()), 7);
    }

    void destroyingATaskDestroysItsArguments()
    {
        QCOMPARE(Counted::alive, 0);
        {
            auto body = [](Counted) -> Task<> { co_return; };
            Task<> task = body(Counted());
            QCOMPARE(Counted::alive, 1);
            Task<> moved = std::move(task);
            QVERIFY(!task.isValid());
            QCOMPARE(Counted::alive, 1);
            moved = {};
            QCOMPARE(Counted::alive, 0);
        }
        QCOMPARE(Counted::alive, 0);
    }

    void C02_longLoopsDoNotGrowTheStack()
    {
        auto loop = []() -> Task<qint64> {
            qint64 sum = 0;
            for (int i = 0; i < 1'000'000; ++i)
                sum += co_await add(i, 1);
            co_return sum;
        };
        QCOMPARE(waitFor(loop()), 500'000'500'000);
    }

    void C02_deepChainsDoNotGrowTheStack() { QCOMPARE(waitFor(depth(1'000'000)), 1'000'000); }
};

QTEST_GUILESS_MAIN(TaskTest)
#include "tasktest.moc"
