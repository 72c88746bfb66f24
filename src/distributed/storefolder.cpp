// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "storefolder_p.h"

#include "wire/handshake_p.h"

#include <Asyncoro/FileError>

#include <QDir>
#include <QFile>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <limits>

namespace Asyncoro::Detail {

namespace {

constexpr const char *PartialsName = ".asyncoro";
constexpr qsizetype MaxNameSize = 255;
constexpr qint64 ReadSize = 256 * 1024;
constexpr int MostTries = 100;
constexpr mode_t OwnersMode = 0600; // what a store needs to go on with a partial file
constexpr int OpenFolder = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

using Reason = FileRefused::Reason;

struct stat statusOf(const Descriptor &folder, const QByteArray &name)
{
    struct stat status{};
    if (::fstatat(folder.number(), name.constData(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        status = {};
    return status;
}

bool isSame(const struct stat &a, const struct stat &b)
{
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

Descriptor duplicate(const Descriptor &descriptor)
{
    return Descriptor(::fcntl(descriptor.number(), F_DUPFD_CLOEXEC, 0));
}

/** Calls `each` with the names in a folder. */
template<typename Each>
void forNamesIn(const Descriptor &folder, Each each)
{
    // Of its own, for its position.
    const int descriptor = ::openat(folder.number(), ".", OpenFolder);
    DIR *const stream = descriptor >= 0 ? ::fdopendir(descriptor) : nullptr;
    if (!stream) {
        if (descriptor >= 0)
            ::close(descriptor);
        return;
    }
    const std::unique_ptr<DIR, int (*)(DIR *)> owner(stream, ::closedir);
    while (const dirent *const entry = ::readdir(stream)) {
        const QByteArray name(entry->d_name);
        if (name != "." && name != "..")
            each(name);
    }
}

/** Refuses what is neither a file nor a folder: it may lead anywhere. */
void checkType(const struct stat &status, const StorePath &path, const QByteArray &name)
{
    if (S_ISLNK(status.st_mode))
        path.refuse(Reason::BadPath, QStringLiteral("%1 is a symbolic link").arg(QFile::decodeName(name)));
    if (status.st_mode != 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        path.refuse(Reason::BadPath, QStringLiteral("%1 is neither a file nor a folder").arg(QFile::decodeName(name)));
}

/**
 * Adds the content of a file to a hash, from `position` to its end or that of `size` bytes. Gives where it has
 * stopped.
 */
qint64 addTo(FileDigest &hash, const Descriptor &file, qint64 position, qint64 size, const StorePath &path,
             const std::stop_token &stop)
{
    QByteArray piece(ReadSize, Qt::Uninitialized);
    while (position < size && !stop.stop_requested()) {
        const qint64 got = file.read(piece.data(), std::min<qint64>(piece.size(), size - position), position);
        if (got < 0)
            path.fail(QStringLiteral("read"));
        if (got == 0)
            break;
        hash.add(QByteArrayView(piece).first(got));
        position += got;
    }
    return position;
}

/** Fails with EEXIST if there is something of the new name. */
bool renameToNew(const Descriptor &fromFolder, const char *from, const Descriptor &toFolder, const char *to)
{
#ifdef RENAME_NOREPLACE
    if (::renameat2(fromFolder.number(), from, toFolder.number(), to, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
#endif
    // Where the system, or this file system, cannot do that.
    return ::linkat(fromFolder.number(), from, toFolder.number(), to, 0) == 0
        && ::unlinkat(fromFolder.number(), from, 0) == 0;
}

} // namespace

QByteArray digestOf(const Descriptor &file, const StorePath &path, const std::stop_token &stop)
{
    FileDigest hash;
    addTo(hash, file, 0, std::numeric_limits<qint64>::max(), path, stop);
    return stop.stop_requested() ? QByteArray() : hash.result();
}

// --- StorePath ---

StorePath::StorePath(const QString &text)
    : m_text(text)
{
    if (text.startsWith(u'/'))
        refuse(Reason::BadPath, QStringLiteral("it is not relative"));
    for (const QString &name : text.split(u'/')) {
        const QByteArray encoded = QFile::encodeName(name);
        if (name.isEmpty())
            refuse(Reason::BadPath, QStringLiteral("a name in it is empty"));
        if (name == u"." || name == u"..")
            refuse(Reason::BadPath, QStringLiteral("it must not go by \"%1\"").arg(name));
        if (encoded.contains('\0') || encoded.contains('/') || QFile::decodeName(encoded) != name)
            refuse(Reason::BadPath, QStringLiteral("a name in it cannot be that of a file"));
        if (encoded.size() > MaxNameSize)
            refuse(Reason::BadPath, QStringLiteral("a name in it is too long"));
        m_folders.append(encoded);
    }
    if (m_folders.size() > MaxDepth)
        refuse(Reason::BadPath, QStringLiteral("it is too deep"));
    m_name = m_folders.takeLast();
}

void StorePath::refuse(Reason reason, const QString &why) const
{
    const QString shown = m_text.size() > 300 ? m_text.first(300) + u'\u2026' : m_text;
    throw FileRefused(reason, m_text, QStringLiteral("\"%1\": %2").arg(shown, why));
}

void StorePath::fail(const QString &operation) const
{
    refuse(Reason::Failed, QStringLiteral("the store could not %1 it: %2").arg(operation, qt_error_string(errno)));
}

// --- PartialFile ---

PartialFile::PartialFile(StorePath path, Descriptor folder, QByteArray name, Descriptor file)
    : m_path(std::move(path))
    , m_folder(std::move(folder))
    , m_name(std::move(name))
    , m_file(std::move(file))
{
}

PartialFile::~PartialFile()
{
    if (m_file.status().st_size == 0)
        remove();
}

void PartialFile::remove()
{
    if (isSame(m_file.status(), statusOf(m_folder, m_name))) // it may be in its place by now
        ::unlinkat(m_folder.number(), m_name.constData(), 0);
}

qint64 PartialFile::resume(qint64 size, const std::stop_token &stop)
{
    const QMutexLocker lock(&m_mutex);
    if (m_file.status().st_size > size && ::ftruncate(m_file.number(), 0) != 0)
        m_path.fail(QStringLiteral("write"));
    return m_size = addTo(m_hash, m_file, 0, size, m_path, stop);
}

void PartialFile::restart()
{
    const QMutexLocker lock(&m_mutex);
    if (::ftruncate(m_file.number(), 0) != 0)
        m_path.fail(QStringLiteral("write"));
    m_hash.reset();
    m_size = 0;
}

void PartialFile::append(const QByteArray &bytes, qint64 position)
{
    const QMutexLocker lock(&m_mutex);
    if (position != m_size)
        m_path.refuse(Reason::Failed, QStringLiteral("the store could not write what comes before"));
    if (!m_file.write(bytes, m_size))
        m_path.fail(QStringLiteral("write"));
    m_hash.add(bytes);
    m_size += bytes.size();
}

QByteArray PartialFile::digest()
{
    const QMutexLocker lock(&m_mutex);
    return m_hash.result();
}

// --- StoreFolder ---

StoreFolder::StoreFolder(const QString &path)
{
    const auto check = [&path](bool done) {
        if (!done)
            throw FileError(path, {errno, std::generic_category()},
                            QStringLiteral("cannot use the folder %1: %2").arg(path, qt_error_string(errno)));
    };
    check(QDir().mkpath(path));
    m_root = Descriptor(::open(QFile::encodeName(path).constData(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    check(m_root.isOpen());
    check(::mkdirat(m_root.number(), PartialsName, 0700) == 0 || errno == EEXIST);
    m_partials = Descriptor(::openat(m_root.number(), PartialsName, OpenFolder));
    check(m_partials.isOpen());
}

Descriptor StoreFolder::enter(const Descriptor &folder, const QByteArray &name, const StorePath &path, Missing missing)
{
    const auto open = [&] { return Descriptor(::openat(folder.number(), name.constData(), OpenFolder)); };
    Descriptor inner = open();
    // Somebody else may remove it as soon as it is made.
    for (int tries = 0; !inner.isOpen() && errno == ENOENT && missing == Missing::Make && tries < MostTries; ++tries) {
        if (::mkdirat(folder.number(), name.constData(), 0777) != 0 && errno != EEXIST)
            path.fail(QStringLiteral("make the folder of"));
        static_cast<void>(folder.sync()); // not all file systems can do that with a folder
        inner = open();
    }
    if (!inner.isOpen()) {
        const int error = errno;
        if (error == ENOENT && missing == Missing::Leave)
            return {};
        checkType(statusOf(folder, name), path, name);
        if (error == ENOTDIR || error == ELOOP)
            path.refuse(Reason::BadPath, QStringLiteral("%1 is no folder").arg(QFile::decodeName(name)));
        errno = error;
        path.fail(QStringLiteral("open"));
    }
    // By whichever name: file systems that do not tell upper and lower case have several.
    if (isSame(inner.status(), m_partials.status()))
        path.refuse(Reason::BadPath, QStringLiteral("%1 is the store's own").arg(QFile::decodeName(name)));
    return inner;
}

/** All folders of the path, from the store itself on; nothing if one is missing. */
std::vector<Descriptor> StoreFolder::enterAll(const StorePath &path, Missing missing)
{
    std::vector<Descriptor> all;
    all.push_back(duplicate(m_root));
    for (const QByteArray &name : path.folders()) {
        all.push_back(enter(all.back(), name, path, missing));
        if (!all.back().isOpen())
            return {};
    }
    return all;
}

Descriptor StoreFolder::openForReading(const StorePath &path)
{
    const std::vector<Descriptor> folders = enterAll(path, Missing::Leave);
    if (folders.empty())
        return {};
    const struct stat status = statusOf(folders.back(), path.name());
    if (status.st_mode == 0)
        return {};
    checkType(status, path, path.name());
    if (S_ISDIR(status.st_mode))
        path.refuse(Reason::Exists, QStringLiteral("it is a folder"));
    Descriptor file(::openat(folders.back().number(), path.name().constData(),
                             O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file.isOpen())
        path.fail(QStringLiteral("open"));
    checkType(file.status(), path, path.name()); // it may be another one by now
    return file;
}

/** A partial file that nobody else has; not open if that fails, with EWOULDBLOCK in errno if somebody has it. */
Descriptor StoreFolder::openUnlocked(const QByteArray &partial, int flags)
{
    const auto open = [&] {
        return Descriptor(::openat(m_partials.number(), partial.constData(),
                                   O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags, OwnersMode));
    };
    Descriptor file = open();
    if (!file.isOpen() && errno == EACCES) { // earlier versions have left such ones
        ::fchmodat(m_partials.number(), partial.constData(), OwnersMode, AT_SYMLINK_NOFOLLOW);
        file = open();
    }
    if (!file.isOpen() || retried([&] { return ::flock(file.number(), LOCK_EX | LOCK_NB); }) != 0)
        return {};
    // Whoever had the lock before may have removed it, or put it in its place.
    const struct stat status = file.status();
    if (S_ISREG(status.st_mode) && isSame(status, statusOf(m_partials, partial)))
        return file;
    errno = EWOULDBLOCK;
    return {};
}

std::shared_ptr<PartialFile> StoreFolder::openPartial(const StorePath &path, const QByteArray &content)
{
    QByteArray name = content.toHex();
    Descriptor file = openUnlocked(name, O_CREAT);
    // Another store or process is at that content, or it is no file. And whoever measures or cleans the folder has each
    // of its files for a moment, also a new one.
    for (int tries = 0; !file.isOpen(); ++tries) {
        name = content.toHex() + '.' + randomBytes(8).toHex();
        file = openUnlocked(name, O_CREAT | O_EXCL);
        if (file.isOpen())
            break;
        if (errno != EWOULDBLOCK || tries == MostTries)
            path.fail(QStringLiteral("write"));
        ::unlinkat(m_partials.number(), name.constData(), 0);
    }
    return std::make_shared<PartialFile>(path, duplicate(m_partials), name, std::move(file));
}

bool StoreFolder::commit(PartialFile &partial, const Attributes &attributes, Existing existing)
{
    const QMutexLocker lock(&partial.m_mutex);
    const StorePath &path = partial.m_path;
    const Descriptor &file = partial.m_file;
    timespec modified{};
    modified.tv_sec = time_t(attributes.modified / 1'000'000'000);
    modified.tv_nsec = long(attributes.modified % 1'000'000'000);
    if (modified.tv_nsec < 0) { // before 1970
        --modified.tv_sec;
        modified.tv_nsec += 1'000'000'000;
    }
    const std::array<timespec, 2> times{modified, modified};
    const auto mode = mode_t(attributes.mode & 0777);
    // What is not in its place in the end must be open to the store.
    if (::fchmod(file.number(), mode | OwnersMode) != 0 || ::futimens(file.number(), times.data()) != 0 || !file.sync())
        path.fail(QStringLiteral("write"));

    const QMutexLocker treeLock(&m_treeMutex);
    const std::vector<Descriptor> folders = enterAll(path, Missing::Make);
    checkType(statusOf(folders.back(), path.name()), path, path.name());
    const char *const from = partial.m_name.constData();
    const char *const to = path.name().constData();
    const bool replaces = existing == Existing::Replace;
    const bool done = replaces ? ::renameat(m_partials.number(), from, folders.back().number(), to) == 0
                               : renameToNew(m_partials, from, folders.back(), to);
    if (!done) {
        if (errno == EEXIST && !replaces)
            return false;
        if (errno == EISDIR)
            path.refuse(Reason::Exists, QStringLiteral("there is a folder of that name"));
        path.fail(QStringLiteral("write"));
    }
    if (mode != (mode | OwnersMode) && (::fchmod(file.number(), mode) != 0 || !file.sync()))
        path.fail(QStringLiteral("protect"));
    static_cast<void>(folders.back().sync());
    return true;
}

void StoreFolder::makeFolder(const StorePath &path)
{
    const QMutexLocker treeLock(&m_treeMutex);
    enter(enterAll(path, Missing::Make).back(), path.name(), path, Missing::Make);
}

qint64 StoreFolder::remove(const StorePath &path)
{
    const QMutexLocker treeLock(&m_treeMutex);
    const std::vector<Descriptor> folders = enterAll(path, Missing::Leave);
    struct stat status{};
    if (!folders.empty())
        status = statusOf(folders.back(), path.name());
    if (status.st_mode == 0)
        path.refuse(Reason::Missing, QStringLiteral("there is no such file or folder"));
    checkType(status, path, path.name());
    const qint64 count = removeTree(folders.back(), path.name(), path);
    for (size_t depth = path.folders().size(); depth > 0; --depth) {
        const QByteArray &name = path.folders()[qsizetype(depth) - 1];
        if (::unlinkat(folders[depth - 1].number(), name.constData(), AT_REMOVEDIR) != 0)
            break;
    }
    return count;
}

qint64 StoreFolder::removeTree(const Descriptor &folder, const QByteArray &name, const StorePath &path)
{
    if (!S_ISDIR(statusOf(folder, name).st_mode)) {
        if (::unlinkat(folder.number(), name.constData(), 0) != 0)
            path.fail(QStringLiteral("remove"));
        return 1;
    }
    const Descriptor inner = enter(folder, name, path, Missing::Leave);
    qint64 count = 0;
    forNamesIn(inner, [&](const QByteArray &each) { count += removeTree(inner, each, path); });
    if (::unlinkat(folder.number(), name.constData(), AT_REMOVEDIR) != 0)
        path.fail(QStringLiteral("remove"));
    return count;
}

qint64 StoreFolder::usage(const std::stop_token &stop)
{
    qint64 sum = usageOf(m_root, stop);
    forNamesIn(m_partials, [&](const QByteArray &name) {
        if (const Descriptor file = openUnlocked(name, 0); file.isOpen())
            sum += file.status().st_size;
    });
    return sum;
}

qint64 StoreFolder::usageOf(const Descriptor &folder, const std::stop_token &stop)
{
    qint64 sum = 0;
    forNamesIn(folder, [&](const QByteArray &name) {
        if (stop.stop_requested())
            return;
        const struct stat status = statusOf(folder, name);
        if (S_ISREG(status.st_mode)) {
            sum += status.st_size;
        } else if (S_ISDIR(status.st_mode) && !isSame(status, m_partials.status())) {
            const Descriptor inner(::openat(folder.number(), name.constData(), OpenFolder));
            if (inner.isOpen())
                sum += usageOf(inner, stop);
        }
    });
    return sum;
}

void StoreFolder::removePartials(std::chrono::seconds age)
{
    const auto limit = std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch() - age).count();
    forNamesIn(m_partials, [&](const QByteArray &name) {
        const Descriptor file = openUnlocked(name, 0);
        if (file.isOpen() && (age == age.zero() || modifiedAt(file.status()) <= limit))
            ::unlinkat(m_partials.number(), name.constData(), 0);
    });
}

} // namespace Asyncoro::Detail
