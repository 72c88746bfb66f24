// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../../src/eventdispatcher/adaptivespin_p.h"

#include <QTest>

using Asyncoro::Detail::AdaptiveSpin;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::nanoseconds Short = AdaptiveSpin::Longest - 1ns;
constexpr std::chrono::nanoseconds Long = AdaptiveSpin::Longest;

/** How many short waits, one after the other, it takes until spinning is worthwhile. */
int shortWaitsUntilItSpins(AdaptiveSpin &spin)
{
    int count = 0;
    for (; !spin.isWorthwhile(); ++count)
        spin.addWait(Short);
    return count;
}

} // namespace

class AdaptiveSpinTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void startsAfterSomeShortWaits()
    {
        AdaptiveSpin spin;
        QCOMPARE(shortWaitsUntilItSpins(spin), AdaptiveSpin::Fewest);
    }

    void aLongWaitStartsTheCountAnew()
    {
        AdaptiveSpin spin;
        for (int i = 0; i < AdaptiveSpin::Fewest - 1; ++i)
            spin.addWait(Short);
        spin.addWait(Long);
        QCOMPARE(shortWaitsUntilItSpins(spin), AdaptiveSpin::Fewest);
    }

    void goesOnAsLongAsItFindsSomething()
    {
        AdaptiveSpin spin;
        shortWaitsUntilItSpins(spin);
        for (int i = 0; i < 10000; ++i)
            spin.addWait(Short);
        QVERIFY(spin.isWorthwhile());
    }

    void inVainItIsTriedLessAndLess()
    {
        AdaptiveSpin spin;
        for (int required = AdaptiveSpin::Fewest; required < AdaptiveSpin::Most; required *= 2) {
            QCOMPARE(shortWaitsUntilItSpins(spin), required);
            spin.addWait(Long);
            QVERIFY(!spin.isWorthwhile());
        }
        for (int i = 0; i < 3; ++i) {
            QCOMPARE(shortWaitsUntilItSpins(spin), AdaptiveSpin::Most);
            spin.addWait(Long);
        }
    }

    void eachSuccessMakesUpForOneFailure()
    {
        AdaptiveSpin spin;
        for (int i = 0; i < 3; ++i) {
            shortWaitsUntilItSpins(spin);
            spin.addWait(Long);
        }
        QCOMPARE(shortWaitsUntilItSpins(spin), 8 * AdaptiveSpin::Fewest);
        spin.addWait(Short);
        spin.addWait(Long);
        QCOMPARE(shortWaitsUntilItSpins(spin), 8 * AdaptiveSpin::Fewest);
        for (int i = 0; i < 20; ++i)
            spin.addWait(Short);
        spin.addWait(Long);
        QCOMPARE(shortWaitsUntilItSpins(spin), 2 * AdaptiveSpin::Fewest); // not fewer than at first, and twice that
    }

    void longWaitsWithoutSpinningCostNothing()
    {
        AdaptiveSpin spin;
        for (int i = 0; i < 100; ++i)
            spin.addWait(Long);
        QCOMPARE(shortWaitsUntilItSpins(spin), AdaptiveSpin::Fewest);
    }
};

QTEST_GUILESS_MAIN(AdaptiveSpinTest)

#include "adaptivespin_internal_test.moc"
