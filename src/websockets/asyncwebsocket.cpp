// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asyncwebsocket.h"

#include <Asyncoro/Coro>
#include <Asyncoro/Event>
#include <Asyncoro/Lock>
#include <Asyncoro/Timeout>

#include <QCoreApplication>
#include <QEvent>
#include <QHash>
#include <QPointer>
#include <QScopeGuard>
#include <QSocketNotifier>
#include <QSslSocket>
#include <QWebSocket>

#include <deque>
#include <optional>

#ifdef Q_OS_UNIX
#include <sys/socket.h>
#endif

namespace Asyncoro {

using namespace std::chrono_literals;

namespace Detail {

namespace {

constexpr qint64 MaxHeaderSize = 14; // of a frame
constexpr auto ClosingPatience = 30s;
[[maybe_unused]] constexpr qint64 MaxDiscarded = 256 * 1024;
// So many bytes of answers to pings wait for a peer that takes none.
constexpr qint64 MaxUnsentAnswers = 1024 * 1024;

std::chrono::nanoseconds now()
{
    return QDeadlineTimer::current(Qt::PreciseTimer).deadlineNSecs() * 1ns;
}

/** Takes what has come and nobody wants: the system resets a connection that is closed before all was read. */
void discardUnread([[maybe_unused]] int descriptor)
{
#if defined(Q_OS_UNIX) && defined(MSG_DONTWAIT)
    char bytes[8192];
    for (qint64 size = 1, total = 0; size > 0 && total < MaxDiscarded; total += size)
        size = ::recv(descriptor, bytes, sizeof bytes, MSG_DONTWAIT);
#endif
}

/** Lets a socket that is closing send what it still has. A coroutine, so that exec() waits for it. */
Task<> finishClosing(std::unique_ptr<QWebSocket> socket)
{
    Event progress;
    const QObject context; // ends the connections before `progress` ends
    const auto wake = [&progress] { progress.pulse(); };
    QObject::connect(socket.get(), &QWebSocket::bytesWritten, &context, wake);
    QObject::connect(socket.get(), &QWebSocket::disconnected, &context, wake);
    while (socket->state() != QAbstractSocket::UnconnectedState) {
        try {
            co_await progress.wait(ClosingPatience);
        } catch (const TimedOut &) {
            socket->abort();
        }
    }
}

} // namespace

/** What an AsyncWebSocket and the coroutines that wait for it share. */
class WebSocketData final : public QObject
{
public:
    explicit WebSocketData(std::unique_ptr<QWebSocket> webSocket);
    ~WebSocketData() override = default;

    void close(int code, const QString &reason);

    void setMaxMessageSize(qint64 size);

    [[nodiscard]] bool isConnected() const
    {
        return m_socket && !m_ended && m_socket->state() == QAbstractSocket::ConnectedState;
    }
    [[noreturn]] void throwFailure(const char *operation) const;
    [[nodiscard]] QWebSocket *socket() const { return m_socket.get(); }
    [[nodiscard]] QUrl url() const { return m_url; }

    static Task<> connectTo(std::shared_ptr<WebSocketData> data, QNetworkRequest request, QDeadlineTimer deadline);
    static Task<WebSocketMessage> recv(std::shared_ptr<WebSocketData> data, QDeadlineTimer deadline);
    static Task<> send(std::shared_ptr<WebSocketData> data, WebSocketMessage message, QDeadlineTimer deadline);
    static Task<std::chrono::nanoseconds> ping(std::shared_ptr<WebSocketData> data, QDeadlineTimer deadline);

    qint64 sendLimit = 1024 * 1024;
    int maxQueued = AsyncWebSocket::DefaultMaxQueuedMessages;

protected:
    bool eventFilter(QObject *watched, QEvent *event) override;

private:
    void onMessage(bool isText, const QByteArray &bytes);
    void onEnd();
    void takeCloseCode();
    void watch();
    void readOn();
    void breakOff();
    [[nodiscard]] qint64 maxUnsent() const { return std::max(sendLimit, m_mostUnsent) + MaxUnsentAnswers; }
    [[nodiscard]] bool isFull() const { return qsizetype(m_messages.size()) >= maxQueued; }

