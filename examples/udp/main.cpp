// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// A server that answers N datagrams and ends, and clients that send one each and wait a second for the answer.
//
//   udp serve N             on a port that it prints
//   udp ask PORT TEXT...    asks it on 127.0.0.1, all at the same time
//
// The server answers nc as well:  echo hello | nc -u -w 1 127.0.0.1 PORT

#include "../port.h"

#include <Asyncoro/AsyncUdpSocket>
#include <Asyncoro/Coro>

#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;
using namespace std::chrono_literals;

Task<> serve(int count)
{
    AsyncUdpSocket socket;
    socket.bind(QHostAddress::LocalHost);
    std::printf("port %d\n", socket.location().port());
    std::fflush(stdout);
    for (int n = 1; n <= count; ++n) {
        const QNetworkDatagram question = co_await socket.recv();
        co_await socket.send(question.makeReply("message " + QByteArray::number(n) + ": " + question.data()));
    }
}

Task<> ask(quint16 port, QString text)
{
    AsyncUdpSocket socket;
    co_await socket.connect("127.0.0.1", port);
    co_await socket.send(text.toUtf8());
    try {
        const QNetworkDatagram answer = co_await socket.recv(1s);
        std::printf("%s\n", answer.data().constData());
    } catch (const Error &e) { // datagrams may be lost; and perhaps nobody listens there
        std::printf("no answer to %s: %s\n", qPrintable(text), e.what());
    }
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    const QStringList arguments = app.arguments();
    if (argc == 3 && arguments.at(1) == "serve") {
        spawn(serve, arguments.at(2).toInt());
    } else if (argc > 3 && arguments.at(1) == "ask") {
        const quint16 port = portOf(arguments.at(2));
        for (const QString &text : arguments.mid(3))
            spawn(ask, port, text);
    } else {
        std::fputs("usage: udp serve N | udp ask PORT TEXT...\n", stderr);
        return 2;
    }
    return Asyncoro::exec();
}
