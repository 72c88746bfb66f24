// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/Coro>

using namespace Asyncoro;

Task<QString &> name();

void use()
{
    static_cast<void>(name());
}

// expect: a Task cannot return a reference: return a pointer or a value
