// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "filehandle_p.h"
#include "systemcall_p.h"

#include <QFile>
#include <QMutex>
#include <QRandomGenerator>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#ifdef Q_OS_LINUX
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <vector>
#endif

namespace Asyncoro::Detail {

namespace {

// As QFile understands a mode.
int openFlags(QIODevice::OpenMode mode)
{
    if (mode & QIODevice::Append)
        mode |= QIODevice::WriteOnly;
    int flags = O_CLOEXEC | O_NOCTTY;
    flags |= (mode & QIODevice::ReadWrite) == QIODevice::ReadWrite ? O_RDWR
        : mode & QIODevice::WriteOnly                               ? O_WRONLY
                                                                    : O_RDONLY;
    if (!(mode & QIODevice::WriteOnly))
        return flags;
    if (!(mode & QIODevice::ExistingOnly))
        flags |= O_CREAT;
    if (mode & QIODevice::NewOnly)
        flags |= O_EXCL;
    if (mode & QIODevice::Append)
        flags |= O_APPEND;
    if (mode & QIODevice::Truncate || !(mode & (QIODevice::ReadOnly | QIODevice::Append | QIODevice::NewOnly)))
        flags |= O_TRUNC;
    return flags;
}

// A pipe or socket that nobody reads any more is an error of the write, no reason to end the program. On this thread
// only, which is one for files.
void blockPipeSignal()
{
    thread_local const bool isBlocked = [] {
        sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, SIGPIPE);
        return ::pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0;
    }();
    Q_UNUSED(isBlocked)
}

bool hasInput(int descriptor)
{
    pollfd waited{.fd = descriptor, .events = POLLIN, .revents = 0};
    return ::poll(&waited, 1, 0) == 1;
}

// -1 with EAGAIN if it would have to wait for a disk, or for others.
qint64 readAtOnce([[maybe_unused]] int descriptor, [[maybe_unused]] char *to, [[maybe_unused]] qint64 size,
                  [[maybe_unused]] qint64 position)
{
#ifdef RWF_NOWAIT
    const iovec target{.iov_base = to, .iov_len = size_t(size)};
    return retried([&] { return ::preadv2(descriptor, &target, 1, off_t(position), RWF_NOWAIT); });
#else
    errno = EOPNOTSUPP;
    return -1;
#endif
}

// As much as goes; -1 with EAGAIN if it would have to wait for others, with EOPNOTSUPP if that cannot be told. Others
// may use the descriptor, too, so it is not ours to say that it does not block.
qint64 writeAtOnce([[maybe_unused]] int descriptor, [[maybe_unused]] const char *from, [[maybe_unused]] qint64 size)
{
#ifdef RWF_NOWAIT
    const iovec source{.iov_base = const_cast<char *>(from), .iov_len = size_t(size)};
    return retried([&] { return ::pwritev2(descriptor, &source, 1, -1, RWF_NOWAIT); });
#else
    errno = EOPNOTSUPP;
    return -1;
#endif
}

std::error_code syncFolderOf(const QByteArray &name)
{
    const QByteArray folder = name.first(name.lastIndexOf('/') + 1);
    const int descriptor
        = retried([&] { return ::open(folder.isEmpty() ? "." : folder.constData(), O_RDONLY | O_CLOEXEC); });
    if (descriptor == -1) // who may write to a folder need not be allowed to read it
        return errno == EACCES ? std::error_code() : lastError();
    std::error_code error;
    if (retried([&] { return ::fsync(descriptor); }) != 0 && errno != EINVAL && errno != ENOTSUP)
        error = lastError(); // not only that this file system cannot do that with a folder
    ::close(descriptor);
    return error;
}

#ifdef Q_OS_LINUX

/** A mounted file system. Each of these numbers alone may be given to another one later. */
struct Mount {
    quint64 id = 0;
    quint32 deviceMajor = 0;
    quint32 deviceMinor = 0;

    bool operator==(const Mount &) const = default;
};

/** Which file it is, by what the system has in memory. */
struct Whereabouts {
    Mount mount;
    quint64 inode = 0;

