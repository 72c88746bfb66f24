// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "limits_p.h"
#include "peerlink_p.h"
#include "peernetwork.h"

#include <Asyncoro/AsyncServer>
#include <Asyncoro/TlsConfiguration>

#include <QThread>

#include <atomic>

namespace Asyncoro::Detail {

/** What a PeerNetwork consists of; coroutines that still end hold it. Lives on the network's thread. */
class NetworkCore final : public std::enable_shared_from_this<NetworkCore>, public HandleMapper
{
public:
    explicit NetworkCore(const PeerNetwork::Options &options);
    ~NetworkCore();

    /** Listens; throws. */
    void open();
    /** Says goodbye and ends what runs. */
    void close();
    [[nodiscard]] bool isClosed() const { return m_closed; }

    [[nodiscard]] const QByteArray &incarnation() const { return m_incarnation; }
    [[nodiscard]] Location location() const { return m_location; }
    [[nodiscard]] bool isSecure() const { return m_options.tls.has_value(); }
    [[nodiscard]] qint64 sendLimit() const { return m_options.sendLimit; }
    [[nodiscard]] const Coro<> &anchor() const { return m_anchor; }
    [[nodiscard]] QList<Peer> peers() const;

    /** Whether `location` is this process; so is an invalid one. */
    [[nodiscard]] bool isHere(const Location &location) const;
    /** The connected link to whoever listens at `location`; nullptr if that is this process. Throws why there is none. */
    Task<std::shared_ptr<PeerLink>> reach(Location location, QDeadlineTimer deadline);
    /** The link to the process `incarnation`, connected or not; nullptr if there is none. */
    [[nodiscard]] std::shared_ptr<PeerLink> linkOf(const QByteArray &incarnation) const { return m_byIncarnation.value(incarnation); }

    /**
     * The side that connects: says who it is and what it wants, and gives the answer once the other side has proved who it
     * is. Throws PeerRefused, or PeerLost if it may work at another time.
     */
    Task<SessionAnswer> shakeHands(std::shared_ptr<AsyncSocket> socket, Location location, SessionRequest request, Hello *theirs);

    void addConnected(const std::shared_ptr<PeerLink> &link);
    /** `location` is another one of the process that `link` is for. */
    void addLocation(const Location &location, const std::shared_ptr<PeerLink> &link) { m_byLocation.insert(location, link); }
    void remove(const PeerLink &link);

    void offer(const QString &name, PeerNetwork::OfferedFunction function) { m_functions.insert(name, std::move(function)); }
    /** Throws a WireError if no function of that name is offered. */
    Task<QVariant> invoke(const QString &name, Peer caller, QVariantList arguments);

    void registerCoro(const QString &name, const Coro<> &coro) { m_names.insert(name, coro); }
    [[nodiscard]] Coro<> findNamed(const QString &name) const;
    [[nodiscard]] Coro<> findExported(quint64 id) const { return m_exported.value(id); }

    CoroIdentity identify(const Coro<> &coro) override;
    Coro<> resolve(const CoroIdentity &identity) override;

    [[nodiscard]] bool isOnOwnThread() const { return QThread::currentThread() == m_thread; }
    /** Runs `work` on the network's thread: at once if this is it. If the network ends before that, drops it. Any thread. */
    void post(std::function<void()> work);

private:
    Task<QStringList> lookUp(Location location);
    [[nodiscard]] std::shared_ptr<PeerLink> linkTo(const Location &location);
    Task<> acceptPeers();
    Task<> welcome(std::shared_ptr<AsyncSocket> socket);
    void dropUnusedLinks();
    void makeRoomForStranger();
    std::shared_ptr<PeerLink> linkFor(const Hello &theirs, const Location &location, SessionAnswer *answer);
    std::shared_ptr<PeerLink> resume(const Hello &theirs, const SessionRequest &request, SessionAnswer *answer);
    [[nodiscard]] Hello makeHello() const;
    [[nodiscard]] Location advertised() const;

    const PeerNetwork::Options m_options;
    TlsConfiguration m_connectingTls; // if there is any
    TlsConfiguration m_acceptingTls;
    const QByteArray m_incarnation;
    QThread *const m_thread;
    std::unique_ptr<AsyncServer> m_server; // null once closed
    Location m_location;
    QHash<QByteArray, std::shared_ptr<PeerLink>> m_byIncarnation; // connected ones, and those that handles came for
    QHash<Location, std::shared_ptr<PeerLink>> m_byLocation;
    qsizetype m_dropLinksAt = 1000; // how many of these there may be before unused ones are dropped
    QHash<QString, QStringList> m_hosts; // names and their addresses
    QHash<QString, PeerNetwork::OfferedFunction> m_functions;
    QHash<QString, Coro<>> m_names;
    QHash<quint64, Coro<>> m_exported; // coroutines of this process whose handles were sent away
    qsizetype m_sweepAt = 1000; // how many of them there may be before ended ones are dropped
    Coro<> m_acceptor;
    Coro<> m_anchor; // runs what other threads post
    struct Stranger { // who has connected, and has not proved anything yet
        Coro<> welcomer; // which shakes hands
        QString address;
    };
    QList<Stranger> m_strangers; // the oldest first
    std::atomic<bool> m_closed = false; // read by other threads, too
};

} // namespace Asyncoro::Detail
