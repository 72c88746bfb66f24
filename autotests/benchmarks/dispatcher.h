// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/EventDispatcher>

#include <cstdlib>
#include <string_view>

namespace Benchmark {

// Our programs run on our event dispatcher, where there is one; with BENCHMARK_DISPATCHER=qt on Qt's.
inline void useOurDispatcher()
{
    const char *choice = std::getenv("BENCHMARK_DISPATCHER");
    if (!choice || std::string_view(choice) != "qt") {
        Asyncoro::EventDispatcher::install();
    }
}

} // namespace Benchmark
