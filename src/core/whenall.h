// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/arms.h"

#include <array>
#include <vector>

namespace Asyncoro {

/**
 * Does several things at the same time, and gives the values of all as a std::tuple, in which those that give none are
 * a std::monostate:
 *
 *     auto [page, settings] = co_await whenAll(download(url), readSettings());
 *
 * Each argument is a Task, or anything else that can be awaited (`receive()`, `lock.acquire()`, a Coro). They run as
 * arms of the coroutine that awaits this: with its mailbox and its Coro::self().
 *
 * Completes when all have; without suspending if there is none. Resumes on the same thread. If one fails, the others
 * are cancelled, and when all have ended the first failure is thrown, with later ones attached (Error::attached()).
 * Cancelling cancels all, and waits for their end. Await it where you write it: arguments other than tasks are held by
 * reference.
 */
template<typename... Awaited>
[[nodiscard]] auto whenAll(Awaited &&...awaited) -> Task<std::tuple<Detail::Kept<Detail::AwaitedValue<Awaited>>...>>
{
    return Detail::allOf(Detail::arm(std::forward<Awaited>(awaited))...);
}

/** The same for any number of tasks of one type; the values are in the order of the tasks. None if T is void. */
template<typename T>
[[nodiscard]] auto whenAll(std::vector<Task<T>> tasks)
    -> Task<std::conditional_t<std::is_void_v<T>, void, std::vector<Detail::Kept<T>>>>
{
    Detail::Arms arms(Detail::ScopeData::JoinAll);
    std::vector<Coro<T>> coros;
    coros.reserve(tasks.size());
    for (Task<T> &task : tasks)
        coros.push_back(arms.start(std::move(task)));
    co_await Detail::joinChildren(arms);
    if constexpr (!std::is_void_v<T>) {
        std::vector<T> values;
        values.reserve(coros.size());
        for (const Coro<T> &coro : coros)
            values.push_back(Detail::takeValue(coro));
        co_return values;
    }
}

} // namespace Asyncoro
