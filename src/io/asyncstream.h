// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/streamawaiter.h"
#include "detail/streamdata.h" // IWYU pragma: export
#include "streamerror.h" // IWYU pragma: export

#include <limits>
#include <memory>

namespace Asyncoro {

class AsyncFile;

/**
 * A stream of bytes, or of messages, for coroutines: what AsyncSocket, AsyncDevice and others have in common.
 *
 * It can be moved but not copied, and belongs to the thread that made it; only coroutines of that thread use it. Its
 * destructor closes it, see close().
 *
 * For each operation:
 * - It resumes on the same thread, in the scheduler's next round, never inside a signal of what is wrapped. A deadline,
 *   or without one the stream's time-out, makes it throw TimedOut; terminating the coroutine makes it throw Cancelled.
 * - One coroutine may receive while another one sends. Several may receive, or send, at the same time: each is served
 *   in the order of the calls, and has its bytes in one piece.
 * - Data is held by the operation: no buffer of the caller's has to live on. The stream may be moved while a coroutine
 *   waits in it; if it is destroyed, they are woken as by close().
 * - It throws StreamError, a socket SocketError, when the stream fails, is closed, or was never open; later operations
 *   then throw the same at once. What had arrived before can still be received first.
 * - **No byte is lost**: a receiving operation that throws TimedOut, Cancelled or StreamError has taken none, and a
 *   sending one that throws TimedOut or Cancelled has sent none. (Only what a receiver already had, when its coroutine
 *   ended with its QObject, goes with that.)
 */
class ASYNCORO_IO_EXPORT AsyncStream
{
public:
    /** The longest message or line that is received unless told otherwise. */
    static constexpr qint64 DefaultMaxMessageSize = 16 * 1024 * 1024;
    /** The most that readAll() receives unless told otherwise. */
    static constexpr qint64 DefaultMaxSize = 1024 * 1024 * 1024;

    /** Until when an operation may take: `co_await stream.recv(100, 5s)`; none leaves it to setTimeout(). */
    using Deadline = std::optional<QDeadlineTimer>;

    AsyncStream(AsyncStream &&other) noexcept;
    AsyncStream &operator=(AsyncStream &&other) noexcept;

    /**
     * Receives what there is, at most `maxSize` bytes (at least one); an empty result is the end of the stream.
     *
     * Completes without suspending if bytes are there or the stream has ended.
     */
    [[nodiscard]] Detail::ReadAwaiter recv(qint64 maxSize = 65536, Deadline deadline = {});

    /**
     * As recv(), right into memory of the caller, which is left alone until this completes: gives how many bytes there
     * are; 0 is the end of the stream. For long data whose place is known: it spares copying them.
     *
     * Completes without suspending if bytes are there or the stream has ended.
     */
    [[nodiscard]] Detail::RecvIntoAwaiter recvInto(char *target, qint64 maxSize, Deadline deadline = {});

    /**
     * Receives exactly `size` bytes.
     *
     * Completes without suspending if they are there. Throws EndOfStream, which has the bytes that did come, if the
     * stream ends before.
     */
    [[nodiscard]] Detail::ReadAwaiter recvAll(qint64 size, Deadline deadline = {});

    /**
     * Receives all up to and with the next `delimiter`. Throws Error at once if that is empty.
     *
     * Completes without suspending if it is there. Throws EndOfStream, which has the bytes that did come, if the stream
     * ends before, and MessageTooLong if there is none within `maxSize` bytes, its own included; those can still be
     * received.
     */
    [[nodiscard]] Detail::ReadAwaiter recvUntil(const QByteArray &delimiter, qint64 maxSize = DefaultMaxMessageSize,
                                                Deadline deadline = {});

    /**
     * Receives a message that sendMessage() sent.
     *
     * Completes without suspending if all of it is there. Throws EndOfStream if the stream ends before a whole message
     * has come, and MessageTooLong if it announces more than `maxSize` bytes; it can still be received, with a higher
     * limit.
     */
    [[nodiscard]] Detail::ReadAwaiter recvMessage(qint64 maxSize = DefaultMaxMessageSize, Deadline deadline = {});

    /**
     * Sends as many bytes of `data` as the send limit leaves room for, and gives their number. It is for those who make
     * data piece by piece; otherwise take sendAll().
     *
     * Completes without suspending if there is room.
     */
    [[nodiscard]] Detail::SendAwaiter send(const QByteArray &data, Deadline deadline = {});

    /**
     * Sends all of `data`. Complete means that it is on its way, with at most the send limit still before it; see
     * flush().
     *
     * Completes without suspending unless more bytes than the send limit are unsent: then it waits for the other end to
     * take some.
     */
    [[nodiscard]] Detail::WriteAwaiter sendAll(const QByteArray &data, Deadline deadline = {});

