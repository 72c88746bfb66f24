// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asyncstream.h"

#include <Asyncoro/AsyncFile>

#include <QPointer>

namespace Asyncoro {

using Detail::ReadAwaiter;
using Detail::RecvIntoAwaiter;
using Detail::SendAwaiter;
using Detail::StreamData;
using Detail::WriteAwaiter;

namespace {

constexpr qint64 FilePieceSize = 256 * 1024;

/**
 * Waits for the turn to write, and gives it back when it is destroyed. A coroutine that is destroyed with its object
 * after it got the turn and before it goes on is thrown out of the wait, as if it had not got it.
 */
class TurnHolder final : public WriteAwaiter
{
public:
    TurnHolder(const QPointer<StreamData> &stream, const QDeadlineTimer &deadline)
        : WriteAwaiter(stream, Kind::Turn, {}, deadline)
        , m_stream(stream)
    {
    }
    ~TurnHolder() override
    {
        if (m_hasAsked && !isLinked() && !isFailed() && m_stream)
            m_stream->endTurn();
    }
    Q_DISABLE_COPY_MOVE(TurnHolder)

protected:
    bool start() override
    {
        m_hasAsked = true;
        return WriteAwaiter::start();
    }
    void abandon() noexcept override
    {
        m_hasAsked = false;
        WriteAwaiter::abandon();
    }

private:
    const QPointer<StreamData> m_stream;
    bool m_hasAsked = false; // and not given up
};

// sendfile() of the system would spare two copies, but it waits for the disk on the thread that calls it.
Task<qint64> sendPieces(QPointer<StreamData> stream, AsyncFile &file, qint64 maxSize, QDeadlineTimer deadline)
{
    const auto checkExists = [&stream] {
        if (!stream)
            throw StreamError(QStringLiteral("sendFile()"), QString(), QStringLiteral("the stream was destroyed"));
    };
    checkExists();
    TurnHolder turn(stream, deadline);
    co_await turn;

    qint64 sent = 0;
    while (sent < maxSize) {
        const QByteArray piece = co_await file.read(std::min(FilePieceSize, maxSize - sent), deadline);
        if (piece.isEmpty())
            break;
        checkExists();
        co_await WriteAwaiter(stream, WriteAwaiter::Kind::AllInTurn, piece, deadline);
        sent += piece.size();
    }
    co_return sent;
}

} // namespace

AsyncStream::AsyncStream(std::unique_ptr<Detail::StreamData> data)
    : m_data(std::move(data))
{
}

AsyncStream::~AsyncStream() = default;
AsyncStream::AsyncStream(AsyncStream &&other) noexcept = default;
AsyncStream &AsyncStream::operator=(AsyncStream &&other) noexcept = default;

ReadAwaiter AsyncStream::recv(qint64 maxSize, Deadline deadline)
{
    return {m_data.get(), ReadAwaiter::Kind::Some, std::max<qint64>(maxSize, 1), m_data->deadline(deadline)};
}

RecvIntoAwaiter AsyncStream::recvInto(char *target, qint64 maxSize, Deadline deadline)
{
    return {m_data.get(), target, std::max<qint64>(maxSize, 1), m_data->deadline(deadline)};
}

ReadAwaiter AsyncStream::recvAll(qint64 size, Deadline deadline)
{
    return {m_data.get(), ReadAwaiter::Kind::All, std::max<qint64>(size, 0), m_data->deadline(deadline)};
}

ReadAwaiter AsyncStream::recvUntil(const QByteArray &delimiter, qint64 maxSize, Deadline deadline)
{
    if (delimiter.isEmpty())
        throw Error(QStringLiteral("recvUntil(): the delimiter must be of one byte or more"));
    return {m_data.get(), ReadAwaiter::Kind::Until, std::max<qint64>(maxSize, 1), m_data->deadline(deadline),
            delimiter};
}

ReadAwaiter AsyncStream::recvMessage(qint64 maxSize, Deadline deadline)
{
    return {m_data.get(), ReadAwaiter::Kind::Message, maxSize, m_data->deadline(deadline)};
}

SendAwaiter AsyncStream::send(const QByteArray &data, Deadline deadline)
{
    return {m_data.get(), WriteAwaiter::Kind::Some, data, m_data->deadline(deadline)};
}

WriteAwaiter AsyncStream::sendAll(const QByteArray &data, Deadline deadline)
{
    return {m_data.get(), WriteAwaiter::Kind::All, data, m_data->deadline(deadline)};
}

WriteAwaiter AsyncStream::sendMessage(const QByteArray &message, Deadline deadline)
{
    return {m_data.get(), WriteAwaiter::Kind::Message, message, m_data->deadline(deadline)};
}

WriteAwaiter AsyncStream::flush(Deadline deadline)
{
    return {m_data.get(), WriteAwaiter::Kind::Flush, QByteArray(), m_data->deadline(deadline)};
}

Task<qint64> AsyncStream::sendFile(AsyncFile &file, qint64 maxSize, Deadline deadline)
{
    return sendPieces(m_data.get(), file, maxSize, m_data->deadline(deadline));
}

Task<qint64> AsyncStream::sendFile(const QString &path, Deadline deadline)
{
    return [](QPointer<StreamData> stream, QString name, QDeadlineTimer until) -> Task<qint64> {
        AsyncFile file;
        co_await file.open(name, QIODevice::ReadOnly, until);
        co_return co_await sendPieces(stream, file, std::numeric_limits<qint64>::max(), until);
    }(m_data.get(), path, m_data->deadline(deadline));
}

WriteAwaiter AsyncStream::closeWriting(Deadline deadline)
{
    return {m_data.get(), WriteAwaiter::Kind::End, QByteArray(), m_data->deadline(deadline)};
}

ReadAwaiter AsyncStream::read(qint64 maxSize, Deadline deadline)
{
    return recv(maxSize, deadline);
}

ReadAwaiter AsyncStream::readLine(qint64 maxSize, Deadline deadline)
{
    return {m_data.get(), ReadAwaiter::Kind::Line, std::max<qint64>(maxSize, 1), m_data->deadline(deadline),
            QByteArrayLiteral("\n")};
}

ReadAwaiter AsyncStream::readAll(qint64 maxSize, Deadline deadline)
{
    return {m_data.get(), ReadAwaiter::Kind::ToEnd, std::max<qint64>(maxSize, 0), m_data->deadline(deadline)};
}

WriteAwaiter AsyncStream::write(const QByteArray &data, Deadline deadline)
{
    return sendAll(data, deadline);
}

void AsyncStream::close()
{
    m_data->checkThread("close()");
    m_data->close(true);
}

void AsyncStream::abort()
{
    m_data->checkThread("abort()");
    m_data->close(false);
}

qint64 AsyncStream::unsentBytes() const
{
    return m_data->unsentBytes();
}

qint64 AsyncStream::sendLimit() const
{
    return m_data->sendLimit();
}

void AsyncStream::setSendLimit(qint64 bytes)
{
    m_data->setSendLimit(bytes);
}

std::chrono::milliseconds AsyncStream::timeout() const
{
    return m_data->timeout();
}

void AsyncStream::setTimeout(std::chrono::milliseconds timeout)
{
    m_data->setTimeout(timeout);
}

} // namespace Asyncoro
