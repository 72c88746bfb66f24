// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncudpsocket.h"

#include <QPointer>
#include <QSocketNotifier>
#include <QUdpSocket>

namespace Asyncoro::Detail {

/**
 * What an AsyncUdpSocket points to: the QUdpSocket, and the coroutines that wait for it. Stays where it is when moved.
 */
class UdpData final : public QObject
{
public:
    explicit UdpData(std::unique_ptr<QUdpSocket> socket);
    ~UdpData() override;

    [[nodiscard]] QUdpSocket *socket() const { return m_socket.get(); }
    [[nodiscard]] bool isOpen() const;
    [[nodiscard]] Location peer() const;
    void close();

    /** Throws the reason that the QUdpSocket has, unless `operation` is done. */
    void checkDone(bool done, const char *operation, const QString &subject) const;
    void checkBound(const char *operation) const;
    /** Joins or leaves. */
    void changeMembership(bool (QUdpSocket::*change)(const QHostAddress &, const QNetworkInterface &),
                          const char *operation, const QHostAddress &group, const QNetworkInterface &interface);
    void setOption(QAbstractSocket::SocketOption option, int value, const char *operation);

    /** Gives false if none has come. */
    bool receive(QNetworkDatagram &datagram, qint64 maxSize);
    /** Gives false if there is no room. */
    bool send(const QNetworkDatagram &datagram, const char *operation);

    Turns receivers;
    Turns senders;

protected:
    bool eventFilter(QObject *watched, QEvent *event) override;

private:
    void watchForDatagrams();
    void onError(QAbstractSocket::SocketError code);
    [[noreturn]] void throwFailure(const char *operation, const Location &peer) const;
    void awaitRoom();

    std::unique_ptr<QUdpSocket> m_socket;
    QPointer<QSocketNotifier> m_readNotifier; // the socket's own
    std::unique_ptr<QSocketNotifier> m_room; // once there was no room to send
    QString m_errorText; // of the last operation on the socket
    QAbstractSocket::SocketError m_errorCode = QAbstractSocket::UnknownSocketError;
    bool m_failed = false; // the last operation did, and not for want of a datagram or of room
    bool m_closed = false; // once: from then on nothing but bind() and connect() opens it
};

} // namespace Asyncoro::Detail
