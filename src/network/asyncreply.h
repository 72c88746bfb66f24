// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoronetwork_export.h"

#include <Asyncoro/Error>
#include <Asyncoro/Task>

#include <QNetworkReply>
#include <QUrl>

#include <memory>

namespace Asyncoro {

namespace Detail {

class ReplyData;

} // namespace Detail

/** A request failed: nobody was reached, the answer broke off, or it says that there is an error (HTTP 400 and above). */
class ASYNCORO_NETWORK_EXPORT ReplyError : public Error
{
public:
    ReplyError(QNetworkReply::NetworkError code, const QUrl &url, int status, const QByteArray &body,
               const QString &message);
    ~ReplyError() override;

    /** Qt's reason. */
    [[nodiscard]] QNetworkReply::NetworkError code() const { return m_code; }
    /** What was asked for, after redirections. */
    [[nodiscard]] QUrl url() const { return m_url; }
    /** HTTP's status, such as 404; 0 if there was no answer, or not by HTTP. */
    [[nodiscard]] int status() const { return m_status; }
    /** What an answer with an error says besides, up to 64 KiB of it. */
    [[nodiscard]] QByteArray body() const { return m_body; }

private:
    QNetworkReply::NetworkError m_code;
    QUrl m_url;
    int m_status;
    QByteArray m_body;
};

/**
 * What a QNetworkAccessManager got for a request, read by coroutines while it comes:
 *
 *     AsyncReply reply(manager.get(QNetworkRequest(url)));
 *     for (QByteArray chunk = co_await reply.read(); !chunk.isEmpty(); chunk = co_await reply.read())
 *         co_await file.write(chunk);
 *
 * It owns the QNetworkReply, and can be moved but not copied. It belongs to the thread that made it. No more than 256 KiB
 * are read ahead: a slow reader slows the server. Its destructor aborts the request if it is under way, and deletes the
 * QNetworkReply, so that a device that is being uploaded may be destroyed after it; do not destroy it inside a signal of
 * that.
 *
 * For each operation:
 * - It resumes on the same thread, in the scheduler's next round, never inside a signal of the reply. A deadline, where
 *   one passes, makes it throw TimedOut; terminating the coroutine makes it throw Cancelled. Neither loses a byte, and
 *   the request goes on, until this object is destroyed.
 * - Several coroutines may read; they are served in the order of the calls.
 * - It throws ReplyError if the request fails; before that, what came is read. An answer with an error (HTTP 400 and
 *   above) is a failure from its first byte on. It throws Destroyed if this object, the QNetworkReply or the
 *   QNetworkAccessManager is destroyed meanwhile.
 *
 * An upload is nothing special: `fetch(manager.put(request, &device))`.
 */
class ASYNCORO_NETWORK_EXPORT AsyncReply
{
public:
    /** Takes over `reply`, which belongs to this thread. */
    explicit AsyncReply(QNetworkReply *reply);
    ~AsyncReply();
    AsyncReply(AsyncReply &&other) noexcept;
    AsyncReply &operator=(AsyncReply &&other) noexcept;

    /** Waits until status and headers are known. Completes without suspending if they are. */
    [[nodiscard]] Task<> started(QDeadlineTimer deadline = QDeadlineTimer::Forever) const;

    /**
     * Reads what there is, at most `maxSize` bytes (at least one); an empty result is the end of the answer, which is
     * complete then. Completes without suspending if something is there.
     */
    [[nodiscard]] Task<QByteArray> read(qint64 maxSize = 65536,
                                        QDeadlineTimer deadline = QDeadlineTimer::Forever) const;
    /**
     * Reads a line with its line break, which only the last one may lack; an empty result is the end. A line of more
     * than `maxSize` bytes is given in pieces of that size.
     */
    [[nodiscard]] Task<QByteArray> readLine(qint64 maxSize = 65536,
                                            QDeadlineTimer deadline = QDeadlineTimer::Forever) const;
    /** Reads all the rest. Throws MessageTooLong if that has more than `maxSize` bytes. */
    [[nodiscard]] Task<QByteArray> readAll(qint64 maxSize, QDeadlineTimer deadline = QDeadlineTimer::Forever) const;

    /** Ends the request, if it is under way, and lets all who wait throw. */
    void abort();

    /** HTTP's status; 0 if it is not known yet, or not by HTTP. */
    [[nodiscard]] int status() const;
    /** How many bytes have been read. */
    [[nodiscard]] qint64 received() const;
    /** How many there will be; -1 if the server does not tell, or has not yet. */
    [[nodiscard]] qint64 total() const;

    /**
     * What is wrapped, for its headers and signals, such as QNetworkReply::uploadProgress(); nullptr once it is
     * destroyed. It still belongs to this object. Do not read from it.
     */
    [[nodiscard]] QNetworkReply *reply() const;

private:
    std::shared_ptr<Detail::ReplyData> m_data;
};

/** The most that fetch() accepts unless told otherwise. */
inline constexpr qint64 DefaultMaxReplySize = 256 * 1024 * 1024;

/**
 * Waits for the whole answer: `const QByteArray page = co_await fetch(manager.get(request));`
 *
 * It owns `reply` from the call on. Throws MessageTooLong if the answer has more than `maxSize` bytes, and otherwise what
 * AsyncReply does. When it is cancelled or the deadline passes, the request is aborted.
 */
[[nodiscard]] ASYNCORO_NETWORK_EXPORT Task<QByteArray> fetch(QNetworkReply *reply,
                                                             qint64 maxSize = DefaultMaxReplySize,
                                                             QDeadlineTimer deadline = QDeadlineTimer::Forever);

} // namespace Asyncoro
