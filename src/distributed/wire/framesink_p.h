// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QByteArray>
#include <QIODevice>

#include <deque>

namespace Asyncoro::Detail {

/**
 * Where frames are written, and where they wait: small ones gather in one chunk, which goes out in one write; a long
 * byte array is a chunk of its own, and is never copied.
 */
class FrameSink final : public QIODevice
{
public:
    /** From this length on, in bytes, an array is kept as it is. */
    static constexpr qsizetype LongArray = 32 * 1024;

    /** Where a frame begins. Valid until something is taken. */
    struct Mark {
        QByteArray *chunk = nullptr;
        qsizetype offset = 0;
        qint64 position = 0;
    };

    FrameSink() { open(WriteOnly | Unbuffered); }

    /** All that waits, in bytes. */
    [[nodiscard]] qint64 waiting() const { return m_waiting; }

    /** Leaves room for a header of `size` bytes. */
    [[nodiscard]] Mark begin(qsizetype size);
    /** Drops all that was written since. */
    void drop(const Mark &mark);
    /** A copy of all that was written since. */
    [[nodiscard]] QByteArray since(const Mark &mark) const;

    /** The array that is written next is kept as it is, if it is this one. */
    void announce(const QByteArray &bytes) { m_announced = bytes; }

    /** The first bytes that wait: not more than `size`, nor than are in one chunk. */
    [[nodiscard]] QByteArray take(qsizetype size);
    /** Puts `bytes` in front of all that waits. */
    void putBack(const QByteArray &bytes);
    void clear();

    [[nodiscard]] bool isSequential() const override { return true; }

protected:
    qint64 readData(char *, qint64) override { return -1; }
    qint64 writeData(const char *data, qint64 size) override;

private:
    std::deque<QByteArray> m_chunks;
    bool m_gathers = false; // the last chunk, which takes more
    qint64 m_waiting = 0;
    QByteArray m_announced;
};

} // namespace Asyncoro::Detail
