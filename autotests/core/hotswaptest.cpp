// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "corotesting.h"

#include <Asyncoro/Coro>

#include <QTest>

#include <atomic>
#include <optional>
#include <thread>

using namespace Asyncoro;
using namespace CoroTesting;
using namespace std::chrono_literals;

namespace {

/** Counts messages until it is told otherwise. */
Task<int> countMessages(int from)
{
    Coro<>::self().setHotSwappable();
    for (int count = from;; ++count) {
        const Message message = co_await receive();
        if (message.metaType() == QMetaType::fromType<QString>())
            co_return count;
    }
}

Task<int> countByTens(int from)
{
    Coro<>::self().setHotSwappable();
    for (int count = from;; count += 10) {
        const Message message = co_await receive();
        if (message.metaType() == QMetaType::fromType<QString>())
            co_return count;
    }
}

Task<bool> swapped(Coro<int> coro)
{
    co_return co_await coro.hotSwap(countByTens, 1000);
}

} // namespace

/** A coroutine goes on with another function. */
class HotSwapTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void C17_hotSwapKeepsMailboxAndHandle()
    {
        const Coro<int> coro = spawn(countMessages, 0);
        letOthersRun();
        const bool accepted = waitFor(spawn([&]() -> Task<bool> {
            coro.send(1); // for the old one: it wakes before it is asked
            const Coro<bool> swapping = spawn(swapped, coro);
            coro.send(2);
            co_return co_await swapping;
        }));
        QVERIFY(accepted);
        coro.send(3);
        coro.send(QStringLiteral("end"));
        const int count = waitFor(coro);
        QVERIFY(count >= 1010);
    }

    void C17_swapBeforeItBegins()
    {
        const Coro<int> coro = spawn(countMessages, 0);
        coro.send(1);
        coro.send(QStringLiteral("end"));
        const Coro<bool> swapping = spawn([&]() -> Task<bool> { co_return co_await coro.hotSwap(countByTens, 0); });
        QCOMPARE(waitFor(coro), 1); // the first one has begun before
        QVERIFY_THROWS_EXCEPTION(CoroEnded, waitFor(swapping));
    }

    void C17_swapCanBeRefused()
    {
        const Coro<int> coro = spawn([]() -> Task<int> {
            Coro<>::self().setHotSwappable();
            for (;;) {
                try {
                    co_return co_await receive<int>();
                } catch (const HotSwapRequest &) {
                }
            }
        });
        letOthersRun();
        QVERIFY(!waitFor(spawn(swapped, coro)));
        coro.send(5);
        QCOMPARE(waitFor(coro), 5);
    }

    void C17_cleanupMayWaitBeforeAccepting()
    {
        bool cleanedUp = false;
        const Coro<int> coro = spawn([&]() -> Task<int> {
            Coro<>::self().setHotSwappable();
            std::optional<HotSwapRequest> request;
            try {
                co_await sleepForever();
                co_await sleep(1h);
            } catch (const HotSwapRequest &asked) {
                request = asked;
            }
            co_await sleep(1ms);
            cleanedUp = true;
            throw HotSwapRequest(*request);
        });
        letOthersRun();
        // The wait is nested: it is not a safe point until the function waits itself.
        const Coro<bool> swapping = spawn(swapped, coro);
        letOthersRun();
        QVERIFY(swapping.isRunning());
        QVERIFY(!cleanedUp);
        swapping.terminate();
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));

        const Coro<int> flat = spawn([&]() -> Task<int> {
            Coro<>::self().setHotSwappable();
            std::optional<HotSwapRequest> request;
            try {
                co_await sleep(1h);
            } catch (const HotSwapRequest &asked) {
                request = asked;
            }
            co_await sleep(1ms);
            cleanedUp = true;
            throw HotSwapRequest(*request);
        });
        letOthersRun();
        QVERIFY(waitFor(spawn(swapped, flat)));
        QVERIFY(cleanedUp);
        flat.send(QStringLiteral("end"));
        QCOMPARE(waitFor(flat), 1000);
    }

    void C17_onlyWhereItAllowsIt()
    {
        const Coro<int> coro = spawn([]() -> Task<int> {
            co_await suspend();
            Coro<>::self().setHotSwappable();
            co_return co_await receive<int>();
        });
        letOthersRun();
        const Coro<bool> swapping = spawn(swapped, coro);
        letOthersRun();
        QVERIFY(swapping.isRunning()); // postponed
        coro.resume();
        QVERIFY(waitFor(swapping));
        coro.send(QStringLiteral("end"));
        QCOMPARE(waitFor(coro), 1000);
        QVERIFY_THROWS_EXCEPTION(Error, coro.setHotSwappable());
    }

    void C17_clearErrors()
    {
        const Coro<int> coro = spawn(countMessages, 0);
        letOthersRun();
        auto otherType = [](Coro<> target) -> Task<> { co_await target.hotSwap(sleepForever); };
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(spawn(otherType, Coro<>(coro))));
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(spawn(otherType, Coro<>())));
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QVERIFY_THROWS_EXCEPTION(CoroEnded, waitFor(spawn(swapped, coro)));
    }

    void C17_swapFromAnotherThread()
    {
        const Coro<int> coro = spawn(countMessages, 0);
        std::atomic<bool> accepted = false;
        std::thread thread([&] { accepted = waitFor(spawn(swapped, coro)); });
        coro.send(1);
        QTRY_VERIFY(accepted);
        coro.send(QStringLiteral("end"));
        QVERIFY(waitFor(coro) >= 1000);
        thread.join();
    }

    void C16_failedMonitoredCoroutineIsRestarted()
    {
        const Coro<int> coro = spawn([]() -> Task<int> {
            co_await receive<int>();
            throw Failure(QStringLiteral("broken"));
        });
        const Coro<QList<CoroState>> monitor = spawn([&]() -> Task<QList<CoroState>> {
            QList<CoroState> seen;
            seen << (co_await receive<ExitNotice>()).state();
            if (!co_await coro.hotSwap(countByTens, 0))
                throw Failure(QStringLiteral("refused"));
            seen << coro.state();
            seen << (co_await receive<ExitNotice>()).state();
            co_return seen;
        });
        coro.monitor(monitor);
        coro.send(1);
        coro.send(2); // the failed one has not read it; the new one does
        coro.send(QStringLiteral("end"));
        QCOMPARE(waitFor(coro), 10);
        QCOMPARE(waitFor(monitor), QList<CoroState>({CoroState::Failed, CoroState::Running, CoroState::Finished}));
    }
};

QTEST_GUILESS_MAIN(HotSwapTest)
#include "hotswaptest.moc"
