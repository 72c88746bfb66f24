// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QtNumeric>

#include <chrono>

namespace Asyncoro::Detail {

/** A time on the monotonic clock. */
using Moment = std::chrono::nanoseconds;

constexpr Moment Never = Moment::max();
/** Earlier than any other: who waits until then does not wait. */
constexpr Moment AtOnce = Moment::min();

[[nodiscard]] inline Moment now()
{
    return std::chrono::steady_clock::now().time_since_epoch();
}

[[nodiscard]] inline Moment later(Moment moment, std::chrono::nanoseconds interval)
{
    qint64 sum = 0;
    return qAddOverflow(qint64(moment.count()), qint64(interval.count()), &sum) ? Never : Moment(sum);
}

} // namespace Asyncoro::Detail
