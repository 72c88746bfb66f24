// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <cstddef>

namespace Asyncoro::Detail {

/** A place in an IntrusiveList; an object that can be in one list at a time derives from it. */
struct ListLink {
    ListLink *previous = nullptr;
    ListLink *next = nullptr;

    [[nodiscard]] bool isLinked() const { return next != nullptr; }

    void unlink() noexcept
    {
        previous->next = next;
        next->previous = previous;
        previous = next = nullptr;
    }

    /** Takes the place that `other` has in a list. */
    void replace(ListLink &other) noexcept
    {
        previous = other.previous;
        next = other.next;
        previous->next = next->previous = this;
        other.previous = other.next = nullptr;
    }
};

/** First in, first out, without allocation: links lie in the objects. Not owning. */
template<typename T>
class IntrusiveList
{
public:
    IntrusiveList() noexcept { m_end.previous = m_end.next = &m_end; }
    IntrusiveList(const IntrusiveList &) = delete;
    IntrusiveList &operator=(const IntrusiveList &) = delete;

    [[nodiscard]] bool isEmpty() const { return m_end.next == &m_end; }
    [[nodiscard]] T *first() { return isEmpty() ? nullptr : static_cast<T *>(m_end.next); }
    /** The element after `element`; nullptr at the end. */
    [[nodiscard]] T *after(T *element)
    {
        ListLink *next = static_cast<ListLink *>(element)->next;
        return next == &m_end ? nullptr : static_cast<T *>(next);
    }

    void append(T *element) noexcept
    {
        ListLink *link = element;
        link->previous = m_end.previous;
        link->next = &m_end;
        m_end.previous->next = link;
        m_end.previous = link;
    }

    [[nodiscard]] T *takeFirst() noexcept
    {
        T *element = first();
        if (element)
            static_cast<ListLink *>(element)->unlink();
        return element;
    }

private:
    ListLink m_end; // closes the ring: no special case at either side
};

} // namespace Asyncoro::Detail
