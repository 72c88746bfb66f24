// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/externalwait.h" // IWYU pragma: export
#include "detail/localcoro.h"

#include <coroutine>
#include <exception>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

namespace Asyncoro {

template<typename T = void>
class Task;

namespace Detail {

/**
 * How a type that is not ours is awaited: the header that makes it so specialises this for the type, without const and
 * reference, with a static function from() that takes the value and gives what is awaited in its place.
 */
template<typename T>
struct Await;

template<typename T>
class TypedCoro;

/** Throws the Error that a task was awaited before, or is empty. */
[[noreturn]] ASYNCORO_CORE_EXPORT void throwNotToBeAwaited(bool wasAwaited);

/** The part of a task's promise that does not depend on its type. */
struct PromiseBase {
    LocalCoro *coro = nullptr; // the coroutine in which the task runs; set when it starts. Not owning
    std::coroutine_handle<> continuation; // who awaits the task; none for the outermost
    const PromiseBase *caller = nullptr; // the same: the part of it that lists of coroutines need
    std::source_location location; // of the co_await that it has come to
    bool inAwaiter = false; // runs inside its awaiter's await_suspend(), which sees by itself when it is done
    std::exception_ptr error;

    static void *operator new(std::size_t size) { return allocateFrame(size); }
    static void operator delete(void *frame, std::size_t size) { freeFrame(frame, size); }

    struct FinalAwaiter {
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        template<typename Promise>
        void await_suspend(std::coroutine_handle<Promise> done) const noexcept
        {
            const PromiseBase &promise = done.promise();
            if (promise.inAwaiter)
                return;
            if (promise.continuation) // the frame that holds `promise` may be gone once that goes on
                promise.coro->transfer(promise.continuation);
            else
                promise.coro->setBodyEnded();
        }
        void await_resume() const noexcept { }
    };

    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    [[nodiscard]] FinalAwaiter final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { error = std::current_exception(); }

    template<typename A>
    [[nodiscard]] decltype(auto) await_transform(A &&awaited,
                                                 std::source_location where = std::source_location::current())
    {
        location = where;
        if constexpr (requires { Await<std::remove_cvref_t<A>>::from(std::forward<A>(awaited)); })
            return Await<std::remove_cvref_t<A>>::from(std::forward<A>(awaited));
        else
            return static_cast<A &&>(awaited); // as a reference: it lives until the end of the co_await expression
    }
};

/**
 * Runs `frame` on the stack of the one that awaits it, which is suspended, or hands over to it. True if that has to
 * stay suspended: `frame` is not done then, as far as it can tell; it may have stopped where it hands back, as it does
 * at its end.
 */
template<typename Promise, typename Waiting>
[[nodiscard]] bool runInAwaiter(std::coroutine_handle<Promise> frame, std::coroutine_handle<Waiting> waiting)
{
    Promise &promise = frame.promise();
    LocalCoro *const coro = waiting.promise().coro;
    promise.continuation = waiting;
    promise.caller = &waiting.promise();
    promise.coro = coro;
    if (!coro->enterTask()) {
        coro->transfer(frame);
        return true;
    }
    promise.inAwaiter = true;
    frame.resume();
    promise.inAwaiter = false;
    coro->leaveTask();
    return !frame.done();
}

template<typename T>
struct Promise : PromiseBase {
    std::optional<T> value;

    Task<T> get_return_object() noexcept;

    template<typename U = T>
        requires std::constructible_from<T, U>
    void return_value(U &&result)
    {
        value.emplace(std::forward<U>(result));
    }

    T takeResult()
    {
        if (error)
            std::rethrow_exception(std::move(error));
        return std::move(*value);
    }
};

template<>
struct Promise<void> : PromiseBase {
    Task<void> get_return_object() noexcept;
    void return_void() const noexcept { }

    void takeResult()
    {
        if (error)
            std::rethrow_exception(std::move(error));
    }
};

} // namespace Detail

/**
 * What a coroutine function returns: a piece of work that can wait.
 *
 * A task does nothing until it is awaited. `co_await task` runs it inside the awaiting coroutine and gives its
 * value, or throws its exception; this never involves the event loop unless the task itself waits. The Task
 * object owns the coroutine's frame, and with it the function's arguments and local variables: destroying it
 * destroys them. To run a task on its own, give its function to spawn().
 *
 * Awaiting a task
 * - completes without suspending if nothing in the task suspends;
 * - resumes where the task ended: on the same thread, inside the coroutine's own turn;
 * - may be done once; awaiting it again, or one that is empty, throws an Error;
 * - needs whatever the arguments refer to until it is complete, as any function call does;
 * - throws what the task throws; terminating the coroutine makes the innermost wait throw Cancelled.
 */
template<typename T>
class [[nodiscard("a Task does nothing until it is awaited: co_await it, or give its function to spawn()")]] Task
{
    static_assert(!std::is_reference_v<T>, "a Task cannot return a reference: return a pointer or a value");

public:
    using value_type = T;
    using promise_type = Detail::Promise<T>;

    /** An empty task, to be assigned to. */
    Task() noexcept = default;
    Task(Task &&other) noexcept
        : m_frame(std::exchange(other.m_frame, nullptr))
    {
    }
    Task &operator=(Task &&other) noexcept
    {
        Task(std::move(other)).swap(*this);
        return *this;
    }
    ~Task()
    {
        if (m_frame)
            m_frame.destroy();
    }

    void swap(Task &other) noexcept { std::swap(m_frame, other.m_frame); }

    /** Whether there is a task in it. */
    [[nodiscard]] bool isValid() const noexcept { return bool(m_frame); }

    auto operator co_await() && noexcept { return Awaiter{m_frame}; }

private:
    friend class Detail::TypedCoro<T>;
    friend promise_type;

    struct Awaiter {
        std::coroutine_handle<promise_type> frame;

        [[nodiscard]] bool await_ready() const noexcept { return false; }
        // Runs the task right here: one that does not wait is then done, and nothing was suspended.
        template<typename Promise>
        [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> waiting) const
        {
            static_assert(std::is_base_of_v<Detail::PromiseBase, Promise>,
                          "a Task can only be awaited in a coroutine that returns Asyncoro::Task");
            if (!frame || frame.promise().coro) [[unlikely]]
                Detail::throwNotToBeAwaited(bool(frame));
            return Detail::runInAwaiter(frame, waiting);
        }
        T await_resume() const { return frame.promise().takeResult(); }
    };

    explicit Task(std::coroutine_handle<promise_type> frame) noexcept
        : m_frame(frame)
    {
    }

    std::coroutine_handle<promise_type> m_frame; // owning
};

template<typename T>
Task<T> Detail::Promise<T>::get_return_object() noexcept
{
    return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}

inline Task<void> Detail::Promise<void>::get_return_object() noexcept
{
    return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

} // namespace Asyncoro
