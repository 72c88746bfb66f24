// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodiscoro_export.h"

#include <QString>

namespace Asyncoro::Discoro {

/** How busy this machine is. Values that cannot be told here are 0. */
class ASYNCORO_DISCORO_EXPORT NodeInfo
{
public:
    struct Memory {
        qint64 used = 0; ///< bytes that are not available to programs
        qint64 total = 0;
    };
    struct Sample {
        double cpuLoad = 0; ///< of all processors together, 0 to 1, since the last sample
        Memory memory;
        qint64 diskUsed = 0; ///< bytes
        qint64 diskTotal = 0;
    };

    /** Tells of the disk that has `folder`. The load is counted from now. */
    explicit NodeInfo(const QString &folder);

    [[nodiscard]] Sample sample();

private:
    /** Time that the processors have spent since the system started, in a unit of the system. */
    struct CpuTime {
        qint64 busy = 0;
        qint64 total = 0;
    };

    // nodeinfo_linux.cpp, nodeinfo_generic.cpp
    static CpuTime cpuTime();
    static Memory memory();

    QString m_folder;
    CpuTime m_cpuTime;
    double m_cpuLoad = 0;
};

} // namespace Asyncoro::Discoro
