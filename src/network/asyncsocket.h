// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "socketerror.h"

#include <Asyncoro/Location>
#include <Asyncoro/Task>

#include <QByteArray>

#include <exception>
#include <memory>

class QTcpSocket;

namespace Asyncoro {

namespace Detail {

class SocketData;

/** A wait for a socket. Once complete it holds what it waited for, or why it failed: the socket may be gone then. */
class ASYNCORO_NETWORK_EXPORT SocketSuspension : public Suspension, public ListLink
{
protected:
    friend class SocketData;

    SocketSuspension(SocketData *data, const char *operation, const QDeadlineTimer &deadline)
        : Suspension(deadline)
        , m_data(data)
        , m_operation(operation)
    {
    }
    ~SocketSuspension() override;

    QString operation() const override { return QLatin1StringView(m_operation); }
    void throwUnlessDone() const;

    SocketData *const m_data; // not owning; valid while this waits
    const char *const m_operation; // its name, for errors
    std::exception_ptr m_failure;
};

class ASYNCORO_NETWORK_EXPORT ConnectAwaiter final : public SocketSuspension
{
public:
    ConnectAwaiter(SocketData *data, const QString &host, quint16 port, const QDeadlineTimer &deadline);
    void await_resume() const { throwUnlessDone(); }

protected:
    bool start() override;
    void abandon() noexcept override;

private:
    friend class SocketData;
    const QString m_host;
    const quint16 m_port;
};

class ASYNCORO_NETWORK_EXPORT ReadAwaiter final : public SocketSuspension
{
public:
    enum class Kind : quint8 { Some, All, Message };

    ReadAwaiter(SocketData *data, Kind kind, qint64 size, const QDeadlineTimer &deadline);
    QByteArray await_resume()
    {
        throwUnlessDone();
        return std::move(m_bytes);
    }

protected:
    bool start() override;
    void abandon() noexcept override;

private:
    friend class SocketData;
    bool read();
    bool readHeader();
    bool readRest();
    [[nodiscard]] QByteArray taken() const;

    const Kind m_kind;
    bool m_haveHeader = false;
    qint64 m_size; // how many bytes at most, exactly, or in the longest message; then in this message
    QByteArray m_bytes;
};

class ASYNCORO_NETWORK_EXPORT WriteAwaiter : public SocketSuspension
{
public:
    enum class Kind : quint8 { Some, All, Message, Flush };

    WriteAwaiter(SocketData *data, Kind kind, const QByteArray &bytes, const QDeadlineTimer &deadline);
    void await_resume() const { throwUnlessDone(); }

protected:
    bool start() override;
    void abandon() noexcept override;

    qint64 m_sent = 0;

private:
    friend class SocketData;
    bool write();

    const Kind m_kind;
    QByteArray m_bytes;
};

class ASYNCORO_NETWORK_EXPORT SendAwaiter final : public WriteAwaiter
{
public:
    using WriteAwaiter::WriteAwaiter;
    [[nodiscard]] qint64 await_resume() const
    {
        throwUnlessDone();
        return m_sent;
    }
};

} // namespace Detail

/**
 * A TCP connection for coroutines: a stream of bytes, or of messages.
 *
 * It owns the QTcpSocket that it wraps, and can be moved but not copied. It belongs to the thread that made it, like a
 * QTcpSocket; only coroutines of that thread use it. Its destructor closes it, see close().
 *
 * For each operation:
 * - It resumes on the same thread, in the scheduler's next round, never inside a signal of the socket. A deadline,
 *   where one passes, makes it throw TimedOut; terminating the coroutine makes it throw Cancelled.
 * - One coroutine may receive while another one sends. Several may receive, or send, at the same time: each is served
 *   in the order of the calls, and has its bytes in one piece.
 * - Data is held by the operation: no buffer of the caller's has to live on. The AsyncSocket may be moved while a
 *   coroutine waits in it; if it is destroyed, they are woken as by close().
 * - It throws SocketError when the connection fails, is closed, or was never made; later operations then throw the same
 *   at once. What had arrived before can still be received first.
 */
class ASYNCORO_NETWORK_EXPORT AsyncSocket
{
public:
    /** The longest message that recvMessage() accepts unless told otherwise. */
    static constexpr qint64 DefaultMaxMessageSize = 16 * 1024 * 1024;

    /** Not connected yet. */
    AsyncSocket();
    /** Takes over `socket`, connected or not, but not in between. It must be of this thread, and loses its parent. */
    explicit AsyncSocket(QTcpSocket *socket);
    ~AsyncSocket();
    AsyncSocket(AsyncSocket &&other) noexcept;
    AsyncSocket &operator=(AsyncSocket &&other) noexcept;

