// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asyncreply.h"

#include <Asyncoro/Event>
#include <Asyncoro/Timeout>

#include <QBasicTimer>
#include <QPointer>
#include <QTimerEvent>

namespace Asyncoro {

using namespace std::chrono_literals;

namespace Detail {

namespace {

constexpr qint64 ReadAheadSize = 256 * 1024;
constexpr qint64 ErrorBodySize = 64 * 1024;
constexpr auto ErrorBodyTime = 2s; // for the rest of it, once the error itself is known

} // namespace

/** The bytes of a QNetworkReply. */
class ReplyData final : public StreamData
{
public:
    explicit ReplyData(QNetworkReply *reply);
    ~ReplyData() override { ReplyData::close(false); }

    void close(bool sendFirst) override;

    [[nodiscard]] QString subject() const override { return m_url.toString(); }
    [[nodiscard]] QNetworkReply *reply() const { return m_reply; }
    [[nodiscard]] int status() const { return m_status; }
    [[nodiscard]] qint64 received() const { return m_received; }
    [[nodiscard]] qint64 total() const { return m_total; }

    /** Whether it is known how the answer begins; throws if it is a failure. */
    bool hasStarted();

    Event changed; // pulsed when something has come, or the reply has ended

protected:
    qint64 readSome(char *to, qint64 maxSize) override;
    void writeAll(QByteArrayView, const QByteArray &) override { }
    [[nodiscard]] qint64 unsentBytes() const override { return 0; }
    [[nodiscard]] std::exception_ptr endWriting(const char *operation) override { return writeFailure(operation); }
    [[nodiscard]] bool isWritable() const override { return false; }
    [[nodiscard]] std::exception_ptr failure(const char *operation) const override;
    [[nodiscard]] std::exception_ptr writeFailure(const char *operation) const override;
    void timerEvent(QTimerEvent *event) override;

private:
    enum class State : quint8 { Open, Complete, Failed };

    void onChange();
    [[nodiscard]] bool isBeingRedirected() const;
    void takeMetaData();
    void takeErrorBody();
    [[nodiscard]] bool isCutShort() const;
    void onGone(const QString &reason);
    void setFailed(QNetworkReply::NetworkError code, const QString &reason);

