// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoroio_export.h"

#include <Asyncoro/Task>

#include <QByteArray>

namespace Asyncoro::Detail {

class StreamData;

/** Reads from a stream, in the order of the calls. */
class ASYNCORO_IO_EXPORT ReadAwaiter : public ExternalWait
{
public:
    enum class Kind : quint8 { Some, Into, All, Until, Line, Message, ToEnd };

    /** `size` is how many bytes at most or exactly. */
    ReadAwaiter(StreamData *data, Kind kind, qint64 size, const QDeadlineTimer &deadline, const QByteArray &until = {});
    QByteArray await_resume()
    {
        throwUnlessDone();
        return std::move(m_bytes);
    }

protected:
    bool start() override;
    void abandon() noexcept override;

    char *m_target = nullptr; // of Into; the caller's
    qint64 m_got = 0; // bytes there

private:
    friend class StreamData;
    bool read();
    qint64 advance();
    qint64 readSome();
    qint64 readInto();
    qint64 readRest();
    qint64 readToEnd();
    qint64 readHeader();
    qint64 readUntil();
    void end(qint64 how);
    qint64 setTooLong(qint64 size);
    [[nodiscard]] QByteArray taken() const;

    StreamData *const m_data; // not owning; valid while this waits
    const Kind m_kind;
    bool m_haveHeader = false;
    qint64 m_size; // how many bytes at most or exactly; once the header is there, in this message
    qint64 m_searched = 0; // so many bytes of the stream hold no delimiter
    const QByteArray m_delimiter;
    QByteArray m_bytes;
};

/** Reads into memory of the caller. */
class ASYNCORO_IO_EXPORT RecvIntoAwaiter final : public ReadAwaiter
{
public:
    RecvIntoAwaiter(StreamData *data, char *target, qint64 maxSize, const QDeadlineTimer &deadline)
        : ReadAwaiter(data, Kind::Into, maxSize, deadline)
    {
        m_target = target;
    }
    [[nodiscard]] qint64 await_resume() const
    {
        throwUnlessDone();
        return m_got;
    }
};

/** Writes to a stream, in the order of the calls. */
class ASYNCORO_IO_EXPORT WriteAwaiter : public ExternalWait
{
public:
    enum class Kind : quint8 {
        Some,
        All,
        Message,
        Flush,
        End,
        Turn, ///< from now on until StreamData::endTurn() nobody else writes
        AllInTurn, ///< All, by who has the turn
    };

    WriteAwaiter(StreamData *data, Kind kind, const QByteArray &bytes, const QDeadlineTimer &deadline);
    void await_resume() const { throwUnlessDone(); }

protected:
    bool start() override;
    void abandon() noexcept override;

    qint64 m_sent = 0;

private:
    friend class StreamData;
    [[nodiscard]] bool mayWrite() const;
    bool write();

    StreamData *const m_data; // not owning; valid while this waits
    const Kind m_kind;
    QByteArray m_bytes;
};

class ASYNCORO_IO_EXPORT SendAwaiter final : public WriteAwaiter
{
public:
    using WriteAwaiter::WriteAwaiter;
    [[nodiscard]] qint64 await_resume() const
    {
        throwUnlessDone();
        return m_sent;
    }
};

} // namespace Asyncoro::Detail
