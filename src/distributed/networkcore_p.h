// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "channelexchange_p.h"
#include "limits_p.h"
#include "peerlink_p.h"
#include "peernetwork.h"

#include <Asyncoro/AsyncServer>
#include <Asyncoro/TlsConfiguration>

#include <QThread>

#include <atomic>
#include <deque>
#include <limits>

namespace Asyncoro::Detail {

class PeerDirectory;

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

    [[nodiscard]] const PeerNetwork::Options &options() const { return m_options; }
    /** What it calls itself for others. */
    [[nodiscard]] QString name() const;
    [[nodiscard]] const std::shared_ptr<PeerDirectory> &directory() const { return m_directory; }
    [[nodiscard]] const QByteArray &incarnation() const { return m_incarnation; }
    [[nodiscard]] Location location() const { return m_location; }
    [[nodiscard]] bool isSecure() const { return m_options.tls.has_value(); }
    /** Whether it can be told who is at `address`, or only this machine can be. */
    [[nodiscard]] bool isTrusted(const QString &address) const;
    /** Why one may not do `what` if it is not. */
    [[nodiscard]] static QString missingTrust(const QString &what);
    [[nodiscard]] qint64 sendLimit() const { return m_options.sendLimit; }
    [[nodiscard]] const Coro<> &anchor() const { return m_anchor; }
    [[nodiscard]] QList<std::shared_ptr<PeerLink>> connectedLinks() const;

    /** Whether `location` is this process; so is an invalid one. */
    [[nodiscard]] bool isHere(const Location &location) const;
    /** The connected link to whoever listens at `location`; nullptr if that is this process. Throws why there is none. */
    Task<std::shared_ptr<PeerLink>> reach(Location location, QDeadlineTimer deadline);
    /** The link to whoever listens at `location`, perhaps a host that was reached before, connected or not; or nullptr. */
    [[nodiscard]] std::shared_ptr<PeerLink> linkAt(const Location &location) const
    {
        return m_byLocation.value(Location(m_hosts.value(location.address(), location.address()), location.port()));
    }
    /** The link to the process `incarnation`, connected or not; nullptr if there is none. */
    [[nodiscard]] std::shared_ptr<PeerLink> linkOf(const QByteArray &incarnation) const { return m_byIncarnation.value(incarnation); }

    /** What ties a proof to the secure connection that it goes over; empty if that is none. Throws PeerRefused. */
    [[nodiscard]] QByteArray bindingOf(const AsyncSocket &socket) const;
    /**
     * The side that connects: says who it is and what it wants, and gives the answer once the other side has proved who it
     * is. If no session is wanted any more once the other side's hello is there, the answer is Duplicate. Throws
     * PeerRefused, or PeerLost if it may work at another time.
     */
    Task<SessionAnswer> shakeHands(std::shared_ptr<AsyncSocket> socket, Location location, SessionRequest request,
                                   QDeadlineTimer until, std::function<bool(const Hello &)> isWanted, Hello *theirs);

    /** How many sessions have begun, this one included. */
    quint64 addConnected(const std::shared_ptr<PeerLink> &link);
    /** The process that `link` is for is to be called there, too. */
    void addLocation(const Location &location, const std::shared_ptr<PeerLink> &link);
    /** Who was there is lost: another one may have said that it is there. */
    void vacate(const Location &location);
    void remove(const PeerLink &link);

    /** Throws NameTaken. */
    Rci<> offer(const QString &name, PeerNetwork::OfferedFunction function, const QString &signature);
    void withdraw(const QString &name);
    /** Null if no function of that name is offered, or one that this process offers of itself. */
    [[nodiscard]] Rci<> findOffer(const QString &name);
    /**
     * Throws a WireError if no function of that name is offered, and a WrongSignature if it has another signature than its
     * caller believes; an empty one is any.
     */
    Task<QVariant> invoke(const QString &name, Peer caller, QVariantList arguments, const QString &signature = {});
    /** The same, as a coroutine of its own. */
    Coro<> start(const QString &name, const Peer &caller, QVariantList arguments, const QString &signature);
    /** It runs for the peer of `link`, which is told when it has ended. False if it has. */
    bool addStarted(const Coro<> &coro, const std::shared_ptr<PeerLink> &link);
    /** How many of those run that were started for peers, past and present. */
    [[nodiscard]] qsizetype startedCount() const { return m_startedFor.size(); }
    /** What happens with each new offer and each new peer: a name may be known now. */
    [[nodiscard]] Event &news() { return m_news; }
    /** Pulsed when a peer is lost that has not said goodbye. */
    [[nodiscard]] Event &losses() { return m_losses; }

    [[nodiscard]] Coro<> findExported(quint64 id) const { return m_exported.value(id).coro; }
    /**
     * A message of so many bytes, of which a mailbox without a limit takes `limit`, is to go to a coroutine of another
     * thread. False if that is too much before it is known, as confirmRoom() says, that all before it have found room.
     */
    [[nodiscard]] bool addUnconfirmed(quint64 coro, qint64 bytes, quint32 limit);
    /** The least limit of those. */
    [[nodiscard]] quint32 unconfirmedLimit(quint64 coro) const { return m_exported.value(coro).unconfirmedLimit; }
    void confirmRoom(quint64 coro);
    /** The same, but null for one that peers can send to, but must not end. */
    [[nodiscard]] Coro<> findSubject(quint64 id) const;
    [[nodiscard]] ChannelExchange &channels() { return *m_channels; }

