// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "filesystem_p.h"
#include "systemcall_p.h"

#include <QFile>

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <limits>
#include <sys/stat.h>
#include <unistd.h>

namespace Asyncoro::Detail {

namespace {

constexpr int EntriesAtOnce = 256;
// A piece of a copy: how often there is progress, and how long a cancelled copy goes on at most.
constexpr qint64 CopyPiece = 16 * 1024 * 1024;
constexpr qint64 BufferSize = 256 * 1024;

FolderEntry::Type typeOf(mode_t mode)
{
    if (S_ISREG(mode))
        return FolderEntry::Type::File;
    if (S_ISDIR(mode))
        return FolderEntry::Type::Folder;
    return S_ISLNK(mode) ? FolderEntry::Type::SymLink : FolderEntry::Type::Other;
}

// Other, too, where the file system does not tell.
FolderEntry::Type typeOf(const dirent &found)
{
    switch (found.d_type) {
    case DT_REG:
        return FolderEntry::Type::File;
    case DT_DIR:
        return FolderEntry::Type::Folder;
    case DT_LNK:
        return FolderEntry::Type::SymLink;
    default:
        return FolderEntry::Type::Other;
    }
}

} // namespace

void throwFileError(const char *operation, const QString &path, std::error_code code)
{
    throw FileError(path, code,
                    QStringLiteral("%1, %2: %3")
                        .arg(QLatin1StringView(operation), path, QString::fromStdString(code.message())));
}

QByteArray encodedPath(const char *operation, const QString &path)
{
    QByteArray name;
    if (const std::error_code error = encodePath(path, name))
        throwFileError(operation, path, error);
    return name;
}

void writeFileNow(const QString &path, const QByteArray &content)
{
    FileHandle file;
    std::error_code error = file.openReplacement(path);
    qint64 position = 0;
    if (!error)
        file.write(position, content.constData(), content.size(), error);
    if (!error)
        error = file.commit();
    if (error)
        throwFileError("writeFile()", path, error);
}

void renameFileNow(const QString &from, const QString &to, Existing existing)
{
    constexpr const char *Operation = "renameFile()";
    const std::error_code error = FileHandle::rename(encodedPath(Operation, from), encodedPath(Operation, to),
                                                     existing == Existing::Replace);
    if (error)
        throwFileError(Operation, error == std::errc::file_exists ? to : from, error);
}

void removeFileNow(const QString &path)
{
    const QByteArray name = encodedPath("removeFile()", path);
    if (::unlink(name.constData()) == 0)
        return;
    std::error_code error = lastError();
    if (errno == EISDIR || errno == EPERM) { // what POSIX says of a folder
        if (::rmdir(name.constData()) == 0)
            return;
        if (errno != ENOTDIR)
            error = lastError();
    }
    throwFileError("removeFile()", path, error);
}

void makePathNow(const QString &path)
{
    std::error_code error;
    const std::filesystem::path folder(encodedPath("makePath()", path).toStdString());
    std::filesystem::create_directories(folder, error);
    if (!error && !std::filesystem::is_directory(folder, error) && !error)
        error = std::make_error_code(std::errc::not_a_directory);
    if (error)
        throwFileError("makePath()", path, error);
}

// --- FileCopy ---

FileCopy::FileCopy(const QString &from, const QString &to, Existing existing)
    : m_from(from)
    , m_to(to)
    , m_existing(existing)
{
    // A pipe might let this thread wait for ever, and a device need not have an end.
    struct stat status{};
    if (::stat(encodedPath("copyFile()", from).constData(), &status) == 0 && !S_ISREG(status.st_mode))
        check(std::make_error_code(S_ISDIR(status.st_mode) ? std::errc::is_a_directory : std::errc::not_supported),
              from);
    check(m_source.open(from, QIODevice::ReadOnly), from);
    std::error_code error;
    m_size = m_source.size(error);
    check(error, from);
    if (existing == Existing::Keep && QFile::exists(to))
        check(std::make_error_code(std::errc::file_exists), to);
    check(m_target.openReplacement(to, FileHandle::Access::Private), to);
    m_target.takePermissions(m_source);
    if (m_target.shareContent(m_source)) {
        m_done = m_size;
        m_atEnd = true;
    }
}

void FileCopy::check(std::error_code error, const QString &path) const
{
    if (error)
        throwFileError("copyFile()", path, error);
}

bool FileCopy::step()
{
    qint64 left = CopyPiece;
    while (left > 0 && !m_atEnd && m_bySystem) {
        const qint64 got = m_target.copyFrom(m_source, m_done, left);
        m_bySystem = got > 0; // a file that seems to be empty may be one that is made when it is read
        m_done += std::max<qint64>(got, 0);
        left -= std::max<qint64>(got, 0);
    }
    QByteArray buffer;
    std::error_code error;
    while (left > 0 && !m_atEnd) {
        buffer.resizeForOverwrite(BufferSize);
        const qint64 got = m_source.read(m_done, buffer.data(), buffer.size(), true, error);
        check(error, m_from);
        m_atEnd = got == 0;
        m_target.write(m_done, buffer.constData(), got, error);
        check(error, m_to);
        left -= got;
    }
    m_size = std::max(m_size, m_done);
    return !m_atEnd;
}

void FileCopy::finish()
{
    check(m_target.commit(FileHandle::Durable::No, m_existing == Existing::Replace), m_to);
    check(m_source.close(), m_from);
}

// --- FolderWalk ---

struct FolderWalk::Level {
    explicit Level(DIR *opened)
        : folder(opened)
    {
    }
    ~Level() { ::closedir(folder); }
    Q_DISABLE_COPY_MOVE(Level)

