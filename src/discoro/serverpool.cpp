// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "scheduler_p.h"

namespace Asyncoro::Discoro {

void ServerPool::put(const ServerPointer &server)
{
    if (m_waiting.empty()) {
        m_idle.push_back(server);
        return;
    }
    Waiter *const waiter = m_waiting.front();
    m_waiting.pop_front();
    waiter->server = server;
    waiter->event.set();
}

void ServerPool::remove(const ServerPointer &server)
{
    std::erase(m_idle, server);
}

void ServerPool::refuse(const QString &reason)
{
    m_refusal = reason;
    for (Waiter *waiter : std::exchange(m_waiting, {}))
        waiter->event.set();
}

Task<ServerPointer> ServerPool::take()
{
    if (!m_refusal.isEmpty())
        throw JobLost(m_refusal);
    if (!m_idle.empty()) {
        ServerPointer server = std::move(m_idle.front());
        m_idle.pop_front();
        co_return server;
    }

    // Whatever ends the wait: it is out of the queue, and a server that came too late goes to the next.
    struct Queued {
        Queued(ServerPool &owner, Waiter &self)
            : pool(owner)
            , waiter(self)
        {
            pool.m_waiting.push_back(&waiter);
        }
        ~Queued()
        {
            std::erase(pool.m_waiting, &waiter);
            if (waiter.server)
                pool.put(waiter.server);
        }
        ServerPool &pool;
        Waiter &waiter;
    };
    Waiter waiter;
    const Queued queued(*this, waiter);
    co_await waiter.event.wait();
    if (!waiter.server)
        throw JobLost(m_refusal);
    co_return std::exchange(waiter.server, nullptr);
}

} // namespace Asyncoro::Discoro
