// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "websocketerror.h"

#include <Asyncoro/Task>

#include <QNetworkRequest>
#include <QUrl>

#include <chrono>
#include <memory>

class QWebSocket;

namespace Asyncoro {

namespace Detail {

class WebSocketData;

} // namespace Detail

/** A message that came over a WebSocket: text, or bytes. */
struct WebSocketMessage {
    bool isText = false;
    QByteArray bytes; ///< a text is in UTF-8

    [[nodiscard]] QString text() const { return QString::fromUtf8(bytes); }
};

/**
 * A WebSocket for coroutines: messages, of text or of bytes, in both directions.
 *
 * It owns the QWebSocket that it wraps, and can be moved but not copied. It belongs to the thread that made it; only
 * coroutines of that thread use it. Its destructor closes it, see close().
 *
 * For each operation:
 * - It resumes on the same thread, in the scheduler's next round, never inside a signal. A deadline, where one passes,
 *   makes it throw TimedOut; terminating the coroutine makes it throw Cancelled. Neither loses a message, nor sends
 *   one.
 * - Any number of coroutines may receive and send at the same time; each kind is served in the order of the calls.
 * - Data is held by the operation. The object may be moved while a coroutine waits in it; if it is destroyed, those who
 *   wait are thrown WebSocketClosed or Destroyed.
 * - It throws WebSocketClosed if one side has closed the conversation, and SocketError if the connection fails or was
 *   never made. What had arrived before is received first.
 *
 * Pings are answered by themselves. A peer that floods it with them, and lets 1 MiB of answers wait beyond what was
 * sent to it, is broken off, which is a SocketError.
 */
class ASYNCORO_WEBSOCKETS_EXPORT AsyncWebSocket
{
public:
    /** The longest message that is received unless set. */
    static constexpr qint64 DefaultMaxMessageSize = 16 * 1024 * 1024;
    /** As many messages are read ahead unless set. */
    static constexpr int DefaultMaxQueuedMessages = 16;

    /** Not connected yet. */
    AsyncWebSocket();
    /** Takes over `socket`, connected or not. It must be of this thread, and loses its parent. */
    explicit AsyncWebSocket(QWebSocket *socket);
    ~AsyncWebSocket();
    AsyncWebSocket(AsyncWebSocket &&other) noexcept;
    AsyncWebSocket &operator=(AsyncWebSocket &&other) noexcept;

    /**
     * Connects to "ws://host:port/path" or "wss://...", with the handshake. Always suspends. Throws SocketError as well
     * if the answer is no WebSocket's, or this is connected already. If the deadline passes or it is cancelled, the
     * attempt is given up.
     */
    [[nodiscard]] Task<> connect(const QUrl &url, QDeadlineTimer deadline = QDeadlineTimer::Forever);
    /** The same, with headers of one's own. */
    [[nodiscard]] Task<> connect(const QNetworkRequest &request, QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Receives a message. Completes without suspending if one is there. A message that is longer than allowed closes
     * the conversation, with CloseCodeTooMuchData.
     */
    [[nodiscard]] Task<WebSocketMessage> recv(QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Sends a message. Complete means that it is on its way, with at most the send limit still before it. Completes
     * without suspending unless more bytes than that are unsent: then it waits for the peer to take some.
     */
    [[nodiscard]] Task<> sendText(const QString &text, QDeadlineTimer deadline = QDeadlineTimer::Forever);
    [[nodiscard]] Task<> sendBinary(const QByteArray &bytes, QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /** Asks the peer for a sign of life, and gives how long it took. Always suspends. Several may overlap. */
    [[nodiscard]] Task<std::chrono::nanoseconds> ping(QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Closes the conversation, and wakes all who wait with WebSocketClosed. Returns at once: what was sent goes out in
     * the background, unless the peer takes no byte for half a minute. Asyncoro::exec() waits for that. `code` is one
     * of QWebSocketProtocol::CloseCode, or a program's own, from 4000 to 4999.
     */
    void close(int code = QWebSocketProtocol::CloseCodeNormal, const QString &reason = {});

    /** Whether it is connected as far as is known. */
    [[nodiscard]] bool isConnected() const;

    /** How many unsent bytes let a further message wait to be sent: 1 MiB unless set. */
    [[nodiscard]] qint64 sendLimit() const;
    void setSendLimit(qint64 bytes);
    /** The longest message that is received. */
    void setMaxMessageSize(qint64 bytes);
    /**
     * With so many messages that nobody has received it stops reading, so that a slow receiver slows its sender. As
     * many bytes as the longest message may have can be read beyond that, be it one message or many. What answers
     * pings, and notices the end, waits meanwhile.
     */
    void setMaxQueuedMessages(int count);

    /** What is wrapped, for its options and state; nullptr once closed. It still belongs to this object. */
    [[nodiscard]] QWebSocket *socket() const;

private:
    std::shared_ptr<Detail::WebSocketData> m_data;
};

} // namespace Asyncoro
