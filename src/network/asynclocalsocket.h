// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoronetwork_export.h"

#include <Asyncoro/AsyncDevice>
#include <Asyncoro/Task>

class QLocalSocket;

namespace Asyncoro {

/**
 * A connection to another process of this machine (a Unix domain socket, a named pipe of Windows) for coroutines: a
 * stream of bytes, or of messages, see AsyncStream for what it can do.
 *
 * It owns the QLocalSocket that it wraps, connected, and can be moved but not copied. Up to 256 KiB are read ahead.
 *
 * The peer's end of the stream is no error: recv() then gives nothing. A peer that closes before it has read all that
 * it was sent does not end its stream in order: then receiving throws StreamError. A QLocalSocket cannot end one side
 * alone: once the peer has ended its own one, nothing can be sent to it, and closeWriting() throws StreamError.
 */
class ASYNCORO_NETWORK_EXPORT AsyncLocalSocket : public AsyncDevice
{
public:
    /** Takes over `socket`, which is connected, of this thread, and loses its parent. */
    explicit AsyncLocalSocket(QLocalSocket *socket);

    /**
     * Connects to a server by its name or, with an absolute one, its path:
     *
     *     AsyncLocalSocket socket = co_await AsyncLocalSocket::connect("/run/user/1000/thing");
     *
     * Completes without suspending where the system says at once whether it can be done. Resumes on the same thread;
     * any number may overlap. Throws SocketError, which tells whether there is no such server, it does not listen any
     * more (ConnectionRefusedError), or one is not allowed to; and TimedOut. Cancelling gives up the attempt.
     */
    [[nodiscard]] static Task<AsyncLocalSocket> connect(QString name,
                                                        QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /** What is wrapped, for its state and descriptor; nullptr once either end has closed. It belongs to this object. */
    [[nodiscard]] QLocalSocket *socket() const;
};

} // namespace Asyncoro
