// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/AsyncReply>

#include "badpeers.h"

#include <QNetworkAccessManager>
#include <QNetworkRequest>
#include <QTcpServer>
#include <QTcpSocket>

#include <optional>
#include <unistd.h>

using namespace NetworkTest;

namespace {

enum class Operation : quint8 { Started, RecvAll, RecvUntil, Fetch };

/** A request, and the server, which has a connection of its own for it. */
class ReplyConversation final : public BadPeers::Conversation
{
public:
    explicit ReplyConversation(Operation operation)
        : m_operation(operation)
    {
        if (!m_server.listen(QHostAddress::LocalHost))
            qFatal("no server");
        QNetworkReply *const reply
            = m_manager.get(QNetworkRequest(QUrl(QStringLiteral("http://127.0.0.1:%1/").arg(m_server.serverPort()))));
        if (operation == Operation::Fetch)
            m_fetched = reply;
        else
            m_reply.emplace(reply);
    }

    Task<QByteArray> receive(QDeadlineTimer deadline) override
    {
        switch (m_operation) {
        case Operation::Started:
            co_await m_reply->started(deadline);
            co_return QByteArray::number(m_reply->status());
        case Operation::RecvAll:
            co_return co_await m_reply->recvAll(Body.size(), deadline);
        case Operation::RecvUntil:
            co_return co_await m_reply->recvUntil("\n", 100, deadline);
        case Operation::Fetch:
            break;
        }
        co_return co_await fetch(m_fetched, 100, deadline);
    }
    QByteArray result() const override { return m_operation == Operation::Started ? QByteArray("200") : Body; }

    QByteArray unit() const override
    {
        switch (m_operation) {
        case Operation::Started:
            return ChunkedHeader;
        case Operation::RecvAll:
        case Operation::RecvUntil:
            return Chunk;
        case Operation::Fetch:
            break;
        }
        return Chunk + "0\r\n\r\n";
    }
    bool isReady() override
    {
        if (peer.descriptor() == -1) {
            const std::unique_ptr<QTcpSocket> socket(m_server.nextPendingConnection());
            if (!socket)
                return false;
            peer = RawPeer(::dup(int(socket->socketDescriptor())));
            m_server.close(); // QNetworkAccessManager asks again where it gets no answer
        }
        m_request += peer.recv();
        if (!m_request.endsWith("\r\n\r\n"))
            return false;
        if (m_operation != Operation::Started)
            peer.send(ChunkedHeader);
        return true;
    }
    bool goesOn() const override { return m_operation != Operation::Fetch; }
    bool repeats() const override { return m_operation == Operation::RecvAll || m_operation == Operation::RecvUntil; }

private:
    static inline const QByteArray Body = "012345678\n";
    static inline const QByteArray Chunk = "a\r\n" + Body + "\r\n";
    static inline const QByteArray ChunkedHeader = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

    const Operation m_operation;
    QTcpServer m_server;
    QNetworkAccessManager m_manager;
    QByteArray m_request;
    std::optional<AsyncReply> m_reply;
    QNetworkReply *m_fetched = nullptr;
};

} // namespace

/** Answers of HTTP servers of all sorts. */
class BadReplyTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void peers_data() { BadPeers::addRows({"started", "recvAll", "recvUntil", "fetch"}); }
    void peers()
    {
        QFETCH(const int, operation);
        BadPeers::run([&] { return std::make_unique<ReplyConversation>(Operation(operation)); });
    }
};

QTEST_GUILESS_MAIN(BadReplyTest)

#include "badreplytest.moc"
