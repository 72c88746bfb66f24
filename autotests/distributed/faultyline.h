// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "../network/freeport.h"
#include "peerprocess.h"

#include <Asyncoro/FaultProxy>

#include <QLoggingCategory>

namespace DistributedTest {

/** For tests of many broken connections: short waits between attempts, and no warnings, for there would be too many. */
inline void expectFaults()
{
    QLoggingCategory::setFilterRules(QStringLiteral("asyncoro.*.warning=false"));
    peerLimits() = PeerLimits();
    peerLimits().retry = 20ms;
}

/**
 * This process and another one, which reach each other through proxies only, whoever connects: the network knows the
 * other process at 127.0.0.3, and is known to it at 127.0.0.2.
 */
class FaultyLine
{
public:
    /** For the other process. */
    static PeerProcess::Options peerOptions(quint16 port = freePort())
    {
        return {.port = port, .sameLimits = true, .quiet = true, .external = QStringLiteral("127.0.0.3")};
    }

    explicit FaultyLine(const PeerProcess &process)
        : peer(process.location)
        , network(makeNetwork())
        , there(peer,
                {.address = QStringLiteral("127.0.0.3"), .port = peer.port(), .source = QStringLiteral("127.0.0.2")})
        , back(network->location(),
               {.address = QStringLiteral("127.0.0.2"),
                .port = network->location().port(),
                .source = QStringLiteral("127.0.0.3")})
    {
    }

    void stall()
    {
        for (FaultProxy *proxy : {&there, &back}) {
            proxy->stall(FaultProxy::ToServer);
            proxy->stall(FaultProxy::ToClient);
        }
    }
    /** What this process sends is lost, or what is sent to it. */
    void swallow(bool fromHere)
    {
        there.swallow(fromHere ? FaultProxy::ToServer : FaultProxy::ToClient);
        back.swallow(fromHere ? FaultProxy::ToClient : FaultProxy::ToServer);
    }
    void refuse()
    {
        there.refuse();
        back.refuse();
    }
    void cut()
    {
        there.cutAll();
        back.cutAll();
    }
    void heal()
    {
        there.heal();
        back.heal();
    }

    const Location peer; // without a proxy
    std::unique_ptr<PeerNetwork> network;
    FaultProxy there; // for connections to the other process
    FaultProxy back;

private:
    static std::unique_ptr<PeerNetwork> makeNetwork()
    {
        PeerNetwork::Options options{.port = freePort(), .secret = Secret("s3cret")};
        options.externalAddress = QStringLiteral("127.0.0.2");
        return std::make_unique<PeerNetwork>(options);
    }
};

} // namespace DistributedTest
