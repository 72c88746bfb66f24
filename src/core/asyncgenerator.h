// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "error.h"
#include "task.h"

namespace Asyncoro {

template<typename T>
class AsyncGenerator;

namespace Detail {

template<typename T>
struct GeneratorPromise : PromiseBase {
    std::optional<T> value; // what the consumer waits for, from co_yield until it takes it

    AsyncGenerator<T> get_return_object() noexcept;
    void return_void() const noexcept { }

    // As at the end of a task: the consumer goes on.
    template<typename U = T>
        requires std::constructible_from<T, U>
    FinalAwaiter yield_value(U &&next)
    {
        value.emplace(std::forward<U>(next));
        return {};
    }
};

} // namespace Detail

/**
 * What a coroutine function returns that gives values one after the other, with `co_yield`, and can wait in between:
 *
 *     AsyncGenerator<QByteArray> lines(AsyncFile &file)
 *     {
 *         while (true) {
 *             const QByteArray line = co_await file.readLine();
 *             if (line.isEmpty())
 *                 co_return;
 *             co_yield line;
 *         }
 *     }
 *
 *     AsyncGenerator<QByteArray> all = lines(file);
 *     while (const std::optional<QByteArray> line = co_await all.next())
 *         ...
 *
 * It does nothing until the first next(), and runs only while somebody awaits that, inside the coroutine that does. It
 * owns its frame: destroying it, at whatever co_yield it has stopped, destroys arguments and local variables.
 */
template<typename T>
class [[nodiscard("a generator does nothing until its next() is awaited")]] AsyncGenerator
{
    static_assert(!std::is_reference_v<T> && !std::is_void_v<T>, "an AsyncGenerator gives values");

public:
    using value_type = T;
    using promise_type = Detail::GeneratorPromise<T>;

    /** An empty generator, which gives nothing. */
    AsyncGenerator() noexcept = default;
    AsyncGenerator(AsyncGenerator &&other) noexcept
        : m_frame(std::exchange(other.m_frame, nullptr))
    {
    }
    AsyncGenerator &operator=(AsyncGenerator &&other) noexcept
    {
        std::swap(m_frame, other.m_frame);
        return *this;
    }
    ~AsyncGenerator()
    {
        if (m_frame)
            m_frame.destroy();
    }

    /**
     * Runs the generator to its next co_yield and gives that value; nothing once it has returned.
     *
     * Completes without suspending if the generator does not wait. Resumes where the generator has stopped: on the same
     * thread, inside the coroutine's own turn. One at a time; and always from the coroutine that called it first, which
     * throws an Error otherwise. Throws what the generator throws, which ends that. Cancelling makes the generator's
     * wait throw Cancelled.
     */
    [[nodiscard]] auto next() { return Next{m_frame}; }

private:
    friend promise_type;

    struct Next {
        std::coroutine_handle<promise_type> frame;

        [[nodiscard]] bool await_ready() const noexcept { return !frame || frame.done(); }
        template<typename Promise>
        [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> waiting) const
        {
            static_assert(std::is_base_of_v<Detail::PromiseBase, Promise>,
                          "a generator can only be awaited in a coroutine that returns Asyncoro::Task");
            promise_type &promise = frame.promise();
            if (promise.coro && promise.coro != waiting.promise().coro)
                throw Error(QStringLiteral("AsyncGenerator::next(): another coroutine has begun with this generator"));
            return Detail::runInAwaiter(frame, waiting) && !promise.value;
        }
        std::optional<T> await_resume() const
        {
            if (!frame)
                return {};
            promise_type &promise = frame.promise();
            if (promise.error)
                std::rethrow_exception(std::exchange(promise.error, nullptr));
            return std::exchange(promise.value, std::nullopt);
        }
    };

    explicit AsyncGenerator(std::coroutine_handle<promise_type> frame) noexcept
        : m_frame(frame)
    {
    }

    std::coroutine_handle<promise_type> m_frame; // owning
};

template<typename T>
AsyncGenerator<T> Detail::GeneratorPromise<T>::get_return_object() noexcept
{
    return AsyncGenerator<T>(std::coroutine_handle<GeneratorPromise>::from_promise(*this));
}

} // namespace Asyncoro
