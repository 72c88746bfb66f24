// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "filewatcher.h"

#include "filesystem_p.h"

#include <Asyncoro/Event>
#include <Asyncoro/Timeout>

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QHash>
#include <QSet>
#include <QSocketNotifier>

#include <cerrno>
#include <cstring>
#include <deque>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

namespace Asyncoro {

namespace Detail {

namespace {

constexpr qsizetype MostChanges = 10'000;
constexpr quint32 Interesting = IN_ATTRIB | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MODIFY
    | IN_MOVED_FROM | IN_MOVED_TO | IN_MOVE_SELF;

/** Its descriptor, shared with the threads that add watches, which may block. */
class Inotify
{
public:
    Inotify()
        : m_descriptor(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK))
    {
        if (m_descriptor == -1)
            throwFileError("FileWatcher", QStringLiteral("inotify"), {errno, std::generic_category()});
    }
    ~Inotify() { ::close(m_descriptor); }
    Q_DISABLE_COPY_MOVE(Inotify)

    [[nodiscard]] int descriptor() const { return m_descriptor; }

    struct Added {
        int watch = -1;
        bool isFolder = false;
    };
    /** Watches `path` itself, if that is a folder, else the folder that it is in. Blocks. */
    [[nodiscard]] Added add(const QString &path) const
    {
        const QByteArray name = encodedPath("FileWatcher::add()", path);
        struct stat status{};
        Added added;
        added.isFolder = ::stat(name.constData(), &status) == 0 && S_ISDIR(status.st_mode);
        const QString folder = added.isFolder ? path : QFileInfo(path).path();
        added.watch
            = ::inotify_add_watch(m_descriptor, QFile::encodeName(folder).constData(), Interesting | IN_ONLYDIR);
        if (added.watch == -1)
            throwFileError("FileWatcher::add()", path, {errno, std::generic_category()});
        return added;
    }

private:
    const int m_descriptor;
};

} // namespace

class WatchData
{
public:
    WatchData()
    {
        QObject::connect(&m_notifier, &QSocketNotifier::activated, &m_notifier, [this] { read(); });
    }

    /** While one exists, no watch ends whose number an add() may be about to get. */
    class AddUnderWay
    {
    public:
        explicit AddUnderWay(WatchData &data)
            : m_data(data)
        {
            ++m_data.m_addsUnderWay;
        }
        ~AddUnderWay()
        {
            --m_data.m_addsUnderWay;
            m_data.removeUnused();
        }
        Q_DISABLE_COPY_MOVE(AddUnderWay)

    private:
        WatchData &m_data;
    };

    void add(const QString &path, Inotify::Added added);
    void remove(const QString &path);
    [[nodiscard]] FileChange take();
    void close();

    const std::shared_ptr<const Inotify> inotify = std::make_shared<Inotify>();
    Event event; // set while there is something to take, or it is closed
    bool closed = false;

private:
    struct Folder {
        QMultiHash<QString, QString> files; // by name: the paths as they were given
        QSet<QString> paths; // as they were given, if all of it is watched
    };

    void removeUnused();
    void read();
    void accept(const inotify_event &record, const QString &name);
    void note(FileChange::Kind kind, const QString &path);
    void noteLost();

