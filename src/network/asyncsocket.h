// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/tlsawaiter.h"
#include "socketerror.h"
#include "tlssession.h"

#include <Asyncoro/AsyncStream>
#include <Asyncoro/Location>

class QTcpSocket;

namespace Asyncoro {

namespace Detail {

class AcceptAwaiter;
class ServedConnection;
class SocketData;

class ASYNCORO_NETWORK_EXPORT ConnectAwaiter final : public ExternalWait
{
public:
    ConnectAwaiter(SocketData *data, const QString &host, quint16 port, const QDeadlineTimer &deadline);
    void await_resume() const { throwUnlessDone(); }

protected:
    bool start() override;
    void abandon() noexcept override;

private:
    SocketData *const m_data; // not owning; valid while this waits
    const QString m_host;
    const quint16 m_port;
};

} // namespace Detail

/**
 * A TCP connection for coroutines: a stream of bytes, or of messages, see AsyncStream for what it can do.
 *
 * It owns the QTcpSocket that it wraps, see socket(), and can be moved but not copied. It belongs to the thread that
 * made it, like a QTcpSocket; only coroutines of that thread use it. Its destructor closes it, see close().
 *
 * What fails throws SocketError. The peer's end of the stream is none: recv() then gives nothing, and one can go on to
 * send to a peer that has ended only its own side; with a QSslSocket or a proxy it ends both. Bytes that nobody
 * receives stay in the operating system, so that they slow their sender.
 */
class ASYNCORO_NETWORK_EXPORT AsyncSocket : public AsyncStream
{
public:
    /** Not connected yet. */
    AsyncSocket();
    /** Takes over `socket`, connected or not, but not in between. It must be of this thread, and loses its parent. */
    explicit AsyncSocket(QTcpSocket *socket);
    ~AsyncSocket();
    AsyncSocket(AsyncSocket &&other) noexcept;
    AsyncSocket &operator=(AsyncSocket &&other) noexcept;

    /**
     * Takes over the descriptor of a connected socket. Throws SocketError if it is none; then it remains the caller's.
     */
    [[nodiscard]] static AsyncSocket adopt(qintptr descriptor);

    /**
     * Gives the wrapped socket away, connected as it is; empty as socket() is. Who waits is woken with SocketError,
     * as is who uses this object after that. What was read ahead can be read from the socket again, with no readyRead()
     * for it. Throws SocketError while it connects, and if it is closed but not all that came has been received.
     */
    [[nodiscard]] std::unique_ptr<QTcpSocket> release();
    /**
     * The same of the descriptor alone, which does not block, for another process or library; -1 if there is no
     * connection. Throws SocketError as well, and nothing has happened then, while somebody waits to receive, if bytes
     * were read ahead or are unsent, see flush(), and where the descriptor does not carry the stream itself: with TLS,
     * a QSslSocket or a proxy.
     */
    [[nodiscard]] qintptr releaseDescriptor();

    /**
     * Connects to a host by name or address. Of the addresses of a name all are tried, IPv6 and IPv4 in turns, the next
     * one when one fails or has not answered in a quarter of a second (RFC 8305); afterwards socket() may be another
     * one, with the same proxy. A proxy is given the name as it is.
     *
     * Always suspends, unless it fails at once. Throws SocketError as well if the socket is connected or connecting.
     * When the deadline passes or the coroutine is terminated, the attempt is given up; the socket can connect again.
     * One that was closed can, too; and one that has received the end of the peer's stream, which is closed first.
     */
    [[nodiscard]] Detail::ConnectAwaiter connect(const QString &host, quint16 port, Deadline deadline = {});
    [[nodiscard]] Detail::ConnectAwaiter connect(const Location &location, Deadline deadline = {})
    {
        return connect(location.address(), location.port(), deadline);
    }

    /**
     * Makes the connection secure by TLS, as its client; what was said before is not, see STARTTLS of mail. The server
     * has to show a certificate for `serverName`; if that is empty, for what was given to connect().
     *
     * Completes when both sides have agreed, never without suspending, unless it fails at once. Nobody may wait in the
     * socket, and nobody can send until it is complete. Throws TlsError, which says why it came to nothing, SocketError
     * if the connection is lost, closed or secure already, and TimedOut. The connection is closed then, as it is if the
     * coroutine is terminated meanwhile.
     *
     * From then on all operations are secure. closeWriting() and close() tell the peer by TLS; a stream that ends
     * without such a mark may be cut off: who receives is thrown a TlsError for the reason Truncated.
     */
    [[nodiscard]] Detail::TlsAwaiter startTls(const TlsConfiguration &configuration = {},
                                              const QString &serverName = {}, Deadline deadline = {});
    /** The same as the server, which needs a certificate. A deadline rids it of clients that never say a word. */
    [[nodiscard]] Detail::TlsAwaiter startServerTls(const TlsConfiguration &configuration, Deadline deadline = {});
    /** connect() and startTls(), with one deadline for both. */
    [[nodiscard]] Task<> connectTls(const QString &host, quint16 port, const TlsConfiguration &configuration = {},
                                    Deadline deadline = {});
    /** What both sides have agreed on; not valid while the connection is plain. */
    [[nodiscard]] TlsSession tlsSession() const;

    /**
     * Whether it is connected as far as is known: a peer that is gone shows when one receives or sends. False once the
     * end of the stream has been received, even if one can still send.
     */
    [[nodiscard]] bool isConnected() const;
    /** The other end; after a connection that was lost, still that one. Invalid if it was never connected. */
    [[nodiscard]] Location peerLocation() const;
    /** This end; invalid unless connected. */
    [[nodiscard]] Location localLocation() const;
    /** For options of the system, and what it tells. It remains this object's. -1 if there is no connection. */
    [[nodiscard]] qintptr socketDescriptor() const;

    /**
     * What is wrapped, for its options, proxy and state; nullptr once closed. For a connection that was accepted or
     * adopted it is made when this is called, or when it has to wait with sending: if that is lost before, there is
     * none either. It still belongs to this object. Do not read, write or close it, nor close this object inside one of
     * its signals: take release() for that. Its readyRead() tells nothing, its bytesWritten() only of what had to wait,
     * and its disconnected() not of the end of the peer's stream.
     * On the thread of this object: throws Error elsewhere.
     */
    [[nodiscard]] QTcpSocket *socket() const;

private:
    friend class Detail::AcceptAwaiter;
    friend class Detail::ServedConnection;

    explicit AsyncSocket(std::unique_ptr<Detail::SocketData> data);
    [[nodiscard]] Detail::SocketData *socketData() const;
};

} // namespace Asyncoro
