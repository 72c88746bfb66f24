// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <atomic>

namespace Asyncoro::Detail {

/**
 * Lets any thread end the wait of one thread, or keep its next wait from beginning.
 *
 * Costs an atomic exchange; only a thread that waits is woken by a system call, over an eventfd.
 */
class WakeUp
{
public:
    WakeUp();
    ~WakeUp();
    WakeUp(const WakeUp &) = delete;
    WakeUp &operator=(const WakeUp &) = delete;

    /** Any thread. */
    void wake() noexcept
    {
        if (m_state.exchange(State::Woken) == State::Waiting)
            signal();
    }

    /** False if there was a wake() since the last take(): then there is no need to wait. */
    [[nodiscard]] bool prepareToWait() noexcept
    {
        State expected = State::Running;
        return m_state.compare_exchange_strong(expected, State::Waiting);
    }
    /** Ends the wait. Whether there was a wake() since the last call. */
    [[nodiscard]] bool take() noexcept { return m_state.exchange(State::Running) == State::Woken; }
    [[nodiscard]] bool isWoken() const noexcept { return m_state.load() == State::Woken; }

    /**
     * The eventfd. Each wake() of a waiting thread makes it readable anew: an edge-triggered watcher need never read
     * it. It can come late, from a wake() that an earlier take() has seen; isWoken() tells.
     */
    [[nodiscard]] int descriptor() const noexcept { return m_descriptor; }
    /** For watchers that are not edge-triggered: makes it unreadable. */
    void drain() const noexcept;
    /** A new eventfd, as the one of before belongs to the parent process too. */
    void renew();

private:
    enum class State { Running, Woken, Waiting };

    void signal() const noexcept;

    std::atomic<State> m_state = State::Running;
    int m_descriptor = -1;
};

} // namespace Asyncoro::Detail
