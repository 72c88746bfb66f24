// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "schedulerdiscovery.h"

#include "commonoptions.h"

#include <Asyncoro/SchedulerSearch>
#include <Asyncoro/SocketError>
#ifdef WITH_DNSSD
#include <Asyncoro/DnsSd>
#include <Asyncoro/Timeout>
#include <Asyncoro/WhenAny>
#endif

#include <QHostAddress>

namespace Asyncoro::Tools {

using Discoro::SchedulerService;

namespace {

#ifdef WITH_DNSSD
/** A network that anybody may be part of takes nobody by DNS-SD; one within this machine needs nobody else. */
bool takesDnsSd(const PeerNetwork &network, const QString &address)
{
    return network.authenticatesPeers() && !QHostAddress(address).isLoopback();
}
#endif

} // namespace

SchedulerOffer::SchedulerOffer(PeerNetwork &network, quint16 discoveryPort)
{
    const QString address = network.location().address();
    try {
        m_discovery.emplace(network, Discoro::schedulerOffer(discoveryPort, address));
    } catch (const SocketError &e) {
        printError(QStringLiteral("others cannot find this scheduler by themselves: ") + e.message());
    }
#ifdef WITH_DNSSD
    if (takesDnsSd(network, address))
        m_dnsSd = std::make_shared<DnsSd>(network, DnsSd::Options{.services = {SchedulerService}, .search = false});
#endif
}

SchedulerFinder::SchedulerFinder(PeerNetwork &network, quint16 discoveryPort, const QString &address)
    : m_discovery(network, Discoro::schedulerSearch(discoveryPort, address))
{
#ifdef WITH_DNSSD
    if (takesDnsSd(network, address))
        m_dnsSd = std::make_shared<DnsSd>(network, DnsSd::Options{.announce = false, .lookFor = SchedulerService});
#endif
}

Task<Location> SchedulerFinder::find(QDeadlineTimer deadline)
{
#ifdef WITH_DNSSD
    if (m_dnsSd) {
        std::vector<Task<DiscoveredPeer>> ways;
        ways.push_back(m_discovery.find(SchedulerService, QDeadlineTimer::Forever));
        ways.push_back(m_dnsSd->find(SchedulerService, QDeadlineTimer::Forever));
        try {
            co_return (co_await withTimeout(deadline, whenAny(std::move(ways)))).value.location;
        } catch (const TimedOut &) {
            throw TimedOut(m_discovery.report() + u'\n' + m_dnsSd->report());
        }
    }
#endif
    co_return (co_await m_discovery.find(SchedulerService, deadline)).location;
}

} // namespace Asyncoro::Tools
