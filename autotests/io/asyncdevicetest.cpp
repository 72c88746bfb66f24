// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "iotest.h"

#include <Asyncoro/AsyncDevice>

#include <QBuffer>
#include <QPointer>
#include <QTemporaryFile>
#include <QTest>
#include <QThread>

using namespace IoTest;
using namespace std::chrono_literals;

namespace {

/** One end of a pipe within this process, which holds as much as it is told to. */
class Pipe : public QIODevice
{
public:
    explicit Pipe(qint64 capacity = 1'000'000)
        : m_capacity(capacity)
    {
        open(ReadWrite | Unbuffered);
    }

    void arrive(const QByteArray &bytes)
    {
        m_incoming += bytes;
        Q_EMIT readyRead();
    }
    void end() { Q_EMIT readChannelFinished(); }
    QByteArray collect()
    {
        QByteArray bytes = std::exchange(m_outgoing, {});
        Q_EMIT bytesWritten(bytes.size());
        return bytes;
    }

    [[nodiscard]] bool isSequential() const override { return true; }
    [[nodiscard]] qint64 bytesAvailable() const override { return m_incoming.size() + QIODevice::bytesAvailable(); }
    [[nodiscard]] qint64 bytesToWrite() const override { return m_outgoing.size(); }

    bool failsToRead = false;
    bool failsToWrite = false;

protected:
    qint64 readData(char *to, qint64 maxSize) override
    {
        if (failsToRead) {
            setErrorString(QStringLiteral("the cable is cut"));
            return -1;
        }
        const qint64 size = std::min<qint64>(maxSize, m_incoming.size());
        std::copy_n(m_incoming.constData(), size, to);
        m_incoming.remove(0, size);
        return size;
    }
    qint64 writeData(const char *from, qint64 size) override
    {
        if (failsToWrite) {
            setErrorString(QStringLiteral("the ink is out"));
            return -1;
        }
        size = std::min(size, m_capacity - m_outgoing.size());
        m_outgoing.append(from, size);
        return size;
    }

private:
    const qint64 m_capacity;
    QByteArray m_incoming;
    QByteArray m_outgoing;
};

Task<QByteArray> recv(AsyncDevice &device)
{
    co_return co_await device.recv();
}

} // namespace

class AsyncDeviceTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void F01_readsAndWritesABuffer()
    {
        QBuffer buffer;
        buffer.setData("first line\nsecond line\n\0\0\0\2hi");
        buffer.open(QIODevice::ReadWrite);
        {
            AsyncDevice device(buffer);
            QCOMPARE(device.device(), &buffer);
            QCOMPARE(run(device.readLine()), "first line\n");
            QCOMPARE(run(device.recvUntil("d ")), "second ");
        }
        QCOMPARE(buffer.read(5), "line\n"); // what was read ahead is given back
        AsyncDevice device(buffer);
        QCOMPARE(run(device.readAll()), "");
        run(device.write("more"));
        buffer.seek(0);
        QCOMPARE(run(device.recvAll(5)), "first");
    }

    void F01_readsAFile()
    {
        auto file = std::make_unique<QTemporaryFile>();
        QVERIFY(file->open());
        const QByteArray bytes = pattern(1'000'000);
        file->write(bytes);
        file->seek(0);
        AsyncDevice device(std::move(file));
        QCOMPARE(run(device.recvAll(10)), bytes.first(10));
        QVERIFY(run(device.readAll()) == bytes.sliced(10));
        QCOMPARE(run(device.recv()), "");
        run(device.sendAll("tail"));
        QVERIFY_THROWS_EXCEPTION(EndOfStream, run(device.recvAll(1)));
    }

    void waitsForBytes()
    {
        Pipe pipe;
        AsyncDevice device(pipe);
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(device.recv(10, 0ms)));
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(device.recv(10, 2ms)));
        const Coro<QByteArray> first = spawn(recv, std::ref(device));
        const Coro<QByteArray> second = spawn(recv, std::ref(device));
        letOthersRun();
        pipe.arrive("one");
        pipe.arrive("two");
        QCOMPARE(waitFor(first), "one");
        QCOMPARE(waitFor(second), "two");
        const Coro<QByteArray> third = spawn(recv, std::ref(device));
        letOthersRun();
        third.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(third));
        pipe.arrive("rest");
        pipe.end();
        QCOMPARE(run(device.readAll()), "rest");
        QCOMPARE(run(device.recv()), "");
    }

    void waitsForRoom()
    {
        Pipe pipe(10);
        AsyncDevice device(pipe);
        device.setSendLimit(5);
        run(device.sendAll("0123456789abcdefg")); // 7 bytes are still to go
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(device.sendAll("x", 2ms)));
        const Coro<> sender = spawn([&]() -> Task<> {
            co_await device.sendMessage("hi");
            co_await device.flush();
        });
        letOthersRun();
        QCOMPARE(pipe.collect(), "0123456789");
        letOthersRun();
        QCOMPARE(sender.state(), CoroState::Running);
        QCOMPARE(pipe.collect(), "abcdefg");
        letOthersRun();
        QCOMPARE(sender.state(), CoroState::Running); // in flush()
        QCOMPARE(pipe.collect(), QByteArray("\0\0\0\2hi", 6));
        waitFor(sender);
    }

    void tellsOfFailures()
    {
        Pipe pipe;
        pipe.setObjectName(QStringLiteral("printer"));
        AsyncDevice device(pipe);
        pipe.failsToWrite = true;
        QCOMPARE(textOf<StreamError>([&] { run(device.sendAll("x")); }),
                 QStringLiteral("sendAll(), QIODevice printer: the ink is out"));
        pipe.arrive("12345");
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(device.recvAll(10, 0ms)));
        pipe.failsToRead = true;
        QCOMPARE(textOf<StreamError>([&] { run(device.recvAll(10)); }),
                 QStringLiteral("recvAll(), QIODevice printer: the cable is cut"));
        QCOMPARE(run(device.recvAll(5)), "12345"); // not lost
        QVERIFY_THROWS_EXCEPTION(StreamError, run(device.closeWriting()));
    }

    void refusesWhatTheDeviceIsNotOpenFor()
    {
        QBuffer buffer;
        AsyncDevice closed(buffer);
        QVERIFY_THROWS_EXCEPTION(StreamError, run(closed.recv()));
        QVERIFY_THROWS_EXCEPTION(StreamError, run(closed.sendAll("x")));
        buffer.open(QIODevice::ReadOnly);
        AsyncDevice readable(buffer);
        QCOMPARE(run(readable.recv()), "");
        QVERIFY_THROWS_EXCEPTION(StreamError, run(readable.sendAll("x")));
        buffer.close();
        buffer.open(QIODevice::WriteOnly);
        AsyncDevice writable(buffer);
        run(writable.sendAll("x"));
        QVERIFY_THROWS_EXCEPTION(StreamError, run(writable.recv()));
    }

    void wakesWhoWaits_data()
    {
        QTest::addColumn<int>("how");
        QTest::newRow("the stream is closed") << 0;
        QTest::newRow("the stream is aborted") << 1;
        QTest::newRow("the stream is destroyed") << 2;
        QTest::newRow("the device is closed") << 3;
        QTest::newRow("the device is destroyed") << 4;
        QTest::newRow("released") << 5;
    }
    void wakesWhoWaits()
    {
        QFETCH(int, how);
        auto pipe = std::make_unique<Pipe>(1);
        auto device = std::make_unique<AsyncDevice>(*pipe);
        device->setSendLimit(1);
        run(device->sendAll("123"));
        const Coro<QByteArray> receiver
            = spawn([&]() -> Task<QByteArray> { co_return co_await device->recvAll(10); });
        const Coro<> sender = spawn([&]() -> Task<> { co_await device->sendAll("x"); });
        letOthersRun();
        pipe->arrive("12345");
        switch (how) {
        case 0:
            device->close();
            break;
        case 1:
            device->abort();
            break;
        case 2:
            device.reset();
            break;
        case 3:
            pipe->close();
            break;
        case 4:
            pipe.reset();
            break;
        case 5:
            QVERIFY(!device->release());
            break;
        }
        QVERIFY_THROWS_EXCEPTION(StreamError, waitFor(receiver));
        QVERIFY_THROWS_EXCEPTION(StreamError, waitFor(sender));
        if (how == 2 || how == 5)
            QCOMPARE(pipe->read(100), "12345"); // what the receiver had taken is given back
        if (how == 3 || how == 4)
            QCOMPARE(run(device->recvAll(5)), "12345");
    }

    void writesToTheEndAfterItIsClosed()
    {
        auto owned = std::make_unique<Pipe>(4);
        QPointer<Pipe> pipe = owned.get();
        {
            AsyncDevice device(std::move(owned));
            run(device.sendAll("0123456789"));
        }
        QVERIFY(pipe);
        QByteArray all;
        while (pipe) {
            all += pipe->collect();
            letOthersRun();
        }
        QCOMPARE(all, "0123456789");
    }

    void aDeviceThatIsClosedIsNotWrittenOn()
    {
        auto owned = std::make_unique<Pipe>(4);
        const QPointer<Pipe> pipe = owned.get();
        {
            AsyncDevice device(std::move(owned));
            run(device.sendAll("0123456789"));
        }
        letOthersRun();
        QVERIFY(pipe); // has bytes to write
        pipe->close();
        QVERIFY(QTest::qWaitFor([&] { return !pipe; }, 10'000)); // it is patient with one that is open
    }

    void canOnlyBeUsedOnItsThread()
    {
        QBuffer buffer;
        buffer.open(QIODevice::ReadOnly);
        AsyncDevice device(buffer);
        const std::unique_ptr<QThread> thread(QThread::create([&] {
            QVERIFY_THROWS_EXCEPTION(Error, static_cast<void>(device.recv()));
            QVERIFY_THROWS_EXCEPTION(Error, static_cast<void>(device.sendAll("x")));
            QVERIFY_THROWS_EXCEPTION(Error, device.close());
        }));
        thread->start();
        thread->wait();
    }
};

QTEST_GUILESS_MAIN(AsyncDeviceTest)

#include "asyncdevicetest.moc"
