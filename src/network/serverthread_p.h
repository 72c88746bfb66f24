// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncserver.h"

#include <QThread>

namespace Asyncoro::Detail {

/** A descriptor that listens, until somebody takes it. */
class ListeningDescriptor
{
public:
    explicit ListeningDescriptor(qintptr descriptor)
        : m_descriptor(descriptor)
    {
    }
    ListeningDescriptor(ListeningDescriptor &&other) noexcept
        : m_descriptor(other.take())
    {
    }
    ListeningDescriptor &operator=(ListeningDescriptor &&) = delete;
    ~ListeningDescriptor();

    [[nodiscard]] bool isValid() const { return m_descriptor != -1; }
    [[nodiscard]] qintptr take() { return std::exchange(m_descriptor, -1); }

private:
    qintptr m_descriptor;
};

/**
 * A further descriptor for the port at which `descriptor` listens, for another thread: with a queue of its own where
 * the system can do that, else for the same queue. Throws SocketError.
 */
ListeningDescriptor listenBeside(qintptr descriptor, int backlog);

/** A thread that serves beside the one that called AsyncServer::serve(), to which this belongs. */
class ServerThread
{
public:
    ServerThread(Serving &serving, const Serving::Body &body, int number);
    /** Ends the thread and waits for that. */
    ~ServerThread();
    ServerThread(const ServerThread &) = delete;
    ServerThread &operator=(const ServerThread &) = delete;

    /** Until all is served; throws what went wrong. Cancelling it cancels what runs there. */
    Task<> run(ListeningDescriptor descriptor);
    void stop(const QDeadlineTimer &deadline);

private:
    Task<> serve(ListeningDescriptor descriptor);

    Serving &m_serving;
    const Serving::Body m_body;
    QThread m_thread;
    QObject m_context; // of the thread: events to it are calls there
    // On the thread only:
    ServerData *m_server = nullptr; // not owning: in serve()
    std::optional<QDeadlineTimer> m_end; // once it is to stop
};

} // namespace Asyncoro::Detail
