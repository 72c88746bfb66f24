// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "filehandle_p.h"

#include <QFile>

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace Asyncoro::Detail {

namespace {

std::error_code lastError()
{
    return {errno, std::generic_category()};
}

template<typename Call>
auto retried(Call call)
{
    decltype(call()) result;
    do {
        result = call();
    } while (result == -1 && errno == EINTR);
    return result;
}

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

bool hasPositions(const struct stat &status)
{
    return S_ISREG(status.st_mode) || S_ISBLK(status.st_mode);
}

} // namespace

bool FileHandle::isEndless(const QString &path)
{
    struct stat status{};
    return ::stat(QFile::encodeName(path).constData(), &status) == 0 && !hasPositions(status);
}

std::error_code FileHandle::open(const QString &path, QIODevice::OpenMode mode)
{
    const QByteArray name = QFile::encodeName(path);
    const int flags = openFlags(mode);
    m_descriptor = retried([&] { return ::open(name.constData(), flags, 0666); });
    if (m_descriptor == -1)
        return lastError();
    struct stat status{};
    std::error_code error;
    if (::fstat(m_descriptor, &status) != 0)
        error = lastError();
    else if (S_ISDIR(status.st_mode))
        error = std::make_error_code(std::errc::is_a_directory);
    if (error) {
        static_cast<void>(close());
        return error;
    }
    m_sequential = !hasPositions(status);
    m_mode = mode & QIODevice::Append ? mode | QIODevice::WriteOnly : mode;
    return {};
}

qint64 FileHandle::read(qint64 position, char *to, qint64 size, std::error_code &error)
{
    const qint64 got = retried([&] {
        return m_sequential ? ::read(m_descriptor, to, size_t(size))
                            : ::pread(m_descriptor, to, size_t(size), off_t(position));
    });
    if (got == -1)
        error = lastError();
    return std::max<qint64>(got, 0);
}

qint64 FileHandle::write(qint64 &position, const char *from, qint64 size, std::error_code &error)
{
    const bool append = m_mode & QIODevice::Append;
    qint64 done = 0;
    while (done < size) {
        const char *const rest = from + done;
        const auto restSize = size_t(size - done);
        const qint64 more = retried([&] {
            return m_sequential || append ? ::write(m_descriptor, rest, restSize)
                                          : ::pwrite(m_descriptor, rest, restSize, off_t(position + done));
        });
        if (more == -1) {
            error = lastError();
            break;
        }
        done += more;
    }
    if (m_sequential)
        return done;
    if (append && done > 0)
        position = ::lseek(m_descriptor, 0, SEEK_CUR);
    else if (!append)
        position += done;
    return done;
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

std::error_code FileHandle::close()
{
    if (m_descriptor == -1)
        return {};
    const int descriptor = std::exchange(m_descriptor, -1);
    m_mode = QIODevice::NotOpen;
    m_sequential = false;
    // Not again after EINTR: on Linux it is closed even then.
    return ::close(descriptor) == 0 || errno == EINTR ? std::error_code() : lastError();
}

} // namespace Asyncoro::Detail
