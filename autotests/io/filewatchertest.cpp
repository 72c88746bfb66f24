// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/FileWatcher>
#include <Asyncoro/Result>

#include "iotest.h"
#include "waitmatrix.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

using namespace IoTest;
using namespace std::chrono_literals;
using Kind = FileChange::Kind;

namespace {

void put(const QString &path, const QByteArray &content)
{
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(content) != content.size())
        qFatal("no file");
}

struct ChangeWait {
    QTemporaryDir folder;
    std::unique_ptr<FileWatcher> watcher = std::make_unique<FileWatcher>();

    static constexpr bool CompletesAtOnce = false; // the system tells by way of the event loop

    ChangeWait() { run(watcher->add(folder.path())); }
    Task<> wait(QDeadlineTimer deadline) { co_await watcher->next(deadline); }
    void complete() { put(folder.filePath("file"), ""); }
    void destroy() { watcher.reset(); }
    void verify(bool completed, WaitMatrix::Outcome outcome)
    {
        if (outcome == WaitMatrix::Outcome::Completed)
            return;
        if (!completed)
            complete();
        QCOMPARE(::IoTest::run(watcher->next()), (FileChange{Kind::Created, folder.filePath("file")}));
    }
    // The change is told by the event loop, which comes after whatever the row does at once.
    static constexpr auto CancelledAfterCompletion = WaitMatrix::Outcome::Cancelled;
    static constexpr auto DestroyedAfterCompletion = WaitMatrix::Outcome::Destroyed;
};

} // namespace

class FileWatcherTest : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<QTemporaryDir> m_folder;

    QString path(const char *name) const { return m_folder->filePath(QString::fromLatin1(name)); }

