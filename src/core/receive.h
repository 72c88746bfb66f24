// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/localcoro.h"
#include "message.h"

namespace Asyncoro {

namespace Detail {

template<typename T>
class ReceiveAwaiter final : public ReceiveSuspension
{
public:
    explicit ReceiveAwaiter(const QDeadlineTimer &deadline)
        : ReceiveSuspension(std::is_same_v<T, Message> ? QMetaType() : QMetaType::fromType<T>(), deadline)
    {
    }
    T await_resume()
    {
        if constexpr (std::is_same_v<T, Message>)
            return takeMessage();
        else
            return takeMessage().template value<T>();
    }
};

} // namespace Detail

/**
 * Takes the earliest message out of the mailbox of the coroutine that awaits this; `receive<T>()` the earliest that
 * is a T, while others stay where they are.
 *
 * Completes without suspending if there is one, or if the deadline is in the past (`receive(0s)` polls). Resumes in
 * the coroutine's own thread. Throws TimedOut if the deadline passes first. Cancelling takes no message.
 */
template<typename T = Message>
[[nodiscard]] Detail::ReceiveAwaiter<T> receive(QDeadlineTimer deadline = QDeadlineTimer::Forever)
{
    return Detail::ReceiveAwaiter<T>(deadline);
}

} // namespace Asyncoro
