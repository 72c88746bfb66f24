// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncfile.h"

#include "filehandle_p.h"
#include "filesystem.h"

#include <Asyncoro/Coro>

#include <QMutex>

#include <deque>
#include <optional>

namespace Asyncoro::Detail {

class FileRing;

/** What is to be done with a file, and what came of it. Shared by who waits for it and by who does it. */
struct FileOperation {
    enum class Kind : quint8 {
        Open,
        OpenReplacement,
        Read,
        ReadExactly,
        ReadAll,
        ReadUntil,
        Write,
        Seek,
        Size,
        Resize,
        Sync,
        Commit,
        Close,
    };

    enum class State : quint8 {
        New,
        Queued, ///< behind others
        Running, ///< in the background, or about to be
        Done, ///< whoever waits has not taken the result yet
        Over, ///< the result is taken, or nobody wants it
    };

    Kind kind = Kind::Close;
    const char *name = "close()"; // for errors
    qint64 number = 0; // how many bytes to read, where to seek, the size
    QByteArray bytes = {}; // to be written; or that were read
    QByteArray delimiter = {};
    QString path = {};
    QIODevice::OpenMode mode = QIODevice::NotOpen;

    std::error_code error = {};
    QString errorText = {}; // where that says more
    bool ended = false; // it has read to the end
    qint64 positionBefore = 0; // of the file
    qint64 searched = 0; // how many bytes of what is read ahead hold no delimiter

    [[nodiscard]] bool isRead() const
    {
        return kind == Kind::Read || kind == Kind::ReadExactly || kind == Kind::ReadAll || kind == Kind::ReadUntil;
    }

    [[nodiscard]] bool changes() const { return kind == Kind::Write || kind == Kind::Resize; }

    // with the mutex
    State state = State::New;
    bool fileGone = false; // the AsyncFile was destroyed
    CoroPointer coro = {}; // whoever waits, and its wait
    quint32 wait = 0;
};

/**
 * What an AsyncFile points to. It lives on until its last operation has ended.
 *
 * Operations are done in order. Only the first one of the queue touches the file. One that finds the queue empty is
 * done at once if the system can do it without blocking, else by the ring of the thread if it is small; any other one
 * on a thread of the pool. What else there is changes with the mutex held. It stays the first until its result is
 * taken, so that one whose result nobody takes can be undone.
 */
class FileData : public std::enable_shared_from_this<FileData>
{
public:
    using Operation = std::shared_ptr<FileOperation>;

    enum class Start : quint8 {
        Over, ///< there is nothing to wait for
        Done, ///< nor is there, but others should have their turn
        Waits,
    };
    // These two throw if that cannot be.
    void openDescriptor(int descriptor, QIODevice::OpenMode mode);
    [[nodiscard]] int releaseDescriptor();
    [[nodiscard]] Start submit(const Operation &operation);
    /** Takes the result. False if there is none, as the AsyncFile is gone. */
    [[nodiscard]] bool take(const Operation &operation);
    /** Its result is not wanted, unless that was taken already. */
    void abandon(const Operation &operation);
    /** The AsyncFile is gone. */
    void abandonAll();
    [[nodiscard]] QString subject(const FileOperation &operation) const;
    [[noreturn]] void throwError(const FileOperation &operation) const;

    [[nodiscard]] bool isOpen() const;
    [[nodiscard]] qint64 position() const;
    [[nodiscard]] QString path() const;

private:
    using Kind = FileOperation::Kind;
    using State = FileOperation::State;

    /** What an operation changes: a copy of its own, until it is done. */
    struct Progress {
        qint64 position = 0;
        QByteArray ahead; // what was read behind the position
    };

    bool performAtOnce(FileOperation &operation);
    bool performWithoutBlocking(FileOperation &operation);
    void noteOpenOrClosed(const FileOperation &operation);
    void startFirst();
    void performFirst(const Operation &operation);
    CoroPointer endFirst(FileOperation &operation, bool wasPerformed);
    void perform(FileOperation &operation, Progress &progress);
    void commit(FileOperation &operation);
    void open(FileOperation &operation, Progress &progress);
    void setOpened(FileOperation &operation, Progress &progress);
    bool read(FileOperation &operation, Progress &progress, bool mayBlock);
    bool readBehind(QByteArray &bytes, FileOperation &operation, Progress &progress, bool mayBlock);
    void give(FileOperation &operation, Progress &progress, QByteArray &&bytes, qint64 size);
    qint64 sizeOfRest(const FileOperation &operation, const Progress &progress) const;
    static qint64 sizeOfPiece(const FileOperation &operation, qint64 had, qint64 rest);
    qint64 readMore(FileOperation &operation, qint64 position, QByteArray &bytes, qint64 size, bool mayBlock);
    void leaveAlone(const FileOperation &operation);

    // --- requests to the system (filerequests.cpp)
    bool request(const Operation &operation);
    bool requestRead(FileRing &ring, const Operation &operation);
    bool requestWrite(FileRing &ring, const Operation &operation);
    void requestDone(const Operation &operation, qint64 result, QByteArray &&ahead);
    enum class Requested : quint8 { All, Part, Nothing };
    Requested takeRequested(FileOperation &operation, qint64 result);

    void removeFirst();
    void undo(FileOperation &operation);

    mutable QMutex m_mutex;
    std::deque<Operation> m_queue;
    std::optional<FileThreadPlace> m_place; // of the thread that performs its first
    Progress m_progress;
    QString m_path;
    bool m_open = false;
    bool m_writeGivenUp = false; // since it was opened
    FileHandle m_handle; // for the first of the queue; with the mutex, if there is none
};

} // namespace Asyncoro::Detail
