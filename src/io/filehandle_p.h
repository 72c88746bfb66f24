// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "waitstop_p.h"

#include <QIODevice>

#include <sys/stat.h>
#include <system_error>

namespace Asyncoro::Detail {

/** The name by which the system knows a path. Fails for what is no path: it would be cut off at a zero character. */
std::error_code encodePath(const QString &path, QByteArray &name);

/** A file of the operating system. All of it blocks unless told otherwise; one thread at a time. */
class FileHandle
{
public:
    FileHandle() = default;
    ~FileHandle() { static_cast<void>(close()); }
    FileHandle(const FileHandle &) = delete;
    FileHandle &operator=(const FileHandle &) = delete;

    /** Whether to open, read or write this may last for ever, as with a pipe. */
    [[nodiscard]] static bool isEndless(const QString &path);

    /** A named pipe is opened for reading at once, and for writing as soon as somebody reads it. */
    std::error_code open(const QString &path, QIODevice::OpenMode mode);
    /** Opens it if that cannot block, as the system has in memory what it needs; else, or if it fails, does nothing. */
    bool openAtOnce(const QString &path, QIODevice::OpenMode mode);
    /** Whether it is a file that is known to be on a file system of this machine: then size() does not block. */
    [[nodiscard]] bool isLocal() const { return m_local; }
    /** Whether close() cannot block. */
    [[nodiscard]] bool closesAtOnce() const;
    /** Takes `descriptor` if it is open for that; sets where it stands. Does not block. */
    std::error_code openDescriptor(int descriptor, QIODevice::OpenMode mode, qint64 &position);
    /** A new file beside `path`, with its permissions, that takes its place by commit(), and goes by close(). */
    enum class Access : bool { Usual, Private };
    std::error_code openReplacement(const QString &path, Access access = Access::Usual);
    [[nodiscard]] bool isOpen() const { return m_descriptor >= 0; }
    [[nodiscard]] bool isReadable() const { return m_mode & QIODevice::ReadOnly; }
    [[nodiscard]] bool isWritable() const { return m_mode & QIODevice::WriteOnly; }
    /** Whether it has a size: no pipe, no device. */
    [[nodiscard]] bool isRegular() const { return S_ISREG(m_type); }
    /** Whether it has no positions. */
    [[nodiscard]] bool isSequential() const { return m_sequential; }
    [[nodiscard]] bool isReplacement() const { return !m_replaced.isEmpty(); }
    /** Whether it is written at its end only. */
    [[nodiscard]] bool appends() const { return m_mode & QIODevice::Append; }
    [[nodiscard]] int descriptor() const { return m_descriptor; }
    /** Whether read() without blocking may succeed. */
    [[nodiscard]] bool canReadAtOnce() const { return m_readsAtOnce; }

    /**
     * How many bytes it got, 0 at the end; less than asked for is no sign of the end. The error is
     * std::errc::resource_unavailable_try_again if it would block, and must not.
     */
    qint64 read(qint64 position, char *to, qint64 size, bool mayBlock, std::error_code &error);
    /**
     * What waits for others, now or later, to open, read or write a pipe, a socket or a device, ends with
     * std::errc::operation_canceled, until allowWaiting(). Any thread, while another one waits.
     */
    void stopWaiting() { m_stop.stop(); }
    void allowWaiting() { m_stop.allow(); }
    /** Writes at `position`, unless the mode is Append, and sets it behind the last byte written. Gives how many. */
    qint64 write(qint64 &position, const char *from, qint64 size, std::error_code &error);
    /** Others who have an adopted descriptor, too, go on at `position`. */
    void leaveAt(qint64 position);
    qint64 size(std::error_code &error) const;
    std::error_code resize(qint64 size);
    std::error_code sync();
    enum class Durable : bool { No, Yes };
    /** Closes the file, whatever happens. */
    std::error_code commit(Durable durable = Durable::Yes, bool replaces = true);
    static std::error_code rename(const QByteArray &from, const QByteArray &to, bool replaces);

    // The beginning of a copy of another file, and its going on: how many bytes were copied by the system itself, -1 if
    // that cannot be; false if the content cannot be shared.
    void takePermissions(const FileHandle &other);
    bool shareContent(const FileHandle &other);
    qint64 copyFrom(const FileHandle &other, qint64 position, qint64 size);

    std::error_code close();
    /** Gives the descriptor away, at `position` if it has any. No replacement. */
    [[nodiscard]] int release(qint64 position);

private:
    int takeDescriptor();
    qint64 readWhatComes(char *to, qint64 size, std::error_code &error);
    qint64 writeWhatGoes(const char *from, qint64 size, std::error_code &error);
    std::error_code openFifo(const char *name, int flags);
    std::error_code setOpened(QIODevice::OpenMode mode);
    std::error_code examine(QIODevice::OpenMode mode);

    int m_descriptor = -1;
    WaitStop m_stop;
    QIODevice::OpenMode m_mode = QIODevice::NotOpen;
    QByteArray m_temporary; // names of a replacement: now, and by commit()
    QByteArray m_replaced;
    mode_t m_type = 0; // of file
    bool m_sequential = false;
    bool m_readsAtOnce = false;
    bool m_small = false; // when it was opened
    bool m_local = false; // opened by name, a file on a file system of this machine
    bool m_adopted = false; // by openDescriptor(): its offset may be shared
};

} // namespace Asyncoro::Detail
