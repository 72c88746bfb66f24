// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/Coro>

using namespace Asyncoro;
using namespace std::chrono_literals;

void blink()
{
    co_await sleep(1s);
}

// expect: unable to find the promise type for this coroutine
