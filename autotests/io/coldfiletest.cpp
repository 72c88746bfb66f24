// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Files that are not in the system's memory, and what is written: by io_uring where there is one, else by threads. The
// test runs once with ASYNCORO_IO_URING=off, too.

#include <Asyncoro/AsyncFile>
#include <Asyncoro/FileError>
#include <Asyncoro/StreamError>

#include "iotest.h"
#include "testfolder.h"

#include <QCoreApplication>
#include <QLoggingCategory>
#include <QScopeGuard>
#include <QTest>
#include <QStorageInfo>
#include <QThread>

#include <csignal>
#include <fcntl.h>
#include <memory>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>
#if __has_include(<linux/io_uring.h>)
#include <linux/io_uring.h>
#endif

using namespace IoTest;
using namespace std::chrono_literals;

namespace {

constexpr qsizetype Page = 4096;
constexpr qsizetype Megabyte = 1024 * 1024;

enum class Operation : quint8 { Read, ReadExactly, ReadAll, ReadUntil };

/** The system has it on the disk only, if there is one. */
void forget(const QString &path)
{
    const int file = ::open(qPrintable(path), O_RDWR | O_CLOEXEC);
    if (file == -1 || ::fdatasync(file) != 0 || ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) != 0)
        qFatal("cannot put a file out of memory");
    ::close(file);
}

