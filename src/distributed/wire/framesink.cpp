// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "framesink_p.h"

#include <utility>

namespace Asyncoro::Detail {

FrameSink::Mark FrameSink::begin(qsizetype size)
{
    if (!std::exchange(m_gathers, true))
        m_chunks.emplace_back();
    QByteArray &chunk = m_chunks.back();
    const Mark mark{&chunk, chunk.size(), m_waiting};
    chunk.resize(chunk.size() + size);
    m_waiting += size;
    return mark;
}

void FrameSink::drop(const Mark &mark)
{
    while (&m_chunks.back() != mark.chunk)
        m_chunks.pop_back();
    mark.chunk->truncate(mark.offset);
    m_gathers = true;
    m_waiting = mark.position;
}

QByteArray FrameSink::since(const Mark &mark) const
{
    QByteArray bytes;
    auto chunk = m_chunks.crbegin();
    for (; &*chunk != mark.chunk; ++chunk)
        bytes.prepend(*chunk);
    return mark.chunk->sliced(mark.offset) + bytes;
}

qint64 FrameSink::writeData(const char *data, qint64 size)
{
    m_waiting += size;
    if (size >= LongArray && data == m_announced.constData()) {
        m_chunks.push_back(std::exchange(m_announced, {}));
        m_gathers = false;
        return size;
    }
    if (!std::exchange(m_gathers, true))
        m_chunks.emplace_back();
    m_chunks.back().append(data, size);
    return size;
}

QByteArray FrameSink::take(qsizetype size)
{
    QByteArray &first = m_chunks.front();
    QByteArray bytes;
    if (first.size() <= size) {
        bytes = std::move(first);
        m_chunks.pop_front();
        m_gathers = m_gathers && !m_chunks.empty();
    } else {
        bytes = first.first(size);
        first.remove(0, size);
    }
    m_waiting -= bytes.size();
    return bytes;
}

void FrameSink::putBack(const QByteArray &bytes)
{
    m_waiting += bytes.size();
    m_chunks.push_front(bytes);
}

void FrameSink::clear()
{
    m_chunks.clear();
    m_gathers = false;
    m_waiting = 0;
}

} // namespace Asyncoro::Detail