    QPointer<QNetworkReply> m_reply; // owned
    QUrl m_url;
    qint64 m_received = 0;
    qint64 m_total = -1;
    int m_status = 0;
    State m_state = State::Open;
    QNetworkReply::NetworkError m_errorCode = QNetworkReply::NoError; // why it has failed
    QString m_errorText;
    QByteArray m_errorBody;
    QBasicTimer m_errorBodyTimer; // runs while the rest of it is waited for
};

ReplyData::ReplyData(QNetworkReply *reply)
    : m_reply(reply)
    , m_url(reply->url())
{
    reply->setReadBufferSize(ReadAheadSize);
    connect(reply, &QNetworkReply::metaDataChanged, this, [this] { onChange(); });
    connect(reply, &QNetworkReply::readyRead, this, [this] { onChange(); });
    connect(reply, &QNetworkReply::finished, this, [this] { onChange(); });
    connect(reply, &QObject::destroyed, this, [this] { onGone(QStringLiteral("the reply was destroyed")); });
    onChange();
}

void ReplyData::setFailed(QNetworkReply::NetworkError code, const QString &reason)
{
    m_errorBodyTimer.stop();
    m_state = State::Failed;
    m_errorCode = code;
    m_errorText = reason;
}

void ReplyData::onGone(const QString &reason)
{
    if (m_state == State::Open)
        setFailed(QNetworkReply::OperationCanceledError, reason);
    settleReaders();
    changed.pulse();
}

// Not deleteLater(): until then it might read from a device that is gone.
void ReplyData::close(bool)
{
    QNetworkReply *const reply = m_reply;
    if (!reply)
        return;
    reply->disconnect(this);
    m_state = State::Open; // even a complete answer cannot be read any more
    setFront({});
    m_reply = nullptr;
    onGone(QStringLiteral("the reply was closed"));
    reply->abort();
    delete reply;
}

void ReplyData::onChange()
{
    if (!isBeingRedirected())
        takeMetaData();
    if (m_state == State::Open && m_status >= 400) {
        if (m_reply->isFinished() || m_reply->bytesAvailable() >= ErrorBodySize)
            takeErrorBody();
        else if (!m_errorBodyTimer.isActive())
            m_errorBodyTimer.start(ErrorBodyTime, this);
    }
    settleReaders();
    changed.pulse();
}

// Qt gives the metadata of each redirection on the way. One that it does not follow, since it must not or for its
// policy, ends the reply.
bool ReplyData::isBeingRedirected() const
{
    if (m_reply->isFinished())
        return false;
    switch (m_reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt()) {
    case 301:
    case 302:
    case 303:
    case 305:
    case 307:
    case 308: {
        const QVariant policy = m_reply->request().attribute(QNetworkRequest::RedirectPolicyAttribute);
        return !policy.isValid() || policy.toInt() != QNetworkRequest::ManualRedirectPolicy;
    }
    default:
        return false;
    }
}

void ReplyData::takeMetaData()
{
    m_url = m_reply->url();
    m_status = m_reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
    const QVariant length = m_reply->header(QNetworkRequest::ContentLengthHeader);
    m_total = length.isValid() ? length.toLongLong() : -1;
}

void ReplyData::takeErrorBody()
{
    m_errorBody = m_reply->read(ErrorBodySize);
    const bool hasCode = m_reply->isFinished() && m_reply->error() != QNetworkReply::NoError;
    setFailed(hasCode ? m_reply->error() : QNetworkReply::UnknownContentError,
              QStringLiteral("the server answered %1 %2")
                  .arg(m_status)
                  .arg(m_reply->attribute(QNetworkRequest::HttpReasonPhraseAttribute).toString()));
}

void ReplyData::timerEvent(QTimerEvent *)
{
    takeErrorBody();
    settleReaders();
    changed.pulse();
}

bool ReplyData::hasStarted()
{
    if (m_state == State::Open && m_status < 400 && m_reply->isFinished() && m_reply->error() != QNetworkReply::NoError
        && m_reply->bytesAvailable() == 0)
        setFailed(m_reply->error(), m_reply->errorString());
    if (m_state == State::Failed)
        std::rethrow_exception(failure("started()"));
    if (m_status >= 400)
        return false; // what it says besides is still to come
    return m_status > 0 || m_state == State::Complete || m_reply->isFinished() || m_reply->bytesAvailable() > 0;
}

// QNetworkReply takes the end of the connection for that of the answer, however much the server has announced. What it
// decompresses has no Content-Length any more.
bool ReplyData::isCutShort() const
{
    const bool hasBody = m_reply->operation() != QNetworkAccessManager::HeadOperation && m_status / 100 == 2
        && m_status != 204;
    return hasBody && m_received < m_total;
}

qint64 ReplyData::readSome(char *to, qint64 maxSize)
{
    if (m_state == State::Open && m_status < 400) {
        const qint64 size = m_reply->read(to, maxSize);
        if (size > 0) {
            m_received += size;
            return size;
        }
        if (m_reply->isFinished() && m_reply->error() != QNetworkReply::NoError)
            setFailed(m_reply->error(), m_reply->errorString());
        else if (m_reply->isFinished() && isCutShort())
            setFailed(QNetworkReply::RemoteHostClosedError,
                      QStringLiteral("the server broke off after %1 of %2 bytes").arg(m_received).arg(m_total));
        else if (m_reply->isFinished())
            m_state = State::Complete;
    }
    switch (m_state) {
    case State::Open:
        return NothingYet;
    case State::Complete:
        return Ended;
    case State::Failed:
        break;
    }
    return Failed;
}

std::exception_ptr ReplyData::failure(const char *operation) const
{
    return std::make_exception_ptr(
        ReplyError(m_errorCode, QLatin1StringView(operation), m_url, m_status, m_errorBody, m_errorText));
}

std::exception_ptr ReplyData::writeFailure(const char *operation) const
{
    return std::make_exception_ptr(
        StreamError(QLatin1StringView(operation), subject(), QStringLiteral("an answer can only be read")));
}

namespace {

Task<> waitForStart(QPointer<ReplyData> data, QDeadlineTimer deadline)
{
    for (;;) {
        if (!data)
            throw Destroyed(QStringLiteral("started(): what it waited for was destroyed"));
        if (data->hasStarted())
            co_return;
        co_await data->changed.wait(deadline);
    }
}

Task<QByteArray> fetchAll(AsyncReply reply, qint64 maxSize, AsyncStream::Deadline deadline)
{
    co_return co_await reply.readAll(maxSize, deadline);
}

} // namespace
} // namespace Detail

// --- ReplyError ---

ReplyError::ReplyError(QNetworkReply::NetworkError code, const QString &operation, const QUrl &url, int status,
                       const QByteArray &body, const QString &reason)
    : StreamError(operation, url.toString(), reason)
    , m_code(code)
    , m_url(url)
    , m_status(status)
    , m_body(body)
{
}

ReplyError::~ReplyError() = default;

// --- AsyncReply ---

AsyncReply::AsyncReply(QNetworkReply *reply)
    : AsyncStream(std::make_unique<Detail::ReplyData>(reply))
{
}

AsyncReply::~AsyncReply() = default;
AsyncReply::AsyncReply(AsyncReply &&other) noexcept = default;
AsyncReply &AsyncReply::operator=(AsyncReply &&other) noexcept = default;

Detail::ReplyData *AsyncReply::replyData() const
{
    return static_cast<Detail::ReplyData *>(data());
}

Task<> AsyncReply::started(Deadline deadline) const
{
    return Detail::namingTimeOut(QStringLiteral("started(), ") + replyData()->subject(),
                                 Detail::waitForStart(replyData(), data()->deadline(deadline)));
}

int AsyncReply::status() const
{
    return replyData()->status();
}

qint64 AsyncReply::received() const
{
    return replyData()->received();
}

qint64 AsyncReply::total() const
{
    return replyData()->total();
}

QNetworkReply *AsyncReply::reply() const
{
    return replyData()->reply();
}

// --- fetch() ---

Task<QByteArray> fetch(QNetworkReply *reply, qint64 maxSize, AsyncStream::Deadline deadline)
{
    return Detail::fetchAll(AsyncReply(reply), maxSize, deadline);
}

} // namespace Asyncoro
