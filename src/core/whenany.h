// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/arms.h"

#include <variant>
#include <vector>

namespace Asyncoro {

/** What whenAny() of tasks of one type gives: the value of the first that ended, and which it was. */
template<typename T>
struct FirstOf {
    std::size_t index;
    T value;
};

/**
 * Does several things at the same time until the first of them has ended, and gives its value as a std::variant whose
 * index() tells which it was; things without a value give a std::monostate. This is a race: the losers are cancelled
 * and have ended, too, when this completes.
 *
 *     auto first = co_await whenAny(receive<Order>(), sleep(10s));
 *     if (first.index() == 1) ...
 *
 * Arguments as for whenAll(). Completes when one has ended and the others have cleaned up. Resumes on the same thread.
 * If the first to end failed, throws that failure; failures of the losers are logged. A loser that has got something in
 * the same moment, such as a message, may lose it. Cancelling cancels all, and waits for their end. Await it where you
 * write it: arguments other than tasks are held by reference.
 */
template<typename... Awaited>
    requires(sizeof...(Awaited) > 0)
[[nodiscard]] auto whenAny(Awaited &&...awaited) -> Task<std::variant<Detail::Kept<Detail::AwaitedValue<Awaited>>...>>
{
    return Detail::firstOf(Detail::arm(std::forward<Awaited>(awaited))...);
}

/** The same for any number of tasks of one type, at least one; a FirstOf, or only the index if T is void. */
template<typename T>
[[nodiscard]] auto whenAny(std::vector<Task<T>> tasks)
    -> Task<std::conditional_t<std::is_void_v<T>, std::size_t, FirstOf<Detail::Kept<T>>>>
{
    if (tasks.empty())
        throw Error(QStringLiteral("whenAny() of nothing would wait forever"));
    Detail::Arms arms(Detail::ScopeData::FirstEnds);
    std::vector<Coro<T>> coros;
    coros.reserve(tasks.size());
    for (Task<T> &task : tasks)
        coros.push_back(arms.start(std::move(task)));
    co_await Detail::joinChildren(arms);
    std::size_t first = 0;
    while (coros[first].id() != arms.firstEnded())
        ++first;
    if constexpr (std::is_void_v<T>) {
        Detail::takeValue(coros[first]);
        co_return first;
    } else {
        co_return FirstOf<T>{first, Detail::takeValue(coros[first])};
    }
}

} // namespace Asyncoro
