// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodistributed_export.h"
#include "messagetype.h"
#include "peererror.h"
#include "peerinfo.h"
#include "rci.h"
#include "secret.h"

#include <Asyncoro/Channel>
#include <Asyncoro/Coro>
#include <Asyncoro/Location>
#include <Asyncoro/TlsConfiguration>

#include <functional>
#include <memory>
#include <optional>

namespace Asyncoro {

namespace Detail {
class NetworkCore;
class NetworkReference;
class PeerLink;
} // namespace Detail

/** Another process with which this one exchanges messages: a handle, copyable and comparable. */
class ASYNCORO_DISTRIBUTED_EXPORT Peer
{
public:
    Peer() = default;

    /**
     * Where it is to be called: where it listens, or what its externalAddress says. Invalid if it does not listen, or while
     * that is where another peer is connected.
     */
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
    [[nodiscard]] const std::shared_ptr<Detail::PeerLink> &link() const { return m_link; }

private:
    std::shared_ptr<Detail::PeerLink> m_link;
};

/**
 * This process among others: it listens for peers and connects to them, and makes coroutines of one process usable in
 * another.
 *
 * Once there is a PeerNetwork, handles of coroutines, channels and offered functions can be sent in messages to other
 * processes and work there, and what is registered by a name here can be found from there. There is one
 * connection to each peer, made when it is first needed; both sides prove that they know the same secret before
 * anything else is read. A connection that breaks is made again, unnoticed; a lost peer ends what waits for it with PeerLost.
 *
 * Lives on one thread, which runs its event loop. Handles of coroutines elsewhere may be used from other threads, but for
 * deliver().
 */
class ASYNCORO_DISTRIBUTED_EXPORT PeerNetwork
{
public:
    struct Options {
        /**
         * Where to listen: an address of this machine, "0.0.0.0" for all of IPv4, "::" for all. Anything but loopback takes a secret or
         * `tls`.
         */
        QString address = QStringLiteral("127.0.0.1");
        /** 0: any free port. */
        quint16 port = 0;
        Secret secret = {};
        /**
         * Connections are secure: nobody can listen to them, or change what goes over them. The configuration has this
         * process's certificate (addIdentity()) and the authority of all of them (trustOnly()); each side must show a certificate of
         * that authority, for whatever name. Peers must have it, too. With a secret besides, both have to be right.
         */
        std::optional<TlsConfiguration> tls = {};
        /**
         * The event loop may stand still for long, as while a job computes: peers then do not take silence for loss, only
         * that of the machine (on Linux).
         */
        bool mayBeBusy = false;
        /**
         * How many bytes may wait to be sent to a peer before send() to it is refused, and deliver() and calls wait; so do then
         * the values of its own calls, and those that have not begun.
         */
        qint64 sendLimit = 64 * 1024 * 1024;
        /**
         * How many peers that have connected from one address, or IPv6 network of 64 bits, may be connected at a time. More
         * are told so, and fail to connect with PeerLost. Those behind a router share its address. Whom this process
         * connects to does not count.
         */
        qsizetype peersPerAddress = 4096;
        /** What it calls itself, for people and PeerNetwork::locatePeer(). Empty: the machine's name and the port. */
        QString name = {};
        /**
         * Where others reach this process if that is not where it listens: the numeric address and the port (0: the
         * same) that a router (NAT) passes on to it. It is what this process tells others, in handles and by Discovery.
         */
        QString externalAddress = {};
        quint16 externalPort = 0;
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

    /** Whether only those become peers who know the same secret, or have a certificate of the same authority. */
    [[nodiscard]] bool authenticatesPeers() const;

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

    /** Says goodbye to whoever listens at `location`, if it is connected; what waits for it ends with PeerLost. */
    void closePeer(const Location &location);

    /** What this process calls itself: see Options::name. */
    [[nodiscard]] QString name() const;

    /**
     * Sends `listener`, a coroutine of this process or another, a PeerStatus for each peer that is connected now, and
     * then whenever one comes or goes; until it ends. There may be any number of them. A peer counts as having come
     * once it has said what it is called, soon after it is connected.
     */
    void watchPeers(const Coro<> &listener);

