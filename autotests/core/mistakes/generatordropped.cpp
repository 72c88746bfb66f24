// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/AsyncGenerator>
#include <Asyncoro/Coro>

using namespace Asyncoro;

AsyncGenerator<int> numbers();

void start()
{
    numbers();
}

// expect: a generator does nothing until its next() is awaited
