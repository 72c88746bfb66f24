// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "coro.h"
#include "detail/spawnedcoro.h"

#include <QObject>

namespace Asyncoro {

namespace Detail {

template<typename Function, typename... Arguments>
auto launch(const Launch &launch, Function &&function, Arguments &&...arguments)
{
    using F = std::decay_t<Function>;
    static_assert(std::is_invocable_v<F &, std::decay_t<Arguments>...>,
                  "spawn(): the function cannot be called with these arguments (they are copied or moved into the "
                  "coroutine; a parameter that is a non-const reference needs std::ref)");
    using Value = TaskValue<std::invoke_result_t<F &, std::decay_t<Arguments>...>>;
    static_assert(Value::IsTask, "spawn(): the function must return a Task");
    using Spawned = SpawnedCoro<typename Value::Type, F, std::decay_t<Arguments>...>;

    auto *spawned = new Spawned(std::forward<Function>(function), std::forward<Arguments>(arguments)...);
    Coro<typename Value::Type> coro{CoroPointer(spawned)};
    spawned->launch(launch);
    return coro;
}

template<typename T>
Coro<T> launch(const Launch &where, Task<T> task)
{
    return launch(where, [](Task<T> body) { return body; }, std::move(task));
}

template<typename T>
concept ObjectPointer = std::is_pointer_v<std::decay_t<T>> && std::convertible_to<std::decay_t<T>, QObject *>;

template<typename T>
inline constexpr bool IsTask = TaskValue<std::remove_cvref_t<T>>::IsTask;

/** The object, which must be one. */
inline QObject *checkedContext(QObject *object)
{
    if (!object)
        throw Error(QStringLiteral("spawn(): the object that the coroutine is to belong to is null"));
    return object;
}

/** A member function of a QObject, given with the object: the coroutine belongs to that. */
template<typename Function, typename... Arguments>
QObject *contextOf(const Function &, const Arguments &...arguments)
{
    if constexpr (std::is_member_function_pointer_v<std::decay_t<Function>> && sizeof...(Arguments) > 0) {
        const auto &first = std::get<0>(std::tie(arguments...));
        if constexpr (ObjectPointer<decltype(first)>)
            return checkedContext(first);
    }
    return nullptr;
}

} // namespace Detail

/** See spawn(). */
struct Detached {
};
inline constexpr Detached detached;

namespace Detail {

/** Tells the forms of spawn() apart. */
template<typename First, typename... Rest>
auto spawnWith(Launch launch, First &&first, Rest &&...rest)
{
    if constexpr (std::is_same_v<std::decay_t<First>, Detached>) {
        return Detail::launch(launch, std::forward<Rest>(rest)...);
    } else if constexpr (ObjectPointer<First>) {
        launch.context = checkedContext(first);
        return Detail::launch(launch, std::forward<Rest>(rest)...);
    } else {
        launch.context = contextOf(first, rest...);
        return Detail::launch(launch, std::forward<First>(first), std::forward<Rest>(rest)...);
    }
}

} // namespace Detail

// Behind a pack of arguments there can be no default for the source location: so there is an overload for each number.
// SOURCE gives a Detail::Launch for the std::source_location `where`.
#define ASYNCORO_SPAWN_OVERLOADS(SOURCE) \
    template<typename F> \
    auto spawn(F &&f, std::source_location where = std::source_location::current()) \
    { \
        return Detail::spawnWith(SOURCE(where), std::forward<F>(f)); \
    } \
    template<typename F, typename A> \
    auto spawn(F &&f, A &&a, std::source_location where = std::source_location::current()) \
    { \
        return Detail::spawnWith(SOURCE(where), std::forward<F>(f), std::forward<A>(a)); \
    } \
    template<typename F, typename A, typename B> \
    auto spawn(F &&f, A &&a, B &&b, std::source_location where = std::source_location::current()) \
    { \
        return Detail::spawnWith(SOURCE(where), std::forward<F>(f), std::forward<A>(a), std::forward<B>(b)); \
    } \
    template<typename F, typename A, typename B, typename C> \
    auto spawn(F &&f, A &&a, B &&b, C &&c, std::source_location where = std::source_location::current()) \
    { \
        return Detail::spawnWith(SOURCE(where), std::forward<F>(f), std::forward<A>(a), std::forward<B>(b), \
                                 std::forward<C>(c)); \
    } \
    template<typename F, typename A, typename B, typename C, typename D> \
    auto spawn(F &&f, A &&a, B &&b, C &&c, D &&d, std::source_location where = std::source_location::current()) \
    { \
        return Detail::spawnWith(SOURCE(where), std::forward<F>(f), std::forward<A>(a), std::forward<B>(b), \
                                 std::forward<C>(c), std::forward<D>(d)); \
    } \
    template<typename F, typename A, typename B, typename C, typename D, typename E, typename... More> \
    auto spawn(F &&f, A &&a, B &&b, C &&c, D &&d, E &&e, More &&...more) \
    { \
        return Detail::spawnWith(SOURCE(std::source_location()), std::forward<F>(f), std::forward<A>(a), \
                                 std::forward<B>(b), std::forward<C>(c), std::forward<D>(d), std::forward<E>(e), \
                                 std::forward<More>(more)...); \
    }

#define ASYNCORO_ON_ITS_OWN(WHERE) (Detail::Launch{.where = (WHERE)})

/**
 * Starts a coroutine: `function(arguments...)`, which returns a Task, runs on this thread once control is back in the
 * event loop. The coroutine keeps function and arguments until it has ended, so a lambda with captures is safe.
 *
 * - `spawn(function, arguments...)`
 * - `spawn(object, function, arguments...)`: the coroutine belongs to a QObject of this thread. When that is destroyed,
 *   the coroutine is cancelled and ends at once, even behind a shield; its local variables are destroyed then, while
 *   `object` is no more than a QObject.
 * - `spawn(&Class::function, object, arguments...)`: the same, where Class is a QObject.
 * - `spawn(detached, &Class::function, object, arguments...)`: on its own; the object must live longer.
 * - `spawn(task)`: a Task that exists already.
 *
 * If it fails and nobody waits for it or monitors it, the exception is logged. Where spawn() was called is kept for
 * lists of coroutines, up to four arguments.
 */
ASYNCORO_SPAWN_OVERLOADS(ASYNCORO_ON_ITS_OWN)

#undef ASYNCORO_ON_ITS_OWN

template<typename Function, typename... Arguments>
Detail::HotSwapSuspension Coro<void>::hotSwap(QDeadlineTimer deadline, Function &&function,
                                              Arguments &&...arguments) const
{
    using F = std::decay_t<Function>;
    using Value = Detail::TaskValue<std::invoke_result_t<F &, std::decay_t<Arguments>...>>;
    static_assert(Value::IsTask, "hotSwap(): the function must return a Task");
    using T = typename Value::Type;

    auto wish = std::make_shared<Detail::HotSwapState>();
    wish->body = std::make_unique<Detail::CallableBody<T, F, std::decay_t<Arguments>...>>(
        std::forward<Function>(function), std::forward<Arguments>(arguments)...);
    wish->valueType = &typeid(T);
    return {m_data, std::move(wish), deadline};
}

} // namespace Asyncoro
