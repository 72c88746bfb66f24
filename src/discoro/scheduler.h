// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "clusterstatus.h"

#include <Asyncoro/PeerNetwork>

#include <memory>

namespace Asyncoro::Discoro {

class SchedulerPrivate;

/**
 * Places the jobs of computations on the servers of the nodes that have joined it. Clients and nodes reach it through its
 * PeerNetwork. Computations have the cluster one after the other, in the order in which they were opened.
 *
 * Works as long as it lives, on the thread of the network, which must outlive it.
 */
class ASYNCORO_DISCORO_EXPORT Scheduler
{
public:
    static constexpr quint16 DefaultPort = 51350;

    explicit Scheduler(PeerNetwork &network);
    ~Scheduler();
    Scheduler(const Scheduler &) = delete;
    Scheduler &operator=(const Scheduler &) = delete;

    [[nodiscard]] ClusterStatus status() const;

private:
    std::shared_ptr<SchedulerPrivate> d;
};

} // namespace Asyncoro::Discoro
