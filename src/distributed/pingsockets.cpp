// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "pingsockets_p.h"

#include <QUdpSocket>

#include <algorithm>

namespace Asyncoro::Detail {

namespace {

const QHostAddress LoopbackBroadcast(QStringLiteral("127.255.255.255"));

bool isLoopback(const QNetworkInterface &interface)
{
    return interface.flags() & QNetworkInterface::IsLoopBack;
}

bool isIPv6(const QHostAddress &address)
{
    return address.protocol() == QAbstractSocket::IPv6Protocol;
}

} // namespace

QHostAddress plainAddress(const QHostAddress &address)
{
    bool isIPv4 = false;
    const quint32 number = address.toIPv4Address(&isIPv4);
    return isIPv4 ? QHostAddress(number) : address;
}

PingSockets::PingSockets(const Discovery::Options &options, bool loopbackOnly)
    : m_options(options)
    , m_group4(options.group4)
    , m_group6(options.group6)
    , m_loopbackOnly(loopbackOnly)
{
    if (!m_group4.isMulticast() || isIPv6(m_group4) || !m_group6.isMulticast() || !isIPv6(m_group6))
        throw Error(
            QStringLiteral("\"%1\" and \"%2\" are no groups of IPv4 and IPv6").arg(options.group4, options.group6));
    if (options.port == 0)
        throw Error(QStringLiteral("discovery needs a port that all processes have"));
}

std::exception_ptr PingSockets::bind(AsyncUdpSocket &socket, const QHostAddress &any)
{
    try {
        socket.bind(any, m_options.port, QAbstractSocket::ShareAddress | QAbstractSocket::ReuseAddressHint);
        socket.setMulticastLoopback(true); // for other processes of this machine
    } catch (const SocketError &e) {
        m_bindProblems.append(e.message());
        return std::current_exception();
    }
    return nullptr;
}

void PingSockets::open()
{
    const std::exception_ptr failure = bind(m_socket4, QHostAddress(QHostAddress::AnyIPv4));
    bind(m_socket6, QHostAddress(QHostAddress::AnyIPv6));
    if (sockets().isEmpty())
        std::rethrow_exception(failure);
}

void PingSockets::close()
{
    m_socket4.close();
    m_socket6.close();
}

QList<AsyncUdpSocket *> PingSockets::sockets()
{
    QList<AsyncUdpSocket *> all{&m_socket4, &m_socket6};
    all.removeIf([](const AsyncUdpSocket *socket) { return !socket->location().isValid(); });
    return all;
}

bool PingSockets::isChosen(const QNetworkInterface &interface) const
{
    const auto flags = interface.flags();
    const bool isUp = (flags & QNetworkInterface::IsUp) && (flags & QNetworkInterface::IsRunning);
    return isUp && (!m_loopbackOnly || isLoopback(interface))
        && (m_options.interfaces.isEmpty() || m_options.interfaces.contains(interface.name()));
}

bool PingSockets::refresh()
{
    QList<QNetworkInterface> interfaces = QNetworkInterface::allInterfaces();
    QSet<uint> existing; // one that is down for a while stays in its groups
    for (const QNetworkInterface &interface : std::as_const(interfaces))
        existing.insert(uint(interface.index()));
    m_joined.removeIf([&](const std::pair<uint, bool> &joined) { return !existing.contains(joined.first); });
    interfaces.removeIf([this](const QNetworkInterface &interface) { return !isChosen(interface); });
    std::ranges::stable_partition(interfaces,
                                  [](const QNetworkInterface &interface) { return !isLoopback(interface); });

    const QList<PingTarget> before = std::exchange(m_targets, {});
    m_problems = m_bindProblems;
    m_names.clear();
    m_used.clear();
    for (const QNetworkInterface &interface : std::as_const(interfaces))
        use(interface);
    return m_targets != before;
}

void PingSockets::use(const QNetworkInterface &interface)
{
    const auto index = uint(interface.index());
    m_used.insert(index);
    QHostAddress first4;
    QHostAddress first6;
    QStringList addresses;
    for (const QNetworkAddressEntry &entry : interface.addressEntries()) {
        const QHostAddress address = entry.ip();
        addresses.append(address.toString());
        if (isIPv6(address)) {
            if (first6.isNull() || (first6.isLinkLocal() && !address.isLinkLocal()))
                first6 = address;
            continue;
        }
        if (first4.isNull())
            first4 = address;
        const QHostAddress broadcast = isLoopback(interface) ? LoopbackBroadcast : entry.broadcast();
        if (!broadcast.isNull() && m_socket4.location().isValid())
            m_targets.append({broadcast, address, index});
    }
    m_names.append(QStringLiteral("%1 (%2)").arg(interface.name(), addresses.join(QStringLiteral(", "))));

    const bool multicast = isLoopback(interface) || (interface.flags() & QNetworkInterface::CanMulticast);
    if (!first4.isNull() && multicast && m_socket4.location().isValid()) {
        join(m_socket4, m_group4, interface);
        m_targets.append({m_group4, first4, index});
    }
    if (!first6.isNull() && m_socket6.location().isValid()) {
        if (isLoopback(interface)) { // where Linux knows no way to groups of IPv6
            m_targets.append({QHostAddress(QHostAddress::LocalHostIPv6), {}, 0});
        } else if (multicast) {
            join(m_socket6, m_group6, interface);
            m_targets.append({m_group6, first6, index});
        }
    }
}

void PingSockets::join(AsyncUdpSocket &socket, const QHostAddress &group, const QNetworkInterface &interface)
{
    const std::pair<uint, bool> membership(uint(interface.index()), isIPv6(group));
    if (m_joined.contains(membership))
        return;
    try {
        socket.joinMulticastGroup(group, interface);
        m_joined.insert(membership);
    } catch (const SocketError &e) {
        m_problems.append(e.message());
    }
}

Task<> PingSockets::send(QByteArray bytes, PingTarget target, quint16 port)
{
    AsyncUdpSocket &socket = isIPv6(target.address) ? m_socket6 : m_socket4;
    QNetworkDatagram datagram(bytes, target.address, port);
    datagram.setInterfaceIndex(target.interface);
    if (!target.from.isNull())
        datagram.setSender(target.from, m_options.port);
    co_await socket.send(datagram);
}

Task<> PingSockets::sendToThisMachine(QByteArray bytes)
{
    if (m_socket4.location().isValid())
        co_await m_socket4.sendTo(bytes, LoopbackBroadcast, m_options.port);
}

bool PingSockets::accepts(const QNetworkDatagram &datagram) const
{
    if (m_loopbackOnly && !plainAddress(datagram.senderAddress()).isLoopback())
        return false;
    // Loopback is how others of this machine reach this process, whatever it searches itself.
    return datagram.interfaceIndex() == 0 || m_used.contains(datagram.interfaceIndex())
        || plainAddress(datagram.senderAddress()).isLoopback();
}

} // namespace Asyncoro::Detail