    bool operator==(const Whereabouts &) const = default;
};

/** Nothing if it is no file. Asks no file server, as fstat() may. */
std::optional<Whereabouts> whereaboutsOf(int descriptor)
{
#ifdef STATX_MNT_ID_UNIQUE
    constexpr unsigned MountId = STATX_MNT_ID | STATX_MNT_ID_UNIQUE; // which is given once; Linux 6.8
#else
    constexpr unsigned MountId = STATX_MNT_ID;
#endif
    struct statx status{};
    if (::statx(descriptor, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO | MountId, &status) != 0
        || !(status.stx_mask & MountId) || !S_ISREG(status.stx_mode))
        return {};
    return Whereabouts{{status.stx_mnt_id, status.stx_dev_major, status.stx_dev_minor}, status.stx_ino};
}

/**
 * Mounted file systems in which nobody else takes part: no server, no process that may be slow to answer. To ask for
 * that may block; so whoever may block notes them.
 */
class LocalMounts
{
public:
    static bool has(const Mount &mount)
    {
        const QMutexLocker lock(&s_mutex);
        return std::ranges::find(s_mounts, mount) != s_mounts.end();
    }
    /** Whether the file is there. */
    static bool note(int descriptor)
    {
        const std::optional<Whereabouts> file = whereaboutsOf(descriptor);
        struct statfs status{};
        if (!file || ::fstatfs(descriptor, &status) != 0)
            return false;
        const bool isLocal = std::ranges::find(Types, static_cast<unsigned long>(status.f_type)) != Types.end();
        const QMutexLocker lock(&s_mutex);
        std::erase(s_mounts, file->mount);
        if (isLocal)
            s_mounts.push_back(file->mount);
        return isLocal;
    }

private:
    static constexpr std::array<unsigned long, 5> Types{EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
                                                        F2FS_SUPER_MAGIC, TMPFS_MAGIC};
    static inline QBasicMutex s_mutex;
    static inline std::vector<Mount> s_mounts;
};

/** -1 unless the system knows all names of the path. */
int openCached(const char *path, int flags)
{
    open_how how{};
    how.flags = quint64(flags);
    how.resolve = RESOLVE_CACHED;
    return int(::syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)));
}

#endif

constexpr off_t QuicklyFreed = 1024 * 1024; // the size of a file

bool hasPositions(const struct stat &status)
{
    return S_ISREG(status.st_mode) || S_ISBLK(status.st_mode);
}

} // namespace

std::error_code encodePath(const QString &path, QByteArray &name)
{
    if (path.isEmpty() || path.contains(QChar::Null))
        return std::make_error_code(std::errc::invalid_argument);
    name = QFile::encodeName(path);
    return {};
}

bool FileHandle::isEndless(const QString &path)
{
    QByteArray name;
    struct stat status{};
    return !encodePath(path, name) && ::stat(name.constData(), &status) == 0 && !hasPositions(status);
}

std::error_code FileHandle::open(const QString &path, QIODevice::OpenMode mode)
{
    QByteArray name;
    if (const std::error_code error = encodePath(path, name))
        return error;
    const int flags = openFlags(mode);
    struct stat status{};
    if (::stat(name.constData(), &status) == 0 && S_ISFIFO(status.st_mode)) {
        if (const std::error_code error = openFifo(name.constData(), flags))
            return error;
    } else {
        m_descriptor = retried([&] { return ::open(name.constData(), flags, 0666); });
        if (m_descriptor == -1)
            return lastError();
    }
    return setOpened(mode);
}

std::error_code FileHandle::setOpened(QIODevice::OpenMode mode)
{
    const std::error_code error = examine(mode);
    if (error)
        static_cast<void>(close());
#ifdef Q_OS_LINUX
    else if (isRegular())
        m_local = LocalMounts::note(m_descriptor);
#endif
    return error;
}

// To wait in open() nobody could stop. There is no sign of the system's that somebody reads now, so it is tried again.
std::error_code FileHandle::openFifo(const char *name, int flags)
{
    constexpr int LongestPause = 50;
    for (int pause = 1;; pause = std::min(2 * pause, LongestPause)) {
        m_descriptor = retried([&] { return ::open(name, flags | O_NONBLOCK, 0666); });
        if (m_descriptor != -1)
            return {};
        if (errno != ENXIO)
            return lastError();
        if (const std::error_code error = m_stop.wait(-1, 0, pause))
            return error;
    }
}

