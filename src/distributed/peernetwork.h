// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodistributed_export.h"
#include "messagetype.h"
#include "peererror.h"
#include "peerinfo.h"
#include "secret.h"

#include <Asyncoro/Coro>
#include <Asyncoro/Location>
#include <Asyncoro/TlsConfiguration>

#include <functional>
#include <memory>
#include <optional>

namespace Asyncoro {

namespace Detail {
class NetworkCore;
class PeerLink;
} // namespace Detail

/** Another process with which this one exchanges messages: a handle, copyable and comparable. */
class ASYNCORO_DISTRIBUTED_EXPORT Peer
{
public:
    Peer() = default;

    /** Where it listens; invalid if it does not. */
    [[nodiscard]] Location location() const;
    /** Its address as this process sees it. */
    [[nodiscard]] QString address() const;
    /** Whether messages reach it; also while a connection that broke is being made again. */
    [[nodiscard]] bool isConnected() const;
    /** How the way to it is, and what has gone over it. On the thread of the network. */
    [[nodiscard]] PeerInfo info() const;

    friend bool operator==(const Peer &, const Peer &) = default;

    explicit Peer(std::shared_ptr<Detail::PeerLink> link)
        : m_link(std::move(link))
    {
    }

private:
    std::shared_ptr<Detail::PeerLink> m_link;
};

/**
 * This process among others: it listens for peers and connects to them, and makes coroutines of one process usable in
 * another.
 *
 * Once there is a PeerNetwork, handles of coroutines can be sent in messages to other processes and work there. There is one
 * connection to each peer, made when it is first needed; both sides prove that they know the same secret before
 * anything else is read. When a connection breaks, everything that waits for that peer ends with PeerLost.
 *
 * Lives on one thread, which runs its event loop. Handles of coroutines elsewhere may be used from other threads, but for
 * deliver().
 */
class ASYNCORO_DISTRIBUTED_EXPORT PeerNetwork
{
public:
    struct Options {
        /**
         * Where to listen: an address of this machine, or "0.0.0.0" or "::" for all. Anything but loopback takes a secret or
         * `tls`.
         */
        QString address = QStringLiteral("127.0.0.1");
        /** 0: any free port. */
        quint16 port = 0;
        Secret secret;
        /**
         * Connections are secure: nobody can listen to them, or change what goes over them. The configuration has this
         * process's certificate (addIdentity()) and the authority of all of them (trustOnly()); each side must show a certificate of
         * that authority, for whatever name. Peers must have it, too. With a secret besides, both have to be right.
         */
        std::optional<TlsConfiguration> tls = {};
        /** The event loop may stand still for long, as while a job computes: peers then do not take silence for loss. */
        bool mayBeBusy = false;
        /** How many bytes may wait to be sent to a peer before send() to it is refused, and deliver() and calls wait. */
        qint64 sendLimit = 64 * 1024 * 1024;
    };

    /**
     * Starts to listen. Throws SocketError if it cannot, Error if it has neither secret nor `tls` where it takes one, and
     * TlsError if the configuration cannot be used.
     */
    explicit PeerNetwork(const Options &options);
    PeerNetwork();
    /** Says goodbye to all peers. */
    ~PeerNetwork();
    PeerNetwork(const PeerNetwork &) = delete;
    PeerNetwork &operator=(const PeerNetwork &) = delete;

    /** Where peers reach this process. Where it listens on all addresses, the address is a wildcard. */
    [[nodiscard]] Location location() const;

    /**
     * A coroutine that stands for this process and ends with the network. Sent to a peer, it tells that peer where this process
     * is; monitored there, that this process is lost.
     */
    [[nodiscard]] Coro<> anchor() const;

    /** Those that are connected now. */
    [[nodiscard]] QList<Peer> peers() const;

