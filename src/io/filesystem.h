// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "fileerror.h"

#include <Asyncoro/AsyncGenerator>
#include <Asyncoro/Task>
#include <Asyncoro/ThreadPool>

#include <QByteArray>
#include <QDateTime>

#include <functional>
#include <optional>
#include <stop_token>

namespace Asyncoro {

namespace Detail {

/** For whatever blocks in the file system, so that nobody's long computation holds up files. Lives for ever. */
[[nodiscard]] ASYNCORO_IO_EXPORT QThreadPool &fileThreads();

/** The place that what runs on one of fileThreads() takes among them. It may be given up while that runs on. */
class ASYNCORO_IO_EXPORT FileThreadPlace
{
public:
    FileThreadPlace() = default;
    ~FileThreadPlace();
    Q_DISABLE_COPY_MOVE(FileThreadPlace)

    enum class Work : quint8 {
        Lost, ///< nobody waits for it any more, but the end of the program, for a while: it may have to clean up
        Endless, ///< it waits for other programs
    };
    /** Lets another thread take it. On any thread, but not on two at the same time. */
    void giveUp(Work work);

private:
    std::optional<Work> m_givenUp;
};

} // namespace Detail

/**
 * As ThreadPool::run(), on the threads that do what blocks for all files: for calls of the operating system that have
 * no function here. One that was cancelled and does not end, as the file system does not answer, holds up no others.
 */
template<typename Function>
[[nodiscard]] auto onFileThread(Function &&function)
{
    using F = std::decay_t<Function>;
    using Detail::FileThreadPlace;
    return Detail::callInPool(
        &Detail::fileThreads(), nullptr,
        [call = F(std::forward<Function>(function))](std::stop_token stop) mutable -> decltype(auto) {
            FileThreadPlace place;
            const std::stop_callback whenCancelled(stop, [&place] { place.giveUp(FileThreadPlace::Work::Lost); });
            if constexpr (std::is_invocable_v<F &, std::stop_token>)
                return std::invoke(call, std::move(stop));
            else
                return std::invoke(call);
        });
}

/**
 * Functions on whole files and folders. What they do is done on threads of a pool, so that the event loop goes on.
 *
 * All of them are tasks: they suspend, resume on the coroutine's thread, and throw FileError, which names the file and
 * the reason. For a time-out put withTimeout() around them. Cancelling leaves at once: what is being done then ends in
 * the background, and what is half done is undone as each function says.
 */

/** Reads all of a file. */
[[nodiscard]] ASYNCORO_IO_EXPORT Task<QByteArray> readFile(QString path);

/**
 * Makes `content` the content of a file: others see the old one or all of the new one, which is on the disk at the end;
 * see AsyncFile::openReplacement(). When cancelled, it is either.
 */
[[nodiscard]] ASYNCORO_IO_EXPORT Task<> writeFile(QString path, QByteArray content);

/** What to do if there is a file already where a new one should be. */
enum class Existing : quint8 { Keep, Replace };

struct CopyOptions {
    Existing existing = Existing::Keep; ///< Keep: to find one is an error
    /** Called on the coroutine's thread, with the bytes that are copied and all that there are, once a piece. */
    std::function<void(qint64 done, qint64 size)> progress = {};
};

/**
 * Copies a file with its permissions. The system copies by itself where it can, without bytes coming through this
 * process, or lets both share them until one is changed.
 *
 * Others find no file or the whole one under the new name; when it fails or is cancelled, nothing is left. Only files
 * can be copied, no folders, pipes, sockets or devices.
 */
[[nodiscard]] ASYNCORO_IO_EXPORT Task<> copyFile(QString from, QString to, CopyOptions options = {});

/** Gives a file or folder another name, on the same file system. */
[[nodiscard]] ASYNCORO_IO_EXPORT Task<> renameFile(QString from, QString to, Existing existing = Existing::Keep);

/** Removes a file, a symbolic link or an empty folder. */
[[nodiscard]] ASYNCORO_IO_EXPORT Task<> removeFile(QString path);

/** Makes a folder, and those above it that are not there. One that is there already is no error. */
[[nodiscard]] ASYNCORO_IO_EXPORT Task<> makePath(QString path);

/** One entry of a folder, as listFolder() found it. */
struct FolderEntry {
    enum class Type : quint8 { File, Folder, SymLink, Other };

    QString path; ///< begins with what listFolder() was given
    Type type = Type::Other; ///< of what a symbolic link points to, if they are followed and that is there
    qint64 size = 0; ///< in bytes
    QDateTime modified;
    /**
     * Why no more is known of it than its name, and its type if the folder tells, as in a folder that one may read but
     * not search; of a folder that was to be listed, too: why that cannot be. The others are listed nevertheless.
     */
    std::error_code error;
};

struct ListOptions {
    bool recursive = false; ///< what is in a folder comes after it
    bool followSymLinks = false; ///< a link that leads back to a folder above it is given, but not entered
};

/**
 * The entries of a folder, in no order, but for "." and "..":
 *
 *     AsyncGenerator<FolderEntry> entries = listFolder(path, {.recursive = true});
 *     while (const std::optional<FolderEntry> entry = co_await entries.next())
 *         ...
 *
 * It reads some hundreds at a time, however many there are, and keeps one descriptor for each level of folders. What
 * changes meanwhile may be given or not. Throws FileError if `path` itself cannot be read.
 */
[[nodiscard]] ASYNCORO_IO_EXPORT AsyncGenerator<FolderEntry> listFolder(QString path, ListOptions options = {});

} // namespace Asyncoro
