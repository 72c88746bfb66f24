// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// A chat over sockets: what one client sends is passed on to all others. A message is framed by its length, so that
// it arrives in one piece. The first message of a client is its name.
//
//   chat-socket-server [PORT]       8011 unless told; goes with chat-socket-client

#include "../port.h"

#include <Asyncoro/AsyncServer>
#include <Asyncoro/AsyncSocket>
#include <Asyncoro/Coro>
#include <Asyncoro/Scope>

#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;
using namespace std::chrono_literals;

/** A coroutine for each client sends what is in its mailbox. It refuses messages while its client does not read. */
using Room = QList<Coro<>>;

void tellOthers(const Room &room, const Coro<> &from, const QString &text)
{
    for (const Coro<> &writer : room) {
        if (writer != from)
            writer.send(text);
    }
}

Task<> writer(AsyncSocket &socket)
{
    for (;;)
        co_await socket.sendMessage((co_await receive<QString>()).toUtf8());
}

Task<> member(AsyncSocket socket, Room *room)
{
    const QString name = QString::fromUtf8(co_await socket.recvMessage(100, 10s));
    QString goodbye = " has left";
    Coro<> me;
    try {
        co_await withScope([&](Scope &scope) -> Task<> {
            me = scope.spawn(writer, std::ref(socket));
            me.setMailboxLimit(1000);
            room->append(me);
            tellOthers(*room, me, name + " has joined");
            for (;;)
                tellOthers(*room, me, name + ": " + QString::fromUtf8(co_await socket.recvMessage(4096)));
        });
    } catch (const EndOfStream &) {
        // that is how most of them leave
    } catch (const Error &e) {
        goodbye = " was lost: " + e.message();
    }
    room->removeOne(me);
    tellOthers(*room, me, name + goodbye);
}

Task<> serve(quint16 port)
{
    Room room;
    AsyncServer server;
    server.listen(QHostAddress::LocalHost, port);
    std::printf("listening %d\n", server.location().port());
    std::fflush(stdout);
    co_await server.serve([&room](AsyncSocket socket) { return member(std::move(socket), &room); });
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    spawn(serve, portOf(app.arguments().value(1, "8011")));
    return Asyncoro::exec();
}
