// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncsocket.h"

#include <QHostAddress>

class QTcpServer;

namespace Asyncoro {

namespace Detail {

class ServerData;

class ASYNCORO_NETWORK_EXPORT AcceptAwaiter final : public Suspension, public ListLink
{
public:
    AcceptAwaiter(ServerData *data, const QDeadlineTimer &deadline);
    ~AcceptAwaiter() override;
    AsyncSocket await_resume();

protected:
    bool start() override;
    void abandon() noexcept override { unlink(); }
    QString operation() const override { return QStringLiteral("accept()"); }

private:
    friend class ServerData;
    ServerData *const m_data; // not owning; valid while this waits
    std::unique_ptr<QTcpSocket> m_socket;
    std::exception_ptr m_failure;
};

} // namespace Detail

/**
 * Listens for TCP connections and gives them to coroutines.
 *
 * It can be moved but not copied, and belongs to the thread that made it. Its destructor closes it, see close().
 */
class ASYNCORO_NETWORK_EXPORT AsyncServer
{
public:
    AsyncServer();
    ~AsyncServer();
    AsyncServer(AsyncServer &&other) noexcept;
    AsyncServer &operator=(AsyncServer &&other) noexcept;

    /**
     * Starts to listen, at any free port if that is 0. Throws SocketError, which says what stands in the way. Up to 30
     * connections that nobody has accepted yet are kept (QTcpServer::setMaxPendingConnections()), more of them wait in
     * the operating system.
     */
    void listen(const QHostAddress &address, quint16 port = 0);

    /**
     * Waits for a connection, and gives it.
     *
     * Completes without suspending if there is one. Resumes on the same thread, in the scheduler's next round. Any
     * number of coroutines may wait; they are served in the order of the calls. Throws SocketError if the server does
     * not listen or is closed, TimedOut if the deadline passes first. Timing out or being cancelled takes no
     * connection. While the process is out of descriptors, it goes on to wait.
     */
    [[nodiscard]] Detail::AcceptAwaiter accept(QDeadlineTimer deadline = QDeadlineTimer::Forever);

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

} // namespace Asyncoro
