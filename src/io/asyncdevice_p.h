// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncdevice.h"

#include <QIODevice>

namespace Asyncoro::Detail {

/** The bytes of a QIODevice, and whether it is ours. */
class DeviceData final : public StreamData
{
public:
    explicit DeviceData(QIODevice *device);
    explicit DeviceData(std::unique_ptr<QIODevice> device);
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

private:
    void setGone(const QString &reason);
    void onAboutToClose();
    void writeOn();

    std::unique_ptr<QIODevice> m_owned;
    QIODevice *m_device; // not owning; null once closed or gone
    QByteArray m_unwritten; // what the device did not take yet
    QString m_subject;
    QString m_errorText; // why there is nothing to read
    QString m_writeErrorText; // why nothing can be written; empty if it can
    bool m_ended = false;
};

} // namespace Asyncoro::Detail
