// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "fileerror.h"

#include <Asyncoro/Task>

#include <QDeadlineTimer>

#include <memory>

namespace Asyncoro {

namespace Detail {

class WatchData;

} // namespace Detail

/** What has happened to a file or folder, as FileWatcher::next() tells it. */
struct FileChange {
    enum class Kind : quint8 {
        Changed, ///< its content, its permissions; or another file has taken its place
        Created, ///< it is there now, or another file was renamed to it
        Removed, ///< it is not there any more
        Lost, ///< more has happened than could be noted, of whatever is watched: look at all of it anew
    };

    Kind kind = Kind::Changed;
    QString path; ///< empty if Lost

    friend bool operator==(const FileChange &, const FileChange &) = default;
};

/**
 * Tells when files and folders change:
 *
 *     FileWatcher watcher;
 *     co_await watcher.add(path);
 *     while (true) {
 *         const FileChange change = co_await watcher.next();
 *         ...
 *     }
 *
 * A file is watched by its name: it may be removed and made anew, or be replaced by another one, and need not be there
 * at first. Of a symbolic link it is told when the link changes, and when the file does that it leads to; once more
 * than that, perhaps, after the link has come to lead elsewhere. A folder is watched with its files and folders, but
 * not with what is in those.
 *
 * What happens to one path before it is asked for is told once, with how it ended. What has not been asked for is kept,
 * for up to 10,000 paths; beyond, and where the system loses something itself, that is told as Lost.
 *
 * It can be moved but not copied, and belongs to the thread that made it; only coroutines of that thread use it. Linux
 * only. What other machines do to a network file system is not seen.
 */
class ASYNCORO_IO_EXPORT FileWatcher
{
public:
    /** Throws FileError if the system has no more watchers for this user. */
    FileWatcher();
    ~FileWatcher();
    FileWatcher(FileWatcher &&other) noexcept;
    FileWatcher &operator=(FileWatcher &&other) noexcept;

    /**
     * Watches a folder, or a file whose folder is there; a symbolic link to a folder is one. What happens after this
     * has completed is told.
     *
     * Suspends; resumes on the same thread. Several may overlap. Throws FileError if the folder is not there, is
     * removed, or cannot be read, and if this user watches too much. Cancelling leaves at once, and nothing is watched.
     * Where a link leads into a folder that is not there, the link alone is watched.
     */
    [[nodiscard]] Task<> add(QString path);

    /** Does not watch it any more; what was noted of it before is still told. */
    void remove(const QString &path);

    /**
     * Waits for the next change.
     *
     * Completes without suspending if one was noted. Resumes on the same thread. Several coroutines may wait: each
     * change is told to one of them. Throws TimedOut if the deadline passes first, and Destroyed if the FileWatcher is
     * destroyed. Cancelling takes no change.
     */
    [[nodiscard]] Task<FileChange> next(QDeadlineTimer deadline = QDeadlineTimer::Forever);

private:
    std::shared_ptr<Detail::WatchData> m_data;
};

} // namespace Asyncoro
