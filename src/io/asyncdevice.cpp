// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "asyncdevice.h"

#include "asyncdevice_p.h"

#include <Asyncoro/Coro>
#include <Asyncoro/Event>

#include <QCoreApplication>

namespace Asyncoro {

using namespace std::chrono_literals;

namespace Detail {

namespace {

constexpr auto ClosingPatience = 30s;

/** Lets a device that is closing write what it still has. A coroutine, so that exec() waits for it. */
Task<> finishWriting(std::unique_ptr<QIODevice> device, QByteArray unwritten)
{
    Event progress;
    const QObject context; // ends the connections before `progress` ends
    const auto wake = [&progress] { progress.pulse(); };
    QObject::connect(device.get(), &QIODevice::bytesWritten, &context, wake);
    // Where the other end is gone, nothing is written any more: either there is nothing to write then, or it is closed.
    QObject::connect(device.get(), &QIODevice::readChannelFinished, &context, wake);
    QObject::connect(device.get(), &QIODevice::aboutToClose, &context, wake);
    while (device->isOpen()) {
        if (!unwritten.isEmpty()) {
            const qint64 written = device->write(unwritten);
            if (written < 0)
                break;
            unwritten.remove(0, written);
        }
        if (unwritten.isEmpty() && device->bytesToWrite() == 0)
            break;
        try {
            co_await progress.wait(ClosingPatience);
        } catch (const TimedOut &) {
            break;
        }
    }
    device->close();
}

QString describe(const QIODevice &device)
{
    const QString type = QLatin1StringView(device.metaObject()->className());
    return device.objectName().isEmpty() ? type : type + QStringLiteral(" ") + device.objectName();
}

} // namespace

DeviceData::DeviceData(QIODevice *device)
    : m_device(device)
    , m_subject(describe(*device))
{
    connect(device, &QIODevice::readyRead, this, [this] { settleReaders(); });
    connect(device, &QIODevice::bytesWritten, this, [this] { writeOn(); });
    connect(device, &QIODevice::readChannelFinished, this, [this] { onReadChannelFinished(); });
    if (device->inherits("QNetworkReply")) // of a library that this one does not know
        connect(device, SIGNAL(errorOccurred(QNetworkReply::NetworkError)), SLOT(onReplyFailed()));
    connect(device, &QIODevice::aboutToClose, this, [this] { onAboutToClose(); });
    connect(device, &QObject::destroyed, this, [this] { setGone(QStringLiteral("the device was destroyed")); });
    if (!device->isOpen())
        setGone(QStringLiteral("the device is not open"));
}

DeviceData::DeviceData(std::unique_ptr<QIODevice> device, std::function<QString()> problem)
    : DeviceData(device.get())
{
    m_problem = std::move(problem);
    device->setParent(nullptr);
    m_owned = std::move(device);
}

DeviceData::~DeviceData()
{
    if (m_owned)
        close(true);
    else
        static_cast<void>(release(QStringLiteral("the stream was destroyed")));
}

// Whoever waits now, waits in vain.
void DeviceData::setGone(const QString &reason)
{
    if (QIODevice *const device = std::exchange(m_device, nullptr))
        device->disconnect(this);
    if (m_errorText.isEmpty())
        m_errorText = reason;
    if (m_writeErrorText.isEmpty())
        m_writeErrorText = reason;
    settleReaders();
    settleWriters();
}

void DeviceData::close(bool sendFirst)
{
    QIODevice *const device = m_device;
    QByteArray unwritten = std::exchange(m_unwritten, {});
    m_ended = false;
    setGone(QStringLiteral("the stream was closed"));
    setFront({}); // those who waited have put back what they had
    if (m_owned && device && sendFirst && (!unwritten.isEmpty() || device->bytesToWrite() > 0)
        && QCoreApplication::instance())
        spawn(finishWriting, std::move(m_owned), std::move(unwritten))
            .setName(QStringLiteral("closing of ") + m_subject);
    else if (device)
        device->close();
    m_owned.reset();
}

std::unique_ptr<QIODevice> DeviceData::release(const QString &reason)
{
    QIODevice *const device = m_device;
    m_ended = false;
    setGone(reason);
    const QByteArray unread = front(); // with what those who waited have put back
    setFront({});
    if (device && device->isOpen() && device->isReadable()) {
        for (qsizetype i = unread.size() - 1; i >= 0; --i)
            device->ungetChar(unread.at(i));
    }
    return std::move(m_owned);
}

qint64 DeviceData::readSome(char *to, qint64 maxSize)
{
    if (!m_device)
        return m_ended ? Ended : Failed;
    const qint64 size = m_device->isReadable() ? m_device->read(to, maxSize) : -1;
    if (size > 0)
        return size;
    if (!m_device) // reading has closed it
        return m_ended ? Ended : Failed;
    if (m_broken)
        return Failed;
    if (m_ended || (size == 0 && !m_device->isSequential() && m_device->atEnd()))
        return Ended;
    if (size == 0)
        return NothingYet;
    m_errorText
        = m_device->isReadable() ? m_device->errorString() : QStringLiteral("the device is not open for reading");
    return Failed;
}

// Nothing more comes: in order, unless somebody knows better.
void DeviceData::onReadChannelFinished()
{
    QString problem;
    if (m_replyFailed)
        problem = m_device->errorString();
    else if (m_problem)
        problem = m_problem();
    m_broken = !problem.isEmpty();
    m_ended = !m_broken;
    if (m_broken)
        m_errorText = problem;
    settleReaders();
}

void DeviceData::onReplyFailed()
{
    m_replyFailed = true; // what came before can still be read
}

// Somebody closes it past us: what it has is still worth something.
void DeviceData::onAboutToClose()
{
    if (m_device->isReadable() && m_device->isSequential())
        appendToFront(m_device->readAll());
    setGone(QStringLiteral("the device was closed"));
}

void DeviceData::writeAll(QByteArrayView header, const QByteArray &bytes)
{
    if (!header.isEmpty())
        m_unwritten += header;
    if (m_unwritten.isEmpty())
        m_unwritten = bytes; // shared
    else
        m_unwritten += bytes;
    writeOn();
}

void DeviceData::writeOn()
{
    if (m_device && !m_unwritten.isEmpty()) {
        const QByteArray bytes = std::exchange(m_unwritten, {}); // the device may emit signals that lead here
        const qint64 written = m_device->write(bytes);
        if (written < 0) {
            if (m_writeErrorText.isEmpty())
                m_writeErrorText = m_device ? m_device->errorString() : m_errorText;
        } else if (written < bytes.size()) {
            m_unwritten = bytes.sliced(written) + m_unwritten;
        }
    }
    settleWriters();
}

qint64 DeviceData::unsentBytes() const
{
    return m_unwritten.size() + (m_device ? m_device->bytesToWrite() : 0);
}

std::exception_ptr DeviceData::endWriting(const char *operation)
{
    const auto reason = QStringLiteral("a %1 cannot end what is written and still be read").arg(m_subject);
    return std::make_exception_ptr(StreamError(QLatin1StringView(operation), m_subject, reason));
}

bool DeviceData::isWritable() const
{
    return m_device && m_writeErrorText.isEmpty() && m_device->isWritable();
}

std::exception_ptr DeviceData::failure(const char *operation) const
{
    return std::make_exception_ptr(StreamError(QLatin1StringView(operation), m_subject, m_errorText));
}

std::exception_ptr DeviceData::writeFailure(const char *operation) const
{
    const QString reason
        = m_writeErrorText.isEmpty() ? QStringLiteral("the device is not open for writing") : m_writeErrorText;
    return std::make_exception_ptr(StreamError(QLatin1StringView(operation), m_subject, reason));
}

} // namespace Detail

// --- AsyncDevice ---

AsyncDevice::AsyncDevice(QIODevice &device)
    : AsyncStream(std::make_unique<Detail::DeviceData>(&device))
{
}

AsyncDevice::AsyncDevice(std::unique_ptr<QIODevice> device)
    : AsyncStream(std::make_unique<Detail::DeviceData>(std::move(device)))
{
}

AsyncDevice::AsyncDevice(std::unique_ptr<QIODevice> device, std::function<QString()> problem)
    : AsyncStream(std::make_unique<Detail::DeviceData>(std::move(device), std::move(problem)))
{
}

AsyncDevice::~AsyncDevice() = default;
AsyncDevice::AsyncDevice(AsyncDevice &&other) noexcept = default;
AsyncDevice &AsyncDevice::operator=(AsyncDevice &&other) noexcept = default;

Detail::DeviceData *AsyncDevice::deviceData() const
{
    return static_cast<Detail::DeviceData *>(data());
}

QIODevice *AsyncDevice::device() const
{
    return deviceData()->device();
}

std::unique_ptr<QIODevice> AsyncDevice::release()
{
    data()->checkThread("release()");
    return deviceData()->release(QStringLiteral("the device was released"));
}

} // namespace Asyncoro
