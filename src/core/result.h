// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/arms.h"

namespace Asyncoro {

/** How an operation ended: with a value, or with what it failed with. See asResult(). */
template<typename T>
class [[nodiscard]] Result
{
public:
    explicit Result(std::exception_ptr error)
        : m_error(std::move(error))
    {
    }
    explicit Result(Detail::Kept<T> value)
        : m_value(std::move(value))
    {
    }

    [[nodiscard]] bool hasValue() const { return !m_error; }
    explicit operator bool() const { return hasValue(); }

    /** The value; throws what the operation failed with if there is none. */
    T value() const &
    {
        throwIfFailed();
        if constexpr (!std::is_void_v<T>)
            return *m_value;
    }
    /** The same, and moves the value out. */
    T value() &&
    {
        throwIfFailed();
        if constexpr (!std::is_void_v<T>)
            return std::move(*m_value);
    }
    /** The value, or `other`. */
    template<typename U>
    [[nodiscard]] T valueOr(U &&other) const
    {
        return hasValue() ? *m_value : T(std::forward<U>(other));
    }

    /** What it failed with; null if it did not. */
    [[nodiscard]] std::exception_ptr error() const { return m_error; }
    /** Whether it failed with an E, or something derived from it. */
    template<typename E>
    [[nodiscard]] bool failedWith() const
    {
        if (!m_error)
            return false;
        try {
            std::rethrow_exception(m_error);
        } catch (const E &) {
            return true;
        } catch (...) {
            return false;
        }
    }
    /** What it failed with, for a person; empty if it did not. */
    [[nodiscard]] QString errorText() const { return m_error ? Asyncoro::errorText(m_error) : QString(); }

private:
    void throwIfFailed() const
    {
        if (m_error)
            std::rethrow_exception(m_error);
    }

    std::optional<Detail::Kept<T>> m_value;
    std::exception_ptr m_error;
};

namespace Detail {

template<typename T>
Task<Result<T>> runForResult(Task<T> task)
{
    std::exception_ptr error;
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::move(task);
            co_return Result<T>(std::monostate());
        } else {
            co_return Result<T>(co_await std::move(task));
        }
    } catch (const std::exception &) { // a cancellation is none
        error = std::current_exception();
    }
    co_return Result<T>(std::move(error));
}

} // namespace Detail

/**
 * Does `awaited`, a Task or anything else that can be awaited, and gives its outcome as a value instead of throwing:
 *
 *     const Result<QByteArray> page = co_await asResult(fetch(url));
 *     if (page.failedWith<TimedOut>()) ...
 *
 * Completes when that has, without suspending if that does not; resumes on the same thread. Throws only what is no
 * std::exception, such as Cancelled. Cancelling passes through. Await it where you write it: what is no task is held by
 * reference.
 */
template<typename Awaited>
[[nodiscard]] auto asResult(Awaited &&awaited) -> Task<Result<Detail::AwaitedValue<Awaited>>>
{
    return Detail::runForResult(Detail::arm(std::forward<Awaited>(awaited)));
}

} // namespace Asyncoro