    DIR *const folder;
    QByteArray path; // ends with a slash
    dev_t device = 0;
    ino_t number = 0;
};

FolderWalk::FolderWalk(const QString &path, ListOptions options)
    : m_path(path)
    , m_options(options)
{
    const QByteArray name = encodedPath("listFolder()", path);
    if (const std::error_code error = enter(name, AT_FDCWD, name.constData()))
        throwFileError("listFolder()", path, error);
}

FolderWalk::~FolderWalk() = default;

std::error_code FolderWalk::enter(const QByteArray &path, int parent, const char *name)
{
    const bool isLinkAllowed = m_levels.empty() || m_options.followSymLinks;
    const int descriptor
        = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (isLinkAllowed ? 0 : O_NOFOLLOW));
    if (descriptor == -1)
        return lastError();
    struct stat status{};
    if (::fstat(descriptor, &status) != 0) {
        const std::error_code error = lastError();
        ::close(descriptor);
        return error;
    }
    for (const std::unique_ptr<Level> &level : m_levels) {
        if (level->device == status.st_dev && level->number == status.st_ino) { // the way leads back
            ::close(descriptor);
            return {};
        }
    }
    DIR *const folder = ::fdopendir(descriptor);
    if (!folder) {
        const std::error_code error = lastError();
        ::close(descriptor);
        return error;
    }
    m_levels.push_back(std::make_unique<Level>(folder));
    Level &level = *m_levels.back();
    level.path = path.endsWith('/') ? path : path + '/';
    level.device = status.st_dev;
    level.number = status.st_ino;
    return {};
}

std::vector<FolderEntry> FolderWalk::next(const std::stop_token &stop)
{
    if (m_failure)
        std::rethrow_exception(std::exchange(m_failure, nullptr));
    std::vector<FolderEntry> entries;
    FolderEntry entry;
    try {
        while (entries.size() < EntriesAtOnce && !stop.stop_requested() && readEntry(entry))
            entries.push_back(std::exchange(entry, {}));
    } catch (const FileError &) { // after those that were found
        if (entries.empty())
            throw;
        m_failure = std::current_exception();
    }
    return entries;
}

bool FolderWalk::readEntry(FolderEntry &entry)
{
    while (!m_levels.empty()) {
        Level &level = *m_levels.back();
        errno = 0;
        const dirent *const found = ::readdir(level.folder);
        if (!found) {
            const std::error_code error = lastError();
            const QString path = QFile::decodeName(level.path);
            m_levels.pop_back();
            if (error)
                throwFileError("listFolder()", path, error);
            continue;
        }
        const QByteArray name(found->d_name);
        if (name == "." || name == "..")
            continue;
        const int folder = ::dirfd(level.folder);
        const QByteArray path = level.path + name;
        entry.path = QFile::decodeName(path);
        struct stat status{};
        if ((!m_options.followSymLinks || ::fstatat(folder, name.constData(), &status, 0) != 0)
            && ::fstatat(folder, name.constData(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno == ENOENT) // it was removed just now
                continue;
            entry.error = lastError();
            entry.type = typeOf(*found);
            return true;
        }
        entry.type = typeOf(status.st_mode);
        entry.size = status.st_size;
        entry.modified = QDateTime::fromMSecsSinceEpoch(status.st_mtim.tv_sec * 1000LL
                                                        + status.st_mtim.tv_nsec / 1'000'000);
        if (m_options.recursive && entry.type == FolderEntry::Type::Folder)
            entry.error = enter(path, folder, name.constData());
        return true;
    }
    return false;
}

} // namespace Asyncoro::Detail
