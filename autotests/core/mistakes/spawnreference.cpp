// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/Coro>

using namespace Asyncoro;

Task<> count(int &total);

void start(int &total)
{
    spawn(count, total);
}

// expect: spawn(): the function cannot be called with these arguments (they are copied or moved into the coroutine; a parameter that is a non-const reference needs std::ref)
