// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "coro.h"
#include "detail/scopedata.h"

namespace Asyncoro {

/**
 * Where a coroutine starts others that must not outlive a part of it: withScope() makes one. On one thread.
 */
class ASYNCORO_CORE_EXPORT Scope
{
public:
    explicit Scope(Detail::ScopeData &data)
        : m_data(data)
    {
    }
    Scope(const Scope &) = delete;
    Scope &operator=(const Scope &) = delete;

#define ASYNCORO_IN_SCOPE(WHERE) (Detail::Launch{.where = (WHERE), .scope = &checked()})
    /**
     * As Asyncoro::spawn(), for a child of this scope. Its deadline is that of the coroutine that has the scope, if
     * withTimeout() gave that one. A child may be handed the scope, and start siblings.
     */
    ASYNCORO_SPAWN_OVERLOADS(ASYNCORO_IN_SCOPE)
#undef ASYNCORO_IN_SCOPE

    /** Ends the children by cancellation. This is no failure, and the scope goes on. */
    void terminateChildren() { checked().terminateChildren(); }

private:
    Detail::ScopeData &checked() const;

    Detail::ScopeData &m_data;
};

namespace Detail {

template<typename T>
using Kept = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

} // namespace Detail

/**
 * Runs `body(scope)`, which returns a Task, in the coroutine that awaits this; what it starts with scope.spawn() has
 * ended when this is complete, whatever happens:
 *
 *     co_await withScope([&](Scope &scope) -> Task<> {
 *         scope.spawn(download, first);
 *         scope.spawn(download, second);
 *         co_return;                         // makes it a coroutine: there is no co_await in it
 *     });                                    // both are here, or neither goes on
 *
 * Completes when the body and all children have ended, without suspending if none of them waits; resumes on the same
 * thread; gives the body's value. If the body or a child fails, all others are cancelled, and once they have ended the
 * first failure is thrown; failures that came after it are attached to it, see Error::attached(). A child that is
 * terminated is no failure. Cancelling cancels body and children, and still waits for their end. `body` and what it
 * refers to live until then.
 */
template<typename Body>
auto withScope(Body body) -> std::invoke_result_t<Body &, Scope &>
{
    using T = typename Detail::TaskValue<std::invoke_result_t<Body &, Scope &>>::Type;
    std::optional<Detail::Kept<T>> value;
    {
        Detail::ScopeData data;
        Scope scope(data);
        try {
            if constexpr (std::is_void_v<T>) {
                co_await std::invoke(body, scope);
                value.emplace();
            } else {
                value.emplace(co_await std::invoke(body, scope));
            }
        } catch (...) {
            data.failed();
        }
        co_await Detail::joinChildren(data);
    }
    if constexpr (!std::is_void_v<T>)
        co_return std::move(*value);
}

} // namespace Asyncoro
