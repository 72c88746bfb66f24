// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "../../src/distributed/discoverylimits_p.h"
#include "../../src/distributed/wire/handshake_p.h"
#include "../../src/distributed/wire/ping_p.h"
#include "distributedtest.h"

#include <Asyncoro/AsyncUdpSocket>
#include <Asyncoro/Discovery>

#include <QCoreApplication>
#include <QNetworkInterface>
#include <QUdpSocket>

namespace DistributedTest {

using Detail::Ping;

/** A place of its own in the loopback network: no other process of this machine meets these there. */
struct Site
{
    Site()
    {
        QUdpSocket any;
        any.bind(QHostAddress::AnyIPv4, 0, QAbstractSocket::DontShareAddress);
        port = any.localPort();
        const auto pid = quint32(QCoreApplication::applicationPid());
        group4 = QHostAddress(0xefff0000u | ((pid ^ port) & 0xffffu)).toString();
    }

    [[nodiscard]] Discovery::Options options() const
    {
        Discovery::Options options;
        options.port = port;
        options.group4 = group4;
        for (const QNetworkInterface &interface : QNetworkInterface::allInterfaces()) {
            if (interface.flags() & QNetworkInterface::IsLoopBack)
                options.interfaces.append(interface.name());
        }
        return options;
    }

    quint16 port = 0;
    QString group4;
};

/** A process that takes part: its network and its discovery. */
struct Participant
{
    explicit Participant(const Discovery::Options &options,
                         const PeerNetwork::Options &networkOptions = {.secret = Secret("s3cret")})
        : network(networkOptions)
        , discovery(network, options)
    {
    }

    [[nodiscard]] QStringList peers() const
    {
        QStringList locations;
        for (const Peer &peer : network.peers())
            locations.append(peer.location().toString());
        locations.sort();
        return locations;
    }
    [[nodiscard]] QString location() const { return network.location().toString(); }

    PeerNetwork network;
    Discovery discovery;
};

/** Somebody who makes his own datagrams, with the secret or without. */
class RawPinger
{
public:
    explicit RawPinger(const Site &site, const QHostAddress &address = QHostAddress(QHostAddress::LocalHost))
        : m_port(site.port)
    {
        m_socket.bind(address);
    }

    [[nodiscard]] static Ping question()
    {
        Ping ping;
        ping.incarnation = Detail::randomBytes(Ping::IncarnationSize);
        ping.nonce = Detail::randomBytes(Ping::NonceSize);
        ping.port = 9;
        ping.name = QStringLiteral("raw");
        return ping;
    }

    /** To one socket at the site's port; to all with `to` a broadcast. */
    void send(const QByteArray &bytes, const QString &to = QStringLiteral("127.0.0.1"))
    {
        m_socket.socket()->writeDatagram(bytes, QHostAddress(to), m_port);
    }
    void sendToAll(const QByteArray &bytes) { send(bytes, QStringLiteral("127.255.255.255")); }

    /** The next answer. */
    [[nodiscard]] Ping receive(std::chrono::milliseconds limit = 20s)
    {
        const QByteArray bytes = waitFor(receiveOne(&m_socket, limit));
        const auto reading = Detail::readPing(bytes, "s3cret");
        return reading.ping ? *reading.ping : Ping();
    }

    /** Asks anew, and sees that nothing came but the answer to that: so whatever was sent before was not answered. */
    [[nodiscard]] bool isAnsweredNextOnly()
    {
        const Ping ping = question();
        sendToAll(ping.toBytes("s3cret"));
        return receive().nonce == ping.nonce;
    }

private:
    static Task<QByteArray> receiveOne(AsyncUdpSocket *socket, std::chrono::milliseconds limit)
    {
        co_return (co_await socket->recv(limit)).data();
    }

    const quint16 m_port;
    AsyncUdpSocket m_socket;
};

} // namespace DistributedTest
