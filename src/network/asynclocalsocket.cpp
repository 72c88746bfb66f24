// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asynclocalsocket.h"

#include "socketerror.h"

#include <Asyncoro/Event>

#include <QLocalSocket>

namespace Asyncoro {

namespace {

constexpr qint64 LocalReadBufferSize = 256 * 1024;

std::unique_ptr<QIODevice> prepared(QLocalSocket *socket)
{
    socket->setReadBufferSize(LocalReadBufferSize);
    // Else who waits to send would do so for ever: the device says nothing of that.
    QObject::connect(socket, &QLocalSocket::disconnected, socket, &QLocalSocket::close, Qt::QueuedConnection);
    return std::unique_ptr<QIODevice>(socket);
}

} // namespace

AsyncLocalSocket::AsyncLocalSocket(QLocalSocket *socket)
    : AsyncDevice(prepared(socket))
{
}

Task<AsyncLocalSocket> AsyncLocalSocket::connect(QString name, QDeadlineTimer deadline)
{
    auto socket = std::make_unique<QLocalSocket>();
    socket->setReadBufferSize(LocalReadBufferSize);
    Event changed;
    const QObject context; // ends the connections before `changed` ends
    const auto wake = [&changed] { changed.pulse(); };
    QObject::connect(socket.get(), &QLocalSocket::connected, &context, wake);
    QObject::connect(socket.get(), &QLocalSocket::errorOccurred, &context, wake);
    socket->connectToServer(name);
    while (socket->state() == QLocalSocket::ConnectingState)
        co_await changed.wait(deadline);
    if (socket->state() != QLocalSocket::ConnectedState)
        throw SocketError(QAbstractSocket::SocketError(socket->error()), // of the same values
                          QStringLiteral("connect(), %1: %2").arg(name, socket->errorString()));
    socket->disconnect(&context);
    co_return AsyncLocalSocket(socket.release());
}

QLocalSocket *AsyncLocalSocket::socket() const
{
    return static_cast<QLocalSocket *>(device());
}

} // namespace Asyncoro
