// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/AsyncFile>

#include "fifo.h"
#include "testfolder.h"

#include <QFile>
#include <QTest>

#include <functional>
#include <memory>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace IoTest;
using namespace std::chrono_literals;

namespace {

const QDeadlineTimer Forever(QDeadlineTimer::Forever);
constexpr qsizetype Megabyte = 1024 * 1024;

enum class Operation : quint8 { Open, Read, ReadAll, ReadLine, Write, Seek, Size, Close };

Task<> perform(Operation operation, AsyncFile &file, QString path, QDeadlineTimer deadline)
{
    switch (operation) {
    case Operation::Open:
        co_await file.open(path, QIODevice::WriteOnly, deadline); // a pipe that nobody reads
        break;
    case Operation::Read:
        co_await file.read(10, deadline);
        break;
    case Operation::ReadAll:
        co_await file.readAll(deadline);
        break;
    case Operation::ReadLine:
        co_await file.readLine(10, deadline);
        break;
    case Operation::Write:
        co_await file.write("more", deadline);
        break;
    case Operation::Seek:
        co_await file.seek(1, deadline);
        break;
    case Operation::Size:
        co_await file.size(deadline);
        break;
    case Operation::Close:
        co_await file.close(deadline);
        break;
    }
}

void addOperations()
{
    QTest::addColumn<Operation>("operation");
    QTest::newRow("open") << Operation::Open;
    QTest::newRow("read") << Operation::Read;
    QTest::newRow("readAll") << Operation::ReadAll;
    QTest::newRow("readLine") << Operation::ReadLine;
    QTest::newRow("write") << Operation::Write;
    QTest::newRow("seek") << Operation::Seek;
    QTest::newRow("size") << Operation::Size;
    QTest::newRow("close") << Operation::Close;
}

} // namespace

class AsyncFileTest : public QObject, TestFolder
{
    Q_OBJECT

private Q_SLOTS:
    void F02_readsPieces()
    {
        const QString path = newFile("abcdefghij");
        AsyncFile file;
        QVERIFY(!file.isOpen());
        run(file.open(path));
        QVERIFY(file.isOpen());
        QCOMPARE(file.path(), path);
        QCOMPARE(file.position(), 0);
        QCOMPARE(run(file.size()), 10);
        QCOMPARE(run(file.read(4)), "abcd");
        QCOMPARE(file.position(), 4);
        QCOMPARE(run(file.read(100)), "efghij");
        QCOMPARE(run(file.read(100)), "");
        QCOMPARE(run(file.readAll()), "");
        QCOMPARE(run(file.readLine()), "");
        run(file.seek(8));
        QCOMPARE(run(file.readAll()), "ij");
        run(file.seek(100));
        QCOMPARE(run(file.read()), "");
        run(file.close());
        QVERIFY(!file.isOpen());
        run(file.close());
    }

    void readsEmptyFile()
    {
        AsyncFile file;
        run(file.open(newFile("")));
        QCOMPARE(run(file.size()), 0);
        QCOMPARE(run(file.readLine()), "");
        QCOMPARE(run(file.readAll()), "");
        QCOMPARE(run(file.read()), "");
    }

    void readsLargeFile()
    {
        const QByteArray content = pattern(50 * Megabyte);
        const QString path = newFile(content);
        AsyncFile file;
        run(file.open(path));
        const QByteArray all = run(file.readAll());
        QVERIFY(all == content);
        QVERIFY(all.capacity() < content.size() + Megabyte);

        run(file.seek(0));
        const bool inPieces = waitFor(spawn([&]() -> Task<bool> {
            qsizetype read = 0;
            for (;;) {
                const QByteArray some = co_await file.read(Megabyte + 1);
                if (some.isEmpty())
                    co_return read == content.size();
                if (some != QByteArrayView(content).sliced(read, some.size()))
                    co_return false;
                read += some.size();
            }
        }));
        QVERIFY(inPieces);
    }

