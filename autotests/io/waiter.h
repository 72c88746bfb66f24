// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/Coro>
#include <Asyncoro/Error>
#include <Asyncoro/Exec>

#include <QTest>

/** What one does that waits for a bad other end. */
enum class Waiter : quint8 { Waits, IsCancelled, TimesOut };

/** Sees that `waiting` waits, or gives up as `waiter` says. Where QTEST_THROW_ON_FAIL is defined. */
template<typename T>
void giveUp(const Asyncoro::Coro<T> &waiting, Waiter waiter)
{
    switch (waiter) {
    case Waiter::Waits:
        QVERIFY(waiting.isRunning());
        break;
    case Waiter::IsCancelled:
        QVERIFY(waiting.isRunning());
        waiting.terminate();
        QVERIFY_THROWS_EXCEPTION(Asyncoro::CoroTerminated, Asyncoro::waitFor(waiting));
        break;
    case Waiter::TimesOut:
        QVERIFY_THROWS_EXCEPTION(Asyncoro::TimedOut, Asyncoro::waitFor(waiting));
        break;
    }
}
