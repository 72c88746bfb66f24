// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "nodeinfo_p.h"

#include <QByteArrayList>
#include <QFile>

#include <algorithm>

namespace Asyncoro::Discoro {

namespace {

QByteArray contentOf(const QString &procFile)
{
    QFile file(procFile);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

/** The number in the line "name:  12345 kB" of /proc/meminfo, in bytes. */
qint64 memoryEntry(const QByteArray &memoryInfo, const char *name)
{
    for (const QByteArray &line : memoryInfo.split('\n')) {
        if (line.startsWith(name))
            return line.simplified().split(' ').value(1).toLongLong() * 1024;
    }
    return 0;
}

} // namespace

NodeInfo::CpuTime NodeInfo::cpuTime()
{
    // cpu  user nice system idle iowait irq softirq steal guest guest_nice; the guests' time is in user and nice, too
    const QByteArrayList line =
        contentOf(QStringLiteral("/proc/stat")).split('\n').constFirst().simplified().split(' ');
    if (line.constFirst() != "cpu")
        return {};
    constexpr qsizetype Idle = 4;
    constexpr qsizetype IoWait = 5;
    constexpr qsizetype Steal = 8;
    CpuTime time;
    for (qsizetype i = 1; i < std::min(line.size(), Steal + 1); ++i) {
        const qint64 ticks = line.at(i).toLongLong();
        time.total += ticks;
        if (i != Idle && i != IoWait)
            time.busy += ticks;
    }
    return time;
}

NodeInfo::Memory NodeInfo::memory()
{
    const QByteArray info = contentOf(QStringLiteral("/proc/meminfo"));
    const qint64 total = memoryEntry(info, "MemTotal:");
    const qint64 available = memoryEntry(info, "MemAvailable:");
    return {.used = std::max<qint64>(total - available, 0), .total = total};
}

} // namespace Asyncoro::Discoro