    /**
     * Connects to a host by name or address.
     *
     * Always suspends, unless it fails at once. Throws SocketError as well if the socket is connected or connecting.
     * When the deadline passes or the coroutine is terminated, the attempt is given up; the socket can connect again.
     * One that was closed can, too.
     */
    [[nodiscard]] Detail::ConnectAwaiter connect(const QString &host, quint16 port,
                                                 QDeadlineTimer deadline = QDeadlineTimer::Forever);
    [[nodiscard]] Detail::ConnectAwaiter connect(const Location &location,
                                                 QDeadlineTimer deadline = QDeadlineTimer::Forever)
    {
        return connect(location.address(), location.port(), deadline);
    }

    /**
     * Receives what there is, at most `maxSize` bytes (at least one); an empty result is the end of the stream.
     *
     * Completes without suspending if bytes are there or the stream has ended. If it times out or is cancelled, no byte
     * is taken.
     */
    [[nodiscard]] Detail::ReadAwaiter recv(qint64 maxSize = 65536, QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Receives exactly `size` bytes.
     *
     * Completes without suspending if they are there. Throws EndOfStream, which has the bytes that did come, if the
     * stream ends before. If it times out or is cancelled, no byte is taken: those that came are received next.
     */
    [[nodiscard]] Detail::ReadAwaiter recvAll(qint64 size, QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Receives a message that sendMessage() sent.
     *
     * Completes without suspending if all of it is there. Throws EndOfStream if the stream ends before a whole message
     * has come, and MessageTooLong if it announces more than `maxSize` bytes, which makes the rest of the stream
     * unreadable: later receive operations throw it, too. If it times out or is cancelled, no byte is taken.
     */
    [[nodiscard]] Detail::ReadAwaiter recvMessage(qint64 maxSize = DefaultMaxMessageSize,
                                                  QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Sends as many bytes of `data` as the send limit leaves room for, and gives their number. It is for those who make
     * data piece by piece; otherwise take sendAll().
     *
     * Completes without suspending if there is room. If it times out or is cancelled, nothing of `data` is sent.
     */
    [[nodiscard]] Detail::SendAwaiter send(const QByteArray &data, QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Sends all of `data`. Complete means that it is on its way, with at most the send limit still before it; see
     * flush().
     *
     * Completes without suspending unless more bytes than the send limit are unsent: then it waits for the peer to take
     * some. If it times out or is cancelled, nothing of `data` is sent.
     */
    [[nodiscard]] Detail::WriteAwaiter sendAll(const QByteArray &data,
                                               QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Sends `message`, which may be empty, so that recvMessage() receives it as one: four bytes of length, the highest
     * first, then the bytes. Otherwise as sendAll(). Throws MessageTooLong above 4 GiB.
     */
    [[nodiscard]] Detail::WriteAwaiter sendMessage(const QByteArray &message,
                                                   QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Waits until all that was sent is in the hands of the operating system, which is no promise that the peer has it.
     *
     * Completes without suspending if it is. Timing out or being cancelled changes nothing about what is under way.
     */
    [[nodiscard]] Detail::WriteAwaiter flush(QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Closes the connection and wakes all who wait in it with SocketError. Returns at once: what was sent and is still
     * unsent goes out in the background, unless the peer takes no byte for half a minute. Asyncoro::exec() waits for
     * that.
     */
    void close();
    /** Closes at once; what is unsent is lost. */
    void abort();

    /** Whether it is connected as far as is known: a peer that is gone shows when one receives or sends. */
    [[nodiscard]] bool isConnected() const;
    /** The other end; after a connection that was lost, still that one. Invalid if it was never connected. */
    [[nodiscard]] Location peerLocation() const;
    /** This end; invalid unless connected. */
    [[nodiscard]] Location localLocation() const;

    /** How many unsent bytes let a further one wait to be sent: 1 MiB unless set. */
    [[nodiscard]] qint64 sendLimit() const;
    void setSendLimit(qint64 bytes);

    /**
     * What is wrapped, for its options, proxy and state; nullptr once closed. It still belongs to this object. Do not
     * read, write or close it, nor close this object inside one of its signals. It reads ahead at most 256 KiB
     * (setReadBufferSize()), so that a slow receiver slows its sender. Its bytesWritten() tells only of what had to
     * wait.
     */
    [[nodiscard]] QTcpSocket *socket() const;

private:
    std::unique_ptr<Detail::SocketData> m_data;
};

} // namespace Asyncoro