private Q_SLOTS:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void waits_data() { WaitMatrix::addRows<ChangeWait>(); }
    void waits() { WaitMatrix::run<ChangeWait>(); }

    void tellsWhatHappensToFile()
    {
        FileWatcher watcher;
        run(watcher.add(path("file"))); // which is not there yet
        put(path("other"), "");
        put(path("file"), "");
        QCOMPARE(run(watcher.next()), (FileChange{Kind::Created, path("file")}));
        put(path("file"), "content");
        QCOMPARE(run(watcher.next()), (FileChange{Kind::Changed, path("file")}));
        QVERIFY(QFile::remove(path("file")));
        QCOMPARE(run(watcher.next()), (FileChange{Kind::Removed, path("file")}));
        QCOMPARE(run(asResult(watcher.next(10ms))).errorText(), QStringLiteral("FileWatcher::next() timed out"));
    }

    void tellsOfFileThatIsMadeAnew()
    {
        put(path("file"), "1");
        FileWatcher watcher;
        run(watcher.add(path("file")));
        for (int i = 0; i < 3; ++i) {
            QVERIFY(QFile::remove(path("file")));
            put(path("file"), "2");
            QCOMPARE(run(watcher.next()), (FileChange{Kind::Changed, path("file")}));
        }
        put(path("new"), "3");
        QCOMPARE(::rename(qPrintable(path("new")), qPrintable(path("file"))), 0);
        QCOMPARE(run(watcher.next()), (FileChange{Kind::Created, path("file")}));
    }

    void tellsOfFileBehindLink_data()
    {
        QTest::addColumn<QString>("target");
        QTest::addColumn<bool>("isAbsolute");
        QTest::newRow("absolute") << QStringLiteral("inner/target") << true;
        QTest::newRow("relative") << QStringLiteral("inner/target") << false;
        QTest::newRow("to a link") << QStringLiteral("inner/link") << false;
    }
    void tellsOfFileBehindLink()
    {
        QFETCH(const QString, target);
        QFETCH(const bool, isAbsolute);
        QVERIFY(QDir(m_folder->path()).mkdir("inner"));
        put(path("inner/target"), "1");
        QCOMPARE(::symlink("target", qPrintable(path("inner/link"))), 0);
        QVERIFY(QFile::link(isAbsolute ? m_folder->filePath(target) : target, path("file")));
        FileWatcher watcher;
        run(watcher.add(path("file")));
        put(path("inner/other"), "");
        put(path("inner/target"), "2");
        QCOMPARE(run(watcher.next()), (FileChange{Kind::Changed, path("file")}));
        QVERIFY(QFile::remove(path("inner/target")));
        QCOMPARE(run(watcher.next()), (FileChange{Kind::Removed, path("file")}));
        put(path("inner/target"), "3");
        QCOMPARE(run(watcher.next()), (FileChange{Kind::Created, path("file")}));
        watcher.remove(path("file"));
        put(path("inner/target"), "4");
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(watcher.next(10ms)));
    }

    void followsLinkThatChanges()
    {
        for (const char *name : {"first", "second"}) {
            QVERIFY(QDir(m_folder->path()).mkdir(name));
            put(path(name) + "/file", "");
        }
        put(path("file"), ""); // no link at first
        FileWatcher watcher;
        run(watcher.add(path("file")));
        run(watcher.add(path("last")));
        const auto skipTo = [&](const FileChange &change) {
            while (run(watcher.next(20s)) != change) { }
        };
        for (const char *name : {"first", "second"}) {
            QCOMPARE(::symlink(qPrintable(path(name) + "/file"), qPrintable(path("new"))), 0);
            QCOMPARE(::rename(qPrintable(path("new")), qPrintable(path("file"))), 0);
            skipTo({Kind::Created, path("file")});
            for (int i = 0; i < 3; ++i) { // one may be told as the link is followed, the others are what happens
                put(path(name) + "/file", QByteArray::number(i));
                QCOMPARE(run(watcher.next(20s)), (FileChange{Kind::Changed, path("file")}));
            }
        }
        put(path("last"), "");
        skipTo({Kind::Created, path("last")});
        put(path("first/file"), "is not it any more");
        put(path("last"), "more");
        QCOMPARE(run(watcher.next()), (FileChange{Kind::Changed, path("last")}));
    }

    void tellsWhatHappensInFolder()
    {
        QVERIFY(QDir(m_folder->path()).mkdir("inner"));
        FileWatcher watcher;
        run(watcher.add(path("inner")));
        put(path("inner/b"), "");
        put(path("inner/a"), "");
        put(path("inner/b"), "more"); // told once
        QCOMPARE(run(watcher.next()), (FileChange{Kind::Created, path("inner/b")}));
        QCOMPARE(run(watcher.next()), (FileChange{Kind::Created, path("inner/a")}));
        QVERIFY(QDir(path("inner")).removeRecursively());
        QStringList removed;
        for (int i = 0; i < 3; ++i) {
            const FileChange change = run(watcher.next());
            QCOMPARE(change.kind, Kind::Removed);
            removed << QDir(m_folder->path()).relativeFilePath(change.path);
        }
        removed.sort();
        QCOMPARE(removed, QStringList({"inner", "inner/a", "inner/b"}));
    }

    void removedPathIsNotWatched()
    {
        FileWatcher watcher;
        run(watcher.add(path("a")));
        run(watcher.add(path("b")));
        watcher.remove(path("a"));
        put(path("a"), "");
        put(path("b"), "");
        QCOMPARE(run(watcher.next()), (FileChange{Kind::Created, path("b")}));
        watcher.remove(path("b"));
        put(path("b"), "1");
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(watcher.next(10ms)));
    }

    void tellsOfOnePlaceByAllItsNames()
    {
        FileWatcher watcher;
        const QStringList paths{m_folder->path(), m_folder->path() + "/", path("file"), path("./file"), path("file")};
        for (const QString &path : paths)
            run(watcher.add(path));
        const auto toldOf = [&](int count) {
            QStringList told;
            for (int i = 0; i < count; ++i)
                told << run(watcher.next()).path;
            told.sort();
            return told;
        };
        put(path("file"), "");
        QCOMPARE(toldOf(2), QStringList({path("./file"), path("file")}));
        put(path("other"), "");
        QCOMPARE(toldOf(1), QStringList{path("other")});
        watcher.remove(m_folder->path());
        watcher.remove(path("./file"));
        put(path("other"), "more");
        QCOMPARE(toldOf(1), QStringList{path("other")}); // by the name with the slash
    }

    void removedWhileTheSamePlaceIsAdded()
    {
        FileWatcher watcher;
        run(watcher.add(path("a")));
        const Coro<> adding = spawn([&]() -> Task<> { co_await watcher.add(path("b")); });
        letOthersRun();
        watcher.remove(path("a"));
        waitFor(adding);
        put(path("b"), "");
        QCOMPARE(run(watcher.next()), (FileChange{Kind::Created, path("b")}));
    }

    void tellsThatTooMuchHappened()
    {
        FileWatcher watcher;
        run(watcher.add(m_folder->path()));
        constexpr int Files = 20'000; // more than the watcher keeps, and than the system does
        for (int i = 0; i < Files; ++i)
            put(path(qPrintable(QString::number(i))), "");
        const FileChange lost{Kind::Lost, {}};
        FileChange last;
        for (int i = 0; i < Files && last != lost; ++i)
            last = run(watcher.next());
        QCOMPARE(last, lost);
    }

    void needsFolder()
    {
        FileWatcher watcher;
        QVERIFY(textOf<FileError>([&] { run(watcher.add(path("none/file"))); })
                    .startsWith("FileWatcher::add(), " + path("none/file")));
        const QString cutOff = path("file") + QChar::Null + ".png"; // would be, by the system
        QVERIFY_THROWS_EXCEPTION(FileError, run(watcher.add(cutOff)));
    }

    void movesWhileCoroutinesWait()
    {
        FileWatcher watcher;
        const Coro<FileChange> coro = spawn([&]() -> Task<FileChange> { co_return co_await watcher.next(); });
        run(watcher.add(path("file")));
        FileWatcher other = std::move(watcher);
        put(path("file"), "");
        QCOMPARE(waitFor(coro).path, path("file"));
    }
};

QTEST_GUILESS_MAIN(FileWatcherTest)
#include "filewatchertest.moc"
