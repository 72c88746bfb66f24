// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "networkcore_p.h"

namespace Asyncoro::Detail {

/** Calls a function on the network's thread, as long as the network lives, for each coroutine it observes that ends. */
class EndForwarder final : public EndObserver
{
public:
    EndForwarder(std::weak_ptr<NetworkCore> core, std::function<void(const Coro<> &)> ended)
        : m_core(std::move(core))
        , m_ended(std::move(ended))
    {
    }

    void coroEnded(CoroData &coro) noexcept override
    {
        if (const auto core = m_core.lock())
            core->post([ended = m_ended, coro = Coro<>(CoroPointer(&coro))] { ended(coro); });
    }

private:
    const std::weak_ptr<NetworkCore> m_core;
    const std::function<void(const Coro<> &)> m_ended;
};

} // namespace Asyncoro::Detail
