// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodistributed_export.h"
#include "detail/values.h"
#include "peererror.h"

#include <Asyncoro/Coro>
#include <Asyncoro/Location>

#include <QDebug>

#include <memory>

namespace Asyncoro {

namespace Detail {
class RciData;
} // namespace Detail

/** An offered function has other arguments, or another result, than its caller believes. Both signatures are named. */
class ASYNCORO_DISTRIBUTED_EXPORT WrongSignature : public WireError
{
public:
    using WireError::WireError;
    ~WrongSignature() override;
};

/**
 * A function that a process offers to its peers, who may call it or start coroutines of it: PeerNetwork::offer() makes one.
 *
 * This is a handle: small, copyable, and usable wherever it is sent in a message. `Rci<int(QString, double)>` is that
 * of a function that takes a QString and a double and gives an int; every one is also an `Rci<>`, which knows only at
 * run time what the function takes and gives. A null handle (default-constructed) refers to none.
 *
 * Once the function is withdrawn, or its process ends, calls throw. If another one is offered there by that name, it is
 * called if it has the same signature.
 */
template<typename Signature = void>
class Rci;

template<>
class ASYNCORO_DISTRIBUTED_EXPORT Rci<void>
{
public:
    Rci() = default;

    [[nodiscard]] bool isNull() const { return !m_data; }
    explicit operator bool() const { return !isNull(); }

    /** By which it is offered. */
    [[nodiscard]] QString name() const;
    /** "int(QString,double)": what it gives and takes, by the names that the types have in messages. */
    [[nodiscard]] QString signature() const;
    /** The process that offers it, if that is another one; invalid for a function of this process. */
    [[nodiscard]] Location location() const;

    /** The same process, name and signature. A process that was started again is another one. */
    friend bool operator==(const Rci &a, const Rci &b) { return a.isSameAs(b); }
    friend size_t qHash(const Rci &rci, size_t seed = 0) noexcept { return ::qHash(rci.name(), seed); }

    using SentAs = Rci;
    explicit Rci(std::shared_ptr<const Detail::RciData> data)
        : m_data(std::move(data))
    {
    }
    [[nodiscard]] const std::shared_ptr<const Detail::RciData> &data() const { return m_data; }

protected:
    using Data = std::shared_ptr<const Detail::RciData>;

    [[nodiscard]] bool isSameAs(const Rci &other) const;
    /** Throws the WrongSignature if it is another one; a null handle has any. */
    void checkSignature(const QString &believed) const;
    static Task<QVariant> callFunction(Data data, QVariantList arguments);
    static Task<Coro<>> startFunction(Data data, QVariantList arguments);

private:
    Data m_data;
};

template<typename R, typename... A>
class Rci<R(A...)> : public Rci<>
{
public:
    Rci() = default;
    /** Throws WrongSignature if it is the handle of a function with another one. */
    explicit Rci(const Rci<> &handle)
        : Rci<>(handle)
    {
        checkSignature(Detail::signatureOf<R, A...>());
        Detail::registerTypes<R, A...>();
    }

    /**
     * Runs the function over there, and gives its value.
     *
     * Completes without suspending if the function is of this process and does not suspend. Resumes on the caller's
     * thread, which is that of the PeerNetwork. Any number of calls may overlap; they may end in any order. Throws what
     * the function throws, as PeerNetwork::call() does, PeerLost if its process is lost, WrongSignature if a function
     * with another one is offered by its name now, and WireError if it is offered no more or a value cannot be sent.
     * Cancelling terminates the coroutine over there.
     */
    Task<R> call(A... arguments) const
    {
        return callAs(data(), {Detail::toValue(std::move(arguments))...});
    }

    /**
     * Starts a coroutine of it over there, and gives its handle; throws as call() does. It does not end with the caller,
     * but is terminated if that is cancelled before it has the handle.
     * How it ends is known here whenever that happens: whoever waits for it, monitors it or links with it after this
     * cannot come too late. A failure is logged over there unless that process hears that somebody here asks for it.
     */
    Task<Coro<R>> start(A... arguments) const
    {
        return startAs(data(), {Detail::toValue(std::move(arguments))...});
    }

private:
    static Task<R> callAs(Data data, QVariantList arguments)
    {
        QVariant value = co_await callFunction(std::move(data), std::move(arguments));
        if constexpr (!std::is_void_v<R>)
            co_return Detail::valueAs<R>(value, QStringLiteral("the result"));
    }
    static Task<Coro<R>> startAs(Data data, QVariantList arguments)
    {
        const Coro<> coro = co_await startFunction(std::move(data), std::move(arguments));
        co_return Coro<R>(coro.data());
    }
};

ASYNCORO_DISTRIBUTED_EXPORT QDebug operator<<(QDebug debug, const Rci<> &rci);

} // namespace Asyncoro
