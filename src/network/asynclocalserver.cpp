// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asynclocalserver.h"

#include "baresocket_p.h"
#include "socketerror.h"

#include <Asyncoro/Event>
#include <Asyncoro/Lock>
#include <Asyncoro/Timeout>

#include <QLocalSocket>
#include <QLoggingCategory>
#include <QPointer>
#include <QSocketNotifier>
#include <QTimer>

#ifdef Q_OS_UNIX
#include <cerrno>
#include <fcntl.h>
#endif

Q_DECLARE_LOGGING_CATEGORY(lcNetwork)

namespace Asyncoro {

namespace Detail {

/**
 * What an AsyncLocalServer and the coroutines that wait for it share.
 *
 * Where we can we accept by ourselves, and no earlier than somebody waits: QLocalServer listens no more once it could
 * not take a connection, and does not say so.
 */
class LocalServerData
{
public:
    LocalServerData()
    {
        server.setListenBacklogSize(Backlog);
        m_retryTimer.setSingleShot(true);
        QObject::connect(&m_retryTimer, &QTimer::timeout, &server, [this] { changed.pulse(); });
        QObject::connect(&server, &QLocalServer::newConnection, &server, [this] { changed.pulse(); });
    }

    static Task<AsyncLocalSocket> accept(std::shared_ptr<LocalServerData> data, QDeadlineTimer deadline)
    {
        const auto guard = co_await data->accepting.acquire(deadline);
        for (;;) {
            if (QLocalSocket *const socket = data->takeConnection())
                co_return AsyncLocalSocket(socket);
            co_await data->changed.wait(deadline);
        }
    }

    bool listen(const QString &name)
    {
        if (!server.listen(name))
            return false;
#ifdef Q_OS_UNIX
        const auto descriptor = int(server.socketDescriptor());
        ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
        // The last one: that of a listen() before may not be deleted yet.
        m_notifier = server.findChildren<QSocketNotifier *>(Qt::FindDirectChildrenOnly).last();
        m_notifier->disconnect(&server);
        m_notifier->setEnabled(false);
        QObject::connect(m_notifier, &QSocketNotifier::activated, &server, [this] {
            m_notifier->setEnabled(false);
            changed.pulse();
        });
#endif
        return true;
    }

    void close()
    {
        server.close();
        changed.pulse();
    }

    Lock accepting; // who accepts, or waits to
    Event changed; // pulsed when there may be a connection, or none will come any more
    QLocalServer server;

private:
    static constexpr int Backlog = 4096; // the system takes its own limit if that is lower

    /** nullptr if there is none now; `changed` tells when to try again. Throws if none will come. */
    QLocalSocket *takeConnection()
    {
        while (server.isListening()) {
#ifdef Q_OS_UNIX
            if (const int descriptor = acceptDescriptor(int(server.socketDescriptor())); descriptor != -1) {
                auto *const socket = new QLocalSocket;
                socket->setSocketDescriptor(descriptor);
                return socket;
            }
            const int error = errno;
            switch (whyNotAccepted(error)) {
            case NotAccepted::NoneThere:
                m_notifier->setEnabled(true);
                return nullptr;
            case NotAccepted::ClientGone:
                break;
            case NotAccepted::NotListening:
                server.close();
                break;
            case NotAccepted::OutOfResources:
                pauseWithoutResources(qt_error_string(error));
                return nullptr;
            }
#else
            return server.nextPendingConnection();
#endif
        }
        throw SocketError(QAbstractSocket::OperationError, QStringLiteral("accept()"), QString(),
                          QStringLiteral("the server does not listen"));
    }

    void pauseWithoutResources(const QString &why)
    {
        if (m_nextWarning.hasExpired()) {
            qCWarning(lcNetwork).noquote().nospace()
                << "cannot accept connections at " << server.fullServerName() << ", trying on: " << why;
            m_nextWarning.setRemainingTime(AcceptWarningInterval);
        }
        m_retryTimer.start(RetryAccepting);
    }

    QPointer<QSocketNotifier> m_notifier; // the server's, where the system has descriptors
    QTimer m_retryTimer; // runs while the descriptors have run out
    QDeadlineTimer m_nextWarning{0}; // not one for each try
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
    return Detail::namingTimeOut(QStringLiteral("accept(), ") + m_data->server.fullServerName(),
                                 Detail::LocalServerData::accept(m_data, deadline));
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
