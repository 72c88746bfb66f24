// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/Location>
#include <Asyncoro/Task>

namespace Asyncoro::Discoro {

/**
 * Connects this client's network to `scheduler`. Its first call decides where the client listens: on loopback for a scheduler on this
 * machine, otherwise on all addresses, so that nodes can fetch its package.
 */
Task<> joinNetworkOf(Location scheduler);

} // namespace Asyncoro::Discoro