bool FileHandle::openAtOnce([[maybe_unused]] const QString &path, [[maybe_unused]] QIODevice::OpenMode mode)
{
#ifdef Q_OS_LINUX
    const int flags = openFlags(mode);
    QByteArray name;
    if (flags & (O_CREAT | O_TRUNC) || encodePath(path, name))
        return false;
    // Looks at it first: to open it might block if it is no file, or not of a file system of this machine.
    const int place = openCached(name.constData(), O_PATH | O_CLOEXEC);
    if (place == -1)
        return false;
    const std::optional<Whereabouts> seen = whereaboutsOf(place);
    if (seen && LocalMounts::has(seen->mount)) {
        m_descriptor = openCached(name.constData(), flags | O_NONBLOCK); // which means nothing to a file
        m_local = m_descriptor != -1 && whereaboutsOf(m_descriptor) == seen && !examine(mode);
        if (!m_local)
            static_cast<void>(close());
    }
    ::close(place);
    return m_local;
#else
    return false;
#endif
}

bool FileHandle::closesAtOnce() const
{
    struct stat status{};
    // To close the last link of a removed file frees it, which may take a while.
    return m_descriptor == -1
        || (m_local && !isWritable() && (m_small || (::fstat(m_descriptor, &status) == 0 && status.st_nlink > 0)));
}

std::error_code FileHandle::openDescriptor(int descriptor, QIODevice::OpenMode mode, qint64 &position)
{
    const int flags = ::fcntl(descriptor, F_GETFL);
    if (flags == -1)
        return lastError();
    const int access = flags & O_ACCMODE;
    if ((mode & QIODevice::ReadOnly && access == O_WRONLY)
        || (mode & (QIODevice::WriteOnly | QIODevice::Append) && access == O_RDONLY))
        return std::make_error_code(std::errc::permission_denied);
    m_descriptor = descriptor;
    const int from = mode & QIODevice::Append ? SEEK_END : SEEK_CUR;
    if (flags & O_APPEND && mode & QIODevice::WriteOnly)
        mode |= QIODevice::Append;
    const std::error_code error = examine(mode);
    m_adopted = !error;
    if (error)
        m_descriptor = -1; // it stays the caller's
    else if (!m_sequential)
        position = std::max<qint64>(::lseek(descriptor, 0, from), 0);
    return error;
}

