// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodistributed_export.h"

#include <chrono>

namespace Asyncoro::Detail {

/** How often Discovery asks, and how long it waits. A test may change it while there is no Discovery. */
struct DiscoveryLimits
{
    std::chrono::milliseconds firstInterval{1'000}; // between questions; doubles each time
    std::chrono::milliseconds longestInterval{60'000}; // also once somebody is found
    std::chrono::milliseconds shortestInterval{100}; // however often discover() is called
    std::chrono::milliseconds interfaces{5'000}; // between two looks at what interfaces there are
    std::chrono::milliseconds answers{10'000}; // so long after a question its answers count
    std::chrono::milliseconds nothingFound{4'000}; // after which the report is logged
    std::chrono::milliseconds connect{10'000};
    std::chrono::milliseconds relay{3'000}; // for which a relay searches
    std::chrono::milliseconds relayInterval{10'000}; // between two relays for the same peer
};

ASYNCORO_DISTRIBUTED_EXPORT DiscoveryLimits &discoveryLimits();

} // namespace Asyncoro::Detail
