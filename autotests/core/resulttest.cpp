// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "corotesting.h"

#include <Asyncoro/Result>

#include <Asyncoro/Coro>

#include <QTest>

using namespace Asyncoro;
using namespace CoroTesting;
using namespace std::chrono_literals;

namespace {

Task<int> answer()
{
    co_await sleep(1ms);
    co_return 42;
}

Task<int> failing()
{
    co_await sleep(1ms);
    throw Failure(QStringLiteral("broken"));
}

} // namespace

class ResultTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void holdsAValue()
    {
        const Result<int> result = waitFor(asResult(answer()));
        QVERIFY(result);
        QCOMPARE(result.value(), 42);
        QCOMPARE(result.valueOr(1), 42);
        QVERIFY(!result.error());
        QVERIFY(!result.failedWith<Error>());
        QCOMPARE(result.errorText(), QString());
    }

    void holdsAFailure()
    {
        const Result<int> result = waitFor(asResult(failing()));
        QVERIFY(!result);
        QVERIFY(result.failedWith<Failure>());
        QVERIFY(result.failedWith<Error>());
        QVERIFY(!result.failedWith<TimedOut>());
        QCOMPARE(result.errorText(), QStringLiteral("broken"));
        QCOMPARE(result.valueOr(1), 1);
        QVERIFY_THROWS_EXCEPTION(Failure, std::ignore = result.value());
    }

    void holdsNothingOfWhatGivesNothing()
    {
        waitFor(spawn([]() -> Task<> {
            const Result<void> slept = co_await asResult(sleep(1ms));
            slept.value();
            if (!slept)
                throw Failure(QStringLiteral("failed"));
        }));
    }

    void timeOutsAreFailures()
    {
        const Coro<bool> coro = spawn([]() -> Task<bool> {
            const Result<int> message = co_await asResult(receive<int>(1ms));
            co_return message.failedWith<TimedOut>();
        });
        QVERIFY(waitFor(coro));
    }

    void cancellationPasses()
    {
        bool passed = false;
        const Coro<> coro = spawn([&]() -> Task<> {
            std::ignore = co_await asResult(sleep(1h));
            passed = true;
        });
        letOthersRun();
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QVERIFY(!passed);
    }
};

QTEST_GUILESS_MAIN(ResultTest)
#include "resulttest.moc"
