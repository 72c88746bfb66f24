// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "../scope.h"

namespace Asyncoro::Detail {

template<typename A>
decltype(auto) awaiterOf(A &&awaited)
{
    if constexpr (requires { static_cast<A &&>(awaited).operator co_await(); })
        return static_cast<A &&>(awaited).operator co_await();
    else if constexpr (requires { operator co_await(static_cast<A &&>(awaited)); })
        return operator co_await(static_cast<A &&>(awaited));
    else
        return static_cast<A &&>(awaited);
}

/** What `co_await awaited` gives. */
template<typename Awaited>
using AwaitedValue = std::remove_cvref_t<
    decltype(awaiterOf(std::declval<PromiseBase &>().await_transform(std::declval<Awaited>())).await_resume())>;

/** Tasks that run at the same time for one coroutine: with its mailbox, and as its Coro::self(). */
class Arms : public ScopeData
{
public:
    explicit Arms(Policy policy)
        : ScopeData(policy)
    {
    }

    template<typename T>
    Coro<T> start(Task<T> task)
    {
        return launch({.where = {}, .scope = this, .isArm = true}, std::move(task));
    }
};

/** What whenAll() and whenAny() are given as a task, which refers to it unless it is one. */
template<typename T>
[[nodiscard]] Task<T> arm(Task<T> &&task)
{
    return std::move(task);
}
template<typename Awaited>
[[nodiscard]] auto arm(Awaited &&awaited) -> Task<AwaitedValue<Awaited>>
{
    static_assert(!IsTask<Awaited>, "give a Task with std::move()");
    co_return co_await static_cast<Awaited &&>(awaited);
}

/** The value of a coroutine that has ended, moved out of it; throws why there is none. */
template<typename T>
Kept<T> takeValue(const Coro<T> &coro)
{
    if constexpr (std::is_void_v<T>) {
        coro.finish().await_resume();
        return {};
    } else {
        if (coro.state() == CoroState::Finished)
            return std::move(*static_cast<T *>(coro.data()->resultInPlace()));
        return coro.finish().await_resume();
    }
}

template<typename... T>
Task<std::tuple<Kept<T>...>> allOf(Task<T>... tasks)
{
    Arms arms(ScopeData::JoinAll);
    const std::tuple<Coro<T>...> coros{arms.start(std::move(tasks))...};
    co_await joinChildren(arms);
    co_return std::apply([](const auto &...coro) {
        return std::tuple<Kept<T>...>(takeValue(coro)...);
    }, coros);
}

template<typename... T>
Task<std::variant<Kept<T>...>> firstOf(Task<T>... tasks)
{
    using Values = std::variant<Kept<T>...>;
    Arms arms(ScopeData::FirstEnds);
    const std::tuple<Coro<T>...> coros{arms.start(std::move(tasks))...};
    co_await joinChildren(arms);
    std::optional<Values> value;
    [&]<std::size_t... Index>(std::index_sequence<Index...>) {
        ((std::get<Index>(coros).id() == arms.firstEnded()
              ? void(value.emplace(std::in_place_index<Index>, takeValue(std::get<Index>(coros))))
              : void()),
         ...);
    }(std::index_sequence_for<T...>());
    co_return std::move(*value);
}

} // namespace Asyncoro::Detail
