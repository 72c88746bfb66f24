// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asyncstream.h"

#include <QThread>

#include <atomic>

namespace Asyncoro {

namespace {

// Static: for the streams to come, in all threads. Milliseconds; -1 for none.
std::atomic<qint64> defaultTimeoutOfStreams = -1;

} // namespace

std::chrono::milliseconds AsyncStream::defaultTimeout()
{
    return std::chrono::milliseconds(defaultTimeoutOfStreams.load(std::memory_order_relaxed));
}

void AsyncStream::setDefaultTimeout(std::chrono::milliseconds timeout)
{
    defaultTimeoutOfStreams.store(timeout.count(), std::memory_order_relaxed);
}

namespace Detail {

namespace {

// From this on a chunk is handed on as it is; below, copied into memory of its size.
constexpr qint64 CopySize = StreamData::ChunkSize / 2;

} // namespace

StreamData::StreamData()
    : m_timeout(AsyncStream::defaultTimeout())
{
}

StreamData::~StreamData() = default;

void StreamData::checkThread(const char *operation) const
{
    if (thread() != QThread::currentThread()) [[unlikely]] {
        const auto text = QStringLiteral("%1, %2: called on another thread than the one that the stream belongs to");
        throw Error(text.arg(QLatin1StringView(operation), subject()));
    }
}

void StreamData::setSendLimit(qint64 limit)
{
    m_sendLimit = std::max<qint64>(limit, 1);
    settleWriters();
}

void StreamData::settleReaders()
{
    if (std::exchange(m_settlingReaders, true))
        return; // to read may emit signals that lead here
    while (auto *reader = static_cast<ReadAwaiter *>(m_readers.first())) {
        if (!reader->read())
            break;
        reader->unlink();
        reader->complete();
    }
    m_settlingReaders = false;
}

void StreamData::settleWriters()
{
    if (std::exchange(m_settlingWriters, true))
        return; // to write emits signals that lead here
    settle(m_turnWriters);
    settle(m_writers);
    m_settlingWriters = false;
}

void StreamData::settle(IntrusiveList<ExternalWait> &writers)
{
    while (auto *writer = static_cast<WriteAwaiter *>(writers.first())) {
        if (!writer->mayWrite() || !writer->write())
            break;
        writer->unlink();
        writer->complete();
    }
}

void StreamData::settleWritersLater()
{
    m_writesLeft = WritesInARow;
    QMetaObject::invokeMethod(this, [this] { settleWriters(); }, Qt::QueuedConnection);
}

void StreamData::endTurn()
{
    m_turnTaken = false;
    settleWriters();
}

QByteArray StreamData::takeFront(qint64 size)
{
    if (size >= m_front.size())
        return std::exchange(m_front, {});
    QByteArray taken = m_front.first(size);
    m_front.remove(0, size); // moves no bytes but the start
    return taken;
}

void StreamData::putBack(const QByteArray &bytes)
{
    if (m_front.isEmpty())
        m_front = bytes;
    else
        m_front.prepend(bytes);
}

// Reads what there is into `chunk`.
qint64 StreamData::readChunk(QByteArray &chunk, qint64 maxSize)
{
    static thread_local QByteArray spare;
    QByteArray buffer = std::exchange(spare, {}); // reading may come here again, in another stream
    if (buffer.isNull())
        buffer = QByteArray(ChunkSize, Qt::Uninitialized);
    const qint64 size = readSome(buffer.data(), std::min(maxSize, ChunkSize));
    if (size >= CopySize) {
        chunk = std::move(buffer);
        chunk.truncate(size);
        return size;
    }
    if (size > 0)
        chunk = QByteArray(buffer.constData(), size);
    spare = std::move(buffer);
    return size;
}

qint64 StreamData::fillFront()
{
    QByteArray chunk;
    const qint64 size = readChunk(chunk, ChunkSize);
    if (m_front.isEmpty())
        m_front = std::move(chunk);
    else
        m_front += chunk;
    return size;
}

} // namespace Detail
} // namespace Asyncoro
