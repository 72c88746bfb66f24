// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncserver.h"
#include "asyncsocket_p.h"

#include <QBasicTimer>
#include <QSocketNotifier>
#include <QTcpServer>

namespace Asyncoro::Detail {

/**
 * What an AsyncServer points to: the QTcpServer, and the coroutines that wait for its connections. It takes no more
 * connections out of the system's queue than coroutines wait for, and as many ahead of them as it is told.
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
    /**
     * How many connections may be accepted before a coroutine waits for them. To accept many in one turn of the event
     * loop is cheaper than one in each.
     */
    void setAhead(qsizetype count);
    /** Goes on if the descriptors had run out. */
    void retry();

protected:
    void incomingConnection(qintptr descriptor) override;
    void timerEvent(QTimerEvent *event) override;

private:
    friend class AcceptAwaiter;

    [[nodiscard]] bool wantsMore() const { return !m_waiters.isEmpty() || m_pending.size() < m_ahead; }
    void update();
    void acceptAll();
    void take(ConnectedDescriptor connection);
    void pauseWithoutResources(const QString &why);

    IntrusiveList<AcceptAwaiter> m_waiters; // empty while connections are pending
    QList<ConnectedDescriptor> m_pending; // that nobody has waited for yet
    qsizetype m_ahead = 0;
    std::unique_ptr<QSocketNotifier> m_notifier; // while it listens, where the system has descriptors
    Serving *m_serving = nullptr; // not owning; null if serve() does not run
    QBasicTimer m_retryTimer; // runs while the descriptors have run out
    QDeadlineTimer m_nextWarning{0}; // not one for each connection that is short of a descriptor
};

} // namespace Asyncoro::Detail
