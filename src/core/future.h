// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "coro.h"
#include "error.h"
#include "task.h"

#include <QFuture>
#include <QFutureWatcher>
#include <QPromise>

#include <memory>

/**
 * @file
 * `co_await future`, for a QFuture: waits until it has finished, and gives its result (the first, if it has several),
 * or throws its exception.
 *
 * Completes without suspending if it has finished already. Resumes on the coroutine's thread. Any number of coroutines
 * may wait for one future. Throws FutureCancelled if the future was cancelled, an Error if it finished without a
 * result. Cancelling the wait leaves the future alone, as others may hold it, too: to end the work, call its cancel().
 */

namespace Asyncoro {

/** The QFuture that was waited for was cancelled, or its promise destroyed before it was kept. */
class ASYNCORO_CORE_EXPORT FutureCancelled : public Error
{
public:
    FutureCancelled();
    ~FutureCancelled() override;
};

namespace Detail {

class ASYNCORO_CORE_EXPORT FutureWait : public Suspension
{
protected:
    explicit FutureWait(const QFuture<void> &future);
    ~FutureWait() override;

    bool start() override;
    void abandon() noexcept override { m_watcher.reset(); }
    QString operation() const override;
    /** Throws why there is no result. */
    void throwUnlessFinished();
    [[noreturn]] static void throwNoResult();

private:
    QFuture<void> m_future;
    std::unique_ptr<QFutureWatcher<void>> m_watcher;
};

template<typename T>
class FutureAwaiter final : public FutureWait
{
public:
    explicit FutureAwaiter(QFuture<T> future)
        : FutureWait(QFuture<void>(future))
        , m_result(std::move(future))
    {
    }
    T await_resume()
    {
        throwUnlessFinished();
        if constexpr (!std::is_void_v<T>) {
            if (m_result.resultCount() == 0)
                throwNoResult();
            if constexpr (std::is_copy_constructible_v<T>)
                return m_result.result();
            else
                return m_result.takeResult();
        }
    }

private:
    QFuture<T> m_result;
};

template<typename T>
struct Await<QFuture<T>> {
    static FutureAwaiter<T> from(QFuture<T> future) { return FutureAwaiter<T>(std::move(future)); }
};

template<typename T>
Task<> keepPromise(QPromise<T> promise, Coro<T> coro)
{
    // Terminates the coroutine when the future is cancelled.
    QFutureWatcher<T> watcher;
    QObject::connect(&watcher, &QFutureWatcherBase::canceled, &watcher, [coro] { coro.terminate(); });
    watcher.setFuture(promise.future());
    try {
        if constexpr (std::is_void_v<T>)
            co_await coro;
        else
            promise.addResult(co_await coro);
    } catch (const CoroTerminated &) {
        promise.future().cancel();
    } catch (const Cancelled &) { // not std::current_exception(): the promise is broken by its destruction
        throw;
    } catch (...) {
        promise.setException(std::current_exception());
    }
    promise.finish();
}

} // namespace Detail

/**
 * A QFuture of what a coroutine will give: its value, or the exception that it fails with. The future is cancelled if
 * the coroutine is terminated, and cancelling the future terminates the coroutine.
 *
 * The calling thread needs an event loop until then; if it ends before, the future is cancelled and the coroutine left
 * alone. For a type that cannot be copied, the value goes to the future.
 */
template<typename T>
[[nodiscard]] QFuture<T> toFuture(const Coro<T> &coro)
{
    QPromise<T> promise;
    promise.start();
    QFuture<T> future = promise.future();
    spawn(Detail::keepPromise<T>, std::move(promise), coro).setDaemon();
    return future;
}

/** The same for a task, which is started on this thread. */
template<typename T>
[[nodiscard]] QFuture<T> toFuture(Task<T> task)
{
    return toFuture(spawn(std::move(task)));
}

} // namespace Asyncoro
