// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "fileerror.h"

#include <Asyncoro/AsyncGenerator>
#include <Asyncoro/Task>

#include <QByteArray>
#include <QIODevice>

#include <memory>

namespace Asyncoro {

namespace Detail {

class FileData;
struct FileOperation;

/** A wait for an operation on a file. That may go on in the background when the wait has ended. */
class ASYNCORO_IO_EXPORT FileSuspension : public Suspension
{
public:
    FileSuspension(std::shared_ptr<FileData> data, std::shared_ptr<FileOperation> operation,
                   const QDeadlineTimer &deadline);

    // What is done at once lets others have their turn nevertheless, or a loop over a file would keep them from it.
    template<typename Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> waiting)
    {
        const bool waits = Suspension::await_suspend(waiting);
        if (waits && m_doneAtOnce)
            complete();
        return waits;
    }

protected:
    ~FileSuspension() override;

    bool start() override;
    void abandon() noexcept override;
    QString operation() const override;
    void throwUnlessDone();

    const std::shared_ptr<FileData> m_data;
    const std::shared_ptr<FileOperation> m_operation;

private:
    bool m_doneAtOnce = false;
    bool m_isOver = false; // there is nothing to give up
};

class ASYNCORO_IO_EXPORT FileAwaiter final : public FileSuspension
{
public:
    using FileSuspension::FileSuspension;
    void await_resume() { throwUnlessDone(); }
};

class ASYNCORO_IO_EXPORT FileReadAwaiter final : public FileSuspension
{
public:
    using FileSuspension::FileSuspension;
    QByteArray await_resume();
};

class ASYNCORO_IO_EXPORT FileSizeAwaiter final : public FileSuspension
{
public:
    using FileSuspension::FileSuspension;
    qint64 await_resume();
};

} // namespace Detail

/**
 * A file for coroutines. Whatever may block is done in the background, by io_uring or on a thread of a pool, so that
 * the event loop goes on; what the system has in its memory is read at once.
 *
 * It can be moved but not copied, and belongs to the thread that made it; only coroutines of that thread use it. Its
 * destructor closes the file, in the background; to know whether that went well, use close(). Named pipes and devices
 * can be opened, too.
 *
 * For each operation:
 * - It resumes on the same thread, in the scheduler's next round. A deadline, where one passes, makes it throw
 *   TimedOut; terminating the coroutine makes it throw Cancelled; both at once, even if the file system does not
 *   answer.
 * - Operations on one file are done one at a time, in the order of the calls; those on several files at the same time.
 * - Data is held by the operation: no buffer of the caller's has to live on, and one that is given up may end in the
 *   background. The AsyncFile may be moved while a coroutine waits in it; if it is destroyed, they are woken with
 *   FileError.
 * - It throws FileError, which names the file and the reason, if it fails or the file is not open.
 * - **After one that timed out or was cancelled the position is what it was before**: a reader finds the same bytes
 *   again, on a pipe as well. What was to be written may be in the file, in full, in part or not at all.
 * - One that waits for another program, at a pipe or a socket, has a thread of its own meanwhile, besides those of the
 *   pool, and is rid of it as soon as it is given up.
 * - One that is given up and does not end, since the file system does not answer, holds up no other files, unless there
 *   are dozens.
 * - A child process that goes on after fork() without exec has none of those threads, and uses no AsyncFile. It takes
 *   nothing from its parent's.
 */
class ASYNCORO_IO_EXPORT AsyncFile
{
public:
    /** The longest line that readLine() gives in one piece unless told otherwise. */
    static constexpr qint64 DefaultMaxLineSize = 16 * 1024 * 1024;

    AsyncFile();
    ~AsyncFile();
    AsyncFile(AsyncFile &&other) noexcept;
    AsyncFile &operator=(AsyncFile &&other) noexcept;

