// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Files that are pipes, named or not, or sockets: there one waits, and a thread must not.

#include "fifo.h"
#include "testfolder.h"

#include <QDir>
#include <QScopeGuard>
#include <QTest>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <sys/socket.h>
#include <vector>

using namespace IoTest;
using namespace std::chrono_literals;

namespace {

constexpr qsizetype Megabyte = 1024 * 1024;
const QDeadlineTimer Forever(QDeadlineTimer::Forever);

} // namespace

class NamedPipeTest : public QObject, TestFolder
{
    Q_OBJECT

private Q_SLOTS:
    void F01_namedPipeForReadingOpensAtOnceAndWaitsForItsWriter()
    {
        Fifo fifo(newPath());
        AsyncFile file;
        run(file.open(fifo.path()));
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(file.read(10, 10ms))); // which would be the end of a pipe without writer
        const Coro<QByteArray> reader = spawn([&]() -> Task<QByteArray> { co_return co_await file.readAll(); });
        letOthersRun();
        AsyncFile writer;
        run(writer.open(fifo.path(), QIODevice::WriteOnly));
        run(writer.write("abc"));
        run(writer.close());
        QCOMPARE(waitFor(reader), "abc");
    }

    void F01_namedPipeForWritingOpensWhenSomebodyReads()
    {
        Fifo fifo(newPath());
        AsyncFile file;
        const Coro<> opener = spawn([&]() -> Task<> { co_await file.open(fifo.path(), QIODevice::WriteOnly); });
        letOthersRun();
        QVERIFY(opener.isRunning());
        AsyncFile reader;
        run(reader.open(fifo.path()));
        waitFor(opener);
        const QByteArray much(Megabyte, 'x'); // more than the system keeps
        const Coro<> writer = spawn([&]() -> Task<> {
            co_await file.write(much);
            co_await file.close();
        });
        QVERIFY(run(reader.readAll()) == much);
        waitFor(writer);
    }

    void F02_pipeGivesWhatThereIs()
    {
        Fifo fifo(newPath());
        AsyncFile file;
        fifo.connectTo(file);
        fifo.write("abc");
        QCOMPARE(run(file.read(100)), "abc");
        QCOMPARE(file.position(), 0);
        QCOMPARE(textOf<FileError>([&] { run(file.seek(1)); }),
                 QStringLiteral("seek(), %1: Illegal seek").arg(fifo.path()));
        fifo.write("one\ntwo\nthr");
        QCOMPARE(run(file.readLine()), "one\n");
        QCOMPARE(run(file.readLine()), "two\n");
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(file.readLine(100, 10ms)));
        fifo.write("ee");
        fifo.close();
        QCOMPARE(run(file.readLine()), "three");
        QCOMPARE(run(file.readLine()), "");
    }

    void F02_readThatWasGivenUpHoldsUpNothing()
    {
        Fifo fifo(newPath());
        AsyncFile file;
        fifo.connectTo(file);
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(file.read(100, 10ms)));
        run(file.close()); // though nobody writes

        int ends[2];
        QCOMPARE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        const auto closesOther = qScopeGuard([&] { ::close(ends[1]); });
        file.openDescriptor(ends[0], QIODevice::ReadWrite);
        for (int i = 0; i < 3; ++i) {
            const Coro<> reader = spawn([&]() -> Task<> { co_await file.readExactly(4); });
            letOthersRun();
            QCOMPARE(::write(ends[1], "x", 1), 1);
            reader.terminate();
            QCOMPARE(endOf(reader), CoroState::Terminated);
            run(file.write("abc"));
            char bytes[3];
            QCOMPARE(::read(ends[1], bytes, 3), 3);
        }
        QCOMPARE(run(file.readExactly(3)), "xxx");

        const Coro<> reader = spawn([&]() -> Task<> { co_await file.read(); });
        letOthersRun();
        file = AsyncFile();
        QVERIFY_THROWS_EXCEPTION(FileError, waitFor(reader));
        char byte = 0;
        QCOMPARE(::read(ends[1], &byte, 1), 0); // the descriptor is closed
    }

    void F03_pipeThatWasGivenUpHoldsNoThread_data()
    {
        QTest::addColumn<bool>("opened");
        QTest::addColumn<bool>("byDeadline");
        for (const bool byDeadline : {false, true}) {
            const char *const how = byDeadline ? "timed out" : "terminated";
            QTest::addRow("nobody reads it, %s", how) << false << byDeadline;
            QTest::addRow("it is full, %s", how) << true << byDeadline;
        }
    }
    // A hundred at once. What comes behind them, on the same file, is done only when the thread has let go of it.
    void F03_pipeThatWasGivenUpHoldsNoThread()
    {
        QFETCH(const bool, opened);
        QFETCH(const bool, byDeadline);
        constexpr int Pipes = 100;
        const auto deadline = [&] { return byDeadline ? QDeadlineTimer(opened ? 2s : 10ms) : Forever; };
        {
            const QString other = newFile("content");
            std::vector<std::unique_ptr<Fifo>> fifos;
            std::vector<AsyncFile> readers(Pipes);
            std::vector<AsyncFile> writers(Pipes);
            QList<Coro<>> coros;
            for (int i = 0; i < Pipes; ++i) {
                fifos.push_back(std::make_unique<Fifo>(newPath()));
                if (opened)
                    run(readers[i].open(fifos[i]->path()));
                coros.append(spawn([&, i]() -> Task<> {
                    co_await writers[i].open(fifos[i]->path(), QIODevice::WriteOnly, opened ? Forever : deadline());
                    co_await writers[i].write(QByteArray(Megabyte, 'x'), deadline());
                }));
            }
            AsyncFile file;
            run(file.open(other));
            QCOMPARE(run(file.readAll()), "content");
            for (int i = 0; i < Pipes; ++i) {
                if (opened)
                    QCOMPARE(run(readers[i].readExactly(4, 60s)), "xxxx"); // it has begun to write
                if (byDeadline) {
                    QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(coros.at(i)));
                } else {
                    coros.at(i).terminate();
                    QCOMPARE(endOf(coros.at(i)), CoroState::Terminated);
                }
                if (opened)
                    run(writers[i].close());
                else
                    run(writers[i].open(other));
                run(writers[i].close());
                run(readers[i].close());
            }
            run(file.close());
        }
        const auto open = QDir(QStringLiteral("/proc/self/fd")).entryInfoList(QDir::System | QDir::Files);
        QVERIFY(std::ranges::none_of(open, [this](const QFileInfo &descriptor) {
            return descriptor.symLinkTarget().startsWith(folder());
        }));
    }

    // Others use that pipe as well, so it stays a blocking one.
    void F03_blockingPipeThatWasGivenUpHoldsNoThread()
    {
        int ends[2];
        QCOMPARE(::pipe2(ends, O_CLOEXEC), 0);
        const int shared = ::dup(ends[1]);
        AsyncFile reader;
        reader.openDescriptor(ends[0], QIODevice::ReadOnly);
        AsyncFile file;
        file.openDescriptor(ends[1], QIODevice::WriteOnly);
        const Coro<> writer = spawn([&]() -> Task<> { co_await file.write(QByteArray(Megabyte, 'x')); });
        QCOMPARE(run(reader.readExactly(4)), "xxxx");
        writer.terminate();
        QCOMPARE(endOf(writer), CoroState::Terminated);
        run(file.close());
        QVERIFY(!(::fcntl(shared, F_GETFL) & O_NONBLOCK));
        ::close(shared);
        QVERIFY(run(reader.readAll()).size() < Megabyte);

        QCOMPARE(::pipe2(ends, O_CLOEXEC), 0);
        run(reader.close());
        reader.openDescriptor(ends[0], QIODevice::ReadOnly);
        file.openDescriptor(ends[1], QIODevice::WriteOnly);
        const Coro<> whole = spawn([&]() -> Task<> {
            co_await file.write(QByteArray(Megabyte, 'x'));
            co_await file.close();
        });
        QCOMPARE(run(reader.readAll()).size(), Megabyte);
        waitFor(whole);
    }

    void closesInBackground()
    {
        Fifo fifo(newPath());
        {
            AsyncFile file;
            fifo.connectTo(file);
        }
        // Only when its reader is gone does that fail.
        const QByteArray name = QFile::encodeName(fifo.path());
        int writer = 0;
        while ((writer = ::open(name.constData(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)) >= 0) {
            ::close(writer);
            letOthersRun();
        }
        QCOMPARE(errno, ENXIO);
    }

    void zz_programEndsThoughThreadWaits() // the last one: this program ends with the wait under way
    {
        Fifo fifo(newPath());
        const Coro<> opener = spawn([path = fifo.path()]() -> Task<> {
            AsyncFile file;
            co_await file.open(path, QIODevice::WriteOnly);
        });
        letOthersRun();
        opener.terminate();
        QCOMPARE(endOf(opener), CoroState::Terminated);
    }
};

QTEST_GUILESS_MAIN(NamedPipeTest)

#include "namedpipetest.moc"
