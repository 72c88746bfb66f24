// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncserver.h"
#include "asyncsocket_p.h"

#include <QBasicTimer>
#include <QTcpServer>

namespace Asyncoro::Detail {

/**
 * What an AsyncServer points to: the QTcpServer, and the coroutines that wait for its connections. It takes no more
 * connections out of the system's queue than coroutines wait for.
 */
class ServerData final : public QTcpServer
{
public:
    ServerData();
    ~ServerData() override;

    /** Stops to listen and wakes who waits. */
    void shut();
    /** The same, and has serve() end in order. */
    void stop(const QDeadlineTimer &deadline);
    /** Who serves; throws Error if somebody does already. */
    void setServing(Serving *serving);
    /** Goes on if the descriptors had run out. */
    void retry();

protected:
    void incomingConnection(qintptr descriptor) override;
    void timerEvent(QTimerEvent *event) override;

private:
    friend class AcceptAwaiter;

    void add(AcceptAwaiter *waiter);
    void onAcceptError();

    IntrusiveList<AcceptAwaiter> m_waiters;
    Serving *m_serving = nullptr; // not owning; null if serve() does not run
    QBasicTimer m_retryTimer; // runs while the descriptors have run out
    QDeadlineTimer m_nextWarning{0}; // not one for each connection that is short of a descriptor
};

} // namespace Asyncoro::Detail
