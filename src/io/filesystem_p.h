// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "filehandle_p.h"
#include "filesystem.h"

#include <exception>
#include <memory>
#include <stop_token>
#include <vector>

namespace Asyncoro::Detail {

/** Holds what is used on the threads for files; it is destroyed there as well, since that may block. */
template<typename T>
class OfFileThread
{
public:
    explicit OfFileThread(std::shared_ptr<T> object)
        : m_object(std::move(object))
    {
    }
    ~OfFileThread()
    {
        fileThreads().start([object = std::move(m_object)]() mutable { object.reset(); });
    }
    Q_DISABLE_COPY_MOVE(OfFileThread)

    [[nodiscard]] const std::shared_ptr<T> &get() const { return m_object; }

private:
    std::shared_ptr<T> m_object;
};

/** How many of fileThreads() are at something that ends by itself, be it that nobody waits for it any more. */
[[nodiscard]] ASYNCORO_IO_EXPORT int busyFileThreads();

[[noreturn]] void throwFileError(const char *operation, const QString &path, std::error_code code);

/** As encodePath(); throws what it fails with. */
[[nodiscard]] QByteArray encodedPath(const char *operation, const QString &path);

// What blocks.

void writeFileNow(const QString &path, const QByteArray &content);
void renameFileNow(const QString &from, const QString &to, Existing existing);
void removeFileNow(const QString &path);
void makePathNow(const QString &path);

/** A file that is being copied. If it is destroyed before finish(), there is no copy. */
class FileCopy
{
public:
    FileCopy(const QString &from, const QString &to, Existing existing);

    /** Copies a piece; false at the end. */
    bool step();
    void finish();
    [[nodiscard]] qint64 done() const { return m_done; }
    [[nodiscard]] qint64 size() const { return m_size; }

private:
    void check(std::error_code error, const QString &path) const;

    const QString m_from;
    const QString m_to;
    const Existing m_existing;
    FileHandle m_source;
    FileHandle m_target;
    qint64 m_done = 0;
    qint64 m_size = 0;
    bool m_bySystem = true; // the system copies
    bool m_atEnd = false;
};

/** The way through a folder. */
class FolderWalk
{
public:
    FolderWalk(const QString &path, ListOptions options);
    ~FolderWalk();
    Q_DISABLE_COPY_MOVE(FolderWalk)

    /** Some more entries; none at the end. */
    std::vector<FolderEntry> next(const std::stop_token &stop);

private:
    struct Level;

    bool readEntry(FolderEntry &entry);
    std::error_code enter(const QByteArray &path, int parent, const char *name);

    const QString m_path;
    const ListOptions m_options;
    std::exception_ptr m_failure; // to be thrown by the next next()
    std::vector<std::unique_ptr<Level>> m_levels; // the way to where it stands
};

} // namespace Asyncoro::Detail
