// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "../coro.h"
#include "../task.h"
#include "suspension.h"

#include <QBasicMutex>
#include <QExplicitlySharedDataPointer>
#include <QSharedData>

#include <exception>
#include <functional>
#include <optional>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <variant>

QT_BEGIN_NAMESPACE
class QThread;
QT_END_NAMESPACE

namespace Asyncoro::Detail {

/**
 * A call of a function on another thread: shared by the coroutine that waits for it and by what makes it there.
 *
 * Any thread, unless something else is said.
 */
class ASYNCORO_CORE_EXPORT ThreadCall : public QSharedData
{
public:
    using Pointer = QExplicitlySharedDataPointer<ThreadCall>;

    ThreadCall();
    virtual ~ThreadCall();
    ThreadCall(const ThreadCall &) = delete;
    ThreadCall &operator=(const ThreadCall &) = delete;

    /** On the other thread: makes the call, unless nobody wants it any more. */
    void perform();
    /** It cannot be made. Without effect once it has begun. */
    void refuse();
    /** Nobody waits for it any more. If it has not begun, it is not made; if it has, it is asked to stop. */
    void abandon();

    /** `waker` is woken at the end; false if that has come. */
    [[nodiscard]] bool setWaker(const Waker &waker);

protected:
    /** Calls the function and keeps what it gives; whether the call has ended by that. finish() follows if not. */
    virtual bool invoke() = 0;
    /** Destroys function and arguments. */
    virtual void destroyFunction() noexcept = 0;
    /** Asks the call that runs to stop. */
    virtual void requestStop() noexcept = 0;
    void finish();

    // Written before the end.
    std::exception_ptr m_error;

private:
    enum class State : quint8 { New, Running, Ended };

    bool changeState(State from, State to);

    QBasicMutex m_mutex; // guards what follows
    State m_state = State::New;
    Waker m_waker;
};

/** Its value, or the error instead of it. */
template<typename T>
class ThreadCallOf : public ThreadCall
{
public:
    using Value = T;

    /** On the coroutine's thread, after the end. */
    T takeValue()
    {
        if (m_error)
            std::rethrow_exception(std::move(m_error));
        if (!m_value)
            throwNotMade();
        if constexpr (!std::is_void_v<T>)
            return std::move(*m_value);
    }

protected:
    [[noreturn]] virtual void throwNotMade() const = 0;

