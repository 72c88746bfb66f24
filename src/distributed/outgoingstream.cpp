// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "outgoingstream_p.h"

#include <algorithm>
#include <utility>

namespace Asyncoro::Detail {

QByteArray OutgoingStream::take()
{
    QByteArray bytes = m_sink.take(qsizetype(std::max(Window - m_unacknowledgedSize, m_urgent)));
    m_urgent = std::max<qint64>(m_urgent - bytes.size(), 0);
    m_unacknowledged.push_back(bytes);
    m_unacknowledgedSize += bytes.size();
    return bytes;
}

bool OutgoingStream::acknowledge(quint64 position)
{
    if (position <= m_acknowledged)
        return true; // said before a connection broke, and sent again
    if (position - m_acknowledged > quint64(m_unacknowledgedSize))
        return false;
    auto rest = qsizetype(position - m_acknowledged);
    m_acknowledged = position;
    m_unacknowledgedSize -= rest;
    while (rest > 0) {
        const qsizetype left = m_unacknowledged.front().size() - m_skipped;
        if (rest < left) {
            m_skipped += rest;
            break;
        }
        rest -= left;
        m_unacknowledged.pop_front();
        m_skipped = 0;
    }
    return true;
}

bool OutgoingStream::rewind(quint64 position)
{
    if (position < m_acknowledged || !acknowledge(position))
        return false;
    if (m_urgent > 0)
        m_urgent += m_unacknowledgedSize;
    for (auto bytes = m_unacknowledged.rbegin(); bytes != m_unacknowledged.rend(); ++bytes)
        m_sink.putBack(bytes == m_unacknowledged.rend() - 1 ? bytes->sliced(m_skipped) : *bytes);
    m_unacknowledged.clear();
    m_skipped = 0;
    m_unacknowledgedSize = 0;
    return true;
}

void OutgoingStream::clear()
{
    m_sink.clear();
    m_unacknowledged.clear();
    m_skipped = 0;
    m_unacknowledgedSize = 0;
    m_urgent = 0;
}

} // namespace Asyncoro::Detail
