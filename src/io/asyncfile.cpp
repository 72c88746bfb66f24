// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asyncfile.h"

#include "asyncfile_p.h"

#include <QThreadPool>

#include <limits>

namespace Asyncoro {

namespace Detail {

namespace {

constexpr int Threads = 4;
// How much is read at a time where the size of the file does not tell, and by readLine().
constexpr qint64 ChunkSize = 64 * 1024;

/** Our own, so that nobody's long computation holds up files. Never deleted: a thread may wait for a pipe for ever. */
QThreadPool &threadPool()
{
    static QThreadPool *const pool = [] {
        auto *const created = new QThreadPool;
        created->setMaxThreadCount(Threads);
        return created;
    }();
    return *pool;
}

/** While it exists, the thread that made it does not count as one of the pool's. */
class EndlessWork
{
public:
    explicit EndlessWork(bool isEndless)
        : m_isEndless(isEndless)
    {
        if (m_isEndless)
            threadPool().releaseThread();
    }
    ~EndlessWork()
    {
        if (m_isEndless)
            threadPool().reserveThread();
    }
    Q_DISABLE_COPY_MOVE(EndlessWork)

private:
    const bool m_isEndless;
};

bool isRead(FileOperation::Kind kind)
{
    using Kind = FileOperation::Kind;
    return kind == Kind::Read || kind == Kind::ReadAll || kind == Kind::ReadLine;
}

QByteArray takeFirst(QByteArray &bytes, qint64 size)
{
    if (size >= bytes.size())
        return std::exchange(bytes, {});
    QByteArray taken = bytes.first(size);
    bytes.remove(0, size); // moves no bytes but the start
    return taken;
}

/** How many bytes of `bytes`, of which the first `searched` hold no line break, are a line; 0 if more are needed. */
qint64 lineSize(const QByteArray &bytes, qint64 searched, qint64 maxSize)
{
    const qint64 lineBreak = bytes.indexOf('\n', searched);
    if (lineBreak < 0)
        return bytes.size() >= maxSize ? maxSize : 0;
    return std::min(lineBreak + 1, maxSize);
}

const char *name(FileOperation::Kind kind)
{
    switch (kind) {
    case FileOperation::Kind::Open:
        return "open()";
    case FileOperation::Kind::Read:
        return "read()";
    case FileOperation::Kind::ReadAll:
        return "readAll()";
    case FileOperation::Kind::ReadLine:
        return "readLine()";
    case FileOperation::Kind::Write:
        return "write()";
    case FileOperation::Kind::Seek:
        return "seek()";
    case FileOperation::Kind::Size:
        return "size()";
    case FileOperation::Kind::Close:
        return "close()";
    }
    Q_UNREACHABLE_RETURN("");
}

QString subject(const FileOperation &operation, const QString &openPath)
{
    const QString path = operation.kind == FileOperation::Kind::Open ? operation.path : openPath;
    const QString operationName = QString::fromLatin1(name(operation.kind));
    return path.isEmpty() ? operationName : operationName + QStringLiteral(", ") + path;
}

} // namespace

// --- FileData ---

bool FileData::submit(const Operation &operation)
{
    const QMutexLocker lock(&m_mutex);
    if (m_queue.empty() && performAtOnce(*operation)) {
        operation->state = State::Over;
        return false;
    }
    operation->state = State::Queued;
    m_queue.push_back(operation);
    if (m_queue.size() == 1)
        startFirst();
    return true;
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
    if (state == State::New || state == State::Over)
        return;
    operation->coro.reset();
    operation->state = State::Over;
    if (state == State::Done) {
        undo(*operation);
        removeFirst();
    } else if (state == State::Queued && operation->kind != Kind::Close) {
        std::erase(m_queue, operation);
    }
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
            waiting.emplace_back(std::exchange(operation->coro, {}), operation->wait);
            if (operation->state == State::Queued)
                std::erase(m_queue, operation);
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
    operation.positionBefore = m_progress.position;

    if (operation.kind == Kind::Open)
        return m_open && fail(std::errc::device_or_resource_busy, QStringLiteral("a file is open already"));
    if (operation.kind == Kind::Close)
        return !m_handle.isOpen();
    if (!m_open)
        return fail(std::errc::bad_file_descriptor, QStringLiteral("no file is open"));
    if (isRead(operation.kind) && !m_handle.isReadable())
        return fail(std::errc::bad_file_descriptor, QStringLiteral("the file is not open for reading"));

    QByteArray &ahead = m_progress.ahead;
    qint64 taken = 0;
    switch (operation.kind) {
    case Kind::Read:
        if (ahead.size() >= operation.number || m_handle.isSequential())
            taken = std::min<qint64>(operation.number, ahead.size());
        break;
    case Kind::ReadLine:
        taken = lineSize(ahead, 0, operation.number);
        break;
    case Kind::Write:
        return !m_handle.isWritable()
            && fail(std::errc::bad_file_descriptor, QStringLiteral("the file is not open for writing"));
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
    if (taken == 0)
        return false;
    operation.bytes = takeFirst(ahead, taken);
    if (!m_handle.isSequential())
        m_progress.position += taken;
    return true;
}

// With the mutex.
void FileData::startFirst()
{
    const Operation &first = m_queue.front();
    if (first->state == State::Queued)
        first->state = State::Running;
    threadPool().start([self = shared_from_this(), operation = first] { self->performFirst(operation); });
}

// With the mutex.
void FileData::removeFirst()
{
    m_queue.pop_front();
    if (!m_queue.empty())
        startFirst();
}

// On a thread of the pool.
void FileData::performFirst(const Operation &operation)
{
    CoroPointer waiting;
    {
        QMutexLocker lock(&m_mutex);
        const bool isWanted = operation->state == State::Running || operation->kind == Kind::Close;
        if (isWanted && !performAtOnce(*operation)) {
            Progress progress = m_progress;
            m_progress.ahead = {}; // not shared, so that it need not be copied
            lock.unlock();
            perform(*operation, progress);
            lock.relock();
            m_progress = std::move(progress);
            if (operation->kind == Kind::Open && !operation->error) {
                m_open = true;
                m_path = operation->path;
            } else if (operation->kind == Kind::Close) {
                m_open = false;
            }
        }
        if (operation->state == State::Running) {
            operation->state = State::Done;
            waiting = std::exchange(operation->coro, {});
        } else {
            if (isWanted)
                undo(*operation);
            removeFirst();
        }
    }
    if (waiting)
        static_cast<LocalCoro *>(waiting.data())->completeWait(operation->wait);
}

// Its result is lost, and the first of the queue. With the mutex.
void FileData::undo(FileOperation &operation)
{
    if (operation.kind == Kind::Close)
        return;
    if (operation.kind == Kind::Open) {
        if (operation.error)
            return;
        m_open = false;
        const auto close = std::make_shared<FileOperation>();
        close->state = State::Over;
        m_queue.insert(std::next(m_queue.begin()), close);
        return;
    }
    m_progress.position = operation.positionBefore;
    if (isRead(operation.kind))
        m_progress.ahead.prepend(std::exchange(operation.bytes, {}));
}

// Without the mutex.
void FileData::perform(FileOperation &operation, Progress &progress)
{
    const bool opens = operation.kind == Kind::Open;
    const EndlessWork endless(opens ? FileHandle::isEndless(operation.path) : m_handle.isSequential());
    switch (operation.kind) {
    case Kind::Open:
        operation.error = m_handle.open(operation.path, operation.mode);
        progress = {};
        if (!operation.error && operation.mode & QIODevice::Append && !m_handle.isSequential())
            progress.position = m_handle.size(operation.error);
        if (operation.error)
            static_cast<void>(m_handle.close());
        break;
    case Kind::Read:
    case Kind::ReadAll:
    case Kind::ReadLine:
        read(operation, progress);
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
    case Kind::Close:
        operation.error = m_handle.close();
        break;
    }
}

void FileData::read(FileOperation &operation, Progress &progress)
{
    QByteArray bytes = std::exchange(progress.ahead, {});
    const bool isSequential = m_handle.isSequential();
    if (operation.kind == Kind::ReadLine) {
        qint64 searched = 0;
        qint64 size = 0;
        while ((size = lineSize(bytes, searched, operation.number)) == 0) {
            searched = bytes.size();
            if (readMore(operation, progress.position, bytes, ChunkSize) == 0) {
                size = bytes.size();
                break;
            }
        }
        if (!operation.error)
            operation.bytes = takeFirst(bytes, size);
        progress.ahead = bytes;
    } else {
        std::error_code ignored;
        // One more than there is, as room to find the end in.
        const qint64 rest = isSequential ? 0 : m_handle.size(ignored) - progress.position + 1;
        if (rest > bytes.size())
            bytes.reserve(std::min(rest, operation.number));
        while (bytes.size() < operation.number) {
            const qint64 chunk = bytes.size() < rest ? rest - bytes.size() : ChunkSize;
            const qint64 size = std::min(operation.number - bytes.size(), chunk);
            if (readMore(operation, progress.position, bytes, size) == 0)
                break;
            if (isSequential && operation.kind == Kind::Read)
                break;
        }
        if (bytes.capacity() > 2 * bytes.size() + 1024)
            bytes.squeeze();
        (operation.error ? progress.ahead : operation.bytes) = bytes;
    }
    if (!isSequential)
        progress.position += operation.bytes.size();
}

// Appends at most `size` bytes of those that lie at `position` and behind `bytes`. Gives how many.
qint64 FileData::readMore(FileOperation &operation, qint64 position, QByteArray &bytes, qint64 size)
{
    const qint64 had = bytes.size();
    bytes.resizeForOverwrite(had + size);
    const qint64 got = m_handle.read(position + had, bytes.data() + had, size, operation.error);
    bytes.truncate(had + got);
    return got;
}

void FileData::throwError(const FileOperation &operation) const
{
    const QString openPath = path();
    const QString text = operation.errorText.isEmpty() ? QString::fromStdString(operation.error.message())
                                                       : operation.errorText;
    throw FileError(operation.kind == Kind::Open ? operation.path : openPath, operation.error,
                    subject(operation, openPath) + QStringLiteral(": ") + text);
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

// --- awaiters ---

FileSuspension::FileSuspension(std::shared_ptr<FileData> data, std::shared_ptr<FileOperation> operation,
                               const QDeadlineTimer &deadline)
    : Suspension(deadline)
    , m_data(std::move(data))
    , m_operation(std::move(operation))
{
}

FileSuspension::~FileSuspension()
{
    m_data->abandon(m_operation);
}

bool FileSuspension::start()
{
    m_operation->coro = CoroPointer(coro());
    m_operation->wait = coro()->waitNumber();
    return m_data->submit(m_operation);
}

QString FileSuspension::operation() const
{
    return subject(*m_operation, m_data->path());
}

void FileSuspension::abandon() noexcept
{
    m_data->abandon(m_operation);
}

void FileSuspension::throwUnlessDone()
{
    throwUnlessComplete();
    if (!m_data->take(m_operation)) {
        m_operation->error = std::make_error_code(std::errc::operation_canceled);
        m_operation->errorText = QStringLiteral("the AsyncFile was destroyed");
    }
    if (m_operation->error)
        m_data->throwError(*m_operation);
}

QByteArray FileReadAwaiter::await_resume()
{
    throwUnlessDone();
    return std::move(m_operation->bytes);
}

qint64 FileSizeAwaiter::await_resume()
{
    throwUnlessDone();
    return m_operation->number;
}

} // namespace Detail

// --- AsyncFile ---

using Detail::FileAwaiter;
using Detail::FileReadAwaiter;
using Detail::FileSizeAwaiter;
using Kind = Detail::FileOperation::Kind;

AsyncFile::AsyncFile()
    : m_data(std::make_shared<Detail::FileData>())
{
}

AsyncFile::~AsyncFile()
{
    if (m_data)
        m_data->abandonAll();
}

AsyncFile::AsyncFile(AsyncFile &&other) noexcept = default;

AsyncFile &AsyncFile::operator=(AsyncFile &&other) noexcept
{
    if (m_data && m_data != other.m_data)
        m_data->abandonAll();
    m_data = std::move(other.m_data);
    return *this;
}

template<typename Awaiter>
Awaiter AsyncFile::operation(Detail::FileOperation &&operation, QDeadlineTimer deadline)
{
    return Awaiter(m_data, std::make_shared<Detail::FileOperation>(std::move(operation)), deadline);
}

FileAwaiter AsyncFile::open(const QString &path, QIODevice::OpenMode mode, QDeadlineTimer deadline)
{
    return operation<FileAwaiter>({.kind = Kind::Open, .path = path, .mode = mode}, deadline);
}

FileReadAwaiter AsyncFile::read(qint64 maxSize, QDeadlineTimer deadline)
{
    return operation<FileReadAwaiter>({.kind = Kind::Read, .number = std::max<qint64>(maxSize, 1)}, deadline);
}

FileReadAwaiter AsyncFile::readAll(QDeadlineTimer deadline)
{
    return operation<FileReadAwaiter>({.kind = Kind::ReadAll, .number = std::numeric_limits<qint64>::max()}, deadline);
}

FileReadAwaiter AsyncFile::readLine(qint64 maxSize, QDeadlineTimer deadline)
{
    return operation<FileReadAwaiter>({.kind = Kind::ReadLine, .number = std::max<qint64>(maxSize, 1)}, deadline);
}

FileAwaiter AsyncFile::write(const QByteArray &data, QDeadlineTimer deadline)
{
    return operation<FileAwaiter>({.kind = Kind::Write, .bytes = data}, deadline);
}

FileAwaiter AsyncFile::seek(qint64 position, QDeadlineTimer deadline)
{
    return operation<FileAwaiter>({.kind = Kind::Seek, .number = position}, deadline);
}

FileSizeAwaiter AsyncFile::size(QDeadlineTimer deadline)
{
    return operation<FileSizeAwaiter>({.kind = Kind::Size}, deadline);
}

FileAwaiter AsyncFile::close(QDeadlineTimer deadline)
{
    return operation<FileAwaiter>({.kind = Kind::Close}, deadline);
}

bool AsyncFile::isOpen() const
{
    return m_data->isOpen();
}

qint64 AsyncFile::position() const
{
    return m_data->position();
}

QString AsyncFile::path() const
{
    return m_data->path();
}

} // namespace Asyncoro