    /**
     * Sends `message`, which may be empty, so that recvMessage() receives it as one: four bytes of length, the highest
     * first, then the bytes. Otherwise as sendAll(). Throws MessageTooLong above 4 GiB.
     */
    [[nodiscard]] Detail::WriteAwaiter sendMessage(const QByteArray &message, Deadline deadline = {});

    /**
     * Sends what `file`, open for reading, holds from its position on, to its end or `maxSize` bytes of it, and gives
     * how much that was. In one piece: other sending operations wait. Never more than a chunk of the file is in memory
     * besides the send limit, and no disk is waited for on this thread.
     *
     * Completes as sendAll() of the last bytes. `file` must live until then, and is read by nobody else. Throws
     * FileError if it cannot be read. **If it throws, a part may have been sent**: mostly the connection is of no use
     * then.
     */
    [[nodiscard]] Task<qint64> sendFile(AsyncFile &file, qint64 maxSize = std::numeric_limits<qint64>::max(),
                                        Deadline deadline = {});
    /** The same with the whole file at `path`. */
    [[nodiscard]] Task<qint64> sendFile(const QString &path, Deadline deadline = {});

    /**
     * Waits until all that was sent is in the hands of the operating system, which is no promise that the other end has
     * it.
     *
     * Completes without suspending if it is. Timing out or being cancelled changes nothing about what is under way.
     */
    [[nodiscard]] Detail::WriteAwaiter flush(Deadline deadline = {});

    /**
     * Ends what this side sends, after all that was sent before: the other end receives the end of the stream, and can
     * still send. Later sending operations throw StreamError.
     *
     * Completes without suspending if all is sent. If it times out or is cancelled, one can go on to send. Throws
     * StreamError if this kind of stream cannot end one side alone, as that of a QSslSocket.
     */
    [[nodiscard]] Detail::WriteAwaiter closeWriting(Deadline deadline = {});

    // As a file: for code that takes an AsyncFile or a stream.

    /** recv() */
    [[nodiscard]] Detail::ReadAwaiter read(qint64 maxSize = 65536, Deadline deadline = {});
    /**
     * Receives a line with its line break, which only the last one of the stream may lack; an empty result is the end
     * of the stream. A line of more than `maxSize` bytes is given in pieces of that size; see recvUntil() for one that
     * refuses it.
     *
     * Completes without suspending if a whole line or the end of the stream is there.
     */
    [[nodiscard]] Detail::ReadAwaiter readLine(qint64 maxSize = DefaultMaxMessageSize, Deadline deadline = {});
    /**
     * Receives all the rest, to the end of the stream.
     *
     * Completes without suspending if all of it is there. Throws MessageTooLong if it is more than `maxSize` bytes,
     * which can still be received.
     */
    [[nodiscard]] Detail::ReadAwaiter readAll(qint64 maxSize = DefaultMaxSize, Deadline deadline = {});
    /** sendAll() */
    [[nodiscard]] Detail::WriteAwaiter write(const QByteArray &data, Deadline deadline = {});

    /**
     * Closes the stream and wakes all who wait in it with StreamError. Returns at once: what was sent and is still
     * unsent goes out in the background, unless the other end takes no byte for half a minute. Asyncoro::exec() waits
     * for that.
     */
    void close();
    /** Closes at once; what is unsent is lost. */
    void abort();

    /** How many bytes were sent and are not yet in the hands of the operating system; see flush(). */
    [[nodiscard]] qint64 unsentBytes() const;
    /** How many unsent bytes let a further one wait to be sent: 1 MiB unless set. */
    [[nodiscard]] qint64 sendLimit() const;
    void setSendLimit(qint64 bytes);

    /** How long an operation without a deadline may take: defaultTimeout() unless set; -1 ms is forever. */
    [[nodiscard]] std::chrono::milliseconds timeout() const;
    void setTimeout(std::chrono::milliseconds timeout);

    /** The time-out of streams that are made from now on, in any thread: forever, -1 ms, unless set. */
    [[nodiscard]] static std::chrono::milliseconds defaultTimeout();
    static void setDefaultTimeout(std::chrono::milliseconds timeout);

protected:
    explicit AsyncStream(std::unique_ptr<Detail::StreamData> data);
    ~AsyncStream(); // not virtual: nothing owns a stream of unknown kind

    [[nodiscard]] Detail::StreamData *data() const { return m_data.get(); }

private:
    std::unique_ptr<Detail::StreamData> m_data;
};

} // namespace Asyncoro
