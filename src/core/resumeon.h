// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "error.h"
#include "threadpool.h"

#include <QThread>

#include <concepts>

namespace Asyncoro {

/** The thread on which something was to run does not run, or ended before it had. */
class ASYNCORO_CORE_EXPORT ThreadEnded : public Error
{
public:
    using Error::Error;
    ~ThreadEnded() override;
};

namespace Detail {

/** Waits until the piece has ended, whatever happens to the coroutine that waits. */
template<typename T>
Task<T> resumeCoroOn(QThread *thread, QExplicitlySharedDataPointer<ThreadCallOf<T>> call)
{
    std::exception_ptr interruption;
    try {
        co_await ThreadCallOnThread(thread, ThreadCall::Pointer(call));
    } catch (...) {
        interruption = std::current_exception();
    }
    if (interruption) {
        call->abandon(); // if the wait did not even begin
        co_await ThreadCallWait(ThreadCall::Pointer(call));
        std::rethrow_exception(interruption);
    }
    co_return call->takeValue();
}

} // namespace Detail

/**
 * Runs `function(arguments...)` on another thread and comes back with its value or its exception.
 *
 *     const QString text = co_await resumeOn(workerThread, [worker] { return worker->text(); });
 *
 * The thread must run an event loop. A function that returns a Task runs there as a coroutine, and leaves the event
 * loop free while it waits; any other blocks it. A plain function whose first parameter is a std::stop_token is passed
 * one.
 *
 * Always suspends, unless the thread does not run. Resumes on the coroutine's own thread. Any number may overlap; they
 * begin in order. Function and arguments are copied or moved, and destroyed on either thread. Throws what the function
 * throws, and ThreadEnded if the thread does not run or ends before the function has. Cancelling: what has not begun
 * does not run. A coroutine is terminated, and its end waited for; a plain function is asked to stop by its token and
 * goes on in the background, and what it gives is dropped.
 */
template<typename Function, typename... Arguments>
[[nodiscard]] auto resumeOn(QThread *thread, Function &&function, Arguments &&...arguments)
{
    using F = std::decay_t<Function>;
    using Call = Detail::StoppableCall<F, std::decay_t<Arguments>...>;
    static_assert(Call::IsCallable,
                  "resumeOn(): the function cannot be called with these arguments (they are copied or moved to the "
                  "other thread; a parameter that is a non-const reference needs std::ref)");
    using Result = typename Call::Result;
    static_assert(!std::is_reference_v<Result>, "resumeOn(): the function cannot return a reference");
    if constexpr (Detail::TaskValue<Result>::IsTask) {
        using T = typename Detail::TaskValue<Result>::Type;
        using Coroutine = Detail::CoroThreadCall<F, std::decay_t<Arguments>...>;
        QExplicitlySharedDataPointer<Detail::ThreadCallOf<T>> call(
            new Coroutine(std::forward<Function>(function), std::forward<Arguments>(arguments)...));
        return Detail::resumeCoroOn<T>(thread, std::move(call));
    } else {
        using Plain = Detail::PlainThreadCall<F, std::decay_t<Arguments>...>;
        Detail::ThreadCall::Pointer call(new Plain(Detail::throwThreadEnded, std::forward<Function>(function),
                                                   std::forward<Arguments>(arguments)...));
        return Detail::ThreadCallAwaiter<Detail::ThreadCallOnThread, Result>(thread, std::move(call));
    }
}

/** The same in a pool, for plain functions: see ThreadPool::run(). */
template<typename Function, typename... Arguments>
[[nodiscard]] auto resumeOn(QThreadPool *pool, Function &&function, Arguments &&...arguments)
{
    return Detail::callInPool(pool, nullptr, std::forward<Function>(function), std::forward<Arguments>(arguments)...);
}

/** The same in a ThreadPool. */
template<typename Function, typename... Arguments>
[[nodiscard]] auto resumeOn(ThreadPool &pool, Function &&function, Arguments &&...arguments)
{
    return pool.run(std::forward<Function>(function), std::forward<Arguments>(arguments)...);
}

} // namespace Asyncoro
