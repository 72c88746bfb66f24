// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorotesting_export.h"

#include <Asyncoro/Location>

#include <chrono>
#include <memory>

namespace Asyncoro {

class FaultProxyPrivate;

/**
 * Stands between a TCP server and its clients, and does to their connections what networks do: for tests.
 *
 *     FaultProxy proxy(server.location());
 *     proxy.cutAfter(100, FaultProxy::ToServer, 0);   // the first connection breaks when 100 bytes have passed
 *     co_await socket.connect(proxy.location());
 *
 * Connections are numbered from 0, in the order in which they come; faults may be set for those that are yet to come.
 * Without faults bytes pass as they come, and so do the end of a stream and a reset. One that cannot reach the server is
 * reset.
 *
 * It lives on one thread, whose event loop it needs; all functions return at once.
 */
class ASYNCORO_TESTING_EXPORT FaultProxy
{
public:
    enum Direction : quint8 { ToServer, ToClient };

    /** How a connection is cut. */
    enum class Cut : quint8 {
        Reset, ///< both sides are told that the connection broke
        Close, ///< both sides see the end of the stream, as if the other one had closed its socket
    };

    struct Options {
        /** Where to listen: an address of this machine. */
        QString address = QStringLiteral("127.0.0.1");
        /** 0: any free port. */
        quint16 port = 0;
        /**
         * From which address of this machine the server sees its clients come; empty: that is the system's choice. With
         * two proxies, one for each way to connect, two processes on one machine see each other at addresses that lead
         * through the proxies; on Linux each 127.x.y.z is one of its own.
         */
        QString source = {};
    };

    /** Starts to listen. Throws SocketError if it cannot. */
    explicit FaultProxy(const Location &server);
    FaultProxy(const Location &server, const Options &options);
    /** Resets all connections. */
    ~FaultProxy();
    FaultProxy(const FaultProxy &) = delete;
    FaultProxy &operator=(const FaultProxy &) = delete;

    /** Where clients reach the server through the proxy. */
    [[nodiscard]] Location location() const;
    /** How many connections have come, and with that the number of the next one. */
    [[nodiscard]] int connectionCount() const;
    /** How many of them are still there. */
    [[nodiscard]] int openConnections() const;
    /** How many bytes have passed. */
    [[nodiscard]] qint64 passed(Direction direction, int connection) const;

    /** Cuts the connection as soon as it has passed so many bytes in that direction; at once, if it has. */
    void cutAfter(qint64 bytes, Direction direction, int connection, Cut cut = Cut::Reset);
    /** Cuts all connections that are there. */
    void cutAll(Cut cut = Cut::Reset);

    /** Keeps the connection back, as if its first packet was late: it reaches the server after release(). */
    void hold(int connection);
    void release(int connection);

    // For all connections, those to come as well.

    /** Bytes arrive so much later. */
    void setDelay(Direction direction, std::chrono::milliseconds delay);
    /** Bytes arrive in pieces of this size, a millisecond apart; 0: as they come. */
    void setPieceSize(Direction direction, qint64 size);
    /** Nothing arrives until heal(), and nothing is lost: the sender is slowed down when buffers are full. */
    void stall(Direction direction);
    /**
     * What is sent is lost, the end of a stream and a reset, too, and the sender does not notice: a half-open
     * connection. One that has lost something is reset by heal().
     */
    void swallow(Direction direction);
    /** Connections are refused, as if nothing listened. The port stays the proxy's. */
    void refuse();
    /** Ends all faults, of single connections, too. Throws SocketError if somebody has taken the port after refuse(). */
    void heal();

private:
    std::shared_ptr<FaultProxyPrivate> d; // shared with coroutines that still end
};

} // namespace Asyncoro
