// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Descriptors, waits and replacements of AsyncFile. asyncfiletest.cpp tries what each operation does.

#include <Asyncoro/AsyncFile>
#include <Asyncoro/FileSystem>
#include <Asyncoro/StreamError>

#include "iotest.h"
#include "testfolder.h"
#include "waitmatrix.h"

#include <QFile>
#include <QScopeGuard>
#include <QTest>

#include <array>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>
#include <utility>

using namespace IoTest;
using namespace std::chrono_literals;

namespace {

/** A pipe of the system; the reading end is for an AsyncFile. */
class Pipe
{
public:
    Pipe()
    {
        if (::pipe2(m_ends.data(), O_CLOEXEC) != 0)
            qFatal("no pipe");
    }
    ~Pipe()
    {
        for (const int end : m_ends) {
            if (end >= 0)
                ::close(end);
        }
    }
    Q_DISABLE_COPY_MOVE(Pipe)

    [[nodiscard]] int takeReader() { return std::exchange(m_ends[0], -1); }
    [[nodiscard]] int takeWriter() { return std::exchange(m_ends[1], -1); }
    void write(const QByteArray &bytes) const
    {
        if (::write(m_ends[1], bytes.constData(), size_t(bytes.size())) != bytes.size())
            qFatal("the pipe takes no bytes");
    }
    void close() { ::close(std::exchange(m_ends[1], -1)); }

private:
    std::array<int, 2> m_ends{-1, -1};
};

/** A wait in a file that gives nothing: a pipe to which nobody writes, as a file system that does not answer. */
struct FileWait {
    Pipe pipe;
    std::unique_ptr<AsyncFile> file = std::make_unique<AsyncFile>();

    static constexpr bool CompletesAtOnce = false; // it asks a thread, and the deadline is passed by then
    static constexpr auto CancelledAfterCompletion = WaitMatrix::Outcome::Cancelled; // which has not told yet

    FileWait() { file->openDescriptor(pipe.takeReader(), QIODevice::ReadOnly); }
    void complete() const { pipe.write("some\nmore"); }
};

struct ReadWait : FileWait {
    Task<> wait(QDeadlineTimer deadline) { co_await file->read(4, deadline); }
    void verify(bool completed, WaitMatrix::Outcome outcome)
    {
        if (!completed)
            pipe.write("some\nmore");
        // What was taken is gone, all else is there.
        QCOMPARE(::IoTest::run(file->readExactly(4)), outcome == WaitMatrix::Outcome::Completed ? "\nmor" : "some");
    }
};

struct ReadLineWait : FileWait {
    Task<> wait(QDeadlineTimer deadline) { co_await file->readLine(100, deadline); }
    void verify(bool completed, WaitMatrix::Outcome outcome)
    {
        if (!completed)
            pipe.write("some\nmore");
        QCOMPARE(::IoTest::run(file->readExactly(4)), outcome == WaitMatrix::Outcome::Completed ? "more" : "some");
    }
};

} // namespace

class FilesTest : public QObject, TestFolder
{
    Q_OBJECT

private Q_SLOTS:
    void F01_opensDescriptor()
    {
        const QString path = newFile("0123456789");
        const int descriptor = ::open(QFile::encodeName(path).constData(), O_RDWR | O_CLOEXEC);
        QCOMPARE(::lseek(descriptor, 3, SEEK_SET), 3);
        AsyncFile file;
        file.openDescriptor(descriptor, QIODevice::ReadWrite);
        QVERIFY(file.isOpen());
        QCOMPARE(run(file.read(2)), "34");
        run(file.write("ab"));
        run(file.close());
        QCOMPARE(::fcntl(descriptor, F_GETFD), -1);
        QCOMPARE(contentOf(path), "01234ab789");
    }

