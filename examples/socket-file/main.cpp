// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

// A socket used as a file: the same function reads lines from either, since both have read(), readLine(), write(). A file
// goes line by line to the other end of a connection; both ends print the checksum of what they have read.
//
//   socket-file FILE

#include <Asyncoro/AsyncFile>
#include <Asyncoro/AsyncServer>
#include <Asyncoro/Coro>

#include <QCoreApplication>
#include <QCryptographicHash>

#include <cstdio>

using namespace Asyncoro;

/** Reads lines to the end, from a file or a socket, and hands each to `use`. Gives the checksum of all. */
Task<QByteArray> readLines(auto &from, auto use)
{
    QCryptographicHash hash(QCryptographicHash::Sha256);
    while (true) {
        const QByteArray line = co_await from.readLine();
        if (line.isEmpty())
            co_return hash.result().toHex();
        hash.addData(line);
        co_await use(line);
    }
}

Task<> receive(AsyncServer &server)
{
    AsyncSocket socket = co_await server.accept();
    int count = 0;
    const QByteArray sum = co_await readLines(socket, [&count](const QByteArray &) -> Task<> {
        ++count;
        co_return;
    });
    std::printf("received  %s  %d lines\n", sum.constData(), count);
}

Task<> send(QString path, quint16 port)
{
    AsyncFile file;
    co_await file.open(path);
    AsyncSocket socket;
    co_await socket.connect("127.0.0.1", port);
    const QByteArray sum = co_await readLines(
        file, [&socket](const QByteArray &line) -> Task<> { co_await socket.write(line); });
    std::printf("sent      %s\n", sum.constData());
} // the socket closes here, and the other end reads to the end

Task<> run(QString path)
{
    AsyncServer server;
    server.listen(QHostAddress::LocalHost);
    const Coro<> receiver = spawn(receive, std::ref(server));
    co_await send(path, server.location().port());
    co_await receiver;
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    if (argc != 2) {
        std::fputs("usage: socket-file FILE\n", stderr);
        return 2;
    }
    spawn(run, app.arguments().at(1));
    return Asyncoro::exec();
}
