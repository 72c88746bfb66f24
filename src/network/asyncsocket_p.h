// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncsocket.h"

#include <QHostAddress>
#include <QTcpSocket>

namespace Asyncoro::Detail {

/** How much QTcpSocket reads ahead. */
constexpr qint64 ReadBufferSize = 256 * 1024;

Location locationOf(const QHostAddress &address, quint16 port);

/** What an AsyncSocket points to: the QTcpSocket, and the coroutines that wait for it. Stays where it is when moved. */
class SocketData final : public QObject
{
public:
    explicit SocketData(std::unique_ptr<QTcpSocket> socket);
    ~SocketData() override;

    enum class State : quint8 {
        Unconnected, ///< not yet, not any more, or failed: m_errorText says which
        Connecting,
        Connected,
        Ended, ///< by the peer, in order
    };

    [[nodiscard]] State state() const { return m_state; }
    [[nodiscard]] QTcpSocket *socket() const { return m_socket.get(); }
    [[nodiscard]] Location peer() const;
    [[nodiscard]] qint64 sendLimit() const { return m_sendLimit; }
    void setSendLimit(qint64 limit);
    void close(bool sendFirst);

    /** The SocketError that `operation` fails with in the present state. */
    [[nodiscard]] std::exception_ptr failure(const char *operation) const;

protected:
    bool eventFilter(QObject *watched, QEvent *event) override;

private:
    friend class ConnectAwaiter;
    friend class ReadAwaiter;
    friend class WriteAwaiter;

    void watch();
    void startConnecting(const QString &host, quint16 port);
    void setConnected();
    void setUnconnected(State state, QAbstractSocket::SocketError code, const QString &text);
    void onConnected();
    void onError(QAbstractSocket::SocketError code);
    void onDisconnected();

    void settleReaders();
    void settleWriters();

    [[nodiscard]] qint64 available() const { return m_front.size() + (m_socket ? m_socket->bytesAvailable() : 0); }
    void take(char *to, qint64 size);
    void putBack(const QByteArray &bytes);
    void write(const QByteArray &header, const QByteArray &bytes);
    [[nodiscard]] qint64 writeDirectly(const QByteArray &header, const QByteArray &bytes) const;

    std::unique_ptr<QTcpSocket> m_socket; // null once closed
    IntrusiveList<SocketSuspension> m_readers; // the first one may have taken a part of what it wants
    IntrusiveList<SocketSuspension> m_writers;
    ConnectAwaiter *m_connecting = nullptr; // not owning: it waits
    QByteArray m_front; // comes before what the socket has: a receiver gave it back, or the socket dropped it
    QString m_errorText; // why it is not connected
    QString m_brokenBy; // why the stream of messages cannot be read; empty if it can
    Location m_peer; // known once the connection is gone, or being made; before that, ask the socket
    qint64 m_sendLimit = 1024 * 1024;
    qintptr m_descriptor = -1; // while connected, if data can go out past QTcpSocket
    QAbstractSocket::SocketError m_errorCode = QAbstractSocket::OperationError;
    State m_state = State::Unconnected;
    bool m_settlingWriters = false;
    bool m_watchingWrites = false;
};

} // namespace Asyncoro::Detail
