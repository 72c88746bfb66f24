// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <algorithm>
#include <chrono>

namespace Asyncoro::Detail {

/**
 * Whether a thread without events spins, which is to look for some again and again for a moment, before it sleeps.
 *
 * To wake a thread whose processor idles takes tens of microseconds, often more than an answer from the thread or
 * process on the other side. A thread whose last waits were all short spins, and finds the next event at once. One that
 * has spun in vain sleeps again, until twice as many short waits as the last time have followed each other: where
 * others need the processor, or events come just too late, spinning soon costs nothing any more. Each success halves
 * that again.
 *
 * The idea is that of the halt polling of Linux (Documentation/virt/kvm/halt-polling.rst).
 */
class AdaptiveSpin
{
public:
    /** For how long to spin; a wait that is shorter is a short one. */
    static constexpr std::chrono::microseconds Longest{50};
    /** How many short waits it takes, at first and at most. */
    static constexpr int Fewest = 8;
    static constexpr int Most = 1024;

    [[nodiscard]] bool isWorthwhile() const { return m_missing == 0; }

    /** To be told how long each wait took, spinning and sleep together. */
    void addWait(std::chrono::nanoseconds time)
    {
        const bool spun = isWorthwhile();
        if (time >= Longest) {
            if (spun)
                m_required = std::min(2 * m_required, Most);
            m_missing = m_required;
        } else if (spun) {
            m_required = std::max(m_required / 2, Fewest);
        } else {
            --m_missing;
        }
    }

private:
    int m_required = Fewest; // short waits, one after the other
    int m_missing = Fewest; // of those
};

} // namespace Asyncoro::Detail
