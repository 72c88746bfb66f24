// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "schedulersearch.h"

#include <QHostAddress>

namespace Asyncoro::Discoro {

Discovery::Options schedulerOffer(quint16 port, const QString &address)
{
    Discovery::Options options;
    options.port = port;
    options.thisMachineOnly = QHostAddress(address).isLoopback();
    options.services = {SchedulerService};
    options.search = false; // whoever wants it connects to it
    return options;
}

Discovery::Options schedulerSearch(quint16 port, const QString &address)
{
    Discovery::Options options;
    options.port = port;
    options.thisMachineOnly = QHostAddress(address).isLoopback();
    options.lookFor = SchedulerService;
    options.answer = false;
    options.connect = false;
    return options;
}

Task<Location> findScheduler(Secret secret, quint16 port, QDeadlineTimer deadline)
{
    PeerNetwork network(PeerNetwork::Options{.secret = secret});
    Discovery discovery(network, schedulerSearch(port, {})); // who only connects need not be reached
    co_return (co_await discovery.find(SchedulerService, deadline)).location;
}

} // namespace Asyncoro::Discoro
