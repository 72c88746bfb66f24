// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "../task.h"
#include "hotswap.h"
#include "localcoro.h"

#include <functional>
#include <optional>
#include <tuple>
#include <variant>

namespace Asyncoro::Detail {

/** Calls a function with the arguments that are kept with it, which are moved into the call. */
template<typename Function, typename... Arguments>
decltype(auto) callOnce(std::tuple<Function, Arguments...> &kept)
{
    return std::apply([](Function &function, Arguments &...arguments) -> decltype(auto) {
        return std::invoke(function, std::move(arguments)...);
    }, kept);
}

/** A coroutine of this process whose function gives a T. */
template<typename T>
class TypedCoro : public LocalCoro
{
public:
    [[nodiscard]] const std::type_info &valueType() const final { return typeid(T); }

    [[nodiscard]] QVariant result() const final
    {
        if constexpr (std::is_same_v<T, QVariant>)
            return m_result ? *m_result : QVariant();
        else if constexpr (!std::is_void_v<T> && std::is_copy_constructible_v<T> && std::is_default_constructible_v<T>)
            return m_result ? QVariant::fromValue(*m_result) : QVariant();
        else
            return {};
    }

    [[nodiscard]] void *resultInPlace() final
    {
        if constexpr (std::is_void_v<T>)
            return nullptr;
        else
            return m_result ? &*m_result : nullptr;
    }

protected:
    virtual Task<T> callFunction() = 0;
    virtual void destroyFunction() noexcept = 0;

    std::coroutine_handle<> startBody() final
    {
        try {
            m_task = m_swapped ? m_swapped->call() : callFunction();
        } catch (...) {
            m_startError = std::current_exception();
            setBodyEnded();
            return std::noop_coroutine();
        }
        Promise<T> &promise = m_task.m_frame.promise();
        promise.coro = this;
        setBodyFrame(&promise);
        return m_task.m_frame;
    }

    void takeResult() final
    {
        if (m_startError)
            std::rethrow_exception(std::exchange(m_startError, nullptr));
        if constexpr (std::is_void_v<T>)
            m_task.m_frame.promise().takeResult();
        else
            m_result.emplace(m_task.m_frame.promise().takeResult());
    }

    void destroyBody() noexcept final
    {
        m_task = {};
        m_swapped.reset();
        destroyFunction();
    }

    void replaceBody(HotSwapState &swap) final
    {
        m_swapped.reset(static_cast<Body<T> *>(swap.body.release())); // its type was compared with valueType()
    }

private:
    using Result = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

    std::unique_ptr<Body<T>> m_swapped; // in the place of the function that it was spawned with
    Task<T> m_task;
    std::optional<Result> m_result;
    std::exception_ptr m_startError;
};

/** The same with what it owns: function, arguments, frame and, at the end, its value. */
template<typename T, typename Function, typename... Arguments>
class SpawnedCoro final : public TypedCoro<T>
{
public:
    template<typename F, typename... A>
    explicit SpawnedCoro(F &&function, A &&...arguments)
        : m_call(std::in_place, std::forward<F>(function), std::forward<A>(arguments)...)
    {
    }

protected:
    Task<T> callFunction() override
    {
        return callOnce(*m_call);
    }
    void destroyFunction() noexcept override { m_call.reset(); }

private:
    std::optional<std::tuple<Function, Arguments...>> m_call;
};

/** What hotSwap() is given. */
template<typename T, typename Function, typename... Arguments>
class CallableBody final : public Body<T>
{
public:
    template<typename F, typename... A>
    explicit CallableBody(F &&function, A &&...arguments)
        : m_call(std::forward<F>(function), std::forward<A>(arguments)...)
    {
    }
    Task<T> call() override
    {
        return callOnce(m_call);
    }

private:
    std::tuple<Function, Arguments...> m_call;
};

template<typename R>
struct TaskValue {
    static constexpr bool IsTask = false;
};
template<typename T>
struct TaskValue<Task<T>> {
    static constexpr bool IsTask = true;
    using Type = T;
};

} // namespace Asyncoro::Detail