    std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>> m_value;
};

/** Why a call that was to be made in a pool has no value. */
[[noreturn]] ASYNCORO_CORE_EXPORT void throwPoolCleared();
/** Why a call that was to be made on a thread has no value. */
[[noreturn]] ASYNCORO_CORE_EXPORT void throwThreadEnded();

template<typename F, typename... A>
struct StoppableCall {
    static constexpr bool TakesToken = std::is_invocable_v<F &, std::stop_token, A...>;
    static constexpr bool IsCallable = TakesToken || std::is_invocable_v<F &, A...>;
    static auto result()
    {
        if constexpr (TakesToken)
            return std::type_identity<std::invoke_result_t<F &, std::stop_token, A...>>();
        else if constexpr (IsCallable)
            return std::type_identity<std::invoke_result_t<F &, A...>>();
        else
            return std::type_identity<void>();
    }
    using Result = typename decltype(result())::type;
};

/** A call of a plain function, which blocks the other thread as long as it runs. */
template<typename F, typename... A>
class PlainThreadCall final : public ThreadCallOf<typename StoppableCall<F, A...>::Result>
{
    using Call = StoppableCall<F, A...>;
    using Base = ThreadCallOf<typename Call::Result>;

public:
    template<typename Function, typename... Arguments>
    PlainThreadCall(void (*throwNotMade)(), Function &&function, Arguments &&...arguments)
        : m_throwNotMade(throwNotMade)
        , m_function(std::in_place, std::forward<Function>(function), std::forward<Arguments>(arguments)...)
    {
        if constexpr (Call::TakesToken)
            m_stop = std::stop_source();
    }

protected:
    bool invoke() override
    {
        const auto call = [&](F &function, A &...arguments) -> decltype(auto) {
            if constexpr (Call::TakesToken)
                return std::invoke(function, m_stop.get_token(), std::move(arguments)...);
            else
                return std::invoke(function, std::move(arguments)...);
        };
        try {
            if constexpr (std::is_void_v<typename Call::Result>) {
                std::apply(call, *m_function);
                this->m_value.emplace();
            } else {
                this->m_value.emplace(std::apply(call, *m_function));
            }
        } catch (...) {
            this->m_error = std::current_exception();
        }
        return true;
    }
    void destroyFunction() noexcept override { m_function.reset(); }
    void requestStop() noexcept override { m_stop.request_stop(); }
    [[noreturn]] void throwNotMade() const override
    {
        m_throwNotMade();
        Q_UNREACHABLE();
    }

private:
    void (*const m_throwNotMade)();
    std::optional<std::tuple<F, A...>> m_function;
    std::stop_source m_stop{std::nostopstate};
};

/** The part of a call that runs as a coroutine on the other thread. */
class ASYNCORO_CORE_EXPORT Piece
{
public:
    /** On the other thread. */
    void start(const Coro<> &coro);
    void terminate() noexcept;

private:
    QBasicMutex m_mutex;
    Coro<> m_coro;
    bool m_terminated = false;
};

/** A call of a function that returns a task: a coroutine on the other thread. */
template<typename F, typename... A>
class CoroThreadCall final : public ThreadCallOf<typename TaskValue<std::invoke_result_t<F &, A...>>::Type>
{
    using T = typename TaskValue<std::invoke_result_t<F &, A...>>::Type;

public:
    template<typename Function, typename... Arguments>
    explicit CoroThreadCall(Function &&function, Arguments &&...arguments)
        : m_function(std::in_place, std::forward<Function>(function), std::forward<Arguments>(arguments)...)
    {
    }

protected:
    bool invoke() override
    {
        m_piece.start(spawn([end = EndGuard(this)]() -> Task<> { return end.call->run(); }));
        return false;
    }
    void destroyFunction() noexcept override { m_function.reset(); }
    void requestStop() noexcept override { m_piece.terminate(); }
    [[noreturn]] void throwNotMade() const override { throwThreadEnded(); }

private:
    /** Lives as long as the coroutine's function, which may end before it has begun. */
    struct EndGuard {
        explicit EndGuard(CoroThreadCall *threadCall)
            : call(threadCall)
        {
        }
        EndGuard(EndGuard &&) noexcept = default;
        EndGuard(const EndGuard &) = delete;
        ~EndGuard()
        {
            if (call)
                call->finish();
        }
        QExplicitlySharedDataPointer<CoroThreadCall> call;
    };

    Task<> run()
    {
        try {
            Task<T> task = callOnce(*m_function);
            if constexpr (std::is_void_v<T>) {
                co_await std::move(task);
                this->m_value.emplace();
            } else {
                this->m_value.emplace(co_await std::move(task));
            }
        } catch (const Cancelled &) {
            throw; // without value and error
        } catch (...) {
            this->m_error = std::current_exception();
        }
    }

    std::optional<std::tuple<F, A...>> m_function;
    Piece m_piece;
};

/** A wait for the end of a call. */
class ASYNCORO_CORE_EXPORT ThreadCallWait : public Suspension
{
public:
    /** Ends when the call has; the call goes on if the wait is abandoned. Nothing interrupts it. */
    explicit ThreadCallWait(ThreadCall::Pointer call);
    ~ThreadCallWait() override;
    void await_resume() const { throwUnlessComplete(); }

protected:
    ThreadCallWait(ThreadCall::Pointer call, const QDeadlineTimer &deadline);

    bool start() override;
    void abandon() noexcept override { }
    QString operation() const override;

    const ThreadCall::Pointer m_call;
};

/** Sends a call to a thread and waits for its end; to abandon it abandons the call. */
class ASYNCORO_CORE_EXPORT ThreadCallOnThread : public ThreadCallWait
{
public:
    ThreadCallOnThread(QThread *thread, ThreadCall::Pointer call);

protected:
    bool start() override;
    void abandon() noexcept override { m_call->abandon(); }

private:
    QThread *const m_thread; // not owning, used at the beginning only
};

/** Gives the value of the call that a ThreadCallWait sends somewhere. */
template<typename Wait, typename T>
class ThreadCallAwaiter final : public Wait
{
public:
    using Wait::Wait;
    T await_resume()
    {
        this->throwUnlessComplete();
        return static_cast<ThreadCallOf<T> &>(*this->m_call).takeValue();
    }
};

} // namespace Asyncoro::Detail
