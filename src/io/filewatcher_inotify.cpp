// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "filewatcher.h"

#include "filesystem_p.h"

#include <Asyncoro/Coro>
#include <Asyncoro/Event>
#include <Asyncoro/Timeout>

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QHash>
#include <QSet>
#include <QSocketNotifier>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <filesystem>
#include <optional>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace Asyncoro {

namespace Detail {

namespace {

constexpr qsizetype MostChanges = 10'000;
constexpr int MostLinks = 40; // one after the other, as the system goes
constexpr quint32 Interesting = IN_ATTRIB | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MODIFY
    | IN_MOVED_FROM | IN_MOVED_TO | IN_MOVE_SELF;

/** A name in a folder that is watched, by the number of the watch. */
struct Place {
    int watch = -1;
    QString name;

    friend bool operator==(const Place &, const Place &) = default;
};
using Places = std::vector<Place>;

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
        bool isFolder = false;
        Place place; // without a name, if it is a folder
        Places targets;
    };
    /** Watches `path` itself, if that is a folder, else the folder that it is in, and its targets. Blocks. */
    [[nodiscard]] Added add(const QString &path) const
    {
        const QByteArray name = encodedPath("FileWatcher::add()", path);
        struct stat status{};
        Added added;
        added.isFolder = ::stat(name.constData(), &status) == 0 && S_ISDIR(status.st_mode);
        const QFileInfo info(path);
        added.place.watch = addWatch(added.isFolder ? name : QFile::encodeName(info.path()));
        if (added.place.watch == -1)
            throwFileError("FileWatcher::add()", path, {errno, std::generic_category()});
        if (!added.isFolder) {
            added.place.name = info.fileName();
            added.targets = addTargets(path);
        }
        return added;
    }
    /** Where the symbolic link `path` leads to, if it is one, by one link after the other. Blocks. */
    [[nodiscard]] Places addTargets(const QString &path) const
    {
        Places places;
        std::filesystem::path at(encodedPath("FileWatcher::add()", path).toStdString());
        for (int i = 0; i < MostLinks; ++i) {
            std::error_code error;
            const std::filesystem::path target = std::filesystem::read_symlink(at, error);
            if (error)
                break;
            at = at.parent_path() / target;
            const int watch = addWatch(QByteArray::fromStdString(at.parent_path().string()));
            if (watch != -1)
                places.push_back({watch, QFile::decodeName(at.filename().c_str())});
            else if (errno != ENOENT && errno != ENOTDIR) // it leads to nothing
                throwFileError("FileWatcher::add()", path, {errno, std::generic_category()});
        }
        return places;
    }

private:
    [[nodiscard]] int addWatch(const QByteArray &folder) const
    {
        return ::inotify_add_watch(m_descriptor, folder.isEmpty() ? "." : folder.constData(),
                                   Interesting | IN_ONLYDIR);
    }

    const int m_descriptor;
};

Task<> followLinks(std::shared_ptr<WatchData> data);

} // namespace

class WatchData : public std::enable_shared_from_this<WatchData>
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

    void add(const QString &path, Inotify::Added &&added);
    /** A file that may be a link to another place by now; nothing if there is none. */
    [[nodiscard]] std::optional<QString> takeDoubtful();
    void setTargets(const QString &path, Places &&targets);
    void remove(const QString &path);
    [[nodiscard]] FileChange take();
    void close();

    const std::shared_ptr<const Inotify> inotify = std::make_shared<Inotify>();
    Event event; // set while there is something to take, or it is closed
    bool closed = false;

private:
    struct Folder {
        QMultiHash<QString, QString> files; // by name: the paths as they were given, also those of links to it
        QSet<QString> paths; // as they were given, if all of it is watched
    };

    void watchAt(const QString &path, Places &&places);
    void lookAgain(const QString &path);
    void removeUnused();
    void read();
    void accept(const inotify_event &record, const QString &name);
    void note(FileChange::Kind kind, const QString &path);
    void noteLost();

    QSocketNotifier m_notifier{inotify->descriptor(), QSocketNotifier::Read};
    QHash<int, Folder> m_folders; // by the number of the watch
    QHash<QString, Places> m_files; // by the path as it was given: its place, and those that it leads to as a link
    QSet<QString> m_doubtful; // files that may be links to other places by now
    Coro<> m_looking; // at those
    QSet<int> m_unused; // watches to be removed
    QSet<int> m_ended; // watches that ended while an add() was under way
    int m_addsUnderWay = 0;
    std::deque<QString> m_order;
    QHash<QString, FileChange::Kind> m_changes;
    bool m_lost = false;
};

