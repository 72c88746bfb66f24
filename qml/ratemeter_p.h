// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QDateTime>

#include <chrono>
#include <deque>

// Private to the QML module.

namespace Asyncoro::Qml {

/** How fast counters grow, over the last few seconds. */
class RateMeter
{
public:
    /** Counters at a moment of the scheduler's clock. Smaller ones than before begin a new measurement. */
    void update(const QDateTime &time, qint64 finished, qint64 failed);
    void clear() { m_points.clear(); }

    [[nodiscard]] double finishedPerSecond() const { return perSecond(&Point::finished); }
    [[nodiscard]] double failedPerSecond() const { return perSecond(&Point::failed); }

private:
    struct Point {
        QDateTime time;
        qint64 finished;
        qint64 failed;
    };

    static constexpr std::chrono::milliseconds Window{2000};

    [[nodiscard]] double perSecond(qint64 Point::*counter) const;

    std::deque<Point> m_points; // the oldest first
};

} // namespace Asyncoro::Qml
