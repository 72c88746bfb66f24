// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asynclocalsocket.h"

#include "socketerror.h"

#include <Asyncoro/Event>

#include <QEvent>
#include <QLocalSocket>
#include <QSocketNotifier>

#include <cerrno>

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

/**
 * Finds out whether the stream of a QLocalSocket ends in order. That takes a reset, which comes of a peer that closes
 * before it has read all, for an orderly end, so that a part of the data would pass for all of it. What it got from the
 * system is left in errno when it tells us, if nothing older lies there.
 */
class EndWatch final : public QObject
{
public:
    explicit EndWatch(QLocalSocket *socket)
        : QObject(socket)
    {
        for (QSocketNotifier *const notifier : socket->findChildren<QSocketNotifier *>()) // none on Windows
            notifier->installEventFilter(this);
        connect(socket, &QLocalSocket::errorOccurred, this, [this, socket](QLocalSocket::LocalSocketError code) {
            const int error = errno;
            if (code != QLocalSocket::PeerClosedError)
                m_problem = socket->errorString();
            else if (error == ECONNRESET)
                m_problem = QStringLiteral("the peer closed it before it had read all, what it sent may be cut off");
            else if (error == EPIPE) // found by writing, and QLocalSocket does not look what is still to be read
                m_problem = QStringLiteral("the peer closed it while bytes were unsent, what it sent may be cut off");
        });
    }

    /** Empty as long as all is in order. */
    [[nodiscard]] QString problem() const { return m_problem; }

protected:
    bool eventFilter(QObject *, QEvent *event) override
    {
        if (event->type() == QEvent::SockAct)
            errno = 0;
        return false;
    }

private:
    QString m_problem;
};

} // namespace

AsyncLocalSocket::AsyncLocalSocket(QLocalSocket *socket)
    : AsyncDevice(prepared(socket), [watch = new EndWatch(socket)] { return watch->problem(); })
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
    try {
        while (socket->state() == QLocalSocket::ConnectingState)
            co_await changed.wait(deadline);
    } catch (const TimedOut &) {
        throw TimedOut(QStringLiteral("connect(), ") + name);
    }
    if (socket->state() != QLocalSocket::ConnectedState)
        throw SocketError(QAbstractSocket::SocketError(socket->error()), // of the same values
                          QStringLiteral("connect()"), name, socket->errorString());
    socket->disconnect(&context);
    co_return AsyncLocalSocket(socket.release());
}

QLocalSocket *AsyncLocalSocket::socket() const
{
    return static_cast<QLocalSocket *>(device());
}

} // namespace Asyncoro
