// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "detail/streamawaiter.h"

#include "detail/streamdata.h"
#include "streamerror.h"

#include <QtEndian>

#include <cstring>
#include <limits>

namespace Asyncoro::Detail {

namespace {

constexpr qint64 HeaderSize = sizeof(quint32);
// What is still to come goes right to where it is wanted if it is so much; otherwise more is read with it.
constexpr qint64 DirectSize = StreamData::ChunkSize / 4;
constexpr qint64 Done = 1;

/** What goes before a message of that size. */
class MessageHeader
{
public:
    explicit MessageHeader(qint64 size) { qToBigEndian(quint32(size), m_bytes); }
    [[nodiscard]] QByteArrayView bytes() const { return {m_bytes, HeaderSize}; }

private:
    char m_bytes[HeaderSize];
};

constexpr const char *nameOf(ReadAwaiter::Kind kind)
{
    switch (kind) {
    case ReadAwaiter::Kind::Some:
        return "recv()";
    case ReadAwaiter::Kind::Into:
        return "recvInto()";
    case ReadAwaiter::Kind::All:
        return "recvAll()";
    case ReadAwaiter::Kind::Until:
        return "recvUntil()";
    case ReadAwaiter::Kind::Line:
        return "readLine()";
    case ReadAwaiter::Kind::Message:
        return "recvMessage()";
    case ReadAwaiter::Kind::ToEnd:
        break;
    }
    return "readAll()";
}

constexpr const char *nameOf(WriteAwaiter::Kind kind)
{
    switch (kind) {
    case WriteAwaiter::Kind::Some:
        return "send()";
    case WriteAwaiter::Kind::All:
        return "sendAll()";
    case WriteAwaiter::Kind::Message:
        return "sendMessage()";
    case WriteAwaiter::Kind::Flush:
        return "flush()";
    case WriteAwaiter::Kind::End:
        return "closeWriting()";
    case WriteAwaiter::Kind::Turn:
    case WriteAwaiter::Kind::AllInTurn:
        break;
    }
    return "sendFile()";
}

/** Who does not want to wait at all gets what can be had at once. */
bool isOverdue(Moment deadline)
{
    return deadline != Never && QDeadlineTimer::current().deadlineNSecs() >= deadline;
}

} // namespace

// --- ReadAwaiter ---

ReadAwaiter::ReadAwaiter(StreamData *data, Kind kind, qint64 size, const QDeadlineTimer &deadline,
                         const QByteArray &until)
    : ExternalWait(nameOf(kind), deadline)
    , m_data(data)
    , m_kind(kind)
    , m_size(size)
    , m_delimiter(until)
{
    m_data->checkThread(operationName());
}

bool ReadAwaiter::start()
{
    if (m_data->m_readers.isEmpty()) {
        if (isOverdue(deadline()))
            m_data->expectBytes();
        if (read())
            return false;
    }
    m_data->m_readers.append(this);
    m_data->awaitReadable();
    return true;
}

void ReadAwaiter::abandon() noexcept
{
    unlink();
    m_data->putBack(taken());
    m_data->settleReaders(); // the next one may want less
}

QByteArray ReadAwaiter::taken() const
{
    return m_haveHeader ? MessageHeader(m_size).bytes().toByteArray() + m_bytes : m_bytes;
}

// Takes what it can get of what it wants. True if it is done, be it by a failure.
bool ReadAwaiter::read()
{
    const qint64 result = advance();
    if (result < 0)
        end(result);
    return result != StreamData::NothingYet;
}

qint64 ReadAwaiter::advance()
{
    switch (m_kind) {
    case Kind::Some:
        return readSome();
    case Kind::Into:
        return readInto();
    case Kind::All:
        return readRest();
    case Kind::Until:
    case Kind::Line:
        return readUntil();
    case Kind::Message:
        return m_haveHeader ? readRest() : readHeader();
    case Kind::ToEnd:
        break;
    }
    return readToEnd();
}

// Nothing more will come.
void ReadAwaiter::end(qint64 how)
{
    if (how == StreamData::Failed) {
        m_data->putBack(taken()); // perhaps somebody is content with it
        m_bytes.clear();
        m_haveHeader = false;
        setFailed(m_data->failure(operationName()));
        return;
    }
    switch (m_kind) {
    case Kind::Some:
    case Kind::Into:
    case Kind::ToEnd:
        return;
    case Kind::Line:
        m_bytes = std::exchange(m_data->m_front, {});
        return;
    case Kind::All:
    case Kind::Until:
    case Kind::Message: {
        const QByteArray partial = taken() + std::exchange(m_data->m_front, {});
        const auto text = QStringLiteral("%1, %2: the other end ended the stream after %3 bytes of it");
        const QString message = text.arg(operation(), m_data->subject()).arg(partial.size());
        setFailed(std::make_exception_ptr(EndOfStream(partial, message)));
    }
    }
}

qint64 ReadAwaiter::readSome()
{
    if (!m_data->m_front.isEmpty()) {
        m_bytes = m_data->takeFront(m_size);
        return Done;
    }
    const qint64 size = m_data->readChunk(m_bytes, m_size);
    if (size == StreamData::ChunkSize && size < m_size)
        readRest(); // perhaps there is more
    return size;
}

qint64 ReadAwaiter::readInto()
{
    QByteArray &front = m_data->m_front;
    if (front.isEmpty()) {
        const qint64 size = m_data->readSome(m_target, m_size);
        m_got = std::max<qint64>(size, 0);
        return size;
    }
    m_got = std::min<qint64>(m_size, front.size());
    std::memcpy(m_target, front.constData(), size_t(m_got));
    front.remove(0, m_got);
    return Done;
}

// Reads on until there are m_size bytes.
qint64 ReadAwaiter::readRest()
{
    while (m_bytes.size() < m_size) {
        const qint64 had = m_bytes.size();
        const qint64 missing = m_size - had;
        if (m_data->m_front.isEmpty() && missing < DirectSize) {
            if (const qint64 size = m_data->fillFront(); size <= 0)
                return size;
        }
        if (!m_data->m_front.isEmpty()) {
            if (had == 0)
                m_bytes = m_data->takeFront(missing);
            else
                m_bytes += m_data->takeFront(missing);
            continue;
        }
        // Grows with what comes, not with what a header promises.
        const qint64 room = std::min(missing, std::max(had, StreamData::ChunkSize));
        m_bytes.resizeForOverwrite(had + room);
        const qint64 size = m_data->readSome(m_bytes.data() + had, room);
        m_bytes.truncate(had + std::max<qint64>(size, 0));
        if (size <= 0)
            return size;
    }
    return Done;
}

qint64 ReadAwaiter::readToEnd()
{
    const qint64 result = readRest();
    if (result != Done)
        return result;
    if (m_data->m_front.isEmpty()) {
        if (const qint64 size = m_data->fillFront(); size <= 0)
            return size;
    }
    return setTooLong(m_size + m_data->m_front.size());
}

qint64 ReadAwaiter::readHeader()
{
    QByteArray &front = m_data->m_front;
    while (front.size() < HeaderSize) {
        if (const qint64 size = m_data->fillFront(); size <= 0)
            return size;
    }
    const qint64 size = qFromBigEndian<quint32>(front.constData());
    if (size > m_size)
        return setTooLong(size);
    front.remove(0, HeaderSize);
    m_size = size;
    m_haveHeader = true;
    return readRest();
}

qint64 ReadAwaiter::readUntil()
{
    const QByteArray &front = m_data->m_front;
    for (;;) {
        const qint64 at = front.indexOf(m_delimiter, m_searched);
        const qint64 end = at >= 0 ? at + m_delimiter.size() : front.size();
        if (end > m_size || (at < 0 && end == m_size)) {
            if (m_kind == Kind::Until)
                return setTooLong(end);
            m_bytes = m_data->takeFront(m_size);
            return Done;
        }
        if (at >= 0) {
            m_bytes = m_data->takeFront(end);
            return Done;
        }
        m_searched = std::max<qint64>(front.size() - m_delimiter.size() + 1, 0);
        if (const qint64 size = m_data->fillFront(); size <= 0)
            return size;
    }
}

// Leaves the stream as it was.
qint64 ReadAwaiter::setTooLong(qint64 size)
{
    m_data->putBack(taken());
    m_bytes.clear();
    const auto text = QStringLiteral("%1, %2: there are %3 bytes or more of it; at most %4 are accepted");
    setFailed(std::make_exception_ptr(
        MessageTooLong(text.arg(operation(), m_data->subject()).arg(size).arg(m_size))));
    return Done;
}

// --- WriteAwaiter ---

WriteAwaiter::WriteAwaiter(StreamData *data, Kind kind, const QByteArray &bytes, const QDeadlineTimer &deadline)
    : ExternalWait(nameOf(kind), deadline)
    , m_data(data)
    , m_kind(kind)
    , m_bytes(bytes)
{
    m_data->checkThread(operationName());
}

bool WriteAwaiter::start()
{
    IntrusiveList<ExternalWait> &writers = m_kind == Kind::AllInTurn ? m_data->m_turnWriters : m_data->m_writers;
    const bool isFirst = writers.isEmpty();
    const bool isTired = m_data->m_writesLeft == 0 && !isOverdue(deadline());
    if (isFirst && !isTired && mayWrite() && write()) {
        m_data->m_writesLeft = std::max(m_data->m_writesLeft - 1, 0);
        return false;
    }
    writers.append(this);
    if (isFirst && isTired)
        m_data->settleWritersLater();
    m_data->awaitWritable();
    return true;
}

void WriteAwaiter::abandon() noexcept
{
    unlink();
    m_data->settleWriters(); // the next one may need less room
}

bool WriteAwaiter::mayWrite() const
{
    return !m_data->m_turnTaken || m_kind == Kind::AllInTurn || !m_data->isWritable();
}

// True if it is done, be it by a failure.
bool WriteAwaiter::write()
{
    if (m_kind == Kind::Message && m_bytes.size() > std::numeric_limits<quint32>::max()) {
        const auto text = QStringLiteral("%1, %2: %3 bytes are too long for a message");
        setFailed(std::make_exception_ptr(
            MessageTooLong(text.arg(operation(), m_data->subject()).arg(m_bytes.size()))));
        return true;
    }
    if (m_kind == Kind::End && m_data->m_writingEnded)
        return true;
    if (!m_data->isWritable()) {
        setFailed(m_data->writeFailure(operationName()));
        return true;
    }
    const qint64 room = m_data->m_sendLimit - m_data->unsentBytes();
    switch (m_kind) {
    case Kind::Flush:
        return room == m_data->m_sendLimit;
    case Kind::Turn:
        m_data->m_turnTaken = true;
        return true;
    case Kind::End:
        if (room < m_data->m_sendLimit)
            return false;
        setFailed(m_data->endWriting(operationName()));
        m_data->m_writingEnded = !isFailed();
        return true;
    case Kind::Some:
        if (room <= 0)
            return false;
        m_sent = std::min<qint64>(room, m_bytes.size());
        m_data->writeAll({}, m_bytes.first(m_sent));
        break;
    case Kind::All:
    case Kind::AllInTurn:
        if (room < 0)
            return false;
        m_data->writeAll({}, m_bytes);
        break;
    case Kind::Message:
        if (room < 0)
            return false;
        m_data->writeAll(MessageHeader(m_bytes.size()).bytes(), m_bytes);
        break;
    }
    if (!m_data->isWritable())
        setFailed(m_data->writeFailure(operationName()));
    return true;
}

} // namespace Asyncoro::Detail
