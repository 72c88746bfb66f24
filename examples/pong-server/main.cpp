// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// A web server whose every page is "Pong". It keeps connections open for more requests, as HTTP/1.1 wants it.
//
//   pong-server [--threads N] [--address ADDRESS] [PORT]     prints "listening PORT"; then: curl http://127.0.0.1:PORT/

#include "../port.h"

#include <Asyncoro/AsyncServer>
#include <Asyncoro/AsyncSocket>
#include <Asyncoro/Coro>
#include <Asyncoro/EventDispatcher>

#include <QCommandLineParser>
#include <QCoreApplication>

#include <cstdio>

using namespace Asyncoro;

constexpr qsizetype MaxHeaderSize = 16384;
const QByteArray Pong = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nPong\n";
const QByteArray LastPong = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nPong\n";
const QByteArray Refusal = "HTTP/1.1 431 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/** Whether the connection ends with this request: the older protocol's way, and the newer one's if asked. */
bool isLast(const QByteArray &header)
{
    const QByteArray lower = header.toLower();
    const bool isOld = lower.left(lower.indexOf("\r\n")).endsWith("http/1.0");
    return isOld ? !lower.contains("\r\nconnection: keep-alive\r\n") : lower.contains("\r\nconnection: close\r\n");
}

Task<> answer(AsyncSocket socket)
{
    bool tooLong = false;
    try {
        for (bool last = false; !last;) {
            last = isLast(co_await socket.recvUntil("\r\n\r\n", MaxHeaderSize));
            co_await socket.sendAll(last ? LastPong : Pong);
        }
    } catch (const EndOfStream &) {
        // the client has closed the connection
    } catch (const MessageTooLong &) {
        tooLong = true;
    }
    if (tooLong)
        co_await socket.sendAll(Refusal);
}

Task<> serve(QHostAddress address, quint16 port, int threads)
{
    AsyncServer server;
    server.listen(address, port);
    std::printf("listening %d\n", server.location().port());
    std::fflush(stdout);
    const auto prepare = [](QThread *thread) { EventDispatcher::install(thread); };
    co_await server.serve(answer, {.threads = threads, .prepareThread = prepare});
}

int main(int argc, char **argv)
{
    EventDispatcher::install(); // for thousands of connections
    QCoreApplication app(argc, argv);
    QCommandLineParser parser;
    parser.setApplicationDescription("A web server whose every page is \"Pong\".");
    parser.addHelpOption();
    parser.addPositionalArgument("port", "Where to listen; any free port by default.", "[PORT]");
    parser.addOptions({{"address", "Address to listen at.", "ADDRESS", "127.0.0.1"},
                       {"threads", "How many threads serve.", "N", "1"}});
    parser.process(app);
    spawn(serve, QHostAddress(parser.value("address")), portOf(parser.positionalArguments().value(0, "0")),
          parser.value("threads").toInt());
    return Asyncoro::exec();
}
