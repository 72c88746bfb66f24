// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "../asyncsocket.h"

#include <Asyncoro/Event>
#include <Asyncoro/Scope>

#include <QHostAddress>

#include <functional>
#include <limits>
#include <optional>

QT_BEGIN_NAMESPACE
class QThread;
QT_END_NAMESPACE

namespace Asyncoro {

/** How AsyncServer::serve() works. */
struct ServeOptions {
    /** So many connections are open at a time, at most; at least one. While they are, others wait in the system. */
    int maxConnections = std::numeric_limits<int>::max();
    /**
     * On how many threads, with the one that calls serve(). Each of them has an equal part of maxConnections, rounded
     * down but at least one, and a copy of the handler. The system divides the connections among them.
     */
    int threads = 1;
    /** Called with each further thread before it starts, as to set its event dispatcher. */
    std::function<void(QThread *)> prepareThread = {};
};

namespace Detail {

class ServerData;
class ServerThread;

/** What AsyncServer::serve() keeps while it goes on: the open connections and the further threads are counted here. */
class ASYNCORO_NETWORK_EXPORT Serving
{
public:
    /** Serves a server of another thread, which has its own Serving. */
    using Body = std::function<Task<>(ServerData *)>;

    /** Throws Error if it is wrong to serve with these options, or the server is served already. */
    Serving(ServerData *server, const ServeOptions &options);
    ~Serving();
    Serving(const Serving &) = delete;
    Serving &operator=(const Serving &) = delete;

    /** How many connections each thread may have open. */
    [[nodiscard]] int limit() const { return m_limit; }

    /** Serves on the further threads, in children of `scope`. */
    void startThreads(Scope &scope, const Body &body);
    /** Waits for the next connection that may be open, and gives it; none when it is to stop. */
    Task<std::optional<AsyncSocket>> next();
    /** Waits until all connections are closed and all threads have ended, no longer than stop() was told. */
    Task<> drain();

    /** Has next() give none once the server is closed, and drain() wait until then. */
    void stop(const QDeadlineTimer &deadline);
    void onClosed();
    void onDestroyed();

private:
    friend class ServedConnection;
    friend class ServerThread;

    ServerData *m_server; // not owning; null once it is closed and destroyed
    const ServeOptions m_options;
    std::vector<ServerThread *> m_threads; // not owning: each is in its coroutine
    Event m_changed; // pulsed when a connection or a thread has ended, or the server is closed
    QDeadlineTimer m_end{QDeadlineTimer::Forever};
    const int m_limit; // how many may be open here
    int m_open = 0;
    bool m_stopping = false;
};

/** Counts one connection for as long as it lives; knows for the log whose it is. */
class ASYNCORO_NETWORK_EXPORT ServedConnection
{
public:
    ServedConnection(Serving &serving, const AsyncSocket &socket);
    ServedConnection(ServedConnection &&other) noexcept;
    ServedConnection &operator=(ServedConnection &&) = delete;
    ~ServedConnection();

    // In a catch block: writes to the log what the handler failed with.
    void reportFailure(const Error &error) const;
    void reportFailure() const;

private:
    [[nodiscard]] QString peer() const;

    Serving *m_serving; // not owning; outlives this. Null if moved from
    const QHostAddress m_address; // shared with the socket's
    const quint16 m_port;
};

/** The coroutine of one connection. What the handler fails with ends this connection, and no other. */
template<typename Handler>
Task<> serveConnection(Handler &handler, ServedConnection connection, AsyncSocket socket)
{
    try {
        co_await std::invoke(handler, std::move(socket));
    } catch (const Cancelled &) {
        throw;
    } catch (const Error &error) {
        connection.reportFailure(error);
    } catch (...) {
        connection.reportFailure();
    }
}

template<typename Handler>
Task<> serve(ServerData *server, Handler handler, ServeOptions options, std::source_location where)
{
    Serving serving(server, options);
    co_await withScope([&](Scope &scope) -> Task<> {
        if (options.threads > 1) {
            ServeOptions part = options;
            part.maxConnections = serving.limit();
            part.threads = 1;
            if constexpr (std::is_copy_constructible_v<Handler>) {
                serving.startThreads(scope, [handler, part, where](ServerData *other) {
                    return serve(other, handler, part, where);
                });
            } else {
                throw Error(QStringLiteral("serve(): a handler for several threads must be copyable"));
            }
        }
        while (std::optional<AsyncSocket> socket = co_await serving.next()) {
            ServedConnection connection(serving, *socket);
            scope.spawn(serveConnection<Handler>, std::ref(handler), std::move(connection), *std::move(socket), where);
        }
        co_await serving.drain();
        scope.terminateChildren();
    });
}

} // namespace Detail
} // namespace Asyncoro