    /**
     * Opens a file. `mode` is as for QFile: WriteOnly makes the file and drops what it held, ReadWrite and Append make
     * it and keep that, NewOnly insists that it is new, ExistingOnly that it is not.
     *
     * A named pipe opens for reading at once, and the first operation waits until somebody has opened it for writing;
     * for writing it opens as soon as somebody reads it (looked for every 50 ms at least).
     *
     * Always suspends. Throws FileError as well for a folder, and if a file is open already. If it times out or is
     * cancelled, no file is open, but one may have been made.
     */
    [[nodiscard]] Detail::FileAwaiter open(const QString &path, QIODevice::OpenMode mode = QIODevice::ReadOnly,
                                           QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Takes an open descriptor: a file, a pipe, a socket, a terminal, blocking or not. It is closed with this file, and
     * must not be used by others meanwhile; `mode` says what to use it for. Reading begins where the descriptor is, or
     * at the end for Append, with which it is written at its end only. Of a file, others who have it, too, such as the
     * next command of a shell, go on at position() after each write() and after close().
     *
     * Returns at once. Throws FileError if it is not open for that, or a file is open already or being closed; it stays
     * the caller's then.
     */
    void openDescriptor(int descriptor, QIODevice::OpenMode mode);

    /**
     * Gives the descriptor away, open as it is, at position() if it has positions; that of a named pipe does not block.
     *
     * Returns at once. Throws FileError, and nothing has happened then, if no file is open, operations are under way,
     * bytes of a pipe were read ahead, by readLine() for one, or it is for commit().
     */
    [[nodiscard]] int releaseDescriptor();

    /**
     * Opens a new file, for reading and writing, that takes the place of `path` at commit(): others see the old content
     * or all of the new one, whatever happens in between. It lies in the same folder until then, and is removed if
     * there is no commit(). It has the permissions of the file that it replaces, and its owner and group if this user
     * may give them; where `path` is a symbolic link, it takes the place of what that points to. What is neither a file
     * nor missing is not replaced.
     *
     * Always suspends.
     */
    [[nodiscard]] Detail::FileAwaiter openReplacement(const QString &path,
                                                      QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Reads at most `maxSize` bytes; fewer only at the end of the file, or, of a pipe, if there are no more yet. An
     * empty result is the end.
     *
     * Completes without suspending if it was read ahead already.
     */
    [[nodiscard]] Detail::FileReadAwaiter read(qint64 maxSize = 65536,
                                               QDeadlineTimer deadline = QDeadlineTimer::Forever);
    /**
     * Reads `size` bytes, however often a pipe has to be asked for more.
     *
     * Completes without suspending if they were read ahead already. Throws EndOfStream, which has the bytes that are
     * left, if there are fewer; 0 bytes are always there.
     */
    [[nodiscard]] Detail::FileReadAwaiter readExactly(qint64 size, QDeadlineTimer deadline = QDeadlineTimer::Forever);
    /** Reads all the rest. Always suspends. */
    [[nodiscard]] Detail::FileReadAwaiter readAll(QDeadlineTimer deadline = QDeadlineTimer::Forever);
    /**
     * Reads a line with its line break, which only the last one may lack; an empty result is the end of the file. A
     * line of more than `maxSize` bytes is given in pieces of that size.
     *
     * It reads ahead, and completes without suspending if a whole line has been read so.
     */
    [[nodiscard]] Detail::FileReadAwaiter readLine(qint64 maxSize = DefaultMaxLineSize,
                                                   QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /** The same up to `delimiter` in place of a line break. Throws Error at once if that is empty. */
    [[nodiscard]] Detail::FileReadAwaiter readUntil(const QByteArray &delimiter, qint64 maxSize = DefaultMaxLineSize,
                                                    QDeadlineTimer deadline = QDeadlineTimer::Forever);
    /**
     * The rest of the file as text (UTF-8), line by line, without line breaks (LF or CR LF):
     *
     *     AsyncGenerator<QString> lines = file.lines();
     *     while (const std::optional<QString> line = co_await lines.next())
     *         ...
     *
     * Each next() is a readLine(), with whatever that throws. Other operations go on where it has stopped.
     */
    [[nodiscard]] AsyncGenerator<QString> lines(qint64 maxSize = DefaultMaxLineSize,
                                                QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Writes all of `data`: it is in the hands of the operating system then, which is no promise that a disk has it.
     *
     * Always suspends. If it fails, the position is behind what was written.
     */
    [[nodiscard]] Detail::FileAwaiter write(const QByteArray &data, QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Sets the position, in bytes from the start. It may be behind the end: to write there fills the gap with zeros.
     *
     * Completes without suspending unless other operations are under way. Throws FileError for a pipe.
     */
    [[nodiscard]] Detail::FileAwaiter seek(qint64 position, QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /** Gives the size in bytes. Always suspends. */
    [[nodiscard]] Detail::FileSizeAwaiter size(QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /** Cuts the file off behind `size` bytes, or fills it up with zeros. The position stays. Always suspends. */
    [[nodiscard]] Detail::FileAwaiter resize(qint64 size, QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /** Waits until all that was written is on the disk (fsync). Always suspends; it may take long. */
    [[nodiscard]] Detail::FileAwaiter sync(QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Puts what openReplacement() has opened into its place, on the disk, and closes it.
     *
     * Always suspends. Throws FileError if that fails, or a write timed out or was cancelled before, so that nobody
     * knows what is in it; the file is closed then, and the old one is as it was, unless the disk failed (EIO) after
     * the new one had taken its place. Where the folder cannot be read, or not be synced on
     * its file system, that part is left out. If it times out or is cancelled, it is done all the same, as soon as that
     * can be.
     */
    [[nodiscard]] Detail::FileAwaiter commit(QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Closes the file, after the operations that are under way. Another one can be opened then.
     *
     * Completes without suspending if none is open. Throws FileError if the system tells of an error, such as a write
     * that it has put off and that failed; the file is closed nevertheless. If it times out or is cancelled, the file
     * is closed as soon as that can be done.
     */
    [[nodiscard]] Detail::FileAwaiter close(QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /** Whether open() was successful, and no close() since. */
    [[nodiscard]] bool isOpen() const;
    /** Where the next operation reads or writes, as far as the earlier ones are complete. 0 for a pipe. */
    [[nodiscard]] qint64 position() const;
    /** As open() was given it. */
    [[nodiscard]] QString path() const;

private:
    template<typename Awaiter>
    Awaiter operation(Detail::FileOperation &&operation, QDeadlineTimer deadline);

    std::shared_ptr<Detail::FileData> m_data;
};

} // namespace Asyncoro
