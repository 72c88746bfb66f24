// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodnssd_export.h"

#include <Asyncoro/Discovery>

#include <memory>

namespace Asyncoro {

namespace Detail {
class DnsSdCore;
} // namespace Detail

/**
 * Finds other processes by DNS-SD ("Zeroconf", "Bonjour"), and has them find this one: where the machines of a network
 * have Avahi, which knows each other's services, that needs no UDP port of its own. It may be used beside a Discovery.
 *
 * The process is announced as a service of the type _asyncoro._tcp, if it listens beyond this machine. Anybody in the
 * network can read what is announced: what the process is called, where it listens, Options::network and
 * Options::services. Anybody can announce anything, too, so nothing of it is believed: both sides prove themselves
 * when they connect, as always, and what is found is what is connected.
 *
 * Nothing is announced and nobody is looked for by a process that makes no DnsSd. Where no Avahi runs, that is logged
 * once, in the category asyncoro.discovery, and nothing else happens; it is used as soon as it runs.
 *
 * It belongs to a PeerNetwork, which must outlive it, and to its thread; a network has one at most. Its destructor ends
 * all that it does; connections stay.
 */
class ASYNCORO_DNSSD_EXPORT DnsSd
{
public:
    struct Options
    {
        /**
         * Which processes belong together, where there are several such sets in one network: a process connects to
         * those with the same. Everybody can read it. At most 63 bytes.
         */
        QString network = {};
        /** What this process offers, by short names without spaces and commas; at most 112 bytes in all. */
        QStringList services = {};
        /** Whether others find this process. */
        bool announce = true;
        /** Whether to look for others, and to connect to them. */
        bool search = true;
        /** The service that others must have to be of interest. Empty: any process. */
        QString lookFor = {};
    };

    /**
     * Begins at once. Throws an Error for options that make no sense, and if `network` has neither secret nor
     * certificates: then whoever announced himself would be a peer.
     */
    DnsSd(PeerNetwork &network, const Options &options);
    explicit DnsSd(PeerNetwork &network);
    ~DnsSd();
    DnsSd(const DnsSd &) = delete;
    DnsSd &operator=(const DnsSd &) = delete;

    /**
     * Waits until a process that has `service` is connected, and gives where it listens. Those that were announced and
     * could not be connected are tried again at once. It is that process that says what it has, not its announcement.
     *
     * Completes without suspending if there is one. Resumes on the same thread. Any number may overlap. Throws TimedOut
     * if the deadline passes first, with report() as its text, and an Error if this object is destroyed. Cancelling
     * ends the wait at once.
     */
    Task<DiscoveredPeer> find(QString service, QDeadlineTimer deadline);

    /** Those that were found and are connected. */
    [[nodiscard]] QList<DiscoveredPeer> found() const;

    /** Whether Avahi runs, what is announced, who was announced and what came of it; for a person, several lines. */
    [[nodiscard]] QString report() const;

private:
    std::shared_ptr<Detail::DnsSdCore> d;
};

} // namespace Asyncoro
