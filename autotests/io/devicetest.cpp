// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Devices of Qt and of one's own, awaited by AsyncDevice.

#include <Asyncoro/AsyncDevice>

#include "iotest.h"

#include <QBuffer>
#include <QFile>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

using namespace IoTest;
using namespace std::chrono_literals;

namespace {

/** As a serial line: what is written comes back, a byte at a time, by way of the event loop. */
class EchoLine final : public QIODevice
{
public:
    EchoLine() { open(QIODevice::ReadWrite | QIODevice::Unbuffered); }

    [[nodiscard]] bool isSequential() const override { return true; }
    [[nodiscard]] qint64 bytesAvailable() const override { return m_here.size() + QIODevice::bytesAvailable(); }
    [[nodiscard]] qint64 bytesToWrite() const override { return m_onTheWay.size(); }

protected:
    qint64 readData(char *data, qint64 maxSize) override
    {
        const QByteArray bytes = m_here.first(std::min<qint64>(maxSize, m_here.size()));
        m_here.remove(0, bytes.size());
        std::copy(bytes.begin(), bytes.end(), data);
        return bytes.size();
    }
    qint64 writeData(const char *data, qint64 size) override
    {
        m_onTheWay.append(data, size);
        QMetaObject::invokeMethod(this, &EchoLine::pass, Qt::QueuedConnection);
        return size;
    }

private:
    void pass()
    {
        if (m_onTheWay.isEmpty())
            return;
        m_here += m_onTheWay.front();
        m_onTheWay.remove(0, 1);
        QMetaObject::invokeMethod(this, &EchoLine::pass, Qt::QueuedConnection);
        emit bytesWritten(1);
        emit readyRead();
    }

    QByteArray m_onTheWay;
    QByteArray m_here;
};

} // namespace

class DeviceTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void buffer()
    {
        QBuffer buffer;
        buffer.setData("first\nsecond\nrest");
        QVERIFY(buffer.open(QIODevice::ReadWrite));
        AsyncDevice device(buffer);
        QCOMPARE(run(device.readLine()), "first\n");
        QCOMPARE(run(device.recvAll(3)), "sec");
        QCOMPARE(run(device.readAll()), "ond\nrest");
        QCOMPARE(run(device.read()), "");
        run(device.write("more"));
        QVERIFY(buffer.data().endsWith("more"));
    }

    void file()
    {
        const QTemporaryDir folder;
        QFile file(folder.filePath("file"));
        QVERIFY(file.open(QIODevice::ReadWrite) && file.write("one\ntwo\n") == 8 && file.seek(0));
        AsyncDevice device(file);
        QCOMPARE(run(device.readLine()), "one\n");
        QCOMPARE(run(device.readAll()), "two\n");
    }

    void process()
    {
        QProcess process;
        process.start("cat", QStringList());
        QVERIFY(process.waitForStarted());
        AsyncDevice device(process);
        const QByteArray bytes = pattern(1'000'000);
        const Coro<> writer = spawn([&]() -> Task<> { co_await device.write(bytes); });
        QVERIFY(run(device.recvAll(bytes.size())) == bytes);
        waitFor(writer);
        process.closeWriteChannel();
        QCOMPARE(run(device.readAll()), "");
        if (process.state() != QProcess::NotRunning)
            QVERIFY(process.waitForFinished());
    }

    void deviceOfOnesOwn()
    {
        AsyncDevice device(std::make_unique<EchoLine>());
        const Coro<> writer = spawn([&]() -> Task<> { co_await device.write("hello\nworld\n"); });
        QCOMPARE(run(device.readLine()), "hello\n");
        QCOMPARE(run(device.recvUntil("\n")), "world\n");
        waitFor(writer);
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(device.read(10, 10ms)));
        const Coro<> reader = spawn([&]() -> Task<> { co_await device.read(); });
        letOthersRun();
        reader.terminate();
        QCOMPARE(endOf(reader), CoroState::Terminated);
    }

    void deviceThatIsDestroyed()
    {
        auto line = std::make_unique<EchoLine>();
        AsyncDevice device(*line);
        const Coro<> reader = spawn([&]() -> Task<> { co_await device.read(); });
        letOthersRun();
        line.reset();
        QVERIFY_THROWS_EXCEPTION(StreamError, waitFor(reader));
        QVERIFY_THROWS_EXCEPTION(StreamError, run(device.read()));
    }
};

QTEST_GUILESS_MAIN(DeviceTest)
#include "devicetest.moc"
