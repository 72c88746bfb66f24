// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "outgoingstream_p.h"

#include <algorithm>
#include <utility>

namespace Asyncoro::Detail {

QByteArray OutgoingStream::take()
{
    const auto room = std::max(qsizetype(Window - m_unacknowledgedSize), m_urgent);
    QByteArray bytes;
    if (m_waiting.size() <= room) {
        bytes = std::exchange(m_waiting, {});
    } else {
        bytes = m_waiting.first(room);
        m_waiting.remove(0, room);
    }
    m_urgent = std::max<qsizetype>(m_urgent - bytes.size(), 0);
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
    QByteArray again;
    again.reserve(qsizetype(size()));
    for (const QByteArray &bytes : m_unacknowledged)
        again += QByteArrayView(bytes).sliced(std::exchange(m_skipped, 0));
    m_unacknowledged.clear();
    m_unacknowledgedSize = 0;
    if (m_urgent > 0)
        m_urgent += again.size();
    m_waiting = again + m_waiting;
    return true;
}

void OutgoingStream::clear()
{
    m_waiting.clear();
    m_unacknowledged.clear();
    m_skipped = 0;
    m_unacknowledgedSize = 0;
    m_urgent = 0;
}

} // namespace Asyncoro::Detail
