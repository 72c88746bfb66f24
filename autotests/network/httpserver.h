// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "networktest.h"

#include <QUrl>

#include <functional>

namespace NetworkTest {

/** Listens for HTTP and lets `answer` write whatever it likes to whoever has sent a request. */
class HttpServer
{
public:
    using Answer = std::function<Task<>(AsyncSocket &socket, const QByteArray &request)>;

    explicit HttpServer(Answer answer)
        : m_answer(std::move(answer))
    {
        m_server.listen(QHostAddress::LocalHost);
        m_serving = spawn([this]() -> Task<> {
            for (;;)
                spawn([this, socket = co_await m_server.accept()]() mutable { return serve(socket); }).setDaemon();
        });
        m_serving.setDaemon();
    }
    ~HttpServer() { m_serving.terminate(); }

    [[nodiscard]] QUrl url(const QString &path = QStringLiteral("/")) const
    {
        return QUrl(QStringLiteral("http://") + m_server.location().toString() + path);
    }

    static QByteArray header(qint64 size, const QByteArray &status = "200 OK")
    {
        return "HTTP/1.1 " + status + "\r\nContent-Length: " + QByteArray::number(size) + "\r\n\r\n";
    }

private:
    Task<> serve(AsyncSocket &socket)
    {
        QByteArray request;
        while (!request.contains("\r\n\r\n")) {
            const QByteArray more = co_await socket.recv();
            if (more.isEmpty())
                co_return;
            request += more;
        }
        try {
            co_await m_answer(socket, request);
        } catch (const SocketError &) {
            // The client does not want it any more.
        }
    }

    AsyncServer m_server;
    Answer m_answer;
    Coro<> m_serving;
};

} // namespace NetworkTest
