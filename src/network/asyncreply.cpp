// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asyncreply.h"

#include "socketerror.h"

#include <Asyncoro/Event>
#include <Asyncoro/Lock>

#include <QPointer>

namespace Asyncoro {

namespace Detail {

namespace {

constexpr qint64 ReadAheadSize = 256 * 1024;
constexpr qint64 ErrorBodySize = 64 * 1024;

/** How many bytes can be read now; 0 to wait for more. */
using Available = qint64 (*)(const QNetworkReply &reply, qint64 maxSize);

qint64 anyBytes(const QNetworkReply &reply, qint64 maxSize)
{
    return std::min(reply.bytesAvailable(), maxSize);
}

} // namespace

/** What an AsyncReply and the coroutines that wait for it share. */
class ReplyData
{
public:
    explicit ReplyData(QNetworkReply *networkReply);

    /** The reply; throws Destroyed if it is gone. */
    [[nodiscard]] QNetworkReply &checked(const char *operation) const;
    [[nodiscard]] int status() const;
    [[nodiscard]] bool isError() const { return status() >= 400; }
    [[nodiscard]] bool hasFailed() const { return isError() || reply->error() != QNetworkReply::NoError; }
    [[noreturn]] void throwFailure(const char *operation) const;

    QPointer<QNetworkReply> reply;
    const QUrl url; // that was asked for first: for errors
    Lock reading; // whoever reads, or waits to
    Event changed; // pulsed when something has come, or the reply has ended
    qint64 received = 0;

private:
    const QObject m_context; // ends the connections
};

ReplyData::ReplyData(QNetworkReply *networkReply)
    : reply(networkReply)
    , url(networkReply->url())
{
    reply->setReadBufferSize(ReadAheadSize);
    const auto pulse = [this] { changed.pulse(); };
    QObject::connect(networkReply, &QNetworkReply::metaDataChanged, &m_context, pulse);
    QObject::connect(networkReply, &QNetworkReply::readyRead, &m_context, pulse);
    QObject::connect(networkReply, &QNetworkReply::finished, &m_context, pulse);
    QObject::connect(networkReply, &QObject::destroyed, &m_context, pulse);
}

QNetworkReply &ReplyData::checked(const char *operation) const
{
    if (!reply)
        throw Destroyed(QStringLiteral("%1, %2: the reply was destroyed").arg(QLatin1StringView(operation), url.toString()));
    return *reply;
}

int ReplyData::status() const
{
    return reply ? reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt() : 0;
}

void ReplyData::throwFailure(const char *operation) const
{
    QString reason = reply->errorString();
    if (isError())
        reason = QStringLiteral("the server answered %1 %2")
                     .arg(status())
                     .arg(reply->attribute(QNetworkRequest::HttpReasonPhraseAttribute).toString());
    const QByteArray body = reply->peek(ErrorBodySize);
    const auto code
        = reply->error() == QNetworkReply::NoError ? QNetworkReply::UnknownContentError : reply->error();
    throw ReplyError(code, reply->url(), status(), body,
                     QStringLiteral("%1, %2: %3").arg(QLatin1StringView(operation), reply->url().toString(), reason));
}

namespace {

Task<> waitForStart(std::shared_ptr<ReplyData> data, QDeadlineTimer deadline)
{
    while (data->checked("started()").bytesAvailable() == 0 && data->status() == 0 && !data->reply->isFinished())
        co_await data->changed.wait(deadline);
    while (data->isError() && !data->checked("started()").isFinished() && data->reply->bytesAvailable() < ErrorBodySize)
        co_await data->changed.wait(deadline);
    if (data->checked("started()").isFinished() ? data->hasFailed() : data->isError())
        data->throwFailure("started()");
}

// While there is an error to come, its body comes first, which is part of it.
Task<QByteArray> readSome(std::shared_ptr<ReplyData> data, const char *operation, Available available, qint64 maxSize,
                          QDeadlineTimer deadline)
{
    const auto guard = co_await data->reading.acquire(deadline);
    for (;;) {
        QNetworkReply &reply = data->checked(operation);
        const bool isError = data->isError();
        if (const qint64 size = isError ? 0 : available(reply, maxSize); size > 0) {
            const QByteArray bytes = reply.read(size);
            data->received += bytes.size();
            co_return bytes;
        }
        if (reply.isFinished() || (isError && reply.bytesAvailable() >= ErrorBodySize)) {
            if (data->hasFailed())
                data->throwFailure(operation);
            co_return QByteArray();
        }
        co_await data->changed.wait(deadline);
    }
}

Task<QByteArray> readToEnd(std::shared_ptr<ReplyData> data, qint64 maxSize, QDeadlineTimer deadline)
{
    QByteArray all;
    for (;;) {
        const QByteArray bytes = co_await readSome(data, "readAll()", anyBytes, ReadAheadSize, deadline);
        if (bytes.isEmpty())
            co_return all;
        if (all.size() + bytes.size() > maxSize)
            throw MessageTooLong(
                QStringLiteral("readAll(), %1: more than %2 bytes").arg(data->url.toString()).arg(maxSize));
        all += bytes;
    }
}

Task<QByteArray> fetchAll(AsyncReply reply, qint64 maxSize, QDeadlineTimer deadline)
{
    co_return co_await reply.readAll(maxSize, deadline);
}

} // namespace
} // namespace Detail

// --- ReplyError ---

ReplyError::ReplyError(QNetworkReply::NetworkError code, const QUrl &url, int status, const QByteArray &body,
                       const QString &message)
    : Error(message)
    , m_code(code)
    , m_url(url)
    , m_status(status)
    , m_body(body)
{
}

ReplyError::~ReplyError() = default;

// --- AsyncReply ---

AsyncReply::AsyncReply(QNetworkReply *reply)
    : m_data(std::make_shared<Detail::ReplyData>(reply))
{
}

AsyncReply::~AsyncReply()
{
    if (m_data)
        abort();
}

AsyncReply::AsyncReply(AsyncReply &&other) noexcept = default;

AsyncReply &AsyncReply::operator=(AsyncReply &&other) noexcept
{
    std::swap(m_data, other.m_data);
    return *this;
}

Task<> AsyncReply::started(QDeadlineTimer deadline) const
{
    return Detail::waitForStart(m_data, deadline);
}

Task<QByteArray> AsyncReply::read(qint64 maxSize, QDeadlineTimer deadline) const
{
    return Detail::readSome(m_data, "read()", Detail::anyBytes, std::max<qint64>(maxSize, 1), deadline);
}

Task<QByteArray> AsyncReply::readLine(qint64 maxSize, QDeadlineTimer deadline) const
{
    maxSize = std::max<qint64>(maxSize, 1);
    if (m_data->reply && maxSize > m_data->reply->readBufferSize())
        m_data->reply->setReadBufferSize(maxSize);
    const auto aLine = [](const QNetworkReply &reply, qint64 most) -> qint64 {
        // As long as the end may come, a part of a line may be one.
        const qint64 there = std::min(reply.bytesAvailable(), most);
        const qsizetype lineBreak = const_cast<QNetworkReply &>(reply).peek(there).indexOf('\n');
        if (lineBreak >= 0)
            return lineBreak + 1;
        return there == most || reply.isFinished() ? there : 0;
    };
    return Detail::readSome(m_data, "readLine()", aLine, maxSize, deadline);
}

Task<QByteArray> AsyncReply::readAll(qint64 maxSize, QDeadlineTimer deadline) const
{
    return Detail::readToEnd(m_data, maxSize, deadline);
}

// Not deleteLater(): until then it might read from a device that is gone.
void AsyncReply::abort()
{
    if (QNetworkReply *const reply = m_data->reply) {
        reply->abort();
        delete reply;
    }
}

int AsyncReply::status() const
{
    return m_data->status();
}

qint64 AsyncReply::received() const
{
    return m_data->received;
}

qint64 AsyncReply::total() const
{
    if (!m_data->reply)
        return -1;
    const QVariant length = m_data->reply->header(QNetworkRequest::ContentLengthHeader);
    return length.isValid() ? length.toLongLong() : -1;
}

QNetworkReply *AsyncReply::reply() const
{
    return m_data->reply;
}

// --- fetch() ---

Task<QByteArray> fetch(QNetworkReply *reply, qint64 maxSize, QDeadlineTimer deadline)
{
    return Detail::fetchAll(AsyncReply(reply), maxSize, deadline);
}

} // namespace Asyncoro
