// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncdevice.h"

#include <QIODevice>

#include <functional>

namespace Asyncoro::Detail {

/** The bytes of a QIODevice, and whether it is ours. */
class DeviceData final : public StreamData
{
    Q_OBJECT

public:
    explicit DeviceData(QIODevice *device);
    /** `problem`, if there is one, says at the end of the stream why that is not in order; empty if it is. */
    explicit DeviceData(std::unique_ptr<QIODevice> device, std::function<QString()> problem = {});
    ~DeviceData() override;

    void close(bool sendFirst) override;
    /** Lets go of the device, with what was read ahead and is left over. */
    std::unique_ptr<QIODevice> release(const QString &reason);

    [[nodiscard]] QIODevice *device() const { return m_device; }

protected:
    qint64 readSome(char *to, qint64 maxSize) override;
    void writeAll(QByteArrayView header, const QByteArray &bytes) override;
    [[nodiscard]] qint64 unsentBytes() const override;
    [[nodiscard]] std::exception_ptr endWriting(const char *operation) override;
    [[nodiscard]] bool isWritable() const override;
    [[nodiscard]] std::exception_ptr failure(const char *operation) const override;
    [[nodiscard]] std::exception_ptr writeFailure(const char *operation) const override;
    [[nodiscard]] QString subject() const override { return m_subject; }

private Q_SLOTS:
    void onReplyFailed();

private:
    void setGone(const QString &reason);
    void onReadChannelFinished();
    void onAboutToClose();
    void writeOn();

    std::unique_ptr<QIODevice> m_owned;
    QIODevice *m_device; // not owning; null once closed or gone
    QByteArray m_unwritten; // what the device did not take yet
    QString m_subject;
    QString m_errorText; // why there is nothing to read
    QString m_writeErrorText; // why nothing can be written; empty if it can
    std::function<QString()> m_problem; // may be empty
    bool m_ended = false;
    bool m_broken = false; // ended, but not in order: m_errorText says why
    bool m_replyFailed = false; // the device is a QNetworkReply, and has said so
};

} // namespace Asyncoro::Detail
