// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "peernetwork.h"

namespace Asyncoro::Detail {

/** Calls functions of peers, also when the network is gone meanwhile: that is a PeerLost then. */
class NetworkReference
{
public:
    explicit NetworkReference(const PeerNetwork &network)
        : m_core(network.m_core)
    {
    }

    /** As PeerNetwork::call(). */
    template<typename T = void, typename To, typename... A>
    Task<T> call(To to, QString name, A... arguments) const
    {
        registerTypes<T, A...>();
        return PeerNetwork::callAs<T>(m_core, std::move(to), std::move(name), {toValue(std::move(arguments))...});
    }

private:
    std::shared_ptr<NetworkCore> m_core;
};

} // namespace Asyncoro::Detail
