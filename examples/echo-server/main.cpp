// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// A server that sends back what it gets, with one coroutine for each connection.
//
//   echo-server [--threads N] [--address ADDRESS] [PORT]
//
// Prints "listening PORT". Try it with: nc 127.0.0.1 PORT

#include "../port.h"

#include <Asyncoro/AsyncServer>
#include <Asyncoro/AsyncSocket>
#include <Asyncoro/Coro>
#include <Asyncoro/EventDispatcher>

#include <QCommandLineParser>
#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;

Task<> echo(AsyncSocket socket)
{
    for (;;) {
        const QByteArray bytes = co_await socket.recv();
        if (bytes.isEmpty())
            break; // the client has closed the connection
        co_await socket.sendAll(bytes); // waits while the client takes nothing
    }
}

Task<> serve(QHostAddress address, quint16 port, int threads)
{
    AsyncServer server;
    server.listen(address, port);
    std::printf("listening %d\n", server.location().port());
    std::fflush(stdout);
    const auto prepare = [](QThread *thread) { EventDispatcher::install(thread); };
    co_await server.serve(echo, {.threads = threads, .prepareThread = prepare});
}

int main(int argc, char **argv)
{
    EventDispatcher::install(); // for thousands of connections
    QCoreApplication app(argc, argv);
    QCommandLineParser parser;
    parser.setApplicationDescription("Sends back what it gets.");
    parser.addHelpOption();
    parser.addPositionalArgument("port", "Where to listen; any free port by default.", "[PORT]");
    parser.addOptions({{"address", "Address to listen at.", "ADDRESS", "127.0.0.1"},
                       {"threads", "How many threads serve.", "N", "1"}});
    parser.process(app);
    spawn(serve, QHostAddress(parser.value("address")), portOf(parser.positionalArguments().value(0, "0")),
          parser.value("threads").toInt());
    return Asyncoro::exec();
}
