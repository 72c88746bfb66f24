// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What is done with a file at once, or on a thread of a pool.

#include "asyncfile_p.h"

#include <QThreadPool>

#include <algorithm>
#include <new>
#include <utility>

namespace Asyncoro::Detail {

namespace {

// How much is read at a time where the size of the file does not tell, and by readLine().
constexpr qint64 ChunkSize = 64 * 1024;
// A buffer for so much is had cheaply, whether or not it will be filled.
constexpr qint64 SmallSize = 16 * 1024;
// How much is copied at most by a read that is done at once: some 50 us.
constexpr qint64 AtOnceLimit = 256 * 1024;

using Kind = FileOperation::Kind;

bool opens(Kind kind)
{
    return kind == Kind::Open || kind == Kind::OpenReplacement;
}

bool closes(Kind kind)
{
    return kind == Kind::Close || kind == Kind::Commit;
}

/** Whether it may have to wait until another program reads or writes. */
bool mayWaitForOthers(const FileOperation &operation)
{
    return operation.isRead() || operation.kind == Kind::Open || operation.kind == Kind::Write;
}

QByteArray takeFirst(QByteArray &bytes, qint64 size)
{
    if (size >= bytes.size())
        return std::exchange(bytes, {});
    QByteArray taken = bytes.first(size);
    bytes.remove(0, size); // moves no bytes but the start
    return taken;
}

/** How many of the bytes that were read complete the operation; -1 if it needs more. */
qint64 enough(FileOperation &operation, const QByteArray &bytes, bool isSequential)
{
    const qint64 available = bytes.size();
    switch (operation.kind) {
    case Kind::Read:
        if (isSequential && available > 0)
            return std::min(available, operation.number);
        [[fallthrough]];
    case Kind::ReadExactly:
        return available >= operation.number ? operation.number : -1;
    case Kind::ReadUntil: {
        const qint64 overlap = operation.delimiter.size() - 1;
        const qint64 found = bytes.indexOf(operation.delimiter, std::max<qint64>(operation.searched - overlap, 0));
        operation.searched = available;
        if (found < 0)
            return available >= operation.number ? operation.number : -1;
        return std::min(found + operation.delimiter.size(), operation.number);
    }
    default:
        return -1;
    }
}

} // namespace

void FileData::openDescriptor(int descriptor, QIODevice::OpenMode mode)
{
    const QString path = QStringLiteral("descriptor %1").arg(descriptor);
    std::error_code error;
    {
        const QMutexLocker lock(&m_mutex);
        Progress progress;
        error = !m_queue.empty() || m_handle.isOpen() ? std::make_error_code(std::errc::device_or_resource_busy)
                                                      : m_handle.openDescriptor(descriptor, mode, progress.position);
        if (!error) {
            m_progress = progress;
            m_path = path;
            m_open = true;
        }
    }
    if (error)
        throwError({.kind = Kind::Open, .name = "openDescriptor()", .path = path, .error = error});
}

int FileData::releaseDescriptor()
{
    FileOperation failed{.name = "releaseDescriptor()"};
    {
        const QMutexLocker lock(&m_mutex);
        if (!m_open) {
            failed.error = std::make_error_code(std::errc::bad_file_descriptor);
            failed.errorText = QStringLiteral("no file is open");
        } else if (!m_queue.empty()) {
            failed.error = std::make_error_code(std::errc::device_or_resource_busy);
            failed.errorText = QStringLiteral("operations are under way");
        } else if (m_handle.isSequential() && !m_progress.ahead.isEmpty()) {
            failed.error = std::make_error_code(std::errc::device_or_resource_busy);
            failed.errorText = QStringLiteral("%1 bytes that were read ahead are unread: read them first")
                                   .arg(m_progress.ahead.size());
        } else if (m_handle.isReplacement()) {
            failed.error = std::make_error_code(std::errc::invalid_argument);
            failed.errorText = QStringLiteral("it is a replacement: commit() or close() it");
        } else {
            m_open = false;
            return m_handle.release(std::exchange(m_progress, {}).position);
        }
    }
    throwError(failed);
}

FileData::Start FileData::submit(const Operation &operation)
{
    const QMutexLocker lock(&m_mutex);
    if (m_queue.empty()) {
        operation->positionBefore = m_progress.position;
        if (performAtOnce(*operation)) {
            operation->state = State::Over;
            return Start::Over;
        }
        if (performWithoutBlocking(*operation)) {
            operation->coro.reset();
            operation->state = State::Done;
            m_queue.push_back(operation);
            return Start::Done;
        }
    }
    operation->state = State::Queued;
    m_queue.push_back(operation);
    if (m_queue.size() == 1) {
        if (request(operation))
            operation->state = State::Running;
        else
            startFirst();
    }
    return Start::Waits;
}

bool FileData::take(const Operation &operation)
{
    const QMutexLocker lock(&m_mutex);
    if (operation->state == State::Done) {
        operation->state = State::Over;
        removeFirst();
    }
    return !operation->fileGone;
}

void FileData::abandon(const Operation &operation)
{
    const QMutexLocker lock(&m_mutex);
    const State state = operation->state;
    m_writeGivenUp |= state != State::Over && operation->changes();
    if (state == State::New || state == State::Over)
        return;
    operation->coro.reset();
    operation->state = State::Over;
    if (state == State::Done) {
        undo(*operation);
        removeFirst();
    } else if (state == State::Queued && !closes(operation->kind)) {
        std::erase(m_queue, operation);
    } else if (state == State::Running) {
        leaveAlone(*operation);
    }
}

// Nobody waits for the first of the queue any more, which a thread performs, or is about to. With the mutex.
void FileData::leaveAlone(const FileOperation &operation)
{
    if (m_place)
        m_place->giveUp(FileThreadPlace::Work::Lost);
    if (mayWaitForOthers(operation))
        m_handle.stopWaiting();
}

void FileData::abandonAll()
{
    std::vector<std::pair<CoroPointer, quint32>> waiting;
    {
        const QMutexLocker lock(&m_mutex);
        const std::deque<Operation> queue = m_queue;
        for (const Operation &operation : queue) {
            if (operation->state != State::Queued && operation->state != State::Running)
                continue;
            operation->fileGone = true;
            m_writeGivenUp |= operation->changes();
            waiting.emplace_back(std::exchange(operation->coro, {}), operation->wait);
            if (operation->state == State::Queued)
                std::erase(m_queue, operation);
            else
                leaveAlone(*operation);
            operation->state = State::Over;
        }
        if (m_open || !m_queue.empty()) {
            m_queue.push_back(std::make_shared<FileOperation>());
            m_queue.back()->state = State::Over;
            if (m_queue.size() == 1)
                startFirst();
        }
        m_open = false;
    }
    for (const auto &[coro, wait] : waiting)
        static_cast<LocalCoro *>(coro.data())->completeWait(wait);
}

// What needs no system call. With the mutex.
bool FileData::performAtOnce(FileOperation &operation)
{
    const auto fail = [&operation](std::errc code, const QString &text = {}) {
        operation.error = std::make_error_code(code);
        operation.errorText = text;
        return true;
    };
    if (opens(operation.kind))
        return m_handle.isOpen() && fail(std::errc::device_or_resource_busy, QStringLiteral("a file is open already"));
    if (operation.kind == Kind::Close)
        return !m_handle.isOpen();
    if (!m_handle.isOpen())
        return fail(std::errc::bad_file_descriptor, QStringLiteral("no file is open"));
    if (operation.isRead() && !m_handle.isReadable())
        return fail(std::errc::bad_file_descriptor, QStringLiteral("the file is not open for reading"));

    QByteArray &ahead = m_progress.ahead;
    qint64 taken = -1;
    switch (operation.kind) {
    case Kind::Read:
    case Kind::ReadExactly:
    case Kind::ReadUntil:
        taken = enough(operation, ahead, m_handle.isSequential());
        break;
    case Kind::Resize:
    case Kind::Write:
        if (!m_handle.isWritable())
            return fail(std::errc::bad_file_descriptor, QStringLiteral("the file is not open for writing"));
        return operation.kind == Kind::Write && operation.bytes.isEmpty();
    case Kind::Commit:
        return !m_handle.isReplacement()
            && fail(std::errc::invalid_argument,
                    QStringLiteral("there is nothing to commit: it was not opened by openReplacement()"));
    case Kind::Seek:
        if (m_handle.isSequential())
            return fail(std::errc::invalid_seek);
        if (operation.number < 0)
            return fail(std::errc::invalid_argument);
        if (operation.number != m_progress.position)
            ahead.clear();
        m_progress.position = operation.number;
        return true;
    default:
        return false;
    }
    if (taken < 0)
        return false;
    give(operation, m_progress, std::exchange(ahead, {}), taken);
    return true;
}

// What the system has in memory needs no thread; it tells what it has not. With the mutex.
bool FileData::performWithoutBlocking(FileOperation &operation)
{
    switch (operation.kind) {
    case Kind::Open:
        if (!m_handle.openAtOnce(operation.path, operation.mode))
            return false;
        setOpened(operation, m_progress);
        break;
    case Kind::Read:
    case Kind::ReadExactly:
        return operation.number <= AtOnceLimit && m_handle.canReadAtOnce() && read(operation, m_progress, false);
    case Kind::ReadAll:
    case Kind::ReadUntil:
        return m_handle.canReadAtOnce() && read(operation, m_progress, false);
    case Kind::Close:
        if (!m_handle.closesAtOnce())
            return false;
        operation.error = m_handle.close();
        break;
    default:
        return false;
    }
    noteOpenOrClosed(operation);
    return true;
}

// With the mutex.
void FileData::startFirst()
{
    const Operation &first = m_queue.front();
    if (first->state == State::Queued)
        first->state = State::Running;
    fileThreads().start([self = shared_from_this(), operation = first] { self->performFirst(operation); });
}

// With the mutex.
void FileData::removeFirst()
{
    m_queue.pop_front();
    if (m_queue.empty())
        return;
    m_queue.front()->positionBefore = m_progress.position;
    startFirst();
}

// On a thread of the pool.
void FileData::performFirst(const Operation &operation)
{
    CoroPointer waiting;
    {
        QMutexLocker lock(&m_mutex);
        m_handle.allowWaiting(); // what was to be stopped has ended
        const bool isWanted = operation->state == State::Running || closes(operation->kind);
        if (isWanted && !performAtOnce(*operation)) {
            Progress progress = m_progress;
            m_progress.ahead = {}; // not shared, so that it need not be copied
            m_place.emplace();
            lock.unlock();
            perform(*operation, progress);
            lock.relock();
            m_place.reset();
            m_progress = std::move(progress);
            noteOpenOrClosed(*operation);
        }
        waiting = endFirst(*operation, isWanted);
    }
    if (waiting)
        static_cast<LocalCoro *>(waiting.data())->completeWait(operation->wait);
}

// Gives who waits for it. With the mutex.
CoroPointer FileData::endFirst(FileOperation &operation, bool wasPerformed)
{
    if (operation.state == State::Running) {
        operation.state = State::Done;
        return std::exchange(operation.coro, {});
    }
    if (wasPerformed || !opens(operation.kind))
        undo(operation);
    removeFirst();
    return {};
}

// With the mutex.
void FileData::noteOpenOrClosed(const FileOperation &operation)
{
    if (opens(operation.kind) && !operation.error) {
        m_open = true;
        m_writeGivenUp = false;
        m_path = operation.path;
    } else if (closes(operation.kind)) {
        m_open = false;
    }
}

// Its result is lost, and the first of the queue. With the mutex.
void FileData::undo(FileOperation &operation)
{
    if (closes(operation.kind))
        return;
    if (opens(operation.kind)) {
        if (operation.error)
            return;
        m_open = false;
        const auto close = std::make_shared<FileOperation>();
        close->state = State::Over;
        m_queue.insert(std::next(m_queue.begin()), close);
        return;
    }
    m_progress.position = operation.positionBefore;
    if (operation.isRead())
        m_progress.ahead.prepend(std::exchange(operation.bytes, {}));
}

// Without the mutex.
void FileData::perform(FileOperation &operation, Progress &progress)
{
    if (operation.kind == Kind::Open ? FileHandle::isEndless(operation.path) : m_handle.isSequential()) {
        const QMutexLocker lock(&m_mutex);
        m_place->giveUp(FileThreadPlace::Work::Endless);
    }
    switch (operation.kind) {
    case Kind::Open:
    case Kind::OpenReplacement:
        open(operation, progress);
        break;
    case Kind::Read:
    case Kind::ReadExactly:
    case Kind::ReadAll:
    case Kind::ReadUntil:
        static_cast<void>(read(operation, progress, true));
        break;
    case Kind::Write:
        if (!m_handle.isSequential())
            progress.ahead.clear();
        m_handle.write(progress.position, operation.bytes.constData(), operation.bytes.size(), operation.error);
        break;
    case Kind::Seek:
        break;
    case Kind::Size:
        operation.number = m_handle.size(operation.error);
        break;
    case Kind::Resize:
        progress.ahead.clear();
        operation.error = m_handle.resize(operation.number);
        break;
    case Kind::Sync:
        operation.error = m_handle.sync();
        break;
    case Kind::Commit:
        commit(operation);
        break;
    case Kind::Close:
        m_handle.leaveAt(progress.position);
        operation.error = m_handle.close();
        break;
    }
}

void FileData::commit(FileOperation &operation)
{
    QMutexLocker lock(&m_mutex);
    const bool isComplete = !m_writeGivenUp;
    lock.unlock();
    if (isComplete) {
        operation.error = m_handle.commit();
        return;
    }
    static_cast<void>(m_handle.close());
    operation.error = std::make_error_code(std::errc::operation_canceled);
    operation.errorText = QStringLiteral("something that was to be written before was given up");
}

void FileData::open(FileOperation &operation, Progress &progress)
{
    operation.error = operation.kind == Kind::Open ? m_handle.open(operation.path, operation.mode)
                                                   : m_handle.openReplacement(operation.path);
    if (!operation.error)
        setOpened(operation, progress);
    if (operation.error)
        static_cast<void>(m_handle.close());
}

void FileData::setOpened(FileOperation &operation, Progress &progress)
{
    progress = {};
    if (operation.mode & QIODevice::Append && !m_handle.isSequential())
        progress.position = m_handle.size(operation.error);
}

// False if it is not complete, as it must not block; what was read is `ahead` then.
bool FileData::read(FileOperation &operation, Progress &progress, bool mayBlock)
{
    QByteArray bytes = std::exchange(progress.ahead, {});
    try {
        return readBehind(bytes, operation, progress, mayBlock);
    } catch (const std::bad_alloc &) { // a sparse file, say, which may seem to be of any size
        progress.ahead = std::move(bytes);
        operation.error = std::make_error_code(std::errc::not_enough_memory);
        return true;
    }
}

// `bytes` are those read ahead.
bool FileData::readBehind(QByteArray &bytes, FileOperation &operation, Progress &progress, bool mayBlock)
{
    const qint64 rest = mayBlock || m_handle.isLocal() ? sizeOfRest(operation, progress) : 0;
    if (operation.kind != Kind::ReadUntil && rest > bytes.size())
        bytes.reserve(std::min(rest, operation.number));

    qint64 taken = 0;
    while ((taken = enough(operation, bytes, m_handle.isSequential())) < 0) {
        qint64 size = sizeOfPiece(operation, bytes.size(), rest);
        if (!mayBlock)
            size = std::min(size, AtOnceLimit);
        if (!mayBlock && bytes.size() >= AtOnceLimit)
            operation.error = std::make_error_code(std::errc::resource_unavailable_try_again);
        else if (readMore(operation, progress.position, bytes, size, mayBlock) > 0
                 && (operation.kind != Kind::ReadAll || !m_handle.isLocal() || bytes.size() != rest - 1))
            continue;
        if (operation.error) {
            progress.ahead = std::move(bytes);
            if (mayBlock || operation.error != std::errc::resource_unavailable_try_again)
                return true;
            operation.error = {};
            return false;
        }
        operation.ended = true;
        taken = bytes.size();
        break;
    }
    give(operation, progress, std::move(bytes), taken);
    return true;
}

// The first bytes of what was read.
void FileData::give(FileOperation &operation, Progress &progress, QByteArray &&bytes, qint64 size)
{
    operation.bytes = takeFirst(bytes, size);
    progress.ahead = std::move(bytes);
    if (operation.bytes.capacity() > 2 * operation.bytes.size() + 1024)
        operation.bytes.squeeze();
    if (!m_handle.isSequential())
        progress.position += operation.bytes.size();
}

// How many bytes there are to be read, and one more, as room to find the end in; 0 if that is not known.
qint64 FileData::sizeOfRest(const FileOperation &operation, const Progress &progress) const
{
    if (!m_handle.isRegular() || operation.number <= SmallSize)
        return 0;
    std::error_code ignored;
    return m_handle.size(ignored) - progress.position + 1;
}

// How many bytes to read next, behind `had` of `rest`.
qint64 FileData::sizeOfPiece(const FileOperation &operation, qint64 had, qint64 rest)
{
    if (operation.kind == Kind::ReadUntil)
        return ChunkSize;
    return std::min(had < rest ? rest - had : ChunkSize, operation.number - had);
}

// Appends at most `size` bytes of those that lie at `position` and behind `bytes`. Gives how many.
qint64 FileData::readMore(FileOperation &operation, qint64 position, QByteArray &bytes, qint64 size, bool mayBlock)
{
    const qint64 had = bytes.size();
    bytes.resizeForOverwrite(had + size);
    const qint64 got = m_handle.read(position + had, bytes.data() + had, size, mayBlock, operation.error);
    bytes.truncate(had + got);
    return got;
}

QString FileData::subject(const FileOperation &operation) const
{
    const QString about = opens(operation.kind) ? operation.path : path();
    const QString name = QString::fromLatin1(operation.name);
    return about.isEmpty() ? name : name + QStringLiteral(", ") + about;
}

void FileData::throwError(const FileOperation &operation) const
{
    const QString text = operation.errorText.isEmpty() ? QString::fromStdString(operation.error.message())
                                                       : operation.errorText;
    throw FileError(opens(operation.kind) ? operation.path : path(), operation.error,
                    subject(operation) + QStringLiteral(": ") + text);
}

bool FileData::isOpen() const
{
    const QMutexLocker lock(&m_mutex);
    return m_open;
}

qint64 FileData::position() const
{
    const QMutexLocker lock(&m_mutex);
    return m_progress.position;
}

QString FileData::path() const
{
    const QMutexLocker lock(&m_mutex);
    return m_path;
}

} // namespace Asyncoro::Detail
