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
            co_await m_server.serve([this](AsyncSocket socket) { return serve(std::move(socket)); });
        });
        m_serving.setDaemon();
    }
    /** Returns when nobody is served any more: an answer may refer to what the test has. */
    ~HttpServer()
    {
        m_serving.terminate();
        try {
            waitFor(m_serving);
        } catch (const CoroTerminated &) {
            // as it was told to
        }
    }
    Q_DISABLE_COPY_MOVE(HttpServer)

    [[nodiscard]] QUrl url(const QString &path = QStringLiteral("/")) const
    {
        return QUrl(QStringLiteral("http://") + m_server.location().toString() + path);
    }

    static QByteArray header(qint64 size, const QByteArray &status = "200 OK")
    {
        return "HTTP/1.1 " + status + "\r\nContent-Length: " + QByteArray::number(size) + "\r\n\r\n";
    }

private:
    Task<> serve(AsyncSocket socket)
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
