// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncserver.h"

#include <QTcpServer>

namespace Asyncoro::Detail {

/** What an AsyncServer points to: the QTcpServer, and the coroutines that wait for its connections. */
class ServerData final : public QTcpServer
{
public:
    ServerData();
    ~ServerData() override;

    /** Stops to listen and wakes who waits. */
    void shut();

protected:
    void incomingConnection(qintptr descriptor) override;

private:
    friend class AcceptAwaiter;

    void onAcceptError();

    IntrusiveList<AcceptAwaiter> m_waiters; // empty while connections are pending
    bool m_outOfResources = false;
};

} // namespace Asyncoro::Detail
