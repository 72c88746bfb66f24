// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asyncfile.h"

#include "asyncfile_p.h"
#include "streamerror.h"

#include <limits>
#include <utility>

namespace Asyncoro {

namespace Detail {

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
    if (!m_isOver)
        m_data->abandon(m_operation);
}

bool FileSuspension::start()
{
    m_operation->coro = CoroPointer(coro());
    m_operation->wait = coro()->waitNumber();
    const FileData::Start how = m_data->submit(m_operation);
    m_doneAtOnce = how == FileData::Start::Done;
    m_isOver = how == FileData::Start::Over;
    return !m_isOver;
}

QString FileSuspension::operation() const
{
    return m_data->subject(*m_operation);
}

void FileSuspension::abandon() noexcept
{
    m_data->abandon(m_operation);
}

void FileSuspension::throwUnlessDone()
{
    throwUnlessComplete();
    if (!std::exchange(m_isOver, true) && !m_data->take(m_operation)) { // a thread may still work on it
        m_data->throwError({.kind = m_operation->kind,
                            .name = m_operation->name,
                            .path = m_operation->path,
                            .error = std::make_error_code(std::errc::operation_canceled),
                            .errorText = QStringLiteral("the AsyncFile was destroyed")});
    }
    if (m_operation->error)
        m_data->throwError(*m_operation);
}

QByteArray FileReadAwaiter::await_resume()
{
    throwUnlessDone();
    if (m_operation->kind == FileOperation::Kind::ReadExactly && m_operation->ended) {
        throw EndOfStream(m_operation->bytes,
                          QStringLiteral("%1: the end came after %2 of %3 bytes")
                              .arg(m_data->subject(*m_operation))
                              .arg(m_operation->bytes.size())
                              .arg(m_operation->number));
    }
    return std::move(m_operation->bytes);
}

qint64 FileSizeAwaiter::await_resume()
{
    throwUnlessDone();
    return m_operation->number;
}

namespace {

using Kind = FileOperation::Kind;

// The file's data, not the AsyncFile, which may be moved meanwhile.
AsyncGenerator<QString> lines(std::shared_ptr<FileData> data, qint64 maxSize, QDeadlineTimer deadline)
{
    while (true) {
        const auto operation = std::make_shared<FileOperation>(
            FileOperation{.kind = Kind::ReadUntil, .name = "lines()", .number = maxSize, .delimiter = "\n"});
        const QByteArray bytes = co_await FileReadAwaiter(data, operation, deadline);
        if (bytes.isEmpty())
            co_return;
        QByteArrayView line = bytes;
        if (line.endsWith('\n'))
            line.chop(line.endsWith("\r\n") ? 2 : 1);
        co_yield QString::fromUtf8(line);
    }
}

} // namespace
} // namespace Detail

// --- AsyncFile ---

using Detail::FileAwaiter;
using Detail::FileReadAwaiter;
using Detail::FileSizeAwaiter;
using Detail::Kind;

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
    return operation<FileAwaiter>({.kind = Kind::Open, .name = "open()", .path = path, .mode = mode}, deadline);
}

void AsyncFile::openDescriptor(int descriptor, QIODevice::OpenMode mode)
{
    m_data->openDescriptor(descriptor, mode);
}

int AsyncFile::releaseDescriptor()
{
    return m_data->releaseDescriptor();
}

FileAwaiter AsyncFile::openReplacement(const QString &path, QDeadlineTimer deadline)
{
    return operation<FileAwaiter>({.kind = Kind::OpenReplacement, .name = "openReplacement()", .path = path}, deadline);
}

FileReadAwaiter AsyncFile::read(qint64 maxSize, QDeadlineTimer deadline)
{
    return operation<FileReadAwaiter>({.kind = Kind::Read, .name = "read()", .number = std::max<qint64>(maxSize, 1)},
                                      deadline);
}

FileReadAwaiter AsyncFile::readExactly(qint64 size, QDeadlineTimer deadline)
{
    return operation<FileReadAwaiter>(
        {.kind = Kind::ReadExactly, .name = "readExactly()", .number = std::max<qint64>(size, 0)}, deadline);
}

FileReadAwaiter AsyncFile::readAll(QDeadlineTimer deadline)
{
    return operation<FileReadAwaiter>(
        {.kind = Kind::ReadAll, .name = "readAll()", .number = std::numeric_limits<qint64>::max()}, deadline);
}

FileReadAwaiter AsyncFile::readLine(qint64 maxSize, QDeadlineTimer deadline)
{
    return operation<FileReadAwaiter>({.kind = Kind::ReadUntil,
                                       .name = "readLine()",
                                       .number = std::max<qint64>(maxSize, 1),
                                       .delimiter = "\n"},
                                      deadline);
}

FileReadAwaiter AsyncFile::readUntil(const QByteArray &delimiter, qint64 maxSize, QDeadlineTimer deadline)
{
    if (delimiter.isEmpty())
        throw Error(QStringLiteral("readUntil(): the delimiter must be of one byte or more"));
    return operation<FileReadAwaiter>({.kind = Kind::ReadUntil,
                                       .name = "readUntil()",
                                       .number = std::max<qint64>(maxSize, 1),
                                       .delimiter = delimiter},
                                      deadline);
}

AsyncGenerator<QString> AsyncFile::lines(qint64 maxSize, QDeadlineTimer deadline)
{
    return Detail::lines(m_data, std::max<qint64>(maxSize, 1), deadline);
}

FileAwaiter AsyncFile::write(const QByteArray &data, QDeadlineTimer deadline)
{
    return operation<FileAwaiter>({.kind = Kind::Write, .name = "write()", .bytes = data}, deadline);
}

FileAwaiter AsyncFile::seek(qint64 position, QDeadlineTimer deadline)
{
    return operation<FileAwaiter>({.kind = Kind::Seek, .name = "seek()", .number = position}, deadline);
}

FileSizeAwaiter AsyncFile::size(QDeadlineTimer deadline)
{
    return operation<FileSizeAwaiter>({.kind = Kind::Size, .name = "size()"}, deadline);
}

FileAwaiter AsyncFile::resize(qint64 size, QDeadlineTimer deadline)
{
    return operation<FileAwaiter>({.kind = Kind::Resize, .name = "resize()", .number = size}, deadline);
}

FileAwaiter AsyncFile::sync(QDeadlineTimer deadline)
{
    return operation<FileAwaiter>({.kind = Kind::Sync, .name = "sync()"}, deadline);
}

FileAwaiter AsyncFile::commit(QDeadlineTimer deadline)
{
    return operation<FileAwaiter>({.kind = Kind::Commit, .name = "commit()"}, deadline);
}

FileAwaiter AsyncFile::close(QDeadlineTimer deadline)
{
    return operation<FileAwaiter>({.kind = Kind::Close, .name = "close()"}, deadline);
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
