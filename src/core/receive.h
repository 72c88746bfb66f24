// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/localcoro.h"
#include "message.h"

#include <concepts>
#include <optional>

namespace Asyncoro {

namespace Detail {

/** Throws the Error that `value` is no `type`. */
[[noreturn]] ASYNCORO_CORE_EXPORT void throwWrongMessage(const Message &value, QMetaType type);

template<typename T>
[[nodiscard]] QMetaType receivedType()
{
    if constexpr (std::is_same_v<T, Message>)
        return {};
    else
        return QMetaType::fromType<T>();
}

template<typename T>
[[nodiscard]] T fromMessage(Message &&message)
{
    if constexpr (std::is_same_v<T, Message>)
        return std::move(message);
    else
        return std::move(*static_cast<T *>(message.data())); // its type was compared when it was chosen
}

template<typename T>
class ReceiveAwaiter final : public ReceiveSuspension
{
public:
    explicit ReceiveAwaiter(const QDeadlineTimer &deadline)
        : ReceiveSuspension(std::is_same_v<T, Message> ? AnyMessage : MessageOfType, receivedType<T>(), deadline)
    {
    }
    T await_resume() { return fromMessage<T>(takeMessage()); }
};

template<typename T>
class ReceiveOrAlarmAwaiter final : public ReceiveSuspension
{
public:
    ReceiveOrAlarmAwaiter(const QDeadlineTimer &deadline, T alarm)
        : ReceiveSuspension(std::is_same_v<T, Message> ? AnyMessage : MessageOfType, receivedType<T>(), deadline)
        , m_alarm(std::move(alarm))
    {
    }
    T await_resume() { return isComplete() ? fromMessage<T>(takeUnchecked()) : std::move(m_alarm); }

private:
    T m_alarm;
};

template<typename T, typename Predicate>
class SelectiveReceiveAwaiter final : public ReceiveSuspension
{
public:
    SelectiveReceiveAwaiter(Predicate predicate, const QDeadlineTimer &deadline)
        : ReceiveSuspension(ChosenMessage, receivedType<T>(), deadline)
        , m_predicate(std::move(predicate))
    {
    }
    T await_resume() { return fromMessage<T>(takeMessage()); }

protected:
    bool chooses(const Message &message) const override
    {
        if constexpr (std::is_same_v<T, Message>)
            return std::invoke(m_predicate, message);
        else
            return std::invoke(m_predicate, *static_cast<const T *>(message.constData()));
    }

private:
    Predicate m_predicate;
};

} // namespace Detail

/**
 * Takes the earliest message out of the mailbox of the coroutine that awaits this; `receive<T>()` the earliest that
 * is a T, while others stay where they are.
 *
 * Completes without suspending if there is one, or if the deadline is in the past (`receive(0s)` polls). Resumes in
 * the coroutine's own thread. Of several that wait, in the arms of a whenAny() for instance, the first gets the
 * message. Throws TimedOut if the deadline passes first. Cancelling takes no message.
 */
template<typename T = Message>
[[nodiscard]] Detail::ReceiveAwaiter<T> receive(QDeadlineTimer deadline = QDeadlineTimer::Forever)
{
    return Detail::ReceiveAwaiter<T>(deadline);
}

/** The same, and gives `alarm` instead of throwing TimedOut. */
template<typename T>
[[nodiscard]] Detail::ReceiveOrAlarmAwaiter<T> receive(QDeadlineTimer deadline, std::type_identity_t<T> alarm)
{
    return {deadline, std::move(alarm)};
}

/**
 * Takes the earliest message for which `predicate`, a function of a const T &, is true; others stay where they are. The
 * predicate is called as well, in whichever coroutine sends, for each message that comes meanwhile; what it throws is
 * thrown here. In all else as receive().
 */
template<typename T = Message, typename Predicate>
    requires std::predicate<const Predicate &, const T &>
[[nodiscard]] Detail::SelectiveReceiveAwaiter<T, Predicate> receive(Predicate predicate,
                                                                    QDeadlineTimer deadline = QDeadlineTimer::Forever)
{
    return {std::move(predicate), deadline};
}

} // namespace Asyncoro
