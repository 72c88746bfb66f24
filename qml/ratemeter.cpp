// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "ratemeter_p.h"

namespace Asyncoro::Qml {

void RateMeter::update(const QDateTime &time, qint64 finished, qint64 failed)
{
    if (!m_points.empty()) {
        const Point &last = m_points.back();
        if (finished < last.finished || failed < last.failed || time < last.time)
            m_points.clear();
        else if (time == last.time)
            m_points.pop_back();
    }
    m_points.push_back({time, finished, failed});
    while (m_points.size() > 2 && m_points[1].time.msecsTo(time) >= Window.count())
        m_points.pop_front();
}

double RateMeter::perSecond(qint64 Point::*counter) const
{
    if (m_points.size() < 2)
        return 0;
    const Point &first = m_points.front();
    const Point &last = m_points.back();
    return double(last.*counter - first.*counter) * 1000 / double(first.time.msecsTo(last.time));
}

} // namespace Asyncoro::Qml
