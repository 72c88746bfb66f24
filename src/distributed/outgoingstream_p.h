// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "wire/framesink_p.h"

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

    /** What has been given to no connection yet; frames are written to it. */
    [[nodiscard]] FrameSink &sink() { return m_sink; }
    /** All that is kept, in bytes. */
    [[nodiscard]] qint64 size() const { return m_sink.waiting() + m_unacknowledgedSize; }
    [[nodiscard]] qint64 unacknowledgedSize() const { return m_unacknowledgedSize; }

    /**
     * All that waits now goes out whatever the window: it ends with an acknowledgement, and two sides whose windows are
     * both full would else wait for each other.
     */
    void urge() { m_urgent = m_sink.waiting(); }

    /** Whether take() gives anything. */
    [[nodiscard]] bool canTake() const
    {
        return m_sink.waiting() > 0 && (m_unacknowledgedSize < Window || m_urgent > 0);
    }
    /** The next bytes for the connection: not more than the window has room for, or are urgent. */
    [[nodiscard]] QByteArray take();

    /**
     * The peer has all up to `position`, which counts from the beginning of the session; it may have said so of more
     * already. False if that cannot be: it was not sent yet.
     */
    [[nodiscard]] bool acknowledge(quint64 position);
    /** Up to where the peer has said to have all. */
    [[nodiscard]] quint64 acknowledged() const { return m_acknowledged; }
    /** The end of what has been written. */
    [[nodiscard]] quint64 position() const { return m_acknowledged + quint64(size()); }

    /** What is beyond `position` waits again, for another connection. False if it was not sent yet, or is not kept any more. */
    [[nodiscard]] bool rewind(quint64 position);

    void clear();

private:
    FrameSink m_sink;
    std::deque<QByteArray> m_unacknowledged; // as they were taken
    qsizetype m_skipped = 0; // of the first of these, acknowledged
    qint64 m_unacknowledgedSize = 0;
    qint64 m_urgent = 0; // of those that wait
    quint64 m_acknowledged = 0;
};

} // namespace Asyncoro::Detail