std::error_code FileHandle::openReplacement(const QString &path, Access access)
{
    constexpr int Attempts = 100;
    QByteArray name;
    if (const std::error_code error = encodePath(path, name))
        return error;
    if (const std::unique_ptr<char, decltype(&std::free)> target(::realpath(name.constData(), nullptr), &std::free);
        target)
        name = target.get();
    struct stat old{};
    const bool replaces = ::stat(name.constData(), &old) == 0;
    if (replaces && !S_ISREG(old.st_mode)) // nor does a file take the place of a device or pipe
        return std::make_error_code(S_ISDIR(old.st_mode) ? std::errc::is_a_directory : std::errc::invalid_argument);
    // Who may not read the old one must not open the new one before it has its permissions either.
    const mode_t permissions = replaces || access == Access::Private ? 0600 : 0666;
    for (int i = 0; i < Attempts && m_descriptor == -1; ++i) {
        // Not longer for a longer name, which may be as long as one can be.
        m_temporary = name.first(name.lastIndexOf('/') + 1) + ".asyncoro-"
            + QByteArray::number(QRandomGenerator::global()->generate64(), 36);
        m_descriptor = retried([&] {
            return ::open(m_temporary.constData(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, permissions);
        });
        if (m_descriptor == -1 && errno != EEXIST)
            break;
    }
    if (m_descriptor == -1) {
        m_temporary.clear();
        return lastError();
    }
    m_replaced = name;
    std::error_code error;
    if (replaces) {
        mode_t mode = old.st_mode & 07777;
        if (::fchown(m_descriptor, old.st_uid, old.st_gid) != 0)
            mode &= 0777; // nothing runs with the rights of another owner
        if (::fchmod(m_descriptor, mode) != 0)
            error = lastError();
    }
    if (error)
        static_cast<void>(close());
    return error ? error : setOpened(QIODevice::ReadWrite);
}

std::error_code FileHandle::examine(QIODevice::OpenMode mode)
{
    struct stat status{};
    if (::fstat(m_descriptor, &status) != 0)
        return lastError();
    if (S_ISDIR(status.st_mode))
        return std::make_error_code(std::errc::is_a_directory);
    m_type = status.st_mode & S_IFMT;
    m_small = status.st_size <= QuicklyFreed;
    m_sequential = !hasPositions(status);
    m_readsAtOnce = !S_ISCHR(status.st_mode);
    m_mode = mode & QIODevice::Append ? mode | QIODevice::WriteOnly : mode;
    return {};
}

qint64 FileHandle::read(qint64 position, char *to, qint64 size, bool mayBlock, std::error_code &error)
{
    if (m_sequential && mayBlock)
        return std::max<qint64>(readWhatComes(to, size, error), 0);
    qint64 got = -1;
    if (mayBlock) {
        got = retried([&] { return ::pread(m_descriptor, to, size_t(size), off_t(position)); });
    } else if (m_sequential && !hasInput(m_descriptor)) {
        errno = EAGAIN; // it may seem to be at its end, see readWhatComes()
    } else {
        got = readAtOnce(m_descriptor, to, size, m_sequential ? -1 : position);
        if (got == -1 && errno != EAGAIN) {
            m_readsAtOnce = false; // not with this file system
            errno = EAGAIN;
        }
    }
    if (got == -1)
        error = lastError();
    return std::max<qint64>(got, 0);
}

// As ::read(), which on a thread of its own nobody could stop. A named pipe has no end before it had a writer: that it
// is waited for is what tells the one from the other.
qint64 FileHandle::readWhatComes(char *to, qint64 size, std::error_code &error)
{
    qint64 got = -1;
    do {
        error = m_stop.wait(m_descriptor, POLLIN);
        if (!error)
            got = retried([&] { return ::read(m_descriptor, to, size_t(size)); });
    } while (!error && got == -1 && errno == EAGAIN);
    if (!error && got == -1)
        error = lastError();
    return got;
}

// As ::write(), the same.
qint64 FileHandle::writeWhatGoes(const char *from, qint64 size, std::error_code &error)
{
    qint64 written = -1;
    do {
        error = m_stop.wait(m_descriptor, POLLOUT);
        if (!error)
            written = writeAtOnce(m_descriptor, from, size);
        // Where the system does not know of that: a pipe that has room takes this much.
        if (!error && written == -1 && errno == EOPNOTSUPP)
            written = retried([&] {
                return ::write(m_descriptor, from, size_t(S_ISFIFO(m_type) ? std::min<qint64>(size, PIPE_BUF) : size));
            });
    } while (!error && written == -1 && errno == EAGAIN);
    if (!error && written == -1)
        error = lastError();
    return written;
}

qint64 FileHandle::write(qint64 &position, const char *from, qint64 size, std::error_code &error)
{
    if (m_sequential)
        blockPipeSignal();
    const bool append = appends();
    qint64 done = 0;
    while (done < size && !error) {
        const char *const rest = from + done;
        const qint64 restSize = size - done;
        qint64 more = -1;
        if (m_sequential) {
            more = writeWhatGoes(rest, restSize, error);
        } else {
            if (append)
                ::lseek(m_descriptor, 0, SEEK_END); // not every descriptor appends by itself
            more = retried([&] {
                return append ? ::write(m_descriptor, rest, size_t(restSize))
                              : ::pwrite(m_descriptor, rest, size_t(restSize), off_t(position + done));
            });
            if (more == -1)
                error = lastError();
        }
        done += std::max<qint64>(more, 0);
    }
    if (m_sequential)
        return done;
    if (append && done > 0)
        position = ::lseek(m_descriptor, 0, SEEK_CUR);
    else if (!append)
        position += done;
    leaveAt(position);
    return done;
}

void FileHandle::leaveAt(qint64 position)
{
    if (m_adopted && !m_sequential)
        ::lseek(m_descriptor, off_t(position), SEEK_SET);
}

int FileHandle::release(qint64 position)
{
    m_adopted = true; // others go on with it
    leaveAt(position);
    m_stop.release();
    return takeDescriptor();
}

int FileHandle::takeDescriptor()
{
    m_mode = QIODevice::NotOpen;
    m_sequential = m_readsAtOnce = m_local = m_adopted = false;
    return std::exchange(m_descriptor, -1);
}

qint64 FileHandle::size(std::error_code &error) const
{
    struct stat status{};
    if (::fstat(m_descriptor, &status) != 0) {
        error = lastError();
        return 0;
    }
    return status.st_size;
}

std::error_code FileHandle::resize(qint64 size)
{
    return retried([&] { return ::ftruncate(m_descriptor, off_t(size)); }) == 0 ? std::error_code() : lastError();
}

std::error_code FileHandle::sync()
{
    return retried([&] { return ::fsync(m_descriptor); }) == 0 ? std::error_code() : lastError();
}

std::error_code FileHandle::commit(Durable durable, bool replaces)
{
    std::error_code error;
    if (durable == Durable::Yes)
        error = sync();
    const QByteArray temporary = std::exchange(m_temporary, {});
    const QByteArray replaced = m_replaced;
    // Before it takes the place of the old one: some file systems tell only now that there is no space for it.
    const std::error_code closeError = close();
    if (!error)
        error = closeError;
    if (!error)
        error = rename(temporary, replaced, replaces);
    if (error) {
        ::unlink(temporary.constData());
        return error;
    }
    return durable == Durable::Yes ? syncFolderOf(replaced) : error;
}

std::error_code FileHandle::rename(const QByteArray &from, const QByteArray &to, bool replaces)
{
    int result = -1;
    if (replaces) {
        result = ::rename(from.constData(), to.constData());
    } else {
#ifdef RENAME_NOREPLACE
        result = ::renameat2(AT_FDCWD, from.constData(), AT_FDCWD, to.constData(), RENAME_NOREPLACE);
        if (result == 0 || (errno != EINVAL && errno != ENOSYS))
            return result == 0 ? std::error_code() : lastError();
#endif
        // Where the system has no such call; it does for files only.
        result = ::link(from.constData(), to.constData());
        if (result == 0)
            result = ::unlink(from.constData());
    }
    return result == 0 ? std::error_code() : lastError();
}

void FileHandle::takePermissions(const FileHandle &other)
{
    struct stat status{};
    if (::fstat(other.m_descriptor, &status) == 0)
        static_cast<void>(::fchmod(m_descriptor, status.st_mode & 0777)); // not all file systems have any
}

bool FileHandle::shareContent([[maybe_unused]] const FileHandle &other)
{
#ifdef FICLONE
    return !other.m_sequential && ::ioctl(m_descriptor, FICLONE, other.m_descriptor) == 0;
#else
    return false;
#endif
}

qint64 FileHandle::copyFrom([[maybe_unused]] const FileHandle &other, [[maybe_unused]] qint64 position,
                            [[maybe_unused]] qint64 size)
{
#ifdef Q_OS_LINUX
    off_t from = position;
    off_t to = position;
    return other.m_sequential
        ? -1
        : retried([&] { return ::copy_file_range(other.m_descriptor, &from, m_descriptor, &to, size_t(size), 0); });
#else
    return -1;
#endif
}

std::error_code FileHandle::close()
{
    m_stop.release();
    if (m_descriptor == -1)
        return {};
    const int descriptor = takeDescriptor();
    m_replaced.clear();
    std::error_code error;
    if (const QByteArray temporary = std::exchange(m_temporary, {});
        !temporary.isEmpty() && ::unlink(temporary.constData()) != 0)
        error = lastError();
    // Not again after EINTR: on Linux it is closed even then.
    if (::close(descriptor) != 0 && errno != EINTR)
        error = lastError();
    return error;
}

} // namespace Asyncoro::Detail