    void F01_othersGoOnWhereItStands() // who have the same open file
    {
        const QString path = newFile("line 1\nline 2\nline 3\n");
        const int descriptor = ::open(QFile::encodeName(path).constData(), O_RDWR | O_CLOEXEC);
        const auto closed = qScopeGuard([=] { ::close(descriptor); });
        const auto offset = [=] { return ::lseek(descriptor, 0, SEEK_CUR); };
        AsyncFile file;
        file.openDescriptor(::dup(descriptor), QIODevice::ReadWrite);
        QCOMPARE(run(file.readLine()), "line 1\n"); // and reads ahead
        run(file.close());
        QCOMPARE(offset(), 7);
        file.openDescriptor(::dup(descriptor), QIODevice::ReadWrite);
        run(file.write("LINE 2"));
        QCOMPARE(offset(), 13);
        run(file.seek(0));
        file = AsyncFile(); // closes in the background
        QTRY_COMPARE(offset(), 0);
        QCOMPARE(contentOf(path), "line 1\nLINE 2\nline 3\n");
    }

    void F01_appendsToDescriptor_data()
    {
        QTest::addColumn<int>("flag");
        QTest::newRow("O_APPEND") << O_APPEND;
        QTest::newRow("none") << 0;
    }
    void F01_appendsToDescriptor()
    {
        QFETCH(const int, flag);
        const QString path = newFile("0123456789");
        AsyncFile file;
        file.openDescriptor(::open(QFile::encodeName(path).constData(), O_RDWR | O_CLOEXEC | flag),
                            QIODevice::ReadWrite | QIODevice::Append);
        QCOMPARE(file.position(), 10);
        run(file.write("ab"));
        run(file.seek(1));
        QCOMPARE(run(file.read(2)), "12");
        QFile other(path);
        QVERIFY(other.open(QIODevice::Append));
        QCOMPARE(other.write("..."), 3);
        other.close();
        run(file.write("cd"));
        QCOMPARE(file.position(), 17);
        run(file.close());
        QCOMPARE(contentOf(path), "0123456789ab...cd");
    }

    void F01_givesDescriptorBack()
    {
        AsyncFile file;
        QVERIFY_THROWS_EXCEPTION(FileError, std::ignore = file.releaseDescriptor());
        const QString path = newFile("line 1\nline 2\n");
        run(file.open(path, QIODevice::ReadWrite));
        QCOMPARE(run(file.readLine()), "line 1\n"); // and reads ahead
        const int descriptor = file.releaseDescriptor();
        QVERIFY(!file.isOpen());
        QVERIFY_THROWS_EXCEPTION(FileError, run(file.read()));
        QCOMPARE(::lseek(descriptor, 0, SEEK_CUR), 7);
        run(file.open(newFile("another"))); // it is free for that
        AsyncFile other;
        other.openDescriptor(descriptor, QIODevice::ReadOnly);
        QCOMPARE(run(other.readAll()), "line 2\n");
        QCOMPARE(other.releaseDescriptor(), descriptor);
        ::close(descriptor);

        run(file.close());
        run(file.openReplacement(path));
        QVERIFY_THROWS_EXCEPTION(FileError, std::ignore = file.releaseDescriptor());
        run(file.write("new"));
        run(file.commit());
        QCOMPARE(contentOf(path), "new");
    }

    void F01_givesPipeBackIfNothingWouldBeLost()
    {
        Pipe pipe;
        const int descriptor = pipe.takeReader();
        AsyncFile file;
        file.openDescriptor(descriptor, QIODevice::ReadOnly);
        const Coro<QByteArray> reader
            = spawn([&file]() -> Task<QByteArray> { co_return co_await file.readLine(); });
        letOthersRun();
        QVERIFY(textOf<FileError>([&] { std::ignore = file.releaseDescriptor(); }).endsWith("under way"));
        pipe.write("line\nrest");
        QCOMPARE(waitFor(reader), "line\n");
        QVERIFY(textOf<FileError>([&] { std::ignore = file.releaseDescriptor(); }).contains("4 bytes"));
        QCOMPARE(run(file.read()), "rest");
        QCOMPARE(file.releaseDescriptor(), descriptor);
        pipe.write("more");
        char bytes[4]{};
        QCOMPARE(::read(descriptor, bytes, sizeof bytes), 4);
        ::close(descriptor);
    }

