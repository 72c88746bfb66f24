// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/Discovery>

#include <memory>
#include <optional>

namespace Asyncoro {
class DnsSd;
} // namespace Asyncoro

namespace Asyncoro::Tools {

/** Has others find the scheduler of a network: by Discovery, and by DNS-SD where that was built. */
class SchedulerOffer
{
public:
    /** Prints why they cannot, where it is so. */
    SchedulerOffer(PeerNetwork &network, quint16 discoveryPort);

private:
    std::optional<Discovery> m_discovery;
    std::shared_ptr<DnsSd> m_dnsSd; // null where it is not used
};

/** Finds a scheduler in the same ways. */
class SchedulerFinder
{
public:
    /** `address` is where `network` listens; empty if nobody need reach it. Throws SocketError as Discovery does. */
    SchedulerFinder(PeerNetwork &network, quint16 discoveryPort, const QString &address);

    /** Throws TimedOut, whose text says what was tried, if none is found before the deadline. */
    Task<Location> find(QDeadlineTimer deadline);

private:
    Discovery m_discovery;
    std::shared_ptr<DnsSd> m_dnsSd; // null where it is not used
};

} // namespace Asyncoro::Tools