Task<QByteArray> readBy(Operation operation, AsyncFile &file)
{
    switch (operation) {
    case Operation::Read:
        co_return co_await file.read(200'000);
    case Operation::ReadExactly:
        co_return co_await file.readExactly(2 * Page);
    case Operation::ReadAll:
        co_return co_await file.readAll();
    case Operation::ReadUntil:
        co_return co_await file.readUntil("\n\n", 400'000);
    }
    Q_UNREACHABLE();
}

/** Again and again. */
Task<> rewrite(QString from, QString to)
{
    AsyncFile source;
    co_await source.open(from);
    AsyncFile target;
    co_await target.open(to, QIODevice::WriteOnly);
    while (true) {
        co_await target.write(co_await source.readExactly(Page));
        co_await source.seek(source.position() % Megabyte);
    }
}

qsizetype openDescriptors()
{
    return QDir(QStringLiteral("/proc/self/fd")).entryList(QDir::System | QDir::AllEntries).size();
}

/** Whether the kernel gives this process a ring as ours are. */
bool kernelHasRings()
{
#if defined(SYS_io_uring_setup) && defined(IORING_SETUP_DEFER_TASKRUN)
    io_uring_params parameters{};
    parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    const auto ring = int(::syscall(SYS_io_uring_setup, 1, &parameters));
    if (ring != -1)
        ::close(ring);
    return ring != -1;
#else
    return false;
#endif
}

QStringList messages;

void noteMessage(QtMsgType, const QMessageLogContext &context, const QString &text)
{
    if (qstrcmp(context.category, "asyncoro.files") == 0)
        messages.append(text);
}

} // namespace

class ColdFileTest : public QObject, TestFolder
{
    Q_OBJECT

private Q_SLOTS:
    void aForkedChildTakesNothingFromItsParent()
    {
        const QString path = newFile(pattern(Megabyte));
        AsyncFile file;
        run(file.open(path));
        forget(path);
        run(file.readExactly(Page)); // by what it reads from now on
        const pid_t child = ::fork();
        QVERIFY(child != -1);
        if (child == 0) {
            ::alarm(600); // if its parent does not end it
            while (true)
                QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
        }
        const auto end = qScopeGuard([child] {
            ::kill(child, SIGKILL);
            ::waitpid(child, nullptr, 0);
        });
        for (int i = 0; i < 10; ++i) {
            forget(path);
            run(file.seek(0));
            const Coro<> reader = spawn([&]() -> Task<> { co_await file.readExactly(Page); });
            letOthersRun();
            QCoreApplication::processEvents(); // it is asked for
            QThread::sleep(20ms); // and done while this thread is at something else
            waitFor(reader, 20s);
        }
    }

    void saysWhatReadsAndWrites()
    {
        static const QByteArrayList local{"ext4", "xfs", "btrfs", "f2fs", "tmpfs"};
        if (messages.isEmpty() && !local.contains(QStorageInfo(folder()).fileSystemType()))
            QSKIP("what the temporary folder is on is not known to be of this machine: threads read it");
        QCOMPARE(messages.size(), 1);
        const auto byThreads
            = QStringLiteral("files that are not in memory are read and written by threads, since ");
        if (messages[0] == byThreads + QStringLiteral("Asyncoro was built without liburing"))
            return;
        if (qEnvironmentVariable("ASYNCORO_IO_URING") == QLatin1String("off"))
            QCOMPARE(messages[0], byThreads + QStringLiteral("ASYNCORO_IO_URING is off"));
        else if (!kernelHasRings())
            QVERIFY2(messages[0].startsWith(byThreads + QStringLiteral("io_uring: ")), qPrintable(messages[0]));
        else
            QCOMPARE(messages[0], "files that are not in memory are read and written by io_uring");
    }

    void F02_readsWhatIsOnDisk_data()
    {
        QTest::addColumn<Operation>("operation");
        QTest::newRow("read") << Operation::Read;
        QTest::newRow("readAll") << Operation::ReadAll;
        QTest::newRow("readUntil") << Operation::ReadUntil;
    }
    void F02_readsWhatIsOnDisk() // in pieces, whose ends are found though more or less was read at a time
    {
        QFETCH(const Operation, operation);
        const QByteArray content = pattern(3 * Megabyte + 17);
        const QString path = newFile(content);
        forget(path);
        AsyncFile file;
        run(file.open(path));
        QByteArray read;
        while (true) {
            const QByteArray piece = run(readBy(operation, file));
            if (piece.isEmpty())
                break;
            read += piece;
            QCOMPARE(file.position(), read.size());
        }
        QVERIFY(read == content);
    }

    void readsExactlyOrTellsWhatIsMissing()
    {
        const QByteArray content = pattern(3 * Page);
        const QString path = newFile(content);
        forget(path);
        AsyncFile file;
        run(file.open(path));
        QCOMPARE(run(readBy(Operation::ReadExactly, file)), content.first(2 * Page));
        try {
            run(readBy(Operation::ReadExactly, file));
            QFAIL("there was more than there is");
        } catch (const EndOfStream &end) {
            QCOMPARE(end.partial(), content.last(Page));
        }
        QCOMPARE(run(file.readAll()), "");
    }

    void readsLongLine()
    {
        QByteArray content(100 * Megabyte, 'x');
        content.append("\nend");
        const QString path = newFile(content);
        forget(path);
        AsyncFile file;
        run(file.open(path));
        QCOMPARE(run(file.readLine(content.size())).size(), 100 * Megabyte + 1);
        QCOMPARE(run(file.readLine()), "end");
    }

    void givesNoMoreMemoryThanItTakes() // though much was read ahead
    {
        const QString path = newFile("one\n" + pattern(50'000));
        forget(path);
        AsyncFile file;
        run(file.open(path));
        const QByteArray line = run(file.readLine());
        QCOMPARE(line, "one\n");
        QVERIFY2(line.capacity() < 2000, qPrintable(QString::number(line.capacity())));
    }

    void manyReadAtOnce()
    {
        const QByteArray content = pattern(8 * Megabyte);
        const QString path = newFile(content);
        forget(path);
        std::vector<Coro<bool>> readers;
        for (int i = 0; i < 300; ++i) { // more than a ring has entries
            readers.push_back(spawn([path, i, &content]() -> Task<bool> {
                AsyncFile file;
                co_await file.open(path);
                for (int piece = 0; piece < 3; ++piece) {
                    const qint64 position = (i * 7919 + piece * 104729) % (content.size() - Page);
                    co_await file.seek(position);
                    if (co_await file.readExactly(Page) != QByteArrayView(content).sliced(position, Page))
                        co_return false;
                }
                co_return true;
            }));
        }
        for (const Coro<bool> &reader : readers)
            QVERIFY(waitFor(reader));
    }

    void F03_writesSyncsReadsBack()
    {
        const QByteArray content = pattern(5 * Megabyte);
        const QString path = newPath();
        AsyncFile file;
        run(file.open(path, QIODevice::ReadWrite));
        for (qsizetype at = 0; at < content.size(); at += 700'001)
            run(file.write(content.mid(at, 700'001)));
        QCOMPARE(file.position(), content.size());
        run(file.write(""));
        run(file.sync());
        run(file.seek(Page + 1));
        run(file.write("in between"));
        QCOMPARE(file.position(), Page + 11);
        forget(path);
        run(file.seek(0));
        QVERIFY(run(file.readAll()) == QByteArray(content).replace(Page + 1, 10, "in between"));
    }

    void replacementIsWritten()
    {
        const QByteArray content = pattern(Megabyte);
        const QString path = newFile("old");
        AsyncFile file;
        run(file.openReplacement(path));
        run(file.write(content));
        run(file.write("end"));
        QCOMPARE(contentOf(path), "old");
        run(file.commit());
        QVERIFY(contentOf(path) == content + "end");
    }

    void errorTellsWhatIsWrong()
    {
        const QString path = newPath();
        AsyncFile file;
        run(file.open(path, QIODevice::ReadWrite));
        std::signal(SIGXFSZ, SIG_IGN);
        rlimit usual{};
        QCOMPARE(::getrlimit(RLIMIT_FSIZE, &usual), 0);
        rlimit small = usual;
        small.rlim_cur = 10'000;
        QCOMPARE(::setrlimit(RLIMIT_FSIZE, &small), 0);
        std::error_code code;
        try {
            run(file.write(QByteArray(20'000, 'x'))); // half of it fits
        } catch (const FileError &error) {
            code = error.code();
        }
        QCOMPARE(::setrlimit(RLIMIT_FSIZE, &usual), 0);
        std::signal(SIGXFSZ, SIG_DFL);
        QVERIFY2(code == std::errc::file_too_large, code.message().c_str());
        QCOMPARE(QFileInfo(path).size(), 10'000);
        run(file.seek(0));
        run(file.write("well"));
        QCOMPARE(contentOf(path).first(5), "wellx");
    }

    void cancelledReadTakesNothing_data()
    {
        QTest::addColumn<Operation>("operation");
        QTest::addColumn<int>("turns");
        for (int turns = 0; turns < 4; ++turns) {
            QTest::addRow("read, %d", turns) << Operation::Read << turns;
            QTest::addRow("readAll, %d", turns) << Operation::ReadAll << turns;
            QTest::addRow("readUntil, %d", turns) << Operation::ReadUntil << turns;
        }
    }
    void cancelledReadTakesNothing() // wherever the system is just then
    {
        QFETCH(const Operation, operation);
        QFETCH(const int, turns);
        const QByteArray content = pattern(Megabyte);
        const QString path = newFile(content);
        for (int i = 0; i < 10; ++i) {
            forget(path);
            AsyncFile file;
            run(file.open(path));
            run(file.seek(1000));
            const Coro<QByteArray> reader = spawn(readBy, operation, std::ref(file));
            for (int turn = 0; turn < turns; ++turn)
                letOthersRun();
            reader.terminate();
            const bool wasQuicker = endOf(reader) == CoroState::Finished;
            QCOMPARE(file.position() == 1000, !wasQuicker);
            run(file.seek(1000));
            QVERIFY(run(file.readAll()) == QByteArrayView(content).sliced(1000));
        }
    }

    void destroyedFileEndsItsWaits()
    {
        const QByteArray content = pattern(Megabyte);
        const QString path = newFile(content);
        for (int i = 0; i < 10; ++i) {
            forget(path);
            auto file = std::make_unique<AsyncFile>();
            run(file->open(path, QIODevice::ReadWrite));
            const Coro<QByteArray> reader = spawn(readBy, Operation::ReadAll, std::ref(*file));
            letOthersRun();
            file.reset();
            try {
                QVERIFY(waitFor(reader) == content); // it was quicker
            } catch (const FileError &error) {
                QVERIFY(error.code() == std::errc::operation_canceled);
            }
        }
    }

    void threadThatEndsLeavesNothing()
    {
        const QByteArray content = pattern(4 * Megabyte);
        const QString path = newFile(content);
        const auto inThread = [&] {
            forget(path);
            const QString target = newPath();
            Coro<> worker;
            QThread thread;
            QObject there;
            there.moveToThread(&thread);
            thread.start();
            QMetaObject::invokeMethod(
                &there, [&] { worker = spawn(rewrite, path, target); }, Qt::BlockingQueuedConnection);
            QTRY_VERIFY(QFileInfo(target).size() > 0);
            thread.quit();
            thread.wait();
            QCOMPARE(worker.state(), CoroState::Terminated);
            const QByteArray written = contentOf(target);
            for (qsizetype at = 0; at + Page <= written.size(); at += Page)
                QVERIFY(written.sliced(at, Page) == content.sliced(at % Megabyte, Page));
        };
        inThread(); // what is made once is there
        const qsizetype before = openDescriptors();
        for (int i = 0; i < 10; ++i)
            inThread();
        QTRY_VERIFY(openDescriptors() <= before); // files are closed in the background
    }
};

namespace {

Task<> writeOnAndOn(QString path)
{
    AsyncFile file;
    co_await file.openReplacement(path);
    while (true)
        co_await file.write(QByteArray(100'000, 'x'));
}

/** Whether what is under way when the application object goes comes to its end. */
bool programLeavesNothing(int argc, char **argv)
{
    const QTemporaryDir folder;
    const auto files = [&] { return QDir(folder.path()).entryInfoList(QDir::Files | QDir::Hidden); };
    {
        const QCoreApplication app(argc, argv);
        spawn(writeOnAndOn, folder.filePath(QStringLiteral("file")));
        while (files().value(0).size() == 0)
            QCoreApplication::processEvents();
    }
    return files().isEmpty();
}

} // namespace

int main(int argc, char **argv)
{
    QLoggingCategory::setFilterRules(QStringLiteral("asyncoro.files.debug=true"));
    const QtMessageHandler before = qInstallMessageHandler(noteMessage);
    if (!programLeavesNothing(argc, argv))
        qFatal("a replacement that was never committed has stayed");
    qInstallMessageHandler(before);
    QLoggingCategory::setFilterRules({});
    const QCoreApplication app(argc, argv);
    ColdFileTest test;
    return QTest::qExec(&test, argc, argv);
}

#include "coldfiletest.moc"
