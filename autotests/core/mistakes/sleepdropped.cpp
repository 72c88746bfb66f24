// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/Coro>

using namespace Asyncoro;
using namespace std::chrono_literals;

Task<> blink()
{
    sleep(1s); // does not sleep
    co_return;
}

// expect: ignoring return value of 'Asyncoro::Detail::SleepAwaiter Asyncoro::sleep(QDeadlineTimer)', declared with attribute 'nodiscard'
