// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/Coro>

using namespace Asyncoro;

Task<int> load();

Task<> show()
{
    Task<int> loading = load();
    const int value = co_await loading;
    static_cast<void>(value);
}

// expect: passing 'Asyncoro::Task<int>' as 'this' argument discards qualifiers
