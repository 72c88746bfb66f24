// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "detail/serving.h"

class QTcpServer;

namespace Asyncoro {

namespace Detail {

class ServerData;

/** A descriptor of a connection, which whoever has it last closes. */
struct ConnectedDescriptor {
    qintptr descriptor = -1;
    QHostAddress peerAddress; ///< null: not known
    quint16 peerPort = 0;
};

class ASYNCORO_NETWORK_EXPORT AcceptAwaiter final : public ExternalWait
{
public:
    AcceptAwaiter(ServerData *data, const QDeadlineTimer &deadline);
    ~AcceptAwaiter() override;
    AsyncSocket await_resume();

protected:
    bool start() override;
    void abandon() noexcept override;

private:
    friend class ServerData;
    ServerData *const m_data; // not owning; valid while this waits
    ConnectedDescriptor m_accepted;
};

} // namespace Detail

/**
 * Listens for TCP connections and gives them to coroutines: one after the other, or each to a coroutine of its own.
 *
 *     Task<> echo(AsyncSocket socket)
 *     {
 *         for (QByteArray bytes = co_await socket.recv(); !bytes.isEmpty(); bytes = co_await socket.recv())
 *             co_await socket.sendAll(bytes);
 *     }
 *     ...
 *     AsyncServer server;
 *     server.listen(QHostAddress::LocalHost, 8080);
 *     co_await server.serve(echo);
 *
 * A connection that no coroutine waits for stays with the operating system, in a queue of 4096 or as many as the system
 * allows; see QTcpServer::setListenBacklogSize(). While the process is out of descriptors, connections wait there, too,
 * and are accepted as soon as there are some again.
 *
 * It can be moved but not copied, also while coroutines wait in it, and belongs to the thread that made it. Its
 * destructor closes it, see close().
 */
class ASYNCORO_NETWORK_EXPORT AsyncServer
{
public:
    AsyncServer();
    ~AsyncServer();
    AsyncServer(AsyncServer &&other) noexcept;
    AsyncServer &operator=(AsyncServer &&other) noexcept;

    /** Starts to listen, at any free port if that is 0. Throws SocketError, which says what stands in the way. */
    void listen(const QHostAddress &address, quint16 port = 0);

    /**
     * Waits for a connection, and gives it.
     *
     * Always suspends, unless the server does not listen. Resumes on the same thread, in the scheduler's next round.
     * Any number of coroutines may wait; they are served in the order of the calls. Throws SocketError if the server
     * does not listen or is closed, TimedOut if the deadline passes first. Timing out or being cancelled takes no
     * connection; one that is terminated after it was given a connection gets it.
     */
    [[nodiscard]] Detail::AcceptAwaiter accept(QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Gives each connection to a coroutine of its own, which runs `handler(socket)`; that returns a Task.
     *
     * A handler that fails ends its own connection only. The log says so with the client's address: as a warning, as
     * information if it was a TLS handshake (TlsError), as a debug message if it was the connection (other
     * SocketErrors, EndOfStream): clients come and go.
     *
     * Never completes without stop(); then it returns when all connections have been served. Resumes on the same
     * thread. Of one server there is one serve() at a time: another one throws an Error. `handler` is copied or moved
     * into it. On several threads each runs a copy of it at the same time as the others, and what it refers to must
     * allow that. Throws SocketError if the server does not listen, is closed or is destroyed; that cancels all
     * connections, as cancelling serve() does, and their end is waited for.
     */
    template<typename Handler>
    Task<> serve(Handler handler, ServeOptions options = {},
                 std::source_location where = std::source_location::current());

    /**
     * Ends serve() in order: no more connections are accepted, those that are open may go on until the deadline, which
     * counts from now, and are cancelled then. Returns at once; serve() returns when all of them have ended. Can be
     * called again, with less time. Without serve() it is the same as close().
     */
    void stop(QDeadlineTimer deadline);

    /** Stops to listen, drops connections that nobody has accepted, and wakes all who wait with SocketError. */
    void close();

    [[nodiscard]] bool isListening() const;
    /** Where it listens; invalid if it does not. */
    [[nodiscard]] Location location() const;

    /** What is wrapped, for its options. It still belongs to this object. */
    [[nodiscard]] QTcpServer *server() const;

private:
    std::unique_ptr<Detail::ServerData> m_data;
};

template<typename Handler>
Task<> AsyncServer::serve(Handler handler, ServeOptions options, std::source_location where)
{
    static_assert(Detail::TaskValue<std::invoke_result_t<Handler &, AsyncSocket>>::IsTask,
                  "serve(): the handler takes an AsyncSocket and returns a Task");
    return Detail::serve(m_data.get(), std::move(handler), std::move(options), where);
}

} // namespace Asyncoro
