// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "detail/waiter.h"

namespace Asyncoro::Detail {

void Waiter::throwDestroyed() const
{
    throw Destroyed(operation() + QStringLiteral(": what it waited for was destroyed"));
}

} // namespace Asyncoro::Detail