    void F01_refusesDescriptorThatIsNotOpenForThat()
    {
        const QString path = newFile("abc");
        const int descriptor = ::open(QFile::encodeName(path).constData(), O_RDONLY | O_CLOEXEC);
        AsyncFile file;
        QVERIFY(textOf<FileError>([&] { file.openDescriptor(descriptor, QIODevice::WriteOnly); })
                    .startsWith(QStringLiteral("openDescriptor(), descriptor %1: ").arg(descriptor)));
        QVERIFY(!file.isOpen());
        QCOMPARE(::fcntl(descriptor, F_GETFD), FD_CLOEXEC); // still the caller's
        file.openDescriptor(descriptor, QIODevice::ReadOnly);
        const QString again = textOf<FileError>([&] { file.openDescriptor(descriptor, QIODevice::ReadOnly); });
        QVERIFY(!again.isEmpty());
        QVERIFY(!textOf<FileError>([] { AsyncFile().openDescriptor(-1, QIODevice::ReadOnly); }).isEmpty());
    }

    void F01_socketAsFile() // one that does not block, as sockets mostly are
    {
        std::array<int, 2> ends{};
        QCOMPARE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
        AsyncFile here;
        here.openDescriptor(ends[0], QIODevice::ReadWrite);
        AsyncFile there;
        there.openDescriptor(ends[1], QIODevice::ReadWrite);
        const QByteArray bytes = pattern(3'000'000); // more than the socket holds
        const Coro<> writer = spawn([&]() -> Task<> {
            co_await here.write(bytes);
            co_await here.write("line 1\nline 2");
            co_await here.close();
        });
        QVERIFY(run(there.readExactly(bytes.size())) == bytes);
        QCOMPARE(run(there.readLine()), "line 1\n");
        QCOMPARE(run(there.readAll()), "line 2");
        waitFor(writer);
    }

    void F02_readsExactly()
    {
        AsyncFile file;
        run(file.open(newFile("0123456789")));
        QCOMPARE(run(file.readExactly(4)), "0123");
        QCOMPARE(run(file.readExactly(0)), "");
        QCOMPARE(file.position(), 4);
        QCOMPARE(run(file.readExactly(6)), "456789");
        Pipe pipe;
        AsyncFile reader;
        reader.openDescriptor(pipe.takeReader(), QIODevice::ReadOnly);
        const Coro<QByteArray> coro
            = spawn([&reader]() -> Task<QByteArray> { co_return co_await reader.readExactly(6); });
        for (const char *byte : {"a", "b", "c", "d", "e", "f", "g"}) { // one at a time
            pipe.write(byte);
            letOthersRun();
        }
        QCOMPARE(waitFor(coro), "abcdef");
        QCOMPARE(run(reader.read()), "g");
    }

    void F02_tellsThatTheEndCameEarly()
    {
        AsyncFile file;
        run(file.open(newFile("0123")));
        run(file.readExactly(1));
        try {
            run(file.readExactly(4));
            QFAIL("there are three bytes only");
        } catch (const EndOfStream &end) {
            QCOMPARE(end.partial(), "123");
            QCOMPARE(end.message(),
                     QStringLiteral("readExactly(), %1: the end came after 3 of 4 bytes").arg(file.path()));
        }
        QCOMPARE(run(file.read()), "");
    }

    void F02_waits_data() { WaitMatrix::addRows<ReadWait>(); }
    void F02_waits() { WaitMatrix::run<ReadWait>(); }