    void readsFileWithoutSize() // of which the system does not tell the size
    {
        AsyncFile file;
        run(file.open(QStringLiteral("/proc/self/status")));
        QCOMPARE(run(file.size()), 0);
        QVERIFY(run(file.readLine()).startsWith("Name:"));
        QVERIFY(run(file.readAll()).contains("\nPid:"));
    }

    void F04_readsLines()
    {
        const QByteArray longLine(300'000, 'x');
        const QList<QByteArray> lines = {"first\n", "\n", longLine + '\n', "last"};
        AsyncFile file;
        run(file.open(newFile(lines.join())));
        qint64 position = 0;
        for (const QByteArray &line : lines) {
            QCOMPARE(run(file.readLine()), line);
            position += line.size();
            QCOMPARE(file.position(), position);
        }
        QCOMPARE(run(file.readLine()), "");

        run(file.seek(0));
        QCOMPARE(run(file.readLine(3)), "fir");
        QCOMPARE(run(file.readLine(3)), "st\n");
        QCOMPARE(run(file.readLine(1)), "\n");
        QCOMPARE(run(file.readLine(200'000)), longLine.first(200'000));
        QCOMPARE(run(file.read(99'999)), longLine.first(99'999));
        QCOMPARE(run(file.readAll()), "x\nlast");
    }

    void F04_readsUpToADelimiter()
    {
        AsyncFile file;
        run(file.open(newFile("one;two;;\r\nthree")));
        QCOMPARE(run(file.readUntil(";")), "one;");
        QCOMPARE(run(file.readUntil(";;")), "two;;");
        QCOMPARE(run(file.readUntil("\r\n", 1)), "\r");
        QCOMPARE(run(file.readUntil("\r\n")), "\nthree"); // the end of the file
        QCOMPARE(run(file.readUntil("\r\n")), "");
        QVERIFY_THROWS_EXCEPTION(Error, run(file.readUntil("")));
    }

    void readsBufferedLinesWithoutSuspending()
    {
        QByteArray content;
        for (int i = 0; i < 1000; ++i)
            content += QByteArray::number(i) + '\n';
        const QString path = newFile(content);
        const bool waited = waitFor(spawn([path]() -> Task<bool> {
            AsyncFile file;
            co_await file.open(path);
            co_await file.readLine();
            bool othersRan = false;
            spawn([&othersRan]() -> Task<> {
                othersRan = true;
                co_return;
            });
            for (int i = 1; i < 1000; ++i) {
                if (co_await file.readLine() != QByteArray::number(i) + '\n')
                    co_return true;
            }
            const bool result = othersRan;
            co_await sleep(0ms);
            co_await yield(); // the other one ends before what it uses
            co_return result;
        }));
        QVERIFY(!waited);
    }

    void F03_writesAndReadsBack()
    {
        const QString path = newPath();
        const QByteArray content = pattern(5 * Megabyte);
        AsyncFile file;
        run(file.open(path, QIODevice::ReadWrite));
        run(file.write(content));
        QCOMPARE(file.position(), content.size());
        QCOMPARE(run(file.size()), content.size());
        run(file.seek(0));
        QVERIFY(run(file.readAll()) == content);

        run(file.seek(0));
        const QByteArray line = run(file.readLine()); // reads ahead
        run(file.write("changed"));
        run(file.seek(0));
        QCOMPARE(run(file.read(line.size() + 7)), line + "changed");
        run(file.seek(content.size() + 2));
        run(file.write("end"));
        run(file.write(""));
        run(file.close());
        QVERIFY(contentOf(path).endsWith(content.last(10) + QByteArray("\0\0end", 5)));
    }

    void honoursOpenMode()
    {
        const QString path = newFile("old");
        const auto write = [&](QIODevice::OpenMode mode) {
            AsyncFile file;
            run(file.open(path, mode));
            run(file.write("N"));
            const qint64 position = file.position();
            run(file.close());
            return position;
        };
        QCOMPARE(write(QIODevice::ReadWrite), 1);
        QCOMPARE(contentOf(path), "Nld");
        QCOMPARE(write(QIODevice::Append), 4);
        QCOMPARE(contentOf(path), "NldN");
        QCOMPARE(write(QIODevice::ReadWrite | QIODevice::Append), 5);
        QCOMPARE(contentOf(path), "NldNN");
        QVERIFY_THROWS_EXCEPTION(FileError, write(QIODevice::WriteOnly | QIODevice::NewOnly));
        QCOMPARE(contentOf(path), "NldNN");
        QCOMPARE(write(QIODevice::WriteOnly), 1);
        QCOMPARE(contentOf(path), "N");
        QVERIFY(QFile::remove(path));
        QVERIFY_THROWS_EXCEPTION(FileError, write(QIODevice::WriteOnly | QIODevice::ExistingOnly));
        QVERIFY(!QFile::exists(path));
        write(QIODevice::WriteOnly | QIODevice::NewOnly);
        QCOMPARE(contentOf(path), "N");
    }

    void tellsWhatFails()
    {
        const QString missing = newPath();
        AsyncFile file;
        try {
            run(file.open(missing));
            QFAIL("it is missing");
        } catch (const FileError &error) {
            QCOMPARE(error.path(), missing);
            QCOMPARE(error.code(), std::errc::no_such_file_or_directory);
            QCOMPARE(error.message(), QStringLiteral("open(), %1: No such file or directory").arg(missing));
        }
        QVERIFY(!file.isOpen());

        for (const auto mode : {QIODevice::ReadOnly, QIODevice::WriteOnly}) {
            QCOMPARE(textOf<FileError>([&] { run(file.open(folder(), mode)); }),
                     QStringLiteral("open(), %1: Is a directory").arg(folder()));
        }

        const QString path = newFile("content");
        run(file.open(path));
        QCOMPARE(textOf<FileError>([&] { run(file.write("x")); }),
                 QStringLiteral("write(), %1: the file is not open for writing").arg(path));
        QCOMPARE(textOf<FileError>([&] { run(file.open(missing)); }),
                 QStringLiteral("open(), %1: a file is open already").arg(missing));
        QCOMPARE(textOf<FileError>([&] { run(file.seek(-1)); }),
                 QStringLiteral("seek(), %1: Invalid argument").arg(path));
        QCOMPARE(run(file.readAll()), "content");
        run(file.close());
        QCOMPARE(textOf<FileError>([&] { run(file.close()); }), QString());

        run(file.open(path, QIODevice::WriteOnly));
        QCOMPARE(textOf<FileError>([&] { run(file.read()); }),
                 QStringLiteral("read(), %1: the file is not open for reading").arg(path));
    }

    void readOnlyFileCannotBeWritten()
    {
        const QString path = newFile("content");
        QVERIFY(QFile::setPermissions(path, QFile::ReadOwner));
        AsyncFile file;
        if (::geteuid() != 0) // who may write everything
            QVERIFY_THROWS_EXCEPTION(FileError, run(file.open(path, QIODevice::ReadWrite)));
        else
            run(file.open(path));
    }

    void F03_tellsFullDevice()
    {
        if (!QFile::exists(QStringLiteral("/dev/full")))
            QSKIP("needs /dev/full");
        AsyncFile file;
        run(file.open(QStringLiteral("/dev/full"), QIODevice::WriteOnly));
        QCOMPARE(textOf<FileError>([&] { run(file.write("x")); }),
                 QStringLiteral("write(), /dev/full: No space left on device"));
    }

    void needsOpenFile_data()
    {
        QTest::addColumn<Operation>("operation");
        QTest::newRow("read") << Operation::Read;
        QTest::newRow("readAll") << Operation::ReadAll;
        QTest::newRow("readLine") << Operation::ReadLine;
        QTest::newRow("write") << Operation::Write;
        QTest::newRow("seek") << Operation::Seek;
        QTest::newRow("size") << Operation::Size;
    }
    void needsOpenFile()
    {
        QFETCH(const Operation, operation);
        AsyncFile file;
        QVERIFY(textOf<FileError>([&] { run(perform(operation, file, {}, Forever)); })
                    .endsWith(QStringLiteral(": no file is open")));
    }

    // Operations wait for an earlier one that reads from a named pipe, or, to open, for the other end of one.

    void F02_F03_F04_endsWaitsAtOnce_data()
    {
        QTest::addColumn<Operation>("operation");
        QTest::addColumn<bool>("byDeadline");
        for (const bool byDeadline : {false, true}) {
            const char *const how = byDeadline ? "deadline" : "termination";
            QTest::addRow("open, %s", how) << Operation::Open << byDeadline;
            QTest::addRow("read, %s", how) << Operation::Read << byDeadline;
            QTest::addRow("readAll, %s", how) << Operation::ReadAll << byDeadline;
            QTest::addRow("readLine, %s", how) << Operation::ReadLine << byDeadline;
            QTest::addRow("size, %s", how) << Operation::Size << byDeadline;
            QTest::addRow("seek, %s", how) << Operation::Seek << byDeadline;
            QTest::addRow("close, %s", how) << Operation::Close << byDeadline;
        }
    }
    void F02_F03_F04_endsWaitsAtOnce()
    {
        QFETCH(const Operation, operation);
        QFETCH(const bool, byDeadline);
        Fifo fifo(newPath());
        AsyncFile file;
        Coro<QByteArray> reader;
        if (operation != Operation::Open) {
            fifo.connectTo(file);
            if (operation >= Operation::Seek)
                reader = spawn([&file]() -> Task<QByteArray> { co_return co_await file.read(); });
        }
        letOthersRun();
        const QDeadlineTimer deadline = byDeadline ? QDeadlineTimer(10ms) : Forever;
        const Coro<> coro = spawn(perform, operation, std::ref(file), fifo.path(), deadline);
        if (byDeadline) {
            QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(coro));
        } else {
            letOthersRun();
            QCOMPARE(coro.state(), CoroState::Running);
            coro.terminate();
            QCOMPARE(endOf(coro), CoroState::Terminated);
        }

        if (operation == Operation::Open) {
            QVERIFY(!file.isOpen());
        } else {
            fifo.write("abc");
            fifo.close();
            QCOMPARE(reader ? waitFor(reader) : run(file.read()), "abc"); // no byte is lost
        }
        run(file.close());
    }

    void precancelledOperationDoesNothing_data() { addOperations(); }
    void precancelledOperationDoesNothing()
    {
        QFETCH(const Operation, operation);
        const QString path = newFile("content");
        AsyncFile file;
        if (operation != Operation::Open)
            run(file.open(path, QIODevice::ReadWrite));
        const Coro<> coro = spawn([&]() -> Task<> {
            Coro<>::self().terminate();
            co_await perform(operation, file, path, Forever);
        });
        QCOMPARE(endOf(coro), CoroState::Terminated);
        QCOMPARE(file.isOpen(), operation != Operation::Open);
        QCOMPARE(file.position(), 0);
        QCOMPARE(contentOf(path), "content");
    }

    void cancelledOperationLeavesPosition_data()
    {
        QTest::addColumn<Operation>("operation");
        QTest::addColumn<int>("turns");
        for (int turns = 0; turns < 4; ++turns) {
            QTest::addRow("read, %d", turns) << Operation::Read << turns;
            QTest::addRow("readAll, %d", turns) << Operation::ReadAll << turns;
            QTest::addRow("readLine, %d", turns) << Operation::ReadLine << turns;
            QTest::addRow("write, %d", turns) << Operation::Write << turns;
        }
    }
    void cancelledOperationLeavesPosition() // wherever the thread of the pool is just then
    {
        QFETCH(const Operation, operation);
        QFETCH(const int, turns);
        const QByteArray content = pattern(Megabyte);
        const QString path = newFile(content);
        AsyncFile file;
        run(file.open(path, QIODevice::ReadWrite));
        run(file.seek(1000));
        for (int i = 0; i < 25; ++i) {
            const Coro<> coro = spawn(perform, operation, std::ref(file), path, Forever);
            for (int turn = 0; turn < turns; ++turn)
                letOthersRun();
            coro.terminate();
            if (endOf(coro) == CoroState::Finished) // it was quicker
                run(file.seek(1000));
            QCOMPARE(run(file.size()), content.size()); // done after it
            QCOMPARE(file.position(), 1000);
            const QByteArray expected = operation == Operation::Write ? QByteArray("more") : content.mid(1000, 4);
            const QByteArray found = run(file.read(4));
            QVERIFY(found == content.mid(1000, 4) || found == expected);
            QVERIFY(run(file.readAll()) == QByteArrayView(content).sliced(1004));
            run(file.seek(1000));
        }
    }

    void bufferOutlivesCancelledWrite()
    {
        const QString path = newPath();
        const QByteArray content = pattern(50 * Megabyte);
        AsyncFile file;
        run(file.open(path, QIODevice::ReadWrite));
        const Coro<> writer = spawn([&]() -> Task<> {
            QByteArray own(content.constData(), content.size()); // not shared
            co_await file.write(std::exchange(own, {}));
        });
        letOthersRun();
        writer.terminate();
        const CoroState end = endOf(writer);
        if (end == CoroState::Terminated)
            QCOMPARE(file.position(), 0);
        run(file.seek(0));
        const QByteArray written = run(file.readAll());
        QVERIFY(content.startsWith(written));
        run(file.seek(0));
        run(file.write(content));
        run(file.close());
        QVERIFY(contentOf(path) == content);
    }

    void operationsOfOneFileAreDoneInOrder()
    {
        const QString path = newFile("");
        AsyncFile file;
        run(file.open(path, QIODevice::ReadWrite));
        QList<Coro<>> writers;
        QByteArray expected;
        for (int i = 0; i < 200; ++i) {
            const QByteArray line = QByteArray::number(i) + '\n';
            writers.append(spawn([&file, line]() -> Task<> { co_await file.write(line); }));
            expected += line;
        }
        for (const Coro<> &writer : std::as_const(writers))
            waitFor(writer);
        QCOMPARE(contentOf(path), expected);

        run(file.seek(0));
        QList<Coro<QByteArray>> readers;
        for (int i = 0; i < 200; ++i)
            readers.append(spawn([&file]() -> Task<QByteArray> { co_return co_await file.readLine(); }));
        for (int i = 0; i < 200; ++i)
            QCOMPARE(waitFor(readers.at(i)), QByteArray::number(i) + '\n');
    }

    void severalFilesAtOnce()
    {
        QList<Coro<bool>> coros;
        for (int i = 0; i < 50; ++i) {
            coros.append(spawn([path = newPath(), i]() -> Task<bool> {
                const QByteArray content = pattern(10'000 + i * 1000);
                AsyncFile file;
                co_await file.open(path, QIODevice::WriteOnly);
                for (qsizetype at = 0; at < content.size(); at += 5000)
                    co_await file.write(content.mid(at, 5000));
                co_await file.close();
                co_await file.open(path);
                co_return co_await file.readAll() == content;
            }));
        }
        for (const Coro<bool> &coro : std::as_const(coros))
            QVERIFY(waitFor(coro));
    }

    void eventLoopGoesOnDuringSlowRead()
    {
        Fifo fifo(newPath());
        const Coro<QByteArray> reader = spawn([path = fifo.path()]() -> Task<QByteArray> {
            AsyncFile file;
            co_await file.open(path);
            co_return co_await file.readAll();
        });
        const auto tick = [] {
            waitFor(spawn([]() -> Task<> {
                for (int i = 0; i < 20; ++i)
                    co_await sleep(1ms);
            }));
        };
        tick(); // while nobody has opened the pipe to write
        QCOMPARE(reader.state(), CoroState::Running);
        AsyncFile second;
        fifo.connectTo(second);
        tick(); // while it reads
        QCOMPARE(reader.state(), CoroState::Running);
        run(second.close());
        fifo.write("late");
        fifo.close();
        QCOMPARE(waitFor(reader), "late");
    }

    void waitingForPipesDoesNotHoldUpFiles()
    {
        std::vector<std::unique_ptr<Fifo>> fifos;
        QList<Coro<QByteArray>> readers;
        for (int i = 0; i < 20; ++i) { // more than the pool has threads
            fifos.push_back(std::make_unique<Fifo>(newPath()));
            AsyncFile file;
            if (i % 2)
                fifos.back()->connectTo(file);
            readers.append(spawn([file = std::move(file), path = fifos.back()->path()]() mutable -> Task<QByteArray> {
                if (!file.isOpen())
                    co_await file.open(path);
                co_return co_await file.readLine();
            }));
        }
        letOthersRun();
        AsyncFile file;
        run(file.open(newFile("content")));
        QCOMPARE(run(file.readAll()), "content");
        for (int i = 0; i < 20; ++i) {
            if (i % 2) {
                fifos[i]->write("line\n");
                QCOMPARE(waitFor(readers.at(i)), "line\n");
            } else {
                readers.at(i).terminate();
                QCOMPARE(endOf(readers.at(i)), CoroState::Terminated);
            }
        }
    }

    void F02_readsNoMoreThanThereIsMemoryFor()
    {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
        QSKIP("a sanitizer ends the program instead");
#endif
        QFile overcommit(QStringLiteral("/proc/sys/vm/overcommit_memory"));
        if (overcommit.open(QIODevice::ReadOnly) && overcommit.readAll().startsWith('1'))
            QSKIP("this system promises memory that it does not have");
        AsyncFile file;
        run(file.open(newPath(), QIODevice::ReadWrite));
        run(file.resize(1LL << 42)); // nothing of which is on the disk
        QVERIFY(textOf<FileError>([&] { run(file.readAll()); }).endsWith(QStringLiteral(": Cannot allocate memory")));
        QVERIFY(textOf<FileError>([&] { run(file.readExactly(1LL << 41)); })
                    .endsWith(QStringLiteral(": Cannot allocate memory")));
        QCOMPARE(run(file.read(3)), QByteArray(3, '\0'));
    }

    void destructionWakesWhoWaits()
    {
        Fifo fifo(newPath());
        auto file = std::make_unique<AsyncFile>();
        fifo.connectTo(*file);
        const Coro<QByteArray> first = spawn([&]() -> Task<QByteArray> { co_return co_await file->read(); });
        const Coro<QByteArray> second = spawn([&]() -> Task<QByteArray> { co_return co_await file->readLine(); });
        letOthersRun();
        file.reset();
        for (const Coro<QByteArray> &coro : {first, second}) {
            QVERIFY(textOf<FileError>([&] { waitFor(coro); })
                        .endsWith(QStringLiteral(": the AsyncFile was destroyed")));
        }
    }

    void movesWhileCoroutinesWait()
    {
        Fifo fifo(newPath());
        AsyncFile file;
        fifo.connectTo(file);
        const Coro<QByteArray> reader = spawn([&]() -> Task<QByteArray> { co_return co_await file.read(); });
        letOthersRun();
        AsyncFile moved = std::move(file);
        file = AsyncFile();
        fifo.write("abc");
        QCOMPARE(waitFor(reader), "abc");
        QVERIFY(moved.isOpen());
        QVERIFY(!file.isOpen());
    }

    void worksOnOtherThreads()
    {
        const QString path = newFile("content");
        QByteArray content;
        std::unique_ptr<QThread> thread(QThread::create([&] {
            content = waitFor(spawn([&]() -> Task<QByteArray> {
                AsyncFile file;
                co_await file.open(path);
                co_return co_await file.readAll();
            }));
        }));
        thread->start();
        QVERIFY(thread->wait());
        QCOMPARE(content, "content");
    }
};

QTEST_GUILESS_MAIN(AsyncFileTest)

#include "asyncfiletest.moc"
