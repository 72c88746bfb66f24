// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncsocket.h"
#include "hostconnector_p.h"

#include <QHostAddress>
#include <QTcpSocket>

class QSocketNotifier;

namespace Asyncoro::Detail {

/** How much QTcpSocket reads ahead, where it does. */
constexpr qint64 ReadBufferSize = 256 * 1024;

Location locationOf(const QHostAddress &address, quint16 port);

class BareSocket;
struct ConnectedDescriptor;
class SocketTls;

/**
 * The bytes of a QTcpSocket.
 *
 * Where it can, it moves them past QTcpSocket, to and from the descriptor. QTcpSocket asks how much there is, and reads
 * that into memory that each connection keeps; and it collects what is to be written, asks the dispatcher to be told
 * when it can be, and then to be told no more. QTcpSocket knows the state of the connection, and writes what the
 * system has no room for. One that was accepted or adopted gets it when it is first needed, for that or by socket().
 */
class SocketData final : public StreamData
{
public:
    explicit SocketData(std::unique_ptr<QTcpSocket> socket);
    /** Takes over what acceptConnection() or connectionOf() gave, with its peer. */
    explicit SocketData(ConnectedDescriptor connection);
    ~SocketData() override;

    enum class State : quint8 {
        Unconnected, ///< not yet, not any more, or failed: m_errorText says which
        Connecting,
        Connected, ///< perhaps with the peer's stream ended
        Ended, ///< by the peer, in order, and closed by QTcpSocket
    };

    [[nodiscard]] State state() const { return m_state; }
    [[nodiscard]] bool isReadEnded() const;
    [[nodiscard]] QTcpSocket *socket();
    [[nodiscard]] Location peer() const;
    [[nodiscard]] QHostAddress peerAddress() const;
    [[nodiscard]] quint16 peerPort() const;
    [[nodiscard]] Location local() const;
    [[nodiscard]] qintptr descriptor() const;
    void close(bool sendFirst) override;
    std::unique_ptr<QTcpSocket> release();
    [[nodiscard]] qintptr releaseDescriptor();
    [[nodiscard]] TlsSession tlsSession() const;

protected:
    bool eventFilter(QObject *watched, QEvent *event) override;

    qint64 readSome(char *to, qint64 maxSize) override;
    void expectBytes() override;
    void awaitReadable() override;
    void writeAll(QByteArrayView header, const QByteArray &bytes) override;
    [[nodiscard]] qint64 unsentBytes() const override;
    void awaitWritable() override;
    [[nodiscard]] std::exception_ptr endWriting(const char *operation) override;
    [[nodiscard]] bool isWritable() const override;
    [[nodiscard]] std::exception_ptr failure(const char *operation) const override;
    [[nodiscard]] std::exception_ptr writeFailure(const char *operation) const override;
    [[nodiscard]] QString subject() const override;

private:
    friend class BareSocket;
    friend class ConnectAwaiter;
    friend class SocketTls;
    friend class TlsAwaiter;

    bool ensureSocket();
    void onReadActivated();
    void setSocket(std::unique_ptr<QTcpSocket> socket);
    std::unique_ptr<QTcpSocket> takeSocket();
    void startConnecting(const QString &host, quint16 port);
    void setConnected();
    void setDirect();
    void setUnconnected(State state, QAbstractSocket::SocketError code, const QString &text);
    void connectByName(const QString &host, quint16 port);
    void onConnected();
    void onReadable();
    void startTls(TlsAwaiter::Role role, const TlsConfiguration &configuration, const QString &serverName,
                  const char *operation);
    void continueHandshake();
    [[nodiscard]] std::exception_ptr concludeHandshake(const char *operation);
    void giveUpTls(bool sendFirst);
    [[nodiscard]] std::unique_ptr<QTcpSocket> shut(bool sendFirst);
    void disposeOfLost();
    void onError(QAbstractSocket::SocketError code);
    void onDisconnected();
    void rescueBytes();
    void fail(int error);
    void keep(const QByteArray &bytes);
    [[nodiscard]] qint64 readRaw(char *to, qint64 maxSize);
    void writeRaw(QByteArrayView header, const QByteArray &bytes);
    void watchWriteNotifier();

    std::unique_ptr<QTcpSocket> m_socket; // null once closed or lost, and while there is only m_bare
    std::unique_ptr<QTcpSocket> m_lost; // with its connection, that could not be made secure; not disposed of yet
    std::unique_ptr<BareSocket> m_bare; // what was accepted or adopted, until it gets a QTcpSocket
    QSocketNotifier *m_notifier = nullptr; // not owning: for bytes to read; null unless we read directly
    ConnectAwaiter *m_connecting = nullptr; // not owning: it waits
    std::unique_ptr<HostConnector> m_connector; // while it connects to one of several addresses
    std::unique_ptr<SocketTls> m_tls; // null for a plain connection
    QString m_hostName; // that it was connected to
    QString m_errorText; // why it is not connected
    Location m_peer; // known once the connection is gone, or being made; before that, ask the socket
    int m_descriptor = -1; // while bytes can go past QTcpSocket
    QAbstractSocket::SocketError m_errorCode = QAbstractSocket::OperationError;
    State m_state = State::Unconnected;
    quint8 m_readsLeft = 0; // without asking the event loop in between: others want to go on, too
    bool m_closed = false; // by close() or release()
    bool m_mayHaveBytes = false; // the system
    bool m_hasBuffered = false; // QTcpSocket has bytes
    bool m_readEnded = false; // by the peer, in order
    bool m_watchingReads = false;
    bool m_watchingWrites = false;
    bool m_watchingConnect = false;
    bool m_watchingNotifier = false;
};

} // namespace Asyncoro::Detail
