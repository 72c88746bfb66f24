// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/Coro>
#include <Asyncoro/WhenAll>

using namespace Asyncoro;

Task<int> load();

Task<> both()
{
    Task<int> first = load();
    co_await whenAll(first, load());
}

// expect: no matching function for call to 'whenAll(Asyncoro::Task<int>&, Asyncoro::Task<int>)'
