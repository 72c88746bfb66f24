// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/Coro>

using namespace Asyncoro;

void greet(Coro<> coro)
{
    coro.send("hello");
}

// expect: a message cannot be a bare pointer; for a text, send a QString
