// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Whole files and folders.

#include <Asyncoro/AsyncFile>
#include <Asyncoro/FileSystem>

#include "iotest.h"
#include "testfolder.h"

#include <QDir>
#include <QFile>
#include <QMap>
#include <QScopeGuard>
#include <QTemporaryDir>
#include <QTest>

#include <functional>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>
#include <vector>

using namespace IoTest;

namespace {

Task<QStringList> list(QString path, ListOptions options)
{
    QStringList found;
    AsyncGenerator<FolderEntry> entries = listFolder(path, options);
    while (const std::optional<FolderEntry> entry = co_await entries.next())
        found << QDir(path).relativeFilePath(entry->path);
    found.sort();
    co_return found;
}

} // namespace

class FileSystemTest : public QObject, TestFolder
{
    Q_OBJECT

private Q_SLOTS:
    void readsAndWritesWholeFiles()
    {
        const QString path = newPath();
        const QByteArray content = pattern(700'000);
        run(writeFile(path, content));
        QVERIFY(run(readFile(path)) == content);
        run(writeFile(path, ""));
        QCOMPARE(run(readFile(path)), "");
        QVERIFY(run(readFile("/proc/self/stat")).startsWith(QByteArray::number(::getpid()))); // its size is 0
        QVERIFY_THROWS_EXCEPTION(FileError, run(readFile(newPath())));
        QVERIFY_THROWS_EXCEPTION(FileError, run(writeFile(newPath() + "/none/file", "x")));
        QVERIFY_THROWS_EXCEPTION(FileError, run(writeFile(newFolder(), "x")));
    }

    void writesFileOfLongestName()
    {
        const QString from = newFile("1");
        const QString to = newFolder() + u'/' + QString(255, u'n');
        run(copyFile(from, to));
        QCOMPARE(contentOf(to), "1");
        run(writeFile(to, "2"));
        QCOMPARE(contentOf(to), "2");
    }

    void copies_data()
    {
        QTest::addColumn<qsizetype>("size");
        for (const qsizetype size : {0, 1, 70'000, 40'000'000})
            QTest::addRow("%d", int(size)) << size;
    }
    void copies()
    {
        QFETCH(const qsizetype, size);
        const QByteArray content = pattern(size);
        const QString from = newFile(content);
        QVERIFY(QFile::setPermissions(from, QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner));
        const QString to = newPath();
        qint64 done = 0;
        int calls = 0;
        run(copyFile(from, to, {.progress = [&](qint64 now, qint64 all) {
                                    QVERIFY(now >= done && all == size);
                                    done = now;
                                    ++calls;
                                }}));
        QVERIFY(contentOf(to) == content);
        QCOMPARE(done, size);
        QVERIFY(calls > 0);
        QVERIFY(QFile::permissions(to) & QFile::ExeOwner);
    }

    void copiesWhatHasNoSize()
    {
        const QString to = newPath();
        run(copyFile("/proc/self/status", to));
        QVERIFY(contentOf(to).startsWith("Name:"));
    }

    void copiesFilesOnly()
    {
        const QString fifo = newPath();
        QCOMPARE(::mkfifo(QFile::encodeName(fifo).constData(), 0600), 0);
        for (const QString &from : {fifo, folder(), QStringLiteral("/dev/zero")}) {
            const QString to = newPath();
            QVERIFY_THROWS_EXCEPTION(FileError, run(copyFile(from, to)));
            QVERIFY(!QFile::exists(to));
        }
    }

    void copiesOverExistingOnlyIfAsked()
    {
        const QString from = newFile("new");
        const QString to = newFile("old");
        QVERIFY(textOf<FileError>([&] { run(copyFile(from, to)); }).startsWith("copyFile(), " + to));
        QCOMPARE(contentOf(to), "old");
        run(copyFile(from, to, {.existing = Existing::Replace}));
        QCOMPARE(contentOf(to), "new");
        QVERIFY_THROWS_EXCEPTION(FileError, run(copyFile(newPath(), to, {.existing = Existing::Replace})));
        QCOMPARE(contentOf(to), "new");
    }

    void cancelledInProgressLeavesNothing()
    {
        const QString from = newFile(QByteArray(50'000'000, 'x'));
        const QString folder = newFolder();
        const Coro<> coro = spawn([=]() -> Task<> {
            co_await copyFile(from, folder + "/copy",
                              {.progress = [](qint64, qint64) { Coro<>::self().terminate(); }});
        });
        QCOMPARE(endOf(coro), CoroState::Terminated);
        QTRY_COMPARE(names(folder), QStringList());
    }

    void refusesWhatIsNoPath_data()
    {
        QTest::addColumn<QString>("rest");
        QTest::newRow("zero") << QString(QChar::Null) + QStringLiteral(".png");
        QTest::newRow("empty") << QString();
    }
    void refusesWhatIsNoPath() // the system would take it for another one
    {
        QFETCH(const QString, rest);
        const QString victim = newFile("secret");
        const QString path = rest.isEmpty() ? QString() : victim + rest;
        const QString folder = newFolder();
        const QString folderPath = rest.isEmpty() ? QString() : folder + rest;
        AsyncFile file;
        const std::vector<std::function<void()>> operations{
            [&] { run(readFile(path)); },
            [&] { run(writeFile(path, "x")); },
            [&] { run(file.open(path, QIODevice::ReadWrite)); },
            [&] { run(file.openReplacement(path)); },
            [&] { run(removeFile(path)); },
            [&] { run(copyFile(path, newPath())); },
            [&] { run(copyFile(victim, path, {.existing = Existing::Replace})); },
            [&] { run(copyFile(victim, path)); },
            [&] { run(renameFile(path, newPath())); },
            [&] { run(renameFile(victim, path, Existing::Replace)); },
            [&] { run(makePath(folderPath)); },
            [&] { run(list(folderPath, {})); },
        };
        for (const auto &operation : operations) {
            try {
                operation();
                QFAIL("it is no path");
            } catch (const FileError &error) {
                QCOMPARE(error.code(), std::make_error_code(std::errc::invalid_argument));
                QVERIFY(QByteArray(error.what()).endsWith("Invalid argument")); // and not before
            }
        }
        QCOMPARE(contentOf(victim), "secret");
    }

    void renamesAndRemoves()
    {
        const QString one = newFile("one");
        const QString two = newFile("two");
        try {
            run(renameFile(one, two));
            QFAIL("there is a file");
        } catch (const FileError &error) {
            QCOMPARE(error.code(), std::make_error_code(std::errc::file_exists));
            QCOMPARE(error.path(), two);
        }
        run(renameFile(one, two, Existing::Replace));
        QCOMPARE(contentOf(two), "one");
        QVERIFY(!QFile::exists(one));
        run(removeFile(two));
        QVERIFY(!QFile::exists(two));
        QVERIFY_THROWS_EXCEPTION(FileError, run(removeFile(two)));
        const QString path = newPath();
        run(makePath(path + "/a/b"));
        run(makePath(path + "/a/b"));
        QVERIFY(QDir(path + "/a/b").exists());
        QVERIFY_THROWS_EXCEPTION(FileError, run(removeFile(path)));
        run(removeFile(path + "/a/b"));
        QVERIFY_THROWS_EXCEPTION(FileError, run(makePath(newFile("x"))));
    }

    void listsFolders()
    {
        const QString path = newFolder();
        QVERIFY(QDir(path).mkpath("a/b"));
        put(path + "/file", "123");
        put(path + "/a/.hidden", "");
        put(path + "/a/b/deep", "");
        QVERIFY(QFile::link(path, path + "/a/b/back")); // a way round in a circle
        QVERIFY(QFile::link("nowhere", path + "/broken"));
        const QStringList flat{"a", "broken", "file"};
        const QStringList deep{"a", "a/.hidden", "a/b", "a/b/back", "a/b/deep", "broken", "file"};
        QCOMPARE(run(list(path, {})), flat);
        QCOMPARE(run(list(path, {.recursive = true})), deep);
        QCOMPARE(run(list(path, {.recursive = true, .followSymLinks = true})), deep);
        QVERIFY_THROWS_EXCEPTION(FileError, run(list(path + "/none", {})));
        QVERIFY_THROWS_EXCEPTION(FileError, run(list(path + "/file", {})));
        waitFor(spawn([path]() -> Task<> {
            AsyncGenerator<FolderEntry> entries = listFolder(path);
            while (const std::optional<FolderEntry> entry = co_await entries.next()) {
                if (entry->path.endsWith("/file")
                    && (entry->size != 3 || entry->type != FolderEntry::Type::File
                        || qAbs(entry->modified.secsTo(QDateTime::currentDateTime())) > 3600))
                    qFatal("wrong details");
                if (entry->path.endsWith("/broken") && entry->type != FolderEntry::Type::SymLink)
                    qFatal("wrong type");
            }
        }));
    }

    void listsWhatItMayNotLookAt()
    {
        const uid_t us = ::geteuid();
        if (us == 0 && ::seteuid(65534) != 0)
            QSKIP("root may look at everything, and cannot become another user here");
        const auto again = qScopeGuard([us] { std::ignore = ::seteuid(us); });
        const QTemporaryDir parent;
        if (!parent.isValid())
            QSKIP("another user may make no folder here");
        const QString path = parent.filePath("readable only");
        QVERIFY(QDir().mkpath(path + "/folder"));
        put(path + "/file", "123");
        QVERIFY(QFile::link("nowhere", path + "/link"));
        const QByteArray name = QFile::encodeName(path);
        QCOMPARE(::chmod(name.constData(), 0400), 0);
        const auto searchable = qScopeGuard([&] { ::chmod(name.constData(), 0700); });

        for (const bool deep : {false, true}) {
            QMap<QString, FolderEntry> found;
            waitFor(spawn([&]() -> Task<> {
                AsyncGenerator<FolderEntry> entries
                    = listFolder(path, {.recursive = deep, .followSymLinks = deep});
                while (const std::optional<FolderEntry> entry = co_await entries.next())
                    found.insert(QFileInfo(entry->path).fileName(), *entry);
            }));
            QCOMPARE(found.keys(), QStringList({"file", "folder", "link"}));
            QCOMPARE(found["file"].type, FolderEntry::Type::File);
            QCOMPARE(found["folder"].type, FolderEntry::Type::Folder);
            QCOMPARE(found["link"].type, FolderEntry::Type::SymLink);
            for (const FolderEntry &entry : std::as_const(found))
                QCOMPARE(entry.error, std::make_error_code(std::errc::permission_denied));
        }
    }

    void listsHugeFolderPieceByPiece()
    {
        const QString path = newFolder();
        for (int i = 0; i < 3000; ++i)
            put(path + QStringLiteral("/%1").arg(i), "");
        QCOMPARE(run(list(path, {})).size(), 3000);
        waitFor(spawn([path]() -> Task<> { // given up in the middle
            AsyncGenerator<FolderEntry> entries = listFolder(path);
            co_await entries.next();
        }));
    }
};

QTEST_GUILESS_MAIN(FileSystemTest)
#include "filesystemtest.moc"
