// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// For systems that have no file of their own: load and memory are not known.

#include "nodeinfo_p.h"

namespace Asyncoro::Discoro {

NodeInfo::CpuTime NodeInfo::cpuTime()
{
    return {};
}

NodeInfo::Memory NodeInfo::memory()
{
    return {};
}

} // namespace Asyncoro::Discoro