    void F03_writeToWhoReadsNothing() // a time-out, and no more of it then
    {
        Pipe pipe;
        AsyncFile file;
        file.openDescriptor(pipe.takeWriter(), QIODevice::WriteOnly);
        const QByteArray bytes = pattern(1'000'000);
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(file.write(bytes, 500ms)));
        AsyncFile reader;
        reader.openDescriptor(pipe.takeReader(), QIODevice::ReadOnly);
        const Coro<> next = spawn([&file]() -> Task<> {
            co_await file.write("next");
            co_await file.close();
        });
        const QByteArray all = run(reader.readAll());
        QVERIFY(all.endsWith("next"));
        const QByteArray written = all.chopped(4);
        QVERIFY(!written.isEmpty() && written.size() < bytes.size());
        QVERIFY(bytes.startsWith(written));
        waitFor(next);
    }

    void F03_writeToWhoIsGone()
    {
        Pipe pipe;
        AsyncFile file;
        file.openDescriptor(pipe.takeWriter(), QIODevice::WriteOnly);
        ::close(pipe.takeReader());
        try {
            run(file.write("x"));
            QFAIL("nobody reads");
        } catch (const FileError &error) {
            QCOMPARE(error.code(), std::make_error_code(std::errc::broken_pipe));
        }
    }

    void F04_readsLines()
    {
        AsyncFile file;
        run(file.open(newFile("first\nsecond\r\n\nlast")));
        QStringList lines;
        waitFor(spawn([&]() -> Task<> {
            AsyncGenerator<QString> all = file.lines();
            while (const std::optional<QString> line = co_await all.next())
                lines << *line;
        }));
        QCOMPARE(lines, QStringList({"first", "second", "", "last"}));
    }

    void F04_readsUntilDelimiter_data()
    {
        QTest::addColumn<int>("before"); // so that the delimiter lies across what is read at once
        for (const int before : {0, 1, 65533, 65534, 65535, 65536, 300'000})
            QTest::addRow("%d", before) << before;
    }
    void F04_readsUntilDelimiter()
    {
        QFETCH(const int, before);
        const QByteArray head = QByteArray(before, '-') + "\r\n\r\n";
        AsyncFile file;
        run(file.open(newFile(head + "rest\r\n")));
        QVERIFY(run(file.readUntil("\r\n\r\n")) == head);
        QCOMPARE(file.position(), head.size());
        QCOMPARE(run(file.readUntil("\r\n\r\n")), "rest\r\n");
        QCOMPARE(run(file.readUntil("\r\n\r\n")), "");
    }

    void F04_waits_data() { WaitMatrix::addRows<ReadLineWait>(); }
    void F04_waits() { WaitMatrix::run<ReadLineWait>(); }

    void F04_loopOverFileLetsOthersRun()
    {
        const QString path = newFile(QByteArray(10'000'000, 'x'));
        bool othersRan = false;
        waitFor(spawn([&]() -> Task<> {
            AsyncFile file;
            co_await file.open(path);
            const Coro<> other = spawn([&]() -> Task<> {
                othersRan = true;
                co_return;
            });
            while (!othersRan && !(co_await file.read()).isEmpty()) { }
            co_await other;
            if (file.position() == 10'000'000)
                qFatal("the file was read first");
        }));
        QVERIFY(othersRan);
    }

    void resizesAndSyncs()
    {
        const QString path = newFile("0123456789");
        AsyncFile file;
        run(file.open(path, QIODevice::ReadWrite));
        run(file.readLine(2)); // which has read ahead
        run(file.resize(4));
        run(file.sync());
        QCOMPARE(contentOf(path), "0123");
        QCOMPARE(run(file.readAll()), "23");
        run(file.resize(6));
        QCOMPARE(run(file.readAll()), QByteArray(2, '\0'));
        QVERIFY_THROWS_EXCEPTION(FileError, run(file.resize(-1)));
        AsyncFile reader;
        run(reader.open(path));
        QVERIFY_THROWS_EXCEPTION(FileError, run(reader.resize(1)));
    }

    void replacesAtOnce()
    {
        const QString folder = newFolder();
        const QString path = folder + "/file";
        put(path, "old");
        QVERIFY(QFile::setPermissions(path, QFile::ReadOwner | QFile::WriteOwner | QFile::ReadGroup));
        AsyncFile file;
        run(file.openReplacement(path));
        run(file.write("new"));
        QCOMPARE(contentOf(path), "old");
        run(file.commit());
        QVERIFY(!file.isOpen());
        QCOMPARE(contentOf(path), "new");
        QCOMPARE(QFile::permissions(path) & QFile::ReadGroup, QFile::ReadGroup);
        QCOMPARE(names(folder), QStringList{"file"});
    }

    void abandonedCommitIsDoneThoughTheFileIsDestroyed()
    {
        const QString path = newFile("old");
        auto file = std::make_unique<AsyncFile>();
        run(file->openReplacement(path));
        run(file->write("new"));
        const Coro<> before = spawn([&]() -> Task<> { co_await file->size(); });
        const Coro<> committer = spawn([&]() -> Task<> { co_await file->commit(); });
        letOthersRun();
        committer.terminate();
        QCOMPARE(endOf(committer), CoroState::Terminated);
        file.reset();
        endOf(before);
        QTRY_COMPARE(contentOf(path), "new");
    }

    void nothingIsCommittedOfWhatWasGivenUp()
    {
        const QString path = newFile("old");
        AsyncFile file;
        run(file.openReplacement(path));
        const Coro<> before = spawn([&]() -> Task<> { co_await file.size(); });
        const Coro<> writer = spawn([&]() -> Task<> { co_await file.write("new"); });
        letOthersRun();
        writer.terminate();
        waitFor(before);
        QCOMPARE(endOf(writer), CoroState::Terminated);
        QVERIFY(textOf<FileError>([&] { run(file.commit()); }).endsWith("was given up"));
        QVERIFY(!file.isOpen());
        QCOMPARE(contentOf(path), "old");
        run(file.openReplacement(path));
        run(file.write("new"));
        run(file.commit());
        QCOMPARE(contentOf(path), "new");
    }

    void replacesFilesOnly()
    {
        const QString fifo = newPath();
        QCOMPARE(::mkfifo(QFile::encodeName(fifo).constData(), 0600), 0);
        for (const QString &path : {fifo, folder()})
            QVERIFY_THROWS_EXCEPTION(FileError, run(writeFile(path, "new")));
        struct stat status{};
        QCOMPARE(::stat(QFile::encodeName(fifo).constData(), &status), 0);
        QVERIFY(S_ISFIFO(status.st_mode));
    }

    void replacesInFolderThatCannotBeRead()
    {
        const QString folder = newFolder();
        QCOMPARE(::chmod(QFile::encodeName(folder).constData(), 0300), 0);
        const auto readable = qScopeGuard([&] { ::chmod(QFile::encodeName(folder).constData(), 0700); });
        run(writeFile(folder + "/file", "new"));
        QCOMPARE(contentOf(folder + "/file"), "new");
    }

    void replacementKeepsOwnerAndMode()
    {
        const QString path = newFile("old");
        const QByteArray name = QFile::encodeName(path);
        const bool isAllowed = ::chown(name.constData(), 1234, 2345) == 0; // else it stays ours
        QCOMPARE(::chmod(name.constData(), 04751), 0);
        struct stat before{};
        struct stat after{};
        QCOMPARE(::stat(name.constData(), &before), 0);
        run(writeFile(path, "new"));
        QCOMPARE(::stat(name.constData(), &after), 0);
        QCOMPARE(after.st_uid, isAllowed ? 1234U : ::getuid());
        QCOMPARE(after.st_uid, before.st_uid);
        QCOMPARE(after.st_gid, before.st_gid);
        QCOMPARE(after.st_mode, before.st_mode);
        QVERIFY(after.st_ino != before.st_ino);
    }

    void replacementWithoutCommitLeavesNothing()
    {
        const QString folder = newFolder();
        {
            AsyncFile file;
            run(file.openReplacement(folder + "/file"));
            run(file.write("new"));
            QCOMPARE(names(folder).size(), 1);
            run(file.close());
            QCOMPARE(names(folder), QStringList());
            run(file.openReplacement(folder + "/file"));
        }
        QTRY_COMPARE(names(folder), QStringList()); // closed in the background
        AsyncFile plain;
        run(plain.open(newFile("x"), QIODevice::ReadWrite));
        QVERIFY(textOf<FileError>([&] { run(plain.commit()); }).contains("openReplacement()"));
        QVERIFY(plain.isOpen());
    }
};

QTEST_GUILESS_MAIN(FilesTest)
#include "filestest.moc"
