// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "semaphore.h"

#include <limits>

namespace Asyncoro {

Semaphore::Semaphore(int permits)
    : m_available(permits)
    , m_total(permits)
{
    if (permits < 0)
        throw Error(QStringLiteral("a Semaphore cannot have %1 permits").arg(permits));
}

void Semaphore::release(int count)
{
    checkThread("Semaphore::release()");
    checkCount(count);
    if (count > std::numeric_limits<int>::max() - m_total)
        throw Error(
            QStringLiteral("Semaphore::release(): %1 permits more than %2 are too many").arg(count).arg(m_total));
    m_total += count;
    released(count);
}

void Semaphore::throwWrongCount(int count)
{
    throw Error(QStringLiteral("a Semaphore gives and takes at least one permit, not %1").arg(count));
}

} // namespace Asyncoro
