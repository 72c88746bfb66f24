// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QtTypes>

#include <functional>

namespace Asyncoro::Detail {

/** What the system is to read or write while the thread goes on. */
struct FileRequest {
    enum class Kind : quint8 { Read, Write };

    Kind kind = Kind::Read;
    int descriptor = -1; // stays open until it is done
    char *bytes = nullptr; // stay where they are until it is done
    qint64 size = 0; // at most FileRing::MaxSize
    qint64 position = 0;
    /** With the number of bytes, or a negative error of the system. On the thread that has asked. */
    std::function<void(qint64 result)> done;
};

/**
 * The io_uring of a thread: what is asked for in one turn of the event loop takes one system call, and wakes no thread
 * of this process. Source: io_uring(7), and the manual of liburing.
 */
class FileRing
{
public:
    /** What the system has in memory it copies at once, on the thread that asks: some 50 us. */
    static constexpr qint64 MaxSize = 256 * 1024;

    FileRing() = default;
    virtual ~FileRing() = default;
    Q_DISABLE_COPY_MOVE(FileRing)

    /** nullptr if there is none for this thread: it has no event loop, or the system has no io_uring for us. */
    static FileRing *ofThisThread();
    /** Waits for all that this thread has asked for. */
    static void finishOfThisThread();

    /** False, and nothing is done, if it cannot take more. What cannot be done at all is done with -ECANCELED. */
    [[nodiscard]] virtual bool submit(FileRequest &&request) = 0;
};

} // namespace Asyncoro::Detail
