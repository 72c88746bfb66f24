// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "format_p.h"

#include <QCoreApplication>
#include <QLocale>

#include <algorithm>

namespace Asyncoro::Qml {

QString durationText(std::chrono::milliseconds duration)
{
    using namespace std::chrono_literals;
    duration = std::max(duration, 0ms);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(duration).count();
    if (duration < 10s)
        return QCoreApplication::translate("Asyncoro", "%1 s")
            .arg(QLocale().toString(double(duration.count()) / 1000, 'f', 1));
    if (duration < 1min)
        return QCoreApplication::translate("Asyncoro", "%1 s").arg(seconds);
    if (duration < 1h)
        return QCoreApplication::translate("Asyncoro", "%1 min %2 s").arg(seconds / 60).arg(seconds % 60);
    return QCoreApplication::translate("Asyncoro", "%1 h %2 min").arg(seconds / 3600).arg(seconds / 60 % 60);
}

QString usageText(qint64 used, qint64 total)
{
    if (total <= 0)
        return {};
    const QLocale locale;
    return QCoreApplication::translate("Asyncoro", "%1 of %2")
        .arg(locale.formattedDataSize(used, 1), locale.formattedDataSize(total, 1));
}

QString numberText(qint64 number)
{
    return QLocale().toString(number);
}

double usedFraction(qint64 used, qint64 total)
{
    return total > 0 ? std::clamp(double(used) / double(total), 0.0, 1.0) : -1;
}

std::chrono::milliseconds elapsed(const QDateTime &start, const QDateTime &moment)
{
    if (!start.isValid() || !moment.isValid())
        return {};
    return std::max(std::chrono::milliseconds(start.msecsTo(moment)), std::chrono::milliseconds(0));
}

} // namespace Asyncoro::Qml
