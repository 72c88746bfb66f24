// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "receive.h"

namespace Asyncoro {

namespace Detail {

template<typename T>
class SuspendAwaiter final : public ReceiveSuspension
{
public:
    explicit SuspendAwaiter(const QDeadlineTimer &deadline, std::optional<T> alarm = {})
        : ReceiveSuspension(Resumption, {}, deadline)
        , m_alarm(std::move(alarm))
    {
    }
    T await_resume()
    {
        if (m_alarm && !isComplete())
            return std::move(*m_alarm);
        Message value = takeMessage();
        if constexpr (std::is_same_v<T, Message>)
            return value;
        else if (value.metaType() == QMetaType::fromType<T>())
            return value.template value<T>();
        else
            throwWrongMessage(value, QMetaType::fromType<T>());
    }

private:
    std::optional<T> m_alarm;
};

} // namespace Detail

/**
 * Waits until somebody calls Coro::resume() on the coroutine, and gives the value of that.
 *
 * Always suspends, unless the deadline is in the past. Resumes on the same thread. Only the first resume() counts: one
 * that comes while the coroutine does not wait here is refused, not kept; where nothing may be lost, send messages.
 * Throws TimedOut if the deadline passes first, an Error if the value is no T. Cancelling it leaves nothing behind.
 */
template<typename T = Message>
[[nodiscard]] Detail::SuspendAwaiter<T> suspend(QDeadlineTimer deadline = QDeadlineTimer::Forever)
{
    return Detail::SuspendAwaiter<T>(deadline);
}

/** The same, and gives `alarm` instead of throwing TimedOut. */
template<typename T>
[[nodiscard]] Detail::SuspendAwaiter<T> suspend(QDeadlineTimer deadline, T alarm)
{
    return Detail::SuspendAwaiter<T>(deadline, std::move(alarm));
}

} // namespace Asyncoro
