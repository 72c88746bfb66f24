// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "../message.h"

#include <memory>

namespace Asyncoro::Detail {

/**
 * First in, first out; a ring whose room is kept for the next messages, and which takes no memory until the
 * first one. (A std::deque takes 576 bytes while empty: too much for a million mailboxes.)
 */
class MessageQueue
{
public:
    static constexpr quint32 LargeCapacity = 16384;

    [[nodiscard]] bool isEmpty() const { return m_count == 0; }
    [[nodiscard]] quint32 size() const { return m_count; }
    [[nodiscard]] const Message &at(quint32 index) const { return m_ring[(m_first + index) & (m_capacity - 1)]; }

    /** True if the ring has become large by it: worth a look, and cheap to tell here. */
    bool append(Message &&message)
    {
        const bool full = m_count == m_capacity;
        if (full)
            grow();
        m_ring[(m_first + m_count) & (m_capacity - 1)] = std::move(message);
        ++m_count;
        return full && m_capacity > LargeCapacity;
    }

    /** Takes out the message at `index`; those before it keep their order. */
    [[nodiscard]] Message take(quint32 index = 0)
    {
        Message message = std::move(slot(index));
        for (; index > 0; --index)
            slot(index) = std::move(slot(index - 1));
        m_first = (m_first + 1) & (m_capacity - 1);
        --m_count;
        return message;
    }

private:
    [[nodiscard]] Message &slot(quint32 index) { return m_ring[(m_first + index) & (m_capacity - 1)]; }

    void grow()
    {
        const quint32 capacity = m_capacity ? m_capacity * 2 : 4;
        auto ring = std::make_unique<Message[]>(capacity);
        for (quint32 i = 0; i < m_count; ++i)
            ring[i] = std::move(slot(i));
        m_ring = std::move(ring);
        m_capacity = capacity;
        m_first = 0;
    }

    std::unique_ptr<Message[]> m_ring;
    quint32 m_first = 0;
    quint32 m_count = 0;
    quint32 m_capacity = 0; // zero or a power of two
};

} // namespace Asyncoro::Detail
