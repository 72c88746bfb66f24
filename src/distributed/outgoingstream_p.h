// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QByteArray>

#include <deque>

namespace Asyncoro::Detail {

/**
 * What goes to a peer in one session: bytes in order, kept until the peer says that it has them. If the connection breaks,
 * the rest goes over the next one, from the very byte on that the peer lacks; so nothing is lost, and nothing comes twice.
 */
class OutgoingStream
{
public:
    /** How many bytes may be under way at most, of which the peer has not said that it has them. */
    static constexpr qint64 Window = 4 * 1024 * 1024;

    /** What has been given to no connection yet; frames are appended to it. */
    [[nodiscard]] QByteArray &waiting() { return m_waiting; }
    /** All that is kept, in bytes. */
    [[nodiscard]] qint64 size() const { return m_waiting.size() + m_unacknowledgedSize; }
    [[nodiscard]] qint64 unacknowledgedSize() const { return m_unacknowledgedSize; }

    /** Whether take() gives anything. */
    [[nodiscard]] bool canTake() const { return !m_waiting.isEmpty() && m_unacknowledgedSize < Window; }
    /** The next bytes for the connection, as many as the window has room for. */
    [[nodiscard]] QByteArray take();

    /**
     * The peer has all up to `position`, which counts from the beginning of the session. False if that cannot be: it was
     * not sent yet, or the peer had more already.
     */
    [[nodiscard]] bool acknowledge(quint64 position);

    /** As acknowledge(); what is beyond waits again, for another connection. */
    [[nodiscard]] bool rewind(quint64 position);

    void clear();

private:
    QByteArray m_waiting;
    std::deque<QByteArray> m_unacknowledged; // as they were taken
    qsizetype m_skipped = 0; // of the first of these, acknowledged
    qint64 m_unacknowledgedSize = 0;
    quint64 m_acknowledged = 0;
};

} // namespace Asyncoro::Detail
