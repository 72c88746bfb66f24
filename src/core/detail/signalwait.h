// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "suspension.h"

#include <QMetaObject>

#include <atomic>
#include <source_location>
#include <string_view>
#include <tuple>
#include <type_traits>

QT_BEGIN_NAMESPACE
class QMetaMethod;
class QObject;
QT_END_NAMESPACE

namespace Asyncoro::Detail {

class SignalWait;

/** What objects of this thread that receive signals for coroutines are connected as. */
[[nodiscard]] ASYNCORO_CORE_EXPORT QObject *signalReceiver();

/**
 * The part of a connection that Qt holds: the base of the functor. Its destruction without a call says that the signal
 * can come no more.
 *
 * It is called on the coroutine's thread, but may be destroyed on any: that of who destroys the sender or disconnects
 * it.
 */
class ASYNCORO_CORE_EXPORT SignalLink
{
public:
    explicit SignalLink(SignalWait *wait) noexcept;
    SignalLink(SignalLink &&other) noexcept;
    SignalLink &operator=(SignalLink &&) = delete;
    ~SignalLink()
    {
        if (m_wait.load(std::memory_order_acquire))
            endWait();
    }

protected:
    /** The wait, which knows this no more from now on; nullptr if it has ended. On the coroutine's thread. */
    [[nodiscard]] SignalWait *takeWait() noexcept;

private:
    friend class SignalWait;
    void endWait();

    std::atomic<SignalWait *> m_wait; // once not null: changed with the mutex
};

/** A wait for a signal: one connection, cut by the first emission. */
class ASYNCORO_CORE_EXPORT SignalWait : public Suspension
{
protected:
    explicit SignalWait(const QDeadlineTimer &deadline);
    ~SignalWait() override;

    /** Connects the signal to a functor that is a SignalLink to this; an invalid connection if there is no sender. */
    virtual QMetaObject::Connection connectTo(QObject *receiver) = 0;
    [[nodiscard]] virtual QMetaMethod signalMethod() const = 0;

    bool start() override;
    void abandon() noexcept override;
    QString operation() const override;

    /** The signal was emitted. */
    void endDelivered();
    void throwUnlessDelivered() const;

private:
    friend class SignalLink;
    void cutLink() noexcept;

    std::atomic<SignalLink *> m_link = nullptr; // once not null: changed with the mutex
    QMetaObject::Connection m_connection;
    bool m_starting = false;
    bool m_delivered = false;
};

// --- what a signal's type tells ---

/** The last argument of a signal that only its class can emit. */
template<typename T>
consteval bool isPrivateSignalArgument()
{
    const std::string_view function(std::source_location::current().function_name()); // with the name of T
    return std::is_empty_v<T> && function.find("::QPrivateSignal") != std::string_view::npos;
}

template<typename Kept, typename... Arguments>
struct WithoutPrivate;
template<typename... Kept>
struct WithoutPrivate<std::tuple<Kept...>> {
    using Type = std::tuple<Kept...>;
};
template<typename... Kept, typename First, typename... Others>
struct WithoutPrivate<std::tuple<Kept...>, First, Others...> {
    using Type = typename WithoutPrivate<std::tuple<Kept..., First>, Others...>::Type;
};
template<typename... Kept, typename Last>
    requires(isPrivateSignalArgument<Last>())
struct WithoutPrivate<std::tuple<Kept...>, Last> {
    using Type = std::tuple<Kept...>;
};

/** Nothing, the one argument, or a tuple of them. */
template<typename Tuple>
struct SignalResult {
    using Type = Tuple;
};
template<>
struct SignalResult<std::tuple<>> {
    using Type = void;
};
template<typename T>
struct SignalResult<std::tuple<T>> {
    using Type = T;
};

template<typename SenderType, typename... A>
struct SignalParts {
    using Sender = SenderType;
    using Arguments = typename WithoutPrivate<std::tuple<>, std::remove_cvref_t<A>...>::Type;
    using Result = typename SignalResult<Arguments>::Type;
};

template<typename Signal>
struct SignalTraits {
    static_assert(sizeof(Signal) == 0,
                  "not a signal: write &Class::signal, or qOverload<...>(&Class::signal) if there are several");
};
template<typename R, typename Sender, typename... A>
struct SignalTraits<R (Sender::*)(A...)> : SignalParts<Sender, A...> { };
template<typename R, typename Sender, typename... A>
struct SignalTraits<R (Sender::*)(A...) const> : SignalParts<Sender, A...> { };

/** What a functor was called with, as the result of an await. */
template<typename... A>
auto toSignalResult(std::tuple<A...> &&values)
{
    if constexpr (sizeof...(A) == 1)
        return std::get<0>(std::move(values));
    else if constexpr (sizeof...(A) > 1)
        return std::move(values);
}

/** A functor that calls receive() of a Target with the arguments of the signal. */
template<typename Link, typename Arguments>
class SignalFunctor;
template<typename Link, typename... A>
class SignalFunctor<Link, std::tuple<A...>> : public Link
{
public:
    using Link::Link;
    void operator()(const A &...arguments) { Link::receive(arguments...); }
};

} // namespace Asyncoro::Detail
