// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// Sends each line of its input to a chat, and prints what the others send.
//
//   chat-socket-client NAME [PORT]       port 8011 unless told; goes with chat-socket-server

#include "../port.h"

#include <Asyncoro/AsyncFile>
#include <Asyncoro/AsyncSocket>
#include <Asyncoro/Coro>
#include <Asyncoro/WhenAny>

#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;

Task<> talk(AsyncSocket &socket)
{
    AsyncFile input; // a terminal, a pipe or a file: waiting for it does not hold up the other coroutine
    co_await input.open("/dev/stdin");
    for (;;) {
        const QByteArray line = co_await input.readLine(4096);
        if (line.isEmpty())
            break; // the end: Ctrl+D in a terminal
        co_await socket.sendMessage(line.trimmed());
    }
}

Task<> print(AsyncSocket &socket)
{
    for (;;) {
        std::printf("%s\n", (co_await socket.recvMessage()).constData());
        std::fflush(stdout);
    }
}

Task<> chat(QByteArray name, quint16 port)
{
    AsyncSocket socket;
    co_await socket.connect("127.0.0.1", port);
    co_await socket.sendMessage(name);
    try {
        co_await whenAny(talk(socket), print(socket)); // the first that ends, ends both
    } catch (const EndOfStream &) {
        std::printf("the server has ended the chat\n");
    }
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    if (app.arguments().size() < 2) {
        std::fputs("usage: chat-socket-client NAME [PORT]\n", stderr);
        return 2;
    }
    spawn(chat, app.arguments().at(1).toUtf8(), portOf(app.arguments().value(2, "8011")));
    return Asyncoro::exec();
}