    /**
     * Makes sure that there is a connection to `location`.
     *
     * Completes without suspending if there is. Any number may overlap. Throws PeerLost if nobody answers there,
     * PeerRefused if that process has another secret, version or authority, TimedOut if the deadline passes first.
     */
    Task<Peer> connect(Location location, QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /** Makes `coro` known to peers as `name`, until it ends or another one takes the name. */
    void registerCoro(const QString &name, const Coro<> &coro);

    /** Finds a coroutine that registered as `name` at `location`; a null handle if there is none. Throws as call() does. */
    Task<Coro<>> locate(Location location, QString name);

    /** The anchor() of the process at `location`. Throws as call() does. */
    Task<Coro<>> anchorOf(Location location);

    /**
     * Offers `function` to peers as `name`: they may call() it or start() coroutines of it. The function returns a Task; it
     * may take a Peer first, who calls, and then arguments by value, which are converted to its parameters' types.
     */
    template<typename F>
    void offer(const QString &name, F function)
    {
        offerFunction(name, makeOffer(std::function(std::move(function))));
    }

    /**
     * Runs the function that the process at `location` offers as `name`, and gives its value.
     *
     * Any number of calls may overlap; they may end in any order. Throws the function's exception: CoroEnded, CoroTerminated,
     * WireError and those of registerErrorType() as such, any other as a RemoteError that tells its type and text. Throws
     * PeerLost if the connection breaks or the network ends, PeerRefused as connect() does, and WireError if arguments or
     * value cannot be sent or do not fit. Cancelling terminates the coroutine over there.
     */
    template<typename T = void, typename... A>
    Task<T> call(Location location, QString name, A... arguments)
    {
        registerTypes<T, A...>();
        return callAs<T>(m_core, std::move(location), std::move(name), {toArgument(std::move(arguments))...});
    }

    /** Starts a coroutine of an offered function over there, and gives its handle. It does not end with the caller. */
    template<typename... A>
    Task<Coro<>> start(Location location, QString name, A... arguments)
    {
        registerTypes<A...>();
        return startFunction(m_core, std::move(location), std::move(name), {toArgument(std::move(arguments))...});
    }

    /**
     * `value` as bytes, for processes that pass it on to others and need not know its type; fromBytes() reads them. Throws a
     * WireError if its type may not be sent, or if the bytes are none that toBytes() gave.
     */
    [[nodiscard]] QByteArray toBytes(const QVariant &value) const;
    [[nodiscard]] QVariant fromBytes(const QByteArray &bytes) const;

    /** An offered function without its types: called with the peer and the arguments. */
    using OfferedFunction = std::function<Task<QVariant>(Peer, QVariantList)>;

private:
    // What runs on after a call is static, with what it needs: the network may be gone before it has begun.
    using CorePointer = std::shared_ptr<Detail::NetworkCore>;

    template<typename T>
    static Task<T> callAs(CorePointer core, Location location, QString name, QVariantList arguments)
    {
        QVariant value = co_await callFunction(std::move(core), std::move(location), name, std::move(arguments));
        if constexpr (!std::is_void_v<T>)
            co_return valueAs<T>(value, name);
    }

    template<typename... T>
    static void registerTypes()
    {
        [[maybe_unused]] static const bool once = (registerMessageType<T>(), ..., true);
    }

    template<typename A>
    static QVariant toArgument(A &&argument)
    {
        if constexpr (std::is_base_of_v<Coro<>, A>) {
            return QVariant::fromValue(static_cast<const Coro<> &>(argument)); // whatever it returns
        } else {
            static_assert(!std::is_pointer_v<A>, "an argument for another process cannot be a pointer; for a text, give a QString");
            return QVariant::fromValue(std::move(argument));
        }
    }

    template<typename T, typename... P>
    static OfferedFunction makeOffer(std::function<Task<T>(Peer, P...)> function)
    {
        (registerMessageType<std::decay_t<P>>(), ...);
        registerMessageType<T>();
        return [function = std::move(function)](Peer peer, QVariantList arguments) {
            return invoke<T, P...>(function, std::move(peer), std::move(arguments), std::index_sequence_for<P...>());
        };
    }
    template<typename T, typename... P>
    static OfferedFunction makeOffer(std::function<Task<T>(P...)> function)
    {
        return makeOffer(std::function<Task<T>(Peer, P...)>(
            [function = std::move(function)](const Peer &, P... arguments) { return function(std::move(arguments)...); }));
    }

    template<typename T, typename... P, std::size_t... Index>
    static Task<QVariant> invoke(std::function<Task<T>(Peer, P...)> function, Peer peer, QVariantList arguments,
                                 std::index_sequence<Index...>)
    {
        if (arguments.size() != qsizetype(sizeof...(P)))
            throw WireError(QStringLiteral("the function takes %1 arguments, not %2").arg(sizeof...(P)).arg(arguments.size()));
        if constexpr (std::is_void_v<T>) {
            co_await function(std::move(peer), argument<std::decay_t<P>>(arguments[Index], Index)...);
            co_return QVariant();
        } else {
            co_return QVariant::fromValue<T>(
                co_await function(std::move(peer), argument<std::decay_t<P>>(arguments[Index], Index)...));
        }
    }

    template<typename T>
    static T argument(QVariant &value, std::size_t index)
    {
        return valueAs<T>(value, QStringLiteral("argument %1").arg(index + 1));
    }

    template<typename T>
    static T valueAs(QVariant &value, const QString &what)
    {
        if constexpr (std::is_same_v<T, QVariant>) {
            return std::move(value);
        } else {
            if (value.metaType() != QMetaType::fromType<T>())
                convert(value, QMetaType::fromType<T>(), what);
            return std::move(*static_cast<T *>(value.data()));
        }
    }

    static void convert(QVariant &value, QMetaType type, const QString &what);
    void offerFunction(const QString &name, OfferedFunction function);
    static Task<QVariant> callFunction(CorePointer core, Location location, QString name, QVariantList arguments);
    static Task<Coro<>> startFunction(CorePointer core, Location location, QString name, QVariantList arguments);

    CorePointer m_core;
};

} // namespace Asyncoro
