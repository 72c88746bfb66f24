// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QBasicMutex>

#include <system_error>

namespace Asyncoro::Detail {

/** Ends what a thread waits for. Any thread. */
class WaitStop
{
public:
    WaitStop() = default;
    ~WaitStop() { release(); }
    WaitStop(const WaitStop &) = delete;
    WaitStop &operator=(const WaitStop &) = delete;

    /** Ends the wait() that is under way, and those to come, until allow(). */
    void stop();
    void allow();
    /**
     * Waits until `descriptor` is ready for `events`, as poll() has them, or, if it is -1, for the time. Gives why it
     * ended otherwise: std::errc::operation_canceled, or an error of the system.
     */
    std::error_code wait(int descriptor, short events, int milliseconds = -1);
    /** Nobody waits any more: frees what that has needed. */
    void release();

private:
    QBasicMutex m_mutex; // guards what follows
    int m_wake = -1; // readable while stopped; made when somebody waits for the first time
    bool m_stopped = false;
};

} // namespace Asyncoro::Detail
