// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "networkcore_p.h"

namespace Asyncoro::Detail {

/** Tells a peer of the end of one coroutine of this process. */
class EndReporter final : public EndObserver
{
public:
    EndReporter(const std::shared_ptr<PeerLink> &link, const Coro<> &coro)
        : m_core(link->core())
        , m_link(link)
        , m_coro(coro)
    {
    }
    ~EndReporter() { m_coro.data()->removeEndObserver(this); }
    EndReporter(const EndReporter &) = delete;
    EndReporter &operator=(const EndReporter &) = delete;

    void coroEnded(CoroData &coro) noexcept override
    {
        m_core->post([link = m_link, ended = Coro<>(CoroPointer(&coro))] {
            if (const auto live = link.lock())
                live->reportEnd(ended);
        });
    }

    bool asked = false; // somebody over there waits for it; if not, a failure is for the log of this process

private:
    const std::shared_ptr<NetworkCore> m_core;
    const std::weak_ptr<PeerLink> m_link;
    const Coro<> m_coro;
};

} // namespace Asyncoro::Detail
