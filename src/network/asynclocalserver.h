// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asynclocalsocket.h"

#include <QLocalServer>

#include <memory>

namespace Asyncoro {

namespace Detail {

class LocalServerData;

} // namespace Detail

/**
 * Listens for connections of other processes of this machine, and gives them to coroutines.
 *
 * A connection that no coroutine waits for stays with the operating system, in a queue of 4096 or as many as the system
 * allows; see QLocalServer::setListenBacklogSize(). While the process is out of descriptors, connections wait there,
 * too, and are accepted as soon as there are some again.
 *
 * It can be moved but not copied, and belongs to the thread that made it. Its destructor closes it, see close().
 */
class ASYNCORO_NETWORK_EXPORT AsyncLocalServer
{
public:
    AsyncLocalServer();
    ~AsyncLocalServer();
    AsyncLocalServer(AsyncLocalServer &&other) noexcept;
    AsyncLocalServer &operator=(AsyncLocalServer &&other) noexcept;

    /**
     * Starts to listen, under a name or, with an absolute one, at a path. `access` says who may connect: unless told
     * otherwise, only this user. What a server that has crashed left there is removed; one that is alive is not: then
     * it throws SocketError with AddressInUseError. It throws SocketError as well if something else stands in the way.
     */
    void listen(const QString &name, QLocalServer::SocketOptions access = QLocalServer::UserAccessOption);

    /**
     * Waits for a connection, and gives it.
     *
     * Completes without suspending if there is one. Resumes on the same thread. Any number of coroutines may wait; they
     * are served in the order of the calls. Throws SocketError if the server does not listen or is closed, TimedOut if
     * the deadline passes first. Timing out or being cancelled takes no connection.
     */
    [[nodiscard]] Task<AsyncLocalSocket> accept(QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /** Stops to listen, drops connections that nobody has accepted, and wakes all who wait with SocketError. */
    void close();

    [[nodiscard]] bool isListening() const;
    /** Where it listens; empty if it does not. */
    [[nodiscard]] QString path() const;

    /** What is wrapped, for its options. It still belongs to this object. */
    [[nodiscard]] QLocalServer *server() const;

private:
    std::shared_ptr<Detail::LocalServerData> m_data;
};

} // namespace Asyncoro
