// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoroio_export.h"

#include <Asyncoro/Task>

#include <QByteArray>
#include <QObject>

#include <chrono>
#include <exception>
#include <optional>

namespace Asyncoro::Detail {

class ReadAwaiter;
class WriteAwaiter;

/**
 * What an AsyncStream points to: the coroutines that wait for it, and the bytes that have been read and not yet been
 * asked for. Stays where it is when that is moved.
 *
 * A subclass for each kind of stream knows how its bytes come and go. It calls settleReaders() and settleWriters() when
 * something may have changed for those who wait.
 */
class ASYNCORO_IO_EXPORT StreamData : public QObject
{
public:
    /** What readSome() gives instead of a number of bytes. */
    static constexpr qint64 NothingYet = 0;
    static constexpr qint64 Ended = -1; ///< nothing more will come, in order
    static constexpr qint64 Failed = -2; ///< nothing more will come, see failure()

    /** So much is read at a time. */
    static constexpr qint64 ChunkSize = 64 * 1024;
    /** So often one writes at once before other coroutines, timers and sockets have their turn, too. */
    static constexpr int WritesInARow = 64;

    StreamData();
    ~StreamData() override;

    /** Closes the stream, after what is unsent or at once, and lets those who wait fail. Without effect if it is. */
    virtual void close(bool sendFirst) = 0;

    [[nodiscard]] qint64 sendLimit() const { return m_sendLimit; }
    void setSendLimit(qint64 limit);

    /** How many bytes writeAll() was given and the system was not. */
    [[nodiscard]] virtual qint64 unsentBytes() const = 0;

    /** Whoever waited for the end of somebody's turn goes on. */
    void endTurn();

    [[nodiscard]] std::chrono::milliseconds timeout() const { return m_timeout; }
    void setTimeout(std::chrono::milliseconds timeout) { m_timeout = timeout; }
    /** `deadline`, or what follows of the time-out. */
    [[nodiscard]] QDeadlineTimer deadline(const std::optional<QDeadlineTimer> &deadline) const
    {
        if (deadline)
            return *deadline;
        return m_timeout.count() < 0 ? QDeadlineTimer(QDeadlineTimer::Forever) : QDeadlineTimer(m_timeout);
    }

    /** Throws the Error that `operation` was called on another thread. */
    void checkThread(const char *operation) const;

protected:
    friend class ReadAwaiter;
    friend class WriteAwaiter;

    /** Reads what there is, at most `maxSize` bytes: their number, or one of the constants above. May emit nothing. */
    virtual qint64 readSome(char *to, qint64 maxSize) = 0;
    /** Lets readSome() look whether there is something, even if nobody has told so. */
    virtual void expectBytes() { }
    /** Somebody waits to read. */
    virtual void awaitReadable() { }

    /** Sends all of it, at once or later. What fails shows in writeFailure(). */
    virtual void writeAll(QByteArrayView header, const QByteArray &bytes) = 0;
    /** Somebody waits to write. */
    virtual void awaitWritable() { }
    /** Tells the other end that nothing more comes; gives why that cannot be done. Nothing is unsent. */
    [[nodiscard]] virtual std::exception_ptr endWriting(const char *operation) = 0;
    /** Whether writeAll() can be called; if not, writeFailure() says why. */
    [[nodiscard]] virtual bool isWritable() const = 0;

    /** Why `operation`, a reading one or a writing one, fails. */
    [[nodiscard]] virtual std::exception_ptr failure(const char *operation) const = 0;
    [[nodiscard]] virtual std::exception_ptr writeFailure(const char *operation) const { return failure(operation); }
    /** The other end or the device, for messages. */
    [[nodiscard]] virtual QString subject() const = 0;

    /** Somebody who waits to read may be able to, or never will. */
    void settleReaders();
    void settleWriters();
    [[nodiscard]] bool hasReaders() const { return !m_readers.isEmpty(); }
    [[nodiscard]] bool isWritingEnded() const { return m_writingEnded; }
    void setWritingEnded(bool ended) { m_writingEnded = ended; }

    /** What has been read and not yet been asked for. */
    [[nodiscard]] const QByteArray &front() const { return m_front; }
    void setFront(const QByteArray &bytes) { m_front = bytes; }
    void appendToFront(const QByteArray &bytes) { m_front += bytes; }

private:
    [[nodiscard]] QByteArray takeFront(qint64 size);
    void putBack(const QByteArray &bytes);
    [[nodiscard]] qint64 fillFront();
    void settle(IntrusiveList<ExternalWait> &writers);
    void settleWritersLater();
    [[nodiscard]] qint64 readChunk(QByteArray &chunk, qint64 maxSize);

    IntrusiveList<ExternalWait> m_readers; // ReadAwaiters; the first one may have taken a part of what it wants
    IntrusiveList<ExternalWait> m_writers; // WriteAwaiters
    IntrusiveList<ExternalWait> m_turnWriters; // the WriteAwaiter of who has the turn
    QByteArray m_front;
    qint64 m_sendLimit = 1024 * 1024;
    int m_writesLeft = WritesInARow;
    std::chrono::milliseconds m_timeout;
    bool m_settlingReaders = false;
    bool m_settlingWriters = false;
    bool m_writingEnded = false;
    bool m_turnTaken = false; // somebody writes several pieces that are to stay together
};

} // namespace Asyncoro::Detail
