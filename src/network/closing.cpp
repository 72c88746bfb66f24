// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "closing_p.h"

#include "asyncsocket_p.h"

#include <Asyncoro/Coro>
#include <Asyncoro/Event>

#include <QCoreApplication>

namespace Asyncoro::Detail {

using namespace std::chrono_literals;

namespace {

constexpr auto ClosingPatience = 30s;

thread_local int closing = 0;
thread_local Event *waiting = nullptr; // in allClosed()

/** While there is one, a socket of this thread is closed already and still sends what it was given before. */
class Closing
{
public:
    Closing() { ++closing; }
    ~Closing()
    {
        if (--closing == 0 && waiting)
            waiting->set();
    }
    Q_DISABLE_COPY_MOVE(Closing)
};

/** Lets a socket that is closing send what it still has. A coroutine, so that exec() waits for it. */
Task<> finishSending(std::unique_ptr<QTcpSocket> socket)
{
    const Closing isClosing;
    Event progress;
    const QObject context; // ends the connections before `progress` ends
    const auto wake = [&progress] { progress.pulse(); };
    QObject::connect(socket.get(), &QTcpSocket::bytesWritten, &context, wake);
    QObject::connect(socket.get(), &QTcpSocket::disconnected, &context, wake);
    while (socket->state() != QAbstractSocket::UnconnectedState) {
        try {
            co_await progress.wait(ClosingPatience);
        } catch (const TimedOut &) {
            socket->abort();
        }
    }
}

} // namespace

void disposeOf(std::unique_ptr<QTcpSocket> socket, bool sendFirst)
{
    if (socket->state() == QAbstractSocket::ConnectedState && sendFirst && QCoreApplication::instance())
        socket->disconnectFromHost(); // at once, if nothing is unsent
    else if (socket->state() != QAbstractSocket::ClosingState || !sendFirst)
        socket->abort();
    if (socket->state() != QAbstractSocket::UnconnectedState) {
        const QString peer = locationOf(socket->peerAddress(), socket->peerPort()).toString();
        spawn(finishSending, std::move(socket)).setName(QStringLiteral("closing of the connection to ") + peer);
    }
}

Task<> allClosed(QDeadlineTimer deadline)
{
    if (closing == 0)
        co_return;
    struct Watch {
        Watch() { waiting = &event; }
        ~Watch() { waiting = nullptr; }
        Event event;
    } watch;
    try {
        co_await watch.event.wait(deadline);
    } catch (const TimedOut &) {
        // what is not sent by now is lost with the thread
    }
}

} // namespace Asyncoro::Detail
