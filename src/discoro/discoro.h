// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "computation.h"

namespace Asyncoro::Discoro {

namespace Detail {
ASYNCORO_DISCORO_EXPORT bool isServer();
ASYNCORO_DISCORO_EXPORT int runServer();
ASYNCORO_DISCORO_EXPORT int runClient(const Coro<> &client);
} // namespace Detail

/**
 * Runs a program that uses a cluster: `client`, a coroutine function, and whatever it starts. On the nodes the same program is
 * started as a server; this function then runs the jobs that are sent there, and never calls `client`.
 *
 *     int main(int argc, char **argv)
 *     {
 *         QCoreApplication app(argc, argv);
 *         return Discoro::exec(client);
 *     }
 *
 * So that a server does not do what is the client's, everything else belongs into `client`, too.
 *
 * @return 0, or 1 if the client failed: with an exception, which is printed.
 */
template<typename Client>
int exec(Client client)
{
    return Detail::isServer() ? Detail::runServer() : Detail::runClient(spawn(std::move(client)));
}

} // namespace Asyncoro::Discoro
