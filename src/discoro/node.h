// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodiscoro_export.h"

#include <Asyncoro/PeerNetwork>

#include <functional>
#include <memory>

namespace Asyncoro::Discoro {

class NodePrivate;

/**
 * Offers this machine to a scheduler: keeps packages, and starts and ends the server processes of a computation.
 *
 * Joins the scheduler, and joins again when that is lost. Works as long as it lives, on the thread of the network, which must
 * outlive it. Its destructor ends its servers and removes their folders.
 */
class ASYNCORO_DISCORO_EXPORT Node
{
public:
    struct Options {
        Location scheduler;
        /** Instead of a given scheduler: finds one, anew for each attempt to join; what it throws is tried again. */
        std::function<Task<Location>()> findScheduler = {};
        /** For people; must not be empty. */
        QString name;
        /** How many servers a computation gets here. */
        int cpus = 1;
        /** For packages and the folders of servers; made if it does not exist. */
        QString workFolder;
        /** What servers use to join; the network's. */
        Secret secret;
        std::optional<TlsConfiguration> tls = {};
        /** Called each time the scheduler has accepted the node. */
        std::function<void(const Location &scheduler)> joined;
        /** Called when the scheduler will never accept it: another secret or version. */
        std::function<void(const QString &reason)> refused;
    };

    /** Throws an Error if the work folder cannot be made. */
    Node(PeerNetwork &network, const Options &options);
    ~Node();
    Node(const Node &) = delete;
    Node &operator=(const Node &) = delete;

    /** Tells the scheduler, and ends the servers; then the node may be destroyed. Takes at most a few seconds. */
    Task<> leave();

private:
    std::shared_ptr<NodePrivate> d;
};

} // namespace Asyncoro::Discoro
