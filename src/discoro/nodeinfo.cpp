// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "nodeinfo_p.h"

#include <QStorageInfo>

#include <algorithm>
#include <utility>

namespace Asyncoro::Discoro {

NodeInfo::NodeInfo(const QString &folder)
    : m_folder(folder)
    , m_cpuTime(cpuTime())
{
}

NodeInfo::Sample NodeInfo::sample()
{
    const CpuTime before = std::exchange(m_cpuTime, cpuTime());
    const qint64 passed = m_cpuTime.total - before.total;
    if (passed > 0) // the system counts in steps: soon after the last sample nothing has changed
        m_cpuLoad = std::clamp(double(m_cpuTime.busy - before.busy) / double(passed), 0., 1.);

    Sample sample{.cpuLoad = m_cpuLoad, .memory = memory()};
    const QStorageInfo disk(m_folder);
    if (disk.isValid()) {
        sample.diskTotal = disk.bytesTotal();
        sample.diskUsed = disk.bytesTotal() - disk.bytesFree();
    }
    return sample;
}

} // namespace Asyncoro::Discoro
