// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asynclocalserver.h"

#include "socketerror.h"

#include <Asyncoro/Event>
#include <Asyncoro/Lock>

#include <QLocalSocket>
#include <QSocketNotifier>

namespace Asyncoro {

namespace Detail {

/** What an AsyncLocalServer and the coroutines that wait for it share. */
class LocalServerData
{
public:
    LocalServerData()
    {
        QObject::connect(&server, &QLocalServer::newConnection, &server, [this] { changed.pulse(); });
    }

    static Task<AsyncLocalSocket> accept(std::shared_ptr<LocalServerData> data, QDeadlineTimer deadline)
    {
        const auto guard = co_await data->accepting.acquire(deadline);
        for (;;) {
            if (data->hasBroken())
                throw SocketError(QAbstractSocket::SocketResourceError, QStringLiteral("accept()"), QString(),
                                  QStringLiteral("the server does not listen any more, as it could not take "
                                                 "a connection: %1. Perhaps too many files are open: close some, and "
                                                 "listen() again")
                                      .arg(data->server.errorString()));
            if (!data->server.isListening())
                throw SocketError(QAbstractSocket::OperationError, QStringLiteral("accept()"), QString(),
                                  QStringLiteral("the server does not listen"));
            if (QLocalSocket *const socket = data->server.nextPendingConnection())
                co_return AsyncLocalSocket(socket);
            co_await data->changed.wait(deadline);
        }
    }

    /** Where it cannot take a connection, QLocalServer listens no more, and does not say so. */
    [[nodiscard]] bool hasBroken() const
    {
        return wasStarted && !server.isListening() && !server.errorString().isEmpty();
    }

    bool listen(const QString &name)
    {
        wasStarted = server.listen(name);
        if (!wasStarted)
            return false;
        for (QSocketNotifier *const notifier : server.findChildren<QSocketNotifier *>()) { // none on Windows
            QObject::connect(
                notifier, &QSocketNotifier::activated, &server,
                [this] {
                    if (hasBroken())
                        changed.pulse();
                },
                Qt::QueuedConnection);
        }
        return true;
    }

    void close()
    {
        server.close();
        wasStarted = false;
        changed.pulse();
    }

    Lock accepting; // who accepts, or waits to
    Event changed; // pulsed when there is a connection, or none will come any more
    QLocalServer server;
    bool wasStarted = false; // and not closed since
};

} // namespace Detail

AsyncLocalServer::AsyncLocalServer()
    : m_data(std::make_shared<Detail::LocalServerData>())
{
}

AsyncLocalServer::~AsyncLocalServer()
{
    if (m_data)
        close();
}

AsyncLocalServer::AsyncLocalServer(AsyncLocalServer &&other) noexcept = default;

AsyncLocalServer &AsyncLocalServer::operator=(AsyncLocalServer &&other) noexcept
{
    AsyncLocalServer moved(std::move(other));
    std::swap(m_data, moved.m_data); // what this was is closed with it
    return *this;
}

void AsyncLocalServer::listen(const QString &name, QLocalServer::SocketOptions access)
{
    const auto error = [&](QAbstractSocket::SocketError code, const QString &reason) {
        return SocketError(code, QStringLiteral("listen()"), name, reason);
    };
    if (isListening())
        throw error(QAbstractSocket::OperationError, QStringLiteral("the server listens already, at ") + path());
    // QLocalServer would put its own in the place of one that is alive.
    QLocalSocket probe;
    probe.connectToServer(name);
    if (probe.state() != QLocalSocket::UnconnectedState)
        throw error(QAbstractSocket::AddressInUseError,
                    QStringLiteral("in use: choose another name, or end the program that has it"));
    if (probe.error() == QLocalSocket::ConnectionRefusedError)
        QLocalServer::removeServer(name);
    server()->setSocketOptions(access);
    if (!m_data->listen(name))
        throw error(server()->serverError(), server()->errorString());
}

Task<AsyncLocalSocket> AsyncLocalServer::accept(QDeadlineTimer deadline)
{
    return Detail::LocalServerData::accept(m_data, deadline);
}

void AsyncLocalServer::close()
{
    m_data->close();
}

bool AsyncLocalServer::isListening() const
{
    return m_data->server.isListening();
}

QString AsyncLocalServer::path() const
{
    return m_data->server.fullServerName();
}

QLocalServer *AsyncLocalServer::server() const
{
    return &m_data->server;
}

} // namespace Asyncoro
