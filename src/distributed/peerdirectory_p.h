// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "peerlink_p.h"
#include "peernetwork.h"
#include "peerstatus.h"

#include <QHash>

namespace Asyncoro::Detail {

class NetworkCore;

/**
 * The names of the connected peers, and who wants to know of them. Asks nobody for a name before somebody wants to
 * know; a peer comes online, for those who watch, when its name is known. Lives on the network's thread, and ends with
 * the network.
 */
class PeerDirectory final : public std::enable_shared_from_this<PeerDirectory>
{
public:
    explicit PeerDirectory(NetworkCore &core);
    ~PeerDirectory();

    /** What NetworkCore tells: that a link is connected, and that it no longer is. */
    void connected(const std::shared_ptr<PeerLink> &link);
    /** That its location is known now. */
    void moved(const std::shared_ptr<PeerLink> &link);
    void gone(const PeerLink &link);
    void close();

    /** Sends `listener` a PeerStatus for each peer that is online and for each change, until it ends. */
    void watch(const Coro<> &listener);
    /** The peer of that name; the one that is online the longest, if there are several. */
    static Task<Peer> locate(std::shared_ptr<PeerDirectory> self, QString name, QDeadlineTimer deadline);

private:
    struct Entry
    {
        std::shared_ptr<PeerLink> link;
        PeerStatus status;
    };

    void begin();
    Task<> learn(std::shared_ptr<PeerLink> link);
    void tell(const PeerStatus &status);
    /**
     * Until something has changed: a peer has come online. Throws TimedOut, and an Error if the network
     * has ended.
     */
    Task<> another(QDeadlineTimer deadline);

    NetworkCore *m_core; // null once closed
    bool m_begun = false;
    QHash<const PeerLink *, Coro<>> m_learning; // those whose name is asked for
    QList<Entry> m_online; // in the order in which they came
    QList<Coro<>> m_listeners;
    std::shared_ptr<EndObserver> m_listening; // observes these
    Event m_changed;
};

} // namespace Asyncoro::Detail
