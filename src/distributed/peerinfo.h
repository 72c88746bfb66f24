// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodistributed_export.h"

#include <Asyncoro/Location>

#include <QObject>

namespace Asyncoro {

/** How the way to a peer is just now, and what has gone over it; for people, tables and graphs. */
class ASYNCORO_DISTRIBUTED_EXPORT PeerInfo
{
    Q_GADGET
    Q_PROPERTY(Asyncoro::Location location MEMBER location)
    Q_PROPERTY(QString address MEMBER address)
    Q_PROPERTY(State state MEMBER state)
    Q_PROPERTY(qint64 roundTripTime MEMBER roundTripTime)
    Q_PROPERTY(qint64 bytesSent MEMBER bytesSent)
    Q_PROPERTY(qint64 bytesReceived MEMBER bytesReceived)
    Q_PROPERTY(qint64 framesSent MEMBER framesSent)
    Q_PROPERTY(qint64 framesReceived MEMBER framesReceived)
    Q_PROPERTY(qint64 waiting MEMBER waiting)
    Q_PROPERTY(qint64 unacknowledged MEMBER unacknowledged)
    Q_PROPERTY(qint64 unread MEMBER unread)
    Q_PROPERTY(qint64 dropped MEMBER dropped)
    Q_PROPERTY(qint64 notSent MEMBER notSent)
    Q_PROPERTY(qint64 interruptions MEMBER interruptions)

public:
    enum class State : quint8 {
        Connecting, ///< for the first time
        Connected,
        Interrupted, ///< the connection broke, and another one is being made
        Lost, ///< for good
    };
    Q_ENUM(State)

    Location location; ///< where it listens; invalid if it does not
    QString address; ///< as this process sees it
    State state = State::Lost;
    qint64 roundTripTime = 0; ///< of the last sign of life that was asked for, in microseconds; 0: not known yet
    qint64 bytesSent = 0;
    qint64 bytesReceived = 0;
    qint64 framesSent = 0; ///< messages, calls, answers and signs of life
    qint64 framesReceived = 0;
    qint64 waiting = 0; ///< bytes that wait to be sent
    qint64 unacknowledged = 0; ///< bytes that were sent, of which the peer has not said yet that it has them
    qint64 unread = 0; ///< bytes of messages of the peer for which mailboxes of this process have no room
    qint64 dropped = 0; ///< messages of the peer that were thrown away: mailboxes stayed full, or their types are not known
    qint64 notSent = 0; ///< messages of channels for the peer that were thrown away here: its mailboxes were full, or too much waited
    qint64 interruptions = 0; ///< how often the connection broke
};

} // namespace Asyncoro