    /**
     * Waits until a peer of that name is connected; one that comes later counts, too.
     *
     * Completes without suspending if its name is known already. Resumes on the same thread. Any number may overlap.
     * Throws TimedOut if the deadline passes first, an Error if the network ends. Cancelling ends the wait at once.
     */
    Task<Peer> locatePeer(QString name, QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * What is registered under the name at `location` now: a Coro<> or a Channel by its registerName(), an Rci by offer().
     * A null handle if there is none.
     *
     * An Rci<R(A...)> must have that signature: throws WrongSignature otherwise. For the rest as call().
     */
    template<typename Handle = Coro<>>
    Task<Handle> find(Location location, QString name)
    {
        return toHandle<Handle>(findNamed(m_core, std::move(location), handleType<Handle>(), std::move(name)));
    }

    /**
     * Waits until such a one is registered at `location`, and gives it.
     *
     * Completes without suspending only if that is this process and one is. Any number may overlap. Throws TimedOut if the
     * deadline passes first; for the rest as find().
     */
    template<typename Handle = Coro<>>
    Task<Handle> locate(Location location, QString name, QDeadlineTimer deadline = QDeadlineTimer::Forever)
    {
        return toHandle<Handle>(locateNamed(m_core, std::move(location), handleType<Handle>(), std::move(name), deadline));
    }

    /**
     * Waits until such a one is registered anywhere, and gives the first that it hears of: of this process, of any that is
     * connected, or of one that connects meanwhile. Peers that are lost do not matter. For the rest as above.
     */
    template<typename Handle = Coro<>>
    Task<Handle> locate(QString name, QDeadlineTimer deadline = QDeadlineTimer::Forever)
    {
        return toHandle<Handle>(locateAnywhere(m_core, handleType<Handle>(), std::move(name), deadline));
    }

    /** The anchor() of the process at `location`. Throws as call() does. */
    Task<Coro<>> anchorOf(Location location);

    /**
     * Offers `function` to peers as `name`, and gives the handle by which it can be called, or coroutines of it started,
     * from anywhere. The function returns a Task; it may take a Peer first, who calls, and then arguments by value.
     *
     * Throws NameTaken if one is offered by that name already.
     */
    template<typename F>
    auto offer(const QString &name, F function)
    {
        return offerAs(name, std::function(std::move(function)));
    }

    /** No longer offers it. What runs of it goes on. */
    void withdraw(const QString &name);

    /**
     * Runs the function that the process at `location` offers as `name`, and gives its value.
     *
     * Any number of calls may overlap; they may end in any order. Throws the function's exception: CoroEnded, CoroTerminated,
     * WireError and those of registerErrorType() as such, any other as a RemoteError that tells its type and text. Throws
     * PeerLost if the peer is lost or the network ends, PeerRefused as connect() does, and WireError if arguments or
     * value cannot be sent or do not fit. Cancelling terminates the coroutine over there.
     */
    template<typename T = void, typename... A>
    Task<T> call(Location location, QString name, A... arguments)
    {
        Detail::registerTypes<T, A...>();
        return callAs<T>(m_core, std::move(location), std::move(name), {Detail::toValue(std::move(arguments))...});
    }

    /** The same of that very process, wherever it listens; Peer() is this process. Throws PeerLost if it is lost already. */
    template<typename T = void, typename... A>
    Task<T> call(Peer peer, QString name, A... arguments)
    {
        Detail::registerTypes<T, A...>();
        return callAs<T>(m_core, std::move(peer), std::move(name), {Detail::toValue(std::move(arguments))...});
    }

    /** Starts a coroutine of an offered function over there, as Rci::start() does, and gives its handle. */
    template<typename... A>
    Task<Coro<>> start(Location location, QString name, A... arguments)
    {
        Detail::registerTypes<A...>();
        return startFunction(m_core, std::move(location), std::move(name), {Detail::toValue(std::move(arguments))...});
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
    friend class Discovery;
    friend class Detail::NetworkReference;

    // What runs on after a call is static, with what it needs: the network may be gone before it has begun.
    using CorePointer = std::shared_ptr<Detail::NetworkCore>;

    template<typename T, typename To>
    static Task<T> callAs(CorePointer core, To to, QString name, QVariantList arguments)
    {
        QVariant value = co_await callFunction(std::move(core), std::move(to), name, std::move(arguments));
        if constexpr (!std::is_void_v<T>)
            co_return Detail::valueAs<T>(value, name);
    }

    template<typename Handle>
    static QMetaType handleType()
    {
        using Untyped = Detail::TravellingAs<Handle>;
        static_assert(std::is_same_v<Untyped, Coro<>> || std::is_same_v<Untyped, Channel> || std::is_same_v<Untyped, Rci<>>,
                      "what is found by a name is a Coro<>, a Channel or an Rci<>");
        return QMetaType::fromType<Untyped>();
    }

    template<typename Handle>
    static Task<Handle> toHandle(Task<QVariant> search)
    {
        QVariant found = co_await std::move(search);
        co_return found.isValid() ? Detail::valueAs<Handle>(found, QStringLiteral("what was found")) : Handle();
    }

    template<typename T, typename... P>
    Rci<T(std::decay_t<P>...)> offerAs(const QString &name, std::function<Task<T>(Peer, P...)> function)
    {
        using Handle = Rci<T(std::decay_t<P>...)>;
        return Handle(offerFunction(name, makeOffer(name, std::move(function)), Detail::signatureOf<T, std::decay_t<P>...>()));
    }
    template<typename T, typename... P>
    Rci<T(std::decay_t<P>...)> offerAs(const QString &name, std::function<Task<T>(P...)> function)
    {
        return offerAs(name, std::function<Task<T>(Peer, P...)>([function = std::move(function)](const Peer &, P... arguments) {
                           return function(std::move(arguments)...);
                       }));
    }

    template<typename T, typename... P>
    static OfferedFunction makeOffer(const QString &name, std::function<Task<T>(Peer, P...)> function)
    {
        Detail::registerTypes<T, std::decay_t<P>...>();
        return [name, function = std::move(function)](Peer peer, QVariantList arguments) {
            return invoke<T, P...>(name, function, std::move(peer), std::move(arguments), std::index_sequence_for<P...>());
        };
    }

    template<typename T, typename... P, std::size_t... Index>
    static Task<QVariant> invoke(QString name, std::function<Task<T>(Peer, P...)> function, Peer peer, QVariantList arguments,
                                 std::index_sequence<Index...>)
    {
        convertArguments(name, Detail::signatureOf<T, std::decay_t<P>...>(), arguments,
                         {QMetaType::fromType<Detail::TravellingAs<std::decay_t<P>>>()...});
        if constexpr (std::is_void_v<T>) {
            co_await function(std::move(peer), Detail::valueAs<std::decay_t<P>>(arguments[Index], name)...);
            co_return QVariant();
        } else {
            co_return Detail::toValue(
                co_await function(std::move(peer), Detail::valueAs<std::decay_t<P>>(arguments[Index], name)...));
        }
    }

    /** Throws the WrongSignature of a call with arguments that do not fit. */
    static void convertArguments(const QString &name, const QString &signature, QVariantList &arguments,
                                 const QList<QMetaType> &types);
    Rci<> offerFunction(const QString &name, OfferedFunction function, const QString &signature);
    static Task<QVariant> findNamed(CorePointer core, Location location, QMetaType type, QString name);
    static Task<QVariant> locateNamed(CorePointer core, Location location, QMetaType type, QString name, QDeadlineTimer deadline);
    static Task<QVariant> locateAnywhere(CorePointer core, QMetaType type, QString name, QDeadlineTimer deadline);
    static Task<QVariant> callFunction(CorePointer core, Location location, QString name, QVariantList arguments);
    static Task<QVariant> callFunction(CorePointer core, Peer peer, QString name, QVariantList arguments);
    static Task<Coro<>> startFunction(CorePointer core, Location location, QString name, QVariantList arguments);

    CorePointer m_core;
};

} // namespace Asyncoro