    QSocketNotifier m_notifier{inotify->descriptor(), QSocketNotifier::Read};
    QHash<int, Folder> m_folders; // by the number of the watch
    QSet<int> m_unused; // watches to be removed
    QSet<int> m_ended; // watches that ended while an add() was under way
    int m_addsUnderWay = 0;
    std::deque<QString> m_order;
    QHash<QString, FileChange::Kind> m_changes;
    bool m_lost = false;
};

void WatchData::add(const QString &path, Inotify::Added added)
{
    if (m_ended.contains(added.watch)) // the folder went while the add() was under way
        throwFileError("FileWatcher::add()", path, {ENOENT, std::generic_category()});
    Folder &folder = m_folders[added.watch];
    if (added.isFolder)
        folder.paths.insert(path);
    else if (const QString name = QFileInfo(path).fileName(); !folder.files.contains(name, path))
        folder.files.insert(name, path);
}

void WatchData::remove(const QString &path)
{
    for (auto i = m_folders.begin(); i != m_folders.end();) {
        i->paths.remove(path);
        i->files.removeIf([&path](auto file) { return file.value() == path; });
        if (i->paths.isEmpty() && i->files.isEmpty()) {
            m_unused.insert(i.key());
            i = m_folders.erase(i);
        } else {
            ++i;
        }
    }
    removeUnused();
}

// The same number may be what an add() is about to get.
void WatchData::removeUnused()
{
    if (m_addsUnderWay > 0)
        return;
    for (const int watch : std::exchange(m_unused, {})) {
        if (!m_folders.contains(watch))
            ::inotify_rm_watch(inotify->descriptor(), watch);
    }
    m_ended.clear();
}

void WatchData::read()
{
    alignas(inotify_event) char buffer[64 * 1024];
    const ssize_t size = ::read(inotify->descriptor(), buffer, sizeof(buffer));
    for (ssize_t at = 0; at < size;) {
        inotify_event record{};
        std::memcpy(&record, buffer + at, sizeof(record));
        accept(record, QFile::decodeName(record.len > 0 ? buffer + at + sizeof(record) : ""));
        at += ssize_t(sizeof(record) + record.len);
    }
    if (m_lost || !m_order.empty())
        event.set();
}

void WatchData::accept(const inotify_event &record, const QString &name)
{
    using enum FileChange::Kind;
    if (record.mask & IN_Q_OVERFLOW) {
        noteLost();
        return;
    }
    if (record.mask & (IN_IGNORED | IN_MOVE_SELF) && m_addsUnderWay > 0)
        m_ended.insert(record.wd);
    const auto found = m_folders.constFind(record.wd);
    if (found == m_folders.cend()) {
        if (!(record.mask & IN_IGNORED)) { // of an add() that was cancelled, unless one is under way
            m_unused.insert(record.wd);
            removeUnused();
        }
        return;
    }
    const FileChange::Kind kind = record.mask & (IN_CREATE | IN_MOVED_TO)    ? Created
        : record.mask & (IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT) ? Removed
                                                                                                 : Changed;
    if (record.mask & IN_IGNORED) {
        m_folders.erase(found); // it was removed, as was told before
    } else if (name.isEmpty()) { // the folder itself
        for (const QString &path : found->paths)
            note(kind, path);
        if (kind == Removed) {
            for (const QString &path : found->files)
                note(Removed, path);
        }
        if (record.mask & IN_MOVE_SELF) // it is watched where it is now, which is not what was asked for
            ::inotify_rm_watch(inotify->descriptor(), record.wd);
    } else {
        for (const QString &path : found->paths)
            note(kind, QDir(path).filePath(name));
        for (const QString &path : found->files.values(name))
            note(kind, path);
    }
}

void WatchData::note(FileChange::Kind kind, const QString &path)
{
    using enum FileChange::Kind;
    const auto before = m_changes.find(path);
    if (before == m_changes.end()) {
        if (m_changes.size() >= MostChanges) {
            noteLost();
            return;
        }
        m_changes.insert(path, kind);
        m_order.push_back(path);
    } else if (*before == Removed && kind == Created) {
        *before = Changed; // by another one
    } else if (*before != Created || kind == Removed) {
        *before = kind;
    }
}

void WatchData::noteLost()
{
    m_lost = true;
    m_order.clear();
    m_changes.clear();
}

FileChange WatchData::take()
{
    FileChange change;
    if (std::exchange(m_lost, false)) {
        change.kind = FileChange::Kind::Lost;
    } else {
        change.path = std::move(m_order.front());
        m_order.pop_front();
        change.kind = m_changes.take(change.path);
    }
    if (m_order.empty())
        event.clear();
    return change;
}

void WatchData::close()
{
    m_notifier.setEnabled(false);
    closed = true;
    event.set();
}

namespace {

void throwIfClosed(const WatchData &data, const char *operation)
{
    if (data.closed)
        throw Destroyed(QStringLiteral("%1: the FileWatcher was destroyed").arg(QLatin1StringView(operation)));
}

// Their data, not the FileWatcher, which may be moved meanwhile.
Task<> add(std::shared_ptr<WatchData> data, QString path)
{
    const WatchData::AddUnderWay underWay(*data);
    const Inotify::Added added
        = co_await onFileThread([inotify = data->inotify, path] { return inotify->add(path); });
    throwIfClosed(*data, "FileWatcher::add()");
    data->add(path, added);
}

Task<FileChange> next(std::shared_ptr<WatchData> data, QDeadlineTimer deadline)
{
    do {
        co_await data->event.wait(deadline);
        throwIfClosed(*data, "FileWatcher::next()");
    } while (!data->event.isSet()); // another one was quicker
    co_return data->take();
}

} // namespace
} // namespace Detail

FileWatcher::FileWatcher()
    : m_data(std::make_shared<Detail::WatchData>())
{
}

FileWatcher::~FileWatcher()
{
    if (m_data)
        m_data->close();
}

FileWatcher::FileWatcher(FileWatcher &&other) noexcept = default;

FileWatcher &FileWatcher::operator=(FileWatcher &&other) noexcept
{
    if (m_data && m_data != other.m_data)
        m_data->close();
    m_data = std::move(other.m_data);
    return *this;
}

Task<> FileWatcher::add(QString path)
{
    return Detail::add(m_data, std::move(path));
}

void FileWatcher::remove(const QString &path)
{
    m_data->remove(path);
}

Task<FileChange> FileWatcher::next(QDeadlineTimer deadline)
{
    return Detail::namingTimeOut(QStringLiteral("FileWatcher::next()"), Detail::next(m_data, deadline));
}

} // namespace Asyncoro