void WatchData::add(const QString &path, Inotify::Added &&added)
{
    if (m_ended.contains(added.place.watch)) // the folder went while the add() was under way
        throwFileError("FileWatcher::add()", path, {ENOENT, std::generic_category()});
    if (added.isFolder) {
        m_folders[added.place.watch].paths.insert(path);
        return;
    }
    const bool isLink = !added.targets.empty();
    added.targets.insert(added.targets.begin(), added.place);
    watchAt(path, std::move(added.targets));
    if (isLink)
        lookAgain(path); // it may have changed before this was told
}

void WatchData::watchAt(const QString &path, Places &&places)
{
    Places &known = m_files[path];
    for (const Place &place : places) {
        if (std::ranges::find(known, place) == known.end() && !m_ended.contains(place.watch))
            m_folders[place.watch].files.insert(place.name, path);
    }
    for (const Place &place : std::exchange(known, std::move(places))) {
        const auto folder = m_folders.find(place.watch);
        if (folder == m_folders.end() || std::ranges::find(known, place) != known.end())
            continue;
        folder->files.remove(place.name, path);
        if (folder->paths.isEmpty() && folder->files.isEmpty()) {
            m_unused.insert(place.watch);
            m_folders.erase(folder);
        }
    }
}

// What happened at new targets before they were watched, nobody knows: so the file may have changed.
void WatchData::setTargets(const QString &path, Places &&targets)
{
    for (const Place &place : targets)
        m_unused.insert(place.watch); // unless it is used
    const auto known = m_files.constFind(path);
    if (known == m_files.cend()) // it was removed meanwhile
        return;
    const bool isLink = !targets.empty();
    targets.insert(targets.begin(), known->front());
    if (targets == *known)
        return;
    watchAt(path, std::move(targets));
    if (isLink) {
        lookAgain(path);
        note(FileChange::Kind::Changed, path);
        event.set();
    }
}

void WatchData::lookAgain(const QString &path)
{
    m_doubtful.insert(path);
    if (m_looking.isRunning())
        return;
    m_looking = spawn(followLinks, shared_from_this());
    m_looking.setDaemon();
}

std::optional<QString> WatchData::takeDoubtful()
{
    if (closed || m_doubtful.isEmpty())
        return {};
    const QString path = *m_doubtful.cbegin();
    m_doubtful.remove(path);
    return path;
}

void WatchData::remove(const QString &path)
{
    m_files.remove(path);
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
            for (const QString &path : found->files) {
                note(Removed, path);
                lookAgain(path);
            }
        }
        if (record.mask & IN_MOVE_SELF) // it is watched where it is now, which is not what was asked for
            ::inotify_rm_watch(inotify->descriptor(), record.wd);
    } else {
        for (const QString &path : found->paths)
            note(kind, QDir(path).filePath(name));
        for (const QString &path : found->files.values(name)) {
            note(kind, path);
            if (kind != Changed)
                lookAgain(path);
        }
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
    m_looking.terminate();
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
    Inotify::Added added
        = co_await onFileThread([inotify = data->inotify, path] { return inotify->add(path); });
    throwIfClosed(*data, "FileWatcher::add()");
    data->add(path, std::move(added));
}

Task<> followLinks(std::shared_ptr<WatchData> data)
{
    while (const std::optional<QString> path = data->takeDoubtful()) {
        const WatchData::AddUnderWay underWay(*data);
        Places targets;
        try {
            targets = co_await onFileThread([inotify = data->inotify, path] { return inotify->addTargets(*path); });
        } catch (const FileError &) {
            // as if it led to nothing
        }
        data->setTargets(*path, std::move(targets));
    }
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
