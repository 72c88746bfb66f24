// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "dnssd.h"

#include "dnssdcore_p.h"

namespace Asyncoro {

DnsSd::DnsSd(PeerNetwork &network, const Options &options)
    : d(std::make_shared<Detail::DnsSdCore>(network, options))
{
    d->open();
}

DnsSd::DnsSd(PeerNetwork &network)
    : DnsSd(network, Options())
{
}

DnsSd::~DnsSd()
{
    d->close();
}

Task<DiscoveredPeer> DnsSd::find(QString service, QDeadlineTimer deadline)
{
    return Detail::DnsSdCore::find(d, std::move(service), deadline);
}

QList<DiscoveredPeer> DnsSd::found() const
{
    return d->found();
}

QString DnsSd::report() const
{
    return d->report();
}

} // namespace Asyncoro