    std::unique_ptr<QWebSocket> m_socket; // null once closed
    QPointer<QSocketNotifier> m_notifier; // of the connection, for bytes to read
    std::deque<WebSocketMessage> m_messages;
    Lock m_receiving; // who receives, or waits to
    Lock m_sending;
    Event m_changed; // pulsed whenever somebody who waits may go on
    QHash<QByteArray, std::optional<std::chrono::nanoseconds>> m_pings; // by payload: when they were answered
    QUrl m_url;
    QString m_errorText = QStringLiteral("not connected"); // of what ended the connection
    QString m_closeReason;
    QAbstractSocket::SocketError m_errorCode = QAbstractSocket::OperationError;
    int m_closeCode = QWebSocketProtocol::CloseCodeAbnormalDisconnection;
    quint64 m_lastPing = 0;
    qint64 m_mostUnsent = 0; // after a message of ours
    bool m_connecting = false;
    bool m_ended = false;
    bool m_closed = false; // by a message that says so
    bool m_paused = false; // the notifier is
};

WebSocketData::WebSocketData(std::unique_ptr<QWebSocket> webSocket)
    : m_socket(std::move(webSocket))
    , m_url(m_socket->requestUrl())
    , m_mostUnsent(m_socket->bytesToWrite())
{
    m_socket->setParent(nullptr);
    setMaxMessageSize(AsyncWebSocket::DefaultMaxMessageSize);
    watch();
    const auto pulse = [this] { m_changed.pulse(); };
    connect(m_socket.get(), &QWebSocket::connected, this, [this] {
        watch();
        m_changed.pulse();
    });
    connect(m_socket.get(), &QWebSocket::bytesWritten, this, pulse);
    connect(m_socket.get(), &QWebSocket::textMessageReceived, this,
            [this](const QString &text) { onMessage(true, text.toUtf8()); });
    connect(m_socket.get(), &QWebSocket::binaryMessageReceived, this,
            [this](const QByteArray &bytes) { onMessage(false, bytes); });
    connect(m_socket.get(), &QWebSocket::pong, this, [this](quint64, const QByteArray &payload) {
        if (const auto it = m_pings.find(payload); it != m_pings.end())
            *it = now();
        m_changed.pulse();
    });
    connect(m_socket.get(), &QWebSocket::errorOccurred, this, [this](QAbstractSocket::SocketError code) {
        m_errorCode = code;
        m_errorText = m_socket->errorString();
        m_changed.pulse();
    });
    // QWebSocket says so when it sends its part of the closing handshake, which a connection that breaks does not have;
    // its close code is the same in both cases.
    connect(m_socket.get(), &QWebSocket::aboutToClose, this, [this] {
        m_closed = true;
        takeCloseCode(); // those who wait hear of it before it has sent all that it still has
        m_changed.pulse();
    });
    connect(m_socket.get(), &QWebSocket::disconnected, this, [this] { onEnd(); });
}

void WebSocketData::setMaxMessageSize(qint64 size)
{
    if (!m_socket)
        return;
    m_socket->setMaxAllowedIncomingMessageSize(quint64(size));
    m_socket->setMaxAllowedIncomingFrameSize(quint64(size));
    m_socket->setReadBufferSize(size + MaxHeaderSize); // QWebSocket takes a frame when all of it is there
}

void WebSocketData::onMessage(bool isText, const QByteArray &bytes)
{
    m_messages.push_back({isText, bytes});
    m_changed.pulse();
}

void WebSocketData::onEnd()
{
    if (m_connecting) // connectTo() has an eye on it
        return m_changed.pulse();
    m_ended = true;
    takeCloseCode();
    m_changed.pulse();
}

void WebSocketData::takeCloseCode()
{
    m_closeCode = m_socket->closeCode();
    m_closeReason = m_socket->closeReason();
}

// QWebSocket reads and takes apart whatever it can get. As long as it does not hear of bytes, they stay in the system.
void WebSocketData::watch()
{
    m_notifier = nullptr;
    for (QSocketNotifier *const notifier : m_socket->findChildren<QSocketNotifier *>()) {
        if (notifier->type() == QSocketNotifier::Read) {
            m_notifier = notifier;
            notifier->installEventFilter(this);
        }
    }
}

bool WebSocketData::eventFilter(QObject *watched, QEvent *event)
{
    if (watched != m_notifier || event->type() != QEvent::SockAct)
        return false;
    // QWebSocket answers each ping that it reads, whether or not the peer takes the answers.
    const bool isFlooded = m_socket->bytesToWrite() > maxUnsent();
    if (!isFlooded && !isFull())
        return false;
    m_notifier->setEnabled(false);
    if (isFlooded) {
        QMetaObject::invokeMethod(this, [this] { breakOff(); }, Qt::QueuedConnection); // not inside its own event
        return true;
    }
    m_paused = true;
    return true;
}

void WebSocketData::readOn()
{
    if (m_notifier && !isFull() && std::exchange(m_paused, false))
        m_notifier->setEnabled(true);
}

void WebSocketData::breakOff()
{
    if (!m_socket || m_ended)
        return;
    const qint64 unsent = m_socket->bytesToWrite();
    m_socket->abort(); // which wakes those who wait
    m_closed = false;
    m_errorCode = QAbstractSocket::SocketResourceError;
    m_errorText = QStringLiteral("the peer sends pings and does not take the answers, with which %1 bytes wait for it: "
                                 "the connection was broken off").arg(unsent);
}

void WebSocketData::close(int code, const QString &reason)
{
    if (!m_socket)
        return;
    std::unique_ptr<QWebSocket> socket = std::move(m_socket);
    socket->disconnect(this);
    if (m_notifier) {
        m_notifier->removeEventFilter(this);
        if (!socket->findChild<QSslSocket *>()) // which needs all bytes in their order until it has ended
            discardUnread(int(m_notifier->socket()));
    }
    if (!m_ended) {
        m_ended = m_closed = true;
        m_closeCode = code;
        m_closeReason = reason;
    }
    m_messages.clear();
    if (socket->state() == QAbstractSocket::ConnectedState && QCoreApplication::instance())
        socket->close(QWebSocketProtocol::CloseCode(code), reason);
    else
        socket->abort();
    if (socket->state() != QAbstractSocket::UnconnectedState)
        spawn(finishClosing, std::move(socket)).setName(QStringLiteral("closing of ") + m_url.toString());
    m_changed.pulse();
}

void WebSocketData::throwFailure(const char *operation) const
{
    const QString name = QLatin1StringView(operation);
    if (m_closed)
        throw WebSocketClosed(m_closeCode, m_closeReason,
                              QStringLiteral("%1, %2: closed with code %3 %4")
                                  .arg(name, m_url.toString(), QString::number(m_closeCode), m_closeReason)
                                  .trimmed());
    throw SocketError(m_errorCode, name, m_url.toString(), m_errorText);
}

Task<> WebSocketData::connectTo(std::shared_ptr<WebSocketData> data, QNetworkRequest request, QDeadlineTimer deadline)
{
    const auto error = [url = request.url().toString()](QAbstractSocket::SocketError code, const QString &reason) {
        return SocketError(code, QStringLiteral("connect()"), url, reason);
    };
    if (!data->m_socket || data->m_connecting || data->m_socket->state() != QAbstractSocket::UnconnectedState)
        throw error(QAbstractSocket::OperationError, QStringLiteral("connected or connecting already, or closed"));
    data->m_url = request.url();
    data->m_ended = data->m_closed = false;
    data->m_mostUnsent = 0;
    data->m_errorCode = QAbstractSocket::UnknownSocketError;
    data->m_errorText.clear();
    struct Attempt {
        WebSocketData &data;
        explicit Attempt(WebSocketData &d) : data(d) { data.m_connecting = true; }
        ~Attempt()
        {
            data.m_connecting = false;
            if (!data.isConnected() && data.m_socket)
                data.m_socket->abort();
        }
    } const attempt(*data);
    data->m_socket->open(request);
    while (!data->isConnected()) {
        if (!data->m_socket)
            data->throwFailure("connect()");
        if (!data->m_errorText.isEmpty() || data->m_socket->state() == QAbstractSocket::UnconnectedState)
            throw error(data->m_errorCode,
                        data->m_errorText.isEmpty() ? data->m_socket->errorString() : data->m_errorText);
        co_await data->m_changed.wait(deadline);
    }
    data->m_errorText = QStringLiteral("the connection broke");
}

Task<WebSocketMessage> WebSocketData::recv(std::shared_ptr<WebSocketData> data, QDeadlineTimer deadline)
{
    const auto guard = co_await data->m_receiving.acquire(deadline);
    while (data->m_messages.empty()) {
        if (!data->isConnected())
            data->throwFailure("recv()");
        co_await data->m_changed.wait(deadline);
    }
    const WebSocketMessage message = std::move(data->m_messages.front());
    data->m_messages.pop_front();
    data->readOn();
    co_return message;
}

Task<> WebSocketData::send(std::shared_ptr<WebSocketData> data, WebSocketMessage message, QDeadlineTimer deadline)
{
    const auto guard = co_await data->m_sending.acquire(deadline);
    for (;;) {
        if (!data->isConnected())
            data->throwFailure("send()");
        if (data->m_socket->bytesToWrite() <= data->sendLimit)
            break;
        co_await data->m_changed.wait(deadline);
    }
    if (message.isText)
        data->m_socket->sendTextMessage(message.text());
    else
        data->m_socket->sendBinaryMessage(message.bytes);
    if (data->m_socket)
        data->m_mostUnsent = std::max(data->m_mostUnsent, data->m_socket->bytesToWrite());
}

Task<std::chrono::nanoseconds> WebSocketData::ping(std::shared_ptr<WebSocketData> data, QDeadlineTimer deadline)
{
    if (!data->isConnected())
        data->throwFailure("ping()");
    const QByteArray payload = QByteArray::number(++data->m_lastPing);
    const auto forget = qScopeGuard([&] { data->m_pings.remove(payload); });
    data->m_pings.insert(payload, {});
    const std::chrono::nanoseconds sent = now();
    data->m_socket->ping(payload);
    while (!data->m_pings.value(payload)) {
        if (!data->isConnected())
            data->throwFailure("ping()");
        co_await data->m_changed.wait(deadline);
    }
    co_return *data->m_pings.value(payload) - sent;
}

} // namespace Detail

// --- AsyncWebSocket ---

AsyncWebSocket::AsyncWebSocket()
    : AsyncWebSocket(new QWebSocket)
{
}

AsyncWebSocket::AsyncWebSocket(QWebSocket *socket)
    : m_data(std::make_shared<Detail::WebSocketData>(std::unique_ptr<QWebSocket>(socket)))
{
}

AsyncWebSocket::~AsyncWebSocket()
{
    if (m_data)
        close(QWebSocketProtocol::CloseCodeGoingAway);
}

AsyncWebSocket::AsyncWebSocket(AsyncWebSocket &&other) noexcept = default;

AsyncWebSocket &AsyncWebSocket::operator=(AsyncWebSocket &&other) noexcept
{
    AsyncWebSocket moved(std::move(other));
    std::swap(m_data, moved.m_data); // what this was is closed with it
    return *this;
}

Task<> AsyncWebSocket::connect(const QUrl &url, QDeadlineTimer deadline)
{
    return connect(QNetworkRequest(url), deadline);
}

Task<> AsyncWebSocket::connect(const QNetworkRequest &request, QDeadlineTimer deadline)
{
    return Detail::namingTimeOut(QStringLiteral("connect(), ") + request.url().toString(),
                                 Detail::WebSocketData::connectTo(m_data, request, deadline));
}

Task<WebSocketMessage> AsyncWebSocket::recv(QDeadlineTimer deadline)
{
    return Detail::namingTimeOut(QStringLiteral("recv(), ") + m_data->url().toString(),
                                 Detail::WebSocketData::recv(m_data, deadline));
}

Task<> AsyncWebSocket::sendText(const QString &text, QDeadlineTimer deadline)
{
    return Detail::namingTimeOut(QStringLiteral("sendText(), ") + m_data->url().toString(),
                                 Detail::WebSocketData::send(m_data, {true, text.toUtf8()}, deadline));
}

Task<> AsyncWebSocket::sendBinary(const QByteArray &bytes, QDeadlineTimer deadline)
{
    return Detail::namingTimeOut(QStringLiteral("sendBinary(), ") + m_data->url().toString(),
                                 Detail::WebSocketData::send(m_data, {false, bytes}, deadline));
}

Task<std::chrono::nanoseconds> AsyncWebSocket::ping(QDeadlineTimer deadline)
{
    return Detail::namingTimeOut(QStringLiteral("ping(), ") + m_data->url().toString(),
                                 Detail::WebSocketData::ping(m_data, deadline));
}

void AsyncWebSocket::close(int code, const QString &reason)
{
    m_data->close(code, reason);
}

bool AsyncWebSocket::isConnected() const
{
    return m_data->isConnected();
}

qint64 AsyncWebSocket::sendLimit() const
{
    return m_data->sendLimit;
}

void AsyncWebSocket::setSendLimit(qint64 bytes)
{
    m_data->sendLimit = std::max<qint64>(bytes, 1);
}

void AsyncWebSocket::setMaxMessageSize(qint64 bytes)
{
    m_data->setMaxMessageSize(std::max<qint64>(bytes, 1));
}

void AsyncWebSocket::setMaxQueuedMessages(int count)
{
    m_data->maxQueued = std::max(count, 1);
}

QWebSocket *AsyncWebSocket::socket() const
{
    return m_data->socket();
}

} // namespace Asyncoro
