// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodiscoro_export.h"

#include <Asyncoro/Discovery>

namespace Asyncoro::Discoro {

/** The service by which a scheduler is found. */
inline constexpr QLatin1StringView SchedulerService{"discoro.scheduler"};

/**
 * What a process that offers a scheduler, or looks for one, gives a Discovery at the UDP port `port`. A process that
 * listens at `address` on loopback takes part within this machine only.
 */
[[nodiscard]] ASYNCORO_DISCORO_EXPORT Discovery::Options schedulerOffer(quint16 port, const QString &address);
[[nodiscard]] ASYNCORO_DISCORO_EXPORT Discovery::Options schedulerSearch(quint16 port, const QString &address);

/**
 * Finds a scheduler with that secret, which a process without a network of its own can use: on this machine, and in the
 * networks that it is part of if there is a secret.
 *
 * Throws TimedOut, whose text says what was tried, if none answers before the deadline. Any number may overlap.
 * Cancelling ends the search at once.
 */
[[nodiscard]] ASYNCORO_DISCORO_EXPORT Task<Location> findScheduler(Secret secret, quint16 port,
                                                                   QDeadlineTimer deadline);

} // namespace Asyncoro::Discoro