    Identity identify(const Coro<> &coro) override;
    Identity identify(const Channel &channel) override;
    Identity identify(const Rci<> &rci) override;
    Coro<> resolveCoro(const Identity &identity) override;
    Channel resolveChannel(const Identity &identity) override;
    Rci<> resolveRci(const Identity &identity) override;

    qint64 unread = 0; ///< bytes of messages of all peers, past and present, for which mailboxes have no room

    [[nodiscard]] bool isOnOwnThread() const { return QThread::currentThread() == m_thread; }
    /** Throws Error on any other thread. */
    void checkThread() const;
    /** Runs `work` on the network's thread: at once if this is it. If the network ends before that, drops it. Any thread. */
    void post(std::function<void()> work);

private:
    Task<QStringList> lookUp(Location location, QDeadlineTimer deadline);
    Task<QString> firstToAnswer(Location location, QStringList addresses, QDeadlineTimer deadline);
    [[nodiscard]] std::shared_ptr<PeerLink> linkTo(const Location &location);
    Task<> acceptPeers();
    Task<> welcome(std::shared_ptr<AsyncSocket> socket);
    void dropUnusedLinks();
    void makeRoomForStranger(const QString &address);
    void warnOfStranger(const QString &text);
    [[nodiscard]] qsizetype othersConnectedFrom(const QString &address, const Hello &theirs) const;
    std::shared_ptr<PeerLink> linkFor(const Hello &theirs, const Location &location, quint64 sessionsBefore,
                                      SessionAnswer *answer);
    std::shared_ptr<PeerLink> resume(const Hello &theirs, const SessionRequest &request, SessionAnswer *answer);
    [[nodiscard]] Hello makeHello() const;
    [[nodiscard]] Location advertised() const;
    [[nodiscard]] Location external() const;
    [[nodiscard]] Location stated() const;
    /** `address` as it is from here, if `teller`, the address of a peer, has said it: what that calls loopback is its machine. */
    [[nodiscard]] static QString asSeenFromHere(const QString &address, const QString &teller);
    /** The link to the process of a handle that has come, which may be new. */
    std::shared_ptr<PeerLink> linkOf(const Identity &identity);

    void observeExported(const Coro<> &coro);
    void exportedEnded(const Coro<> &coro);

    struct Offer {
        QString signature;
        PeerNetwork::OfferedFunction function;
    };

    const PeerNetwork::Options m_options;
    TlsConfiguration m_connectingTls; // if there is any
    TlsConfiguration m_acceptingTls;
    const QByteArray m_incarnation;
    QThread *const m_thread;
    std::unique_ptr<AsyncServer> m_server; // null once closed
    Location m_location;
    const std::shared_ptr<PeerDirectory> m_directory;
    QHash<QByteArray, std::shared_ptr<PeerLink>> m_byIncarnation; // connected ones, and those that handles came for
    QHash<Location, std::shared_ptr<PeerLink>> m_byLocation;
    qsizetype m_dropLinksAt = 1000; // how many of these there may be before unused ones are dropped
    qsizetype m_uncalled = 0; // how many of these are known by handles only, at most
    QHash<QString, QString> m_hosts; // names, and the address by which each was reached
    QHash<QString, Offer> m_offers;
    Event m_news;
    Event m_losses;
    std::shared_ptr<ChannelExchange> m_channels; // never null once open
    struct Exported {
        Coro<> coro;
        qint64 unconfirmed = 0; // bytes of messages, of all peers
        quint32 unconfirmedLimit = std::numeric_limits<quint32>::max();
    };
    QHash<quint64, Exported> m_exported; // coroutines of this process whose handles were sent away
    std::shared_ptr<EndObserver> m_exportedObserver; // of these
    QHash<quint64, std::weak_ptr<PeerLink>> m_startedFor; // by the coroutine
    std::shared_ptr<EndObserver> m_startedObserver; // of these
    struct EndedExport {
        quint64 id = 0;
        qint64 size = 0; // in bytes
    };
    std::deque<EndedExport> m_endedExports; // those that have ended, the first one first
    qint64 m_endedSize = 0; // of these
    Coro<> m_acceptor;
    Coro<> m_anchor; // runs what other threads post
    struct Stranger { // who has connected, and has not proved anything yet
        Coro<> welcomer; // which shakes hands
        QString address;
    };
    QList<Stranger> m_strangers; // the oldest first
    QDeadlineTimer m_nextWarnings{0}; // of strangers; before that, as many as are left
    int m_warningsLeft = 0;
    qint64 m_untold = 0; // of strangers, since the last warning
    QHash<QByteArray, int> m_shakingWith; // on how many connections of this side a session is asked for, by incarnation
    friend class Speaking;
    const PeerLink *m_speaker = nullptr; // what is being read is from that peer
    quint64 m_sessionsBegun = 0;
    std::atomic<bool> m_closed = false; // read by other threads, too
};

/** While it exists, what is read is from the peer of `link`. */
class Speaking
{
public:
    Speaking(NetworkCore &core, const PeerLink *link)
        : m_core(core)
    {
        m_core.m_speaker = link;
    }
    ~Speaking() { m_core.m_speaker = nullptr; }
    Q_DISABLE_COPY_MOVE(Speaking)

private:
    NetworkCore &m_core;
};

} // namespace Asyncoro::Detail
