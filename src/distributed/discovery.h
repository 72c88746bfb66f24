// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodistributed_export.h"
#include "peernetwork.h"

#include <memory>
#include <optional>

namespace Asyncoro {

namespace Detail {
class DiscoveryCore;
} // namespace Detail

/** A process that has answered to Discovery. */
struct DiscoveredPeer
{
    /** Where it can be connected. */
    Location location;
    /** What it calls itself. */
    QString name;
    /** What it offers, by short names. */
    QStringList services;
};

/**
 * Finds processes that know the same secret, on this machine and in the networks that it is part of, and connects to
 * them.
 *
 * It asks by UDP, by broadcast and in multicast groups, over IPv4 and IPv6; whoever has a Discovery, too, and is wanted
 * answers, and who asked connects to it: from then on they are peers. It asks again after growing intervals until
 * somebody is found, then once a minute. Questions and answers are authenticated with the secret, and prove nothing but
 * that: the connection does. Without a secret it works within this machine only.
 *
 * Nothing is sent and nothing is answered by a process that makes no Discovery. It belongs to a PeerNetwork, which must
 * outlive it, and to its thread; a network has one at most. Its destructor ends all that it does; connections stay.
 */
class ASYNCORO_DISTRIBUTED_EXPORT Discovery
{
public:
    static constexpr quint16 DefaultPort = 51350;

    struct Options
    {
        /** The UDP port of all who are to find each other; the processes of a machine share it. */
        quint16 port = DefaultPort;
        /** Names of the interfaces that are used, such as "eth0". Empty: all that are up. */
        QStringList interfaces = {};
        /** Multicast groups; all who are to find each other have the same. */
        QString group4 = QStringLiteral("239.255.65.83");
        QString group6 = QStringLiteral("ff15::4153");
        /** To take part within this machine only, whatever the interfaces; without a secret it is so anyway. */
        bool thisMachineOnly = false;
        /**
         * What this process offers, by short names without spaces, such as "discoro.scheduler"; at most 112 bytes in
         * all.
         */
        QStringList services = {};
        /** Whether to ask for others. Otherwise this process only says once in a while that it is there. */
        bool search = true;
        /** The service that others must have to be of interest. Empty: any process. */
        QString lookFor = {};
        /** Whether to answer those who ask. */
        bool answer = true;
        /** Whether to connect to whom it finds; otherwise it finds them for find() only. */
        bool connect = true;
    };

    /**
     * The UDP port that ASYNCORO_DISCOVERY names, or DefaultPort; nothing if it is "off". For programs that leave it to
     * their user. Throws an Error if it is something else.
     */
    [[nodiscard]] static std::optional<quint16> portFromEnvironment();

    /** Starts to ask. Throws SocketError if the port cannot be had, and an Error for options that make no sense. */
    Discovery(PeerNetwork &network, const Options &options);
    explicit Discovery(PeerNetwork &network);
    ~Discovery();
    Discovery(const Discovery &) = delete;
    Discovery &operator=(const Discovery &) = delete;

    /** Asks at once, and again soon if nobody is found. */
    void discover();

    /** Whether others find this process; those that are connected stay. */
    void setAnswering(bool answering);
    [[nodiscard]] bool isAnswering() const;

    /**
     * Tries to have a connection to that process until removePeer(), and again whenever that is lost. `host` is a name
     * or an address: with a port, as in "example.org:51351", it is where the process listens; without one all processes
     * of that host are asked at the UDP port. For other networks, where broadcasts do not get to. Throws an Error if
     * that is no host.
     */
    void addPeer(const QString &host);
    /** Undoes addPeer(); a connection stays. */
    void removePeer(const QString &host);

    /**
     * Waits for a process that has `service`, asks for one at once, and gives where it listens. Whether it is connected
     * depends on the options. Always suspends. Resumes on the same thread. Any number may overlap. Throws TimedOut if
     * the deadline passes first, with report() as its text, and an Error if this object is destroyed. Cancelling ends
     * the wait at once.
     */
    Task<DiscoveredPeer> find(QString service, QDeadlineTimer deadline);

    /**
     * Makes this process known in the networks of the peer at `relay`, which must have a Discovery, too: that searches
     * its networks, and tells its peers to connect to this process. Gives where those are; this process tries to
     * connect to them as well.
     *
     * Takes a few seconds. Throws as PeerNetwork::call(): an Error if that peer has no Discovery or was asked just
     * before.
     */
    Task<QList<Location>> announceThrough(Location relay);

    /** Those who have answered, at most a thousand: also such as are not connected, or not any more. */
    [[nodiscard]] QList<DiscoveredPeer> found() const;

    /**
     * What was tried, what came of it, and what to check, for a person; several lines. It is logged, in the category
     * asyncoro.discovery, when nobody was found within a few seconds.
     */
    [[nodiscard]] QString report() const;

private:
    std::shared_ptr<Detail::DiscoveryCore> d;
};

} // namespace Asyncoro
