// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoronetwork_export.h"

#include <Asyncoro/AsyncStream>

#include <QNetworkReply>
#include <QUrl>

namespace Asyncoro {

namespace Detail {

class ReplyData;

} // namespace Detail

/**
 * A request failed: nobody was reached, the answer broke off, or it says that there is an error (HTTP 400 and above).
 */
class ASYNCORO_NETWORK_EXPORT ReplyError : public StreamError
{
public:
    ReplyError(QNetworkReply::NetworkError code, const QString &operation, const QUrl &url, int status,
               const QByteArray &body, const QString &reason);
    ~ReplyError() override;

    /** Qt's reason. */
    [[nodiscard]] QNetworkReply::NetworkError code() const { return m_code; }
    /** What was asked for, after redirections. */
    [[nodiscard]] QUrl url() const { return m_url; }
    /** HTTP's status, such as 404; 0 if there was no answer, or not by HTTP. */
    [[nodiscard]] int status() const { return m_status; }
    /** What an answer with an error says besides: up to 64 KiB of it, as far as it came within two seconds. */
    [[nodiscard]] QByteArray body() const { return m_body; }

private:
    QNetworkReply::NetworkError m_code;
    QUrl m_url;
    int m_status;
    QByteArray m_body;
};

/**
 * What a QNetworkAccessManager got for a request, read by coroutines while it comes: a stream of bytes, see AsyncStream
 * for what it can do; nothing can be sent.
 *
 *     AsyncReply reply(manager.get(QNetworkRequest(url)));
 *     for (QByteArray chunk = co_await reply.read(); !chunk.isEmpty(); chunk = co_await reply.read())
 *         co_await file.write(chunk);
 *
 * It owns the QNetworkReply, and can be moved but not copied. A slow reader slows the server: no more than 256 KiB are
 * read ahead. Its destructor aborts the request if it is under way, and deletes the QNetworkReply at once, so that a
 * device that is being uploaded may be destroyed after it; do not destroy it inside a signal of the QNetworkReply. A
 * wait that times out or is cancelled leaves the request alone.
 *
 * What fails throws ReplyError; what came before is received first. An answer with an error (HTTP 400 and above) is a
 * failure from its first byte on: what it says besides is in ReplyError::body(). The end of the stream is that of an
 * answer that is complete. Only where a server tells no length and does not send in chunks, which HTTP/1.1 allows,
 * QNetworkReply takes each end of the connection for the end of the answer, a reset, too.
 *
 * An upload is nothing special: `fetch(manager.put(request, &device))`.
 */
class ASYNCORO_NETWORK_EXPORT AsyncReply : public AsyncStream
{
public:
    /** Takes over `reply`, which belongs to this thread. */
    explicit AsyncReply(QNetworkReply *reply);
    ~AsyncReply();
    AsyncReply(AsyncReply &&other) noexcept;
    AsyncReply &operator=(AsyncReply &&other) noexcept;

    /**
     * Waits until status and headers are known: those of the answer itself, not of a redirection that is followed; with
     * QNetworkRequest::ManualRedirectPolicy a redirection is the answer. Completes without suspending if they are;
     * resumes on the same thread; any number may overlap. Throws ReplyError, TimedOut, and Destroyed if this object is
     * destroyed meanwhile.
     */
    [[nodiscard]] Task<> started(Deadline deadline = {}) const;

    /** HTTP's status; 0 if it is not known yet, or not by HTTP. */
    [[nodiscard]] int status() const;
    /** How many bytes have come, as far as they were read. */
    [[nodiscard]] qint64 received() const;
    /** How many there will be; -1 if the server does not tell, or has not yet. */
    [[nodiscard]] qint64 total() const;

    /**
     * What is wrapped, for its headers and signals, such as QNetworkReply::uploadProgress(); nullptr once closed or
     * destroyed. It still belongs to this object. Do not read from it.
     */
    [[nodiscard]] QNetworkReply *reply() const;

private:
    [[nodiscard]] Detail::ReplyData *replyData() const;
};

/** The most that fetch() accepts unless told otherwise. */
inline constexpr qint64 DefaultMaxReplySize = 256 * 1024 * 1024;

/**
 * Waits for the whole answer: `const QByteArray page = co_await fetch(manager.get(request));`
 *
 * It owns `reply` from the call on. Throws MessageTooLong if the answer has more than `maxSize` bytes, and otherwise
 * what AsyncReply does. When it is cancelled or the deadline passes, the request is aborted.
 */
[[nodiscard]] ASYNCORO_NETWORK_EXPORT Task<QByteArray> fetch(QNetworkReply *reply,
                                                             qint64 maxSize = DefaultMaxReplySize,
                                                             AsyncStream::Deadline deadline = {});

} // namespace Asyncoro
