// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "lock.h"

namespace Asyncoro {

Lock::~Lock()
{
    while (m_lent.takeFirst()) { } // they will not hold it again
}

void Lock::lend(Guard &guard)
{
    Lock &lock = *guard.m_object;
    guard.unlink();
    lock.m_lent.append(&guard);
    lock.serve();
}

Lock *Lock::lentBy(const Guard &guard)
{
    return guard ? guard.m_object : nullptr;
}

void Lock::giveBack(Guard &guard, Guard held)
{
    if (guard.isLinked())
        guard.unlink();
    guard.takeFrom(held);
}

} // namespace Asyncoro
