// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "discovery.h"

#include "discoverycore_p.h"

namespace Asyncoro {

namespace {

std::shared_ptr<Detail::DiscoveryCore> checked(const std::weak_ptr<Detail::DiscoveryCore> &core)
{
    const auto discovery = core.lock();
    if (!discovery || discovery->isClosed())
        throw Error(QStringLiteral("this process has no discovery any more"));
    return discovery;
}

} // namespace

std::optional<quint16> Discovery::portFromEnvironment()
{
    const QString text = qEnvironmentVariable("ASYNCORO_DISCOVERY");
    if (text.isEmpty())
        return DefaultPort;
    if (text == u"off")
        return {};
    bool ok = false;
    const quint16 port = text.toUShort(&ok);
    if (!ok || port == 0)
        throw Error(QStringLiteral("ASYNCORO_DISCOVERY is \"%1\", neither a UDP port nor off").arg(text));
    return port;
}

Discovery::Discovery(PeerNetwork &network, const Options &options)
    : d(std::make_shared<Detail::DiscoveryCore>(network.m_core, options))
{
    d->open();
    const std::weak_ptr<Detail::DiscoveryCore> core = d;
    network.offer(QStringLiteral("asyncoro.discovery.relay"),
                  [core](Peer asker, QString address, quint16 port) -> Task<QStringList> {
                      co_return co_await checked(core)->relay(std::move(asker), std::move(address), port);
                  });
    network.offer(QStringLiteral("asyncoro.discovery.meet"), [core](QString address, quint16 port) -> Task<> {
        co_await checked(core)->meet(std::move(address), port);
    });
}

Discovery::Discovery(PeerNetwork &network)
    : Discovery(network, Options())
{
}

Discovery::~Discovery()
{
    d->close();
}

void Discovery::discover()
{
    d->discover();
}

void Discovery::setAnswering(bool answering)
{
    d->setAnswering(answering);
}

bool Discovery::isAnswering() const
{
    return d->isAnswering();
}

void Discovery::addPeer(const QString &host)
{
    d->addPeer(host);
}

void Discovery::removePeer(const QString &host)
{
    d->removePeer(host);
}

Task<DiscoveredPeer> Discovery::find(QString service, QDeadlineTimer deadline)
{
    return Detail::DiscoveryCore::find(d, std::move(service), deadline);
}

Task<QList<Location>> Discovery::announceThrough(Location relay)
{
    return Detail::DiscoveryCore::announceThrough(d, std::move(relay));
}

QList<DiscoveredPeer> Discovery::found() const
{
    return d->found();
}

QString Discovery::report() const
{
    return d->report();
}

} // namespace Asyncoro
