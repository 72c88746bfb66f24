// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "detail/waiter.h"

#include "detail/ofonethread.h"

namespace Asyncoro::Detail {

void Waiter::throwDestroyed() const
{
    throw Destroyed(operation() + QStringLiteral(": what it waited for was destroyed"));
}

void OfOneThread::throwWrongThread(const char *operation)
{
    throw Error(QLatin1StringView(operation)
                + QStringLiteral(" was called on another thread than the one that made the object and may use it"));
}

} // namespace Asyncoro::Detail
