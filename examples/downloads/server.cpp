// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: 0BSD

#include "server.h"

#include <QRandomGenerator>

using namespace Asyncoro;
using namespace std::chrono_literals;

QByteArray fileContent(int n)
{
    QRandomGenerator random(n);
    QByteArray content(500'000 + random.bounded(1'000'000), Qt::Uninitialized);
    for (char &byte : content)
        byte = char(random.generate());
    return content;
}

static Task<> answer(AsyncSocket socket)
{
    for (;;) {
        const QByteArray request = co_await socket.recvUntil("\r\n\r\n"); // GET /7 HTTP/1.1
        const QByteArray content = fileContent(request.split(' ').value(1).sliced(1).toInt());
        co_await socket.sendAll("HTTP/1.1 200 OK\r\n"
                                "Content-Length: "
                                + QByteArray::number(content.size()) + "\r\n\r\n");
        for (qsizetype sent = 0; sent < content.size(); sent += 20'000) {
            co_await socket.sendAll(content.mid(sent, 20'000));
            co_await 20ms;
        }
    }
} // it ends when the client does

Task<> serveFiles(AsyncServer &server)
{
    co_await server.serve(answer);
}
