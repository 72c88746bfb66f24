// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/Coro>

using namespace Asyncoro;

Task<> save(QString text);

Task<> close()
{
    save("text"); // nothing is saved
    co_return;
}

// expect: a Task does nothing until it is awaited: co_await it, or give its function to spawn()
