// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoronetwork_export.h"

#include <QAbstractSocket>
#include <QHostAddress>
#include <QHostInfo>
#include <QList>
#include <QObject>
#include <QTimer>

#include <functional>
#include <memory>

class QTcpSocket;

namespace Asyncoro::Detail {

/** The order in which addresses are tried: that of the resolver, with IPv6 and IPv4 in turns. */
[[nodiscard]] ASYNCORO_NETWORK_EXPORT QList<QHostAddress> interleaved(const QList<QHostAddress> &addresses);

/** Whether connecting to `host` by `socket` means to look its name up and to choose among addresses. */
[[nodiscard]] ASYNCORO_NETWORK_EXPORT bool needsConnector(const QTcpSocket &socket, const QString &host, quint16 port);

/**
 * Connects to a host whose name has several addresses, after RFC 8305 ("happy eyeballs"): an attempt begins when the
 * one before has failed, or has had no answer for a quarter of a second. The first that succeeds wins.
 *
 * Destroying it gives up all attempts, but for the socket that is borrowed: abort that. In the callbacks it can be
 * destroyed.
 */
class ASYNCORO_NETWORK_EXPORT HostConnector final : public QObject
{
public:
    struct Callbacks {
        /** With the socket that is connected now; null if that is the borrowed one. */
        std::function<void(std::unique_ptr<QTcpSocket>)> connected;
        /** With what each address had to say. */
        std::function<void(QAbstractSocket::SocketError, const QString &)> failed;
    };

    /** The first attempt takes `borrowed`, further ones sockets like it. */
    HostConnector(QTcpSocket &borrowed, QString host, quint16 port, Callbacks callbacks);
    ~HostConnector() override;

    /** Looks the name up and connects to what comes. */
    void start();
    /** Connects to one of these. */
    void connectTo(const QList<QHostAddress> &addresses);

private:
    void onLookedUp(const QHostInfo &info);
    void tryNext();
    void onConnected(QTcpSocket *socket);
    void onFailed(QTcpSocket *socket, const QHostAddress &address, QAbstractSocket::SocketError code);
    void fail(QAbstractSocket::SocketError code, const QString &text);
    [[nodiscard]] QTcpSocket *nextSocket();
    [[nodiscard]] std::unique_ptr<QTcpSocket> take(QTcpSocket *socket);

    QTcpSocket &m_borrowed;
    const QString m_host;
    const quint16 m_port;
    Callbacks m_callbacks;
    QList<QHostAddress> m_addresses; // not tried yet
    std::vector<std::unique_ptr<QTcpSocket>> m_sockets; // attempts under way
    QList<QAbstractSocket::SocketError> m_codes; // of those that have failed
    QStringList m_reasons;
    QTimer m_timer;
    int m_lookup = -1;
    int m_underWay = 0;
    bool m_borrowedUsed = false;
};

} // namespace Asyncoro::Detail
