// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "corotesting.h"

#include <Asyncoro/AsyncGenerator>

#include <Asyncoro/Coro>
#include <Asyncoro/Timeout>

#include <QTest>

using namespace Asyncoro;
using namespace CoroTesting;
using namespace std::chrono_literals;

namespace {

struct CountsEnd {
    int &count;
    ~CountsEnd() { ++count; }
};

AsyncGenerator<int> numbers(int count)
{
    for (int i = 0; i < count; ++i)
        co_yield i;
}

AsyncGenerator<int> slowNumbers(int &ended)
{
    const CountsEnd guard{ended};
    for (int i = 0;; ++i) {
        co_await sleep(1ms);
        co_yield i;
    }
}

AsyncGenerator<int> failing()
{
    co_yield 1;
    co_await yield();
    throw Failure(QStringLiteral("broken"));
}

AsyncGenerator<std::unique_ptr<int>> evenOf(AsyncGenerator<int> source)
{
    while (const auto n = co_await source.next()) {
        if (*n % 2 == 0)
            co_yield std::make_unique<int>(*n);
    }
}

Task<qint64> sum(AsyncGenerator<int> source)
{
    qint64 result = 0;
    while (const auto n = co_await source.next())
        result += *n;
    co_return result;
}

} // namespace

class GeneratorTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void givesValuesUntilItReturns()
    {
        QCOMPARE(waitFor(sum(numbers(5))), 10);
        QCOMPARE(waitFor(sum(numbers(0))), 0);
        QCOMPARE(waitFor(sum({})), 0);
    }

    void millionsNeitherGrowStackNorHeap() { QCOMPARE(waitFor(sum(numbers(1'000'000))), 499'999'500'000); }

    void canWaitBetweenValues()
    {
        int ended = 0;
        const QList<int> seen = waitFor(spawn([&]() -> Task<QList<int>> {
            QList<int> values;
            AsyncGenerator<int> source = slowNumbers(ended);
            while (values.size() < 3)
                values << (co_await source.next()).value();
            co_return values;
        }));
        QCOMPARE(seen, QList<int>({0, 1, 2}));
        QCOMPARE(ended, 1); // destroyed where it had stopped
    }

    void canBeNestedAndGiveWhatCannotBeCopied()
    {
        const int result = waitFor(spawn([]() -> Task<int> {
            int total = 0;
            AsyncGenerator<std::unique_ptr<int>> source = evenOf(numbers(10));
            while (const auto value = co_await source.next())
                total += **value;
            co_return total;
        }));
        QCOMPARE(result, 20);
    }

    void throwsWhatItThrowsOnceAndIsOver()
    {
        waitFor(spawn([]() -> Task<> {
            AsyncGenerator<int> source = failing();
            if (co_await source.next() != 1)
                throw Error(QStringLiteral("no first value"));
            bool failed = false;
            try {
                co_await source.next();
            } catch (const Failure &) {
                failed = true;
            }
            if (!failed || co_await source.next())
                throw Error(QStringLiteral("it goes on"));
        }));
    }

    void isCancelledWhileItWaits()
    {
        int ended = 0;
        const Coro<> coro = spawn([&]() -> Task<> {
            AsyncGenerator<int> source = slowNumbers(ended);
            for (;;)
                co_await source.next();
        });
        QTest::qWait(5);
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QCOMPARE(ended, 1);
    }

    void timesOutWhileItWaits()
    {
        int ended = 0;
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(spawn([&]() -> Task<> {
                                     co_await withTimeout(5ms, [](int &count) -> Task<> {
                                         AsyncGenerator<int> source = slowNumbers(count);
                                         for (;;)
                                             co_await source.next();
                                     }(ended));
                                 })));
        QCOMPARE(ended, 1);
    }

    void belongsToOneCoroutine()
    {
        AsyncGenerator<int> source = numbers(3);
        auto take = [&]() -> Task<int> { co_return (co_await source.next()).value(); };
        const Coro<int> first = spawn(take);
        QCOMPARE(waitFor(first), 0);
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(spawn(take)));
    }
};

QTEST_GUILESS_MAIN(GeneratorTest)
#include "generatortest.moc"
