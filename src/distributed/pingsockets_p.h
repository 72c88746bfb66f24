// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "discovery.h"

#include <Asyncoro/AsyncUdpSocket>

#include <QNetworkInterface>
#include <QSet>

#include <exception>

namespace Asyncoro::Detail {

/** Where pings go to: one address of one interface. */
struct PingTarget
{
    QHostAddress address; // a broadcast, a group or a host
    QHostAddress from; // an own address; null where the system chooses
    uint interface = 0; // its index; 0 where the system chooses

    friend bool operator==(const PingTarget &, const PingTarget &) = default;
};

/**
 * The sockets of Discovery, which all processes of a machine have at the same port: one for IPv4, one for IPv6; in the
 * groups of the interfaces that are chosen and up.
 */
class PingSockets
{
public:
    /** `loopbackOnly`: whatever the options say. */
    PingSockets(const Discovery::Options &options, bool loopbackOnly);

    /** Throws SocketError if there is neither IPv4 nor IPv6. */
    void open();
    void close();

    /** Looks which interfaces there are now, and joins their groups. Returns whether something has changed. */
    bool refresh();
    /** Each interface that is used, with its addresses: "eth0 (192.0.2.2)". */
    [[nodiscard]] const QStringList &interfaces() const { return m_names; }
    /** The broadcasts and groups of all of them; those of loopback last, for there the address says less. */
    [[nodiscard]] const QList<PingTarget> &targets() const { return m_targets; }
    /** What did not work, such as joining a group; texts for the report. */
    [[nodiscard]] const QStringList &problems() const { return m_problems; }

    /** Throws SocketError. */
    Task<> send(QByteArray bytes, PingTarget target, quint16 port);
    /** To all sockets at this port of this machine. */
    Task<> sendToThisMachine(QByteArray bytes);

    /** Those that could be bound. */
    [[nodiscard]] QList<AsyncUdpSocket *> sockets();
    /** Whether it came by an interface that is used. */
    [[nodiscard]] bool accepts(const QNetworkDatagram &datagram) const;
    [[nodiscard]] bool isLoopbackOnly() const { return m_loopbackOnly; }
    [[nodiscard]] quint16 port() const { return m_options.port; }

private:
    /** Gives why it could not; null if it could. */
    std::exception_ptr bind(AsyncUdpSocket &socket, const QHostAddress &any);
    void use(const QNetworkInterface &interface);
    void join(AsyncUdpSocket &socket, const QHostAddress &group, const QNetworkInterface &interface);
    [[nodiscard]] bool isChosen(const QNetworkInterface &interface) const;

    const Discovery::Options m_options;
    const QHostAddress m_group4;
    const QHostAddress m_group6;
    const bool m_loopbackOnly;
    AsyncUdpSocket m_socket4;
    AsyncUdpSocket m_socket6;
    QStringList m_names;
    QList<PingTarget> m_targets;
    QStringList m_bindProblems;
    QStringList m_problems;
    QSet<uint> m_used; // indices of interfaces
    QSet<std::pair<uint, bool>> m_joined; // index, whether IPv6
};

/** An IPv4 address as such, be it inside an IPv6 one. */
[[nodiscard]] QHostAddress plainAddress(const QHostAddress &address);

} // namespace Asyncoro::Detail
