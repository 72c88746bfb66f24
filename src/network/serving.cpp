// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asyncserver_p.h"
#include "serverthread_p.h"
#include "tlserror.h"

#include <Asyncoro/StreamError>

#include <QLoggingCategory>

Q_DECLARE_LOGGING_CATEGORY(lcNetwork)

namespace Asyncoro::Detail {

namespace {

constexpr int MaxAhead = 30; // of the connections that one turn of the event loop accepts

} // namespace

// --- Serving ---

Serving::Serving(ServerData *server, const ServeOptions &options)
    : m_server(server)
    , m_options(options)
    , m_limit(std::max(options.maxConnections / std::max(options.threads, 1), 1))
{
    if (options.maxConnections < 1 || options.threads < 1)
        throw Error(QStringLiteral("serve(): at least one connection and one thread are needed, not %1 and %2")
                        .arg(options.maxConnections)
                        .arg(options.threads));
    server->setServing(this);
}

Serving::~Serving()
{
    if (m_server) {
        m_server->setAhead(0);
        m_server->setServing(nullptr);
    }
}

void Serving::startThreads(Scope &scope, const Body &body)
{
    for (int number = 2; number <= m_options.threads; ++number) {
        ListeningDescriptor descriptor
            = listenBeside(m_server->socketDescriptor(), m_server->listenBacklogSize());
        auto thread = std::make_unique<ServerThread>(*this, body, number);
        scope.spawn([](std::unique_ptr<ServerThread> of, ListeningDescriptor its) -> Task<> {
            co_await of->run(std::move(its));
        }, std::move(thread), std::move(descriptor));
    }
}

Task<std::optional<AsyncSocket>> Serving::next()
{
    while (m_open >= m_limit && m_server && m_server->isListening())
        co_await m_changed.wait();
    if (m_stopping)
        co_return std::nullopt;
    if (!m_server)
        throw SocketError(QAbstractSocket::OperationError, QStringLiteral("serve()"), QString(),
                          QStringLiteral("the server was destroyed"));
    try {
        m_server->setAhead(std::min(m_limit - m_open - 1, MaxAhead));
        co_return co_await AcceptAwaiter(m_server, QDeadlineTimer(QDeadlineTimer::Forever));
    } catch (const SocketError &) {
        if (!m_stopping)
            throw;
    }
    co_return std::nullopt;
}

Task<> Serving::drain()
{
    while ((m_open > 0 || !m_threads.empty()) && !m_end.hasExpired()) {
        try {
            co_await m_changed.wait(m_end);
        } catch (const TimedOut &) {
            // so it ends
        }
    }
}

void Serving::stop(const QDeadlineTimer &deadline)
{
    m_end = m_stopping ? std::min(m_end, deadline) : deadline;
    m_stopping = true;
    for (ServerThread *thread : m_threads)
        thread->stop(m_end);
}

void Serving::onClosed()
{
    m_changed.pulse();
}

void Serving::onDestroyed()
{
    m_server = nullptr;
}

// --- ServedConnection ---

ServedConnection::ServedConnection(Serving &serving, const AsyncSocket &socket)
    : m_serving(&serving)
    , m_address(socket.socketData()->peerAddress())
    , m_port(socket.socketData()->peerPort())
{
    ++serving.m_open;
}

ServedConnection::ServedConnection(ServedConnection &&other) noexcept
    : m_serving(std::exchange(other.m_serving, nullptr))
    , m_address(other.m_address)
    , m_port(other.m_port)
{
}

ServedConnection::~ServedConnection()
{
    if (!m_serving)
        return;
    --m_serving->m_open;
    m_serving->m_changed.pulse();
    if (m_serving->m_server)
        m_serving->m_server->retry(); // its descriptor may be the one that was missing
}

void ServedConnection::reportFailure(const Error &error) const
{
    if (dynamic_cast<const TlsError *>(&error)) // a client that is set up wrongly, mostly
        qCInfo(lcNetwork).noquote() << "closed the connection to" << peer()
                                    << "as it is not secure:" << error.message();
    else if (dynamic_cast<const SocketError *>(&error) || dynamic_cast<const EndOfStream *>(&error)) // they come and go
        qCDebug(lcNetwork).noquote() << "the connection to" << peer() << "is gone:" << error.message();
    else
        reportFailure();
}

void ServedConnection::reportFailure() const
{
    qCWarning(lcNetwork).noquote() << "closed the connection to" << peer()
                                   << "as its handler failed:" << errorText(std::current_exception());
}

QString ServedConnection::peer() const
{
    return locationOf(m_address, m_port).toString();
}

} // namespace Asyncoro::Detail
