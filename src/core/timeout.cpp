// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "timeout.h"

namespace Asyncoro {

std::stop_token currentStopToken()
{
    return Detail::LocalCoro::currentOrThrow("currentStopToken()").innermostScope().stopToken();
}

QDeadlineTimer currentDeadline()
{
    const Detail::LocalCoro *const coro = Detail::LocalCoro::current();
    if (!coro || coro->scopeDeadline() == Detail::Never)
        return QDeadlineTimer::Forever;
    QDeadlineTimer deadline;
    deadline.setPreciseDeadline(0, coro->scopeDeadline());
    return deadline;
}

} // namespace Asyncoro
