// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What is given up while a thread is at it.

#include <Asyncoro/AsyncFile>
#include <Asyncoro/FileSystem>
#include <Asyncoro/Timeout>

#include "../../src/io/filesystem_p.h"

#include "iotest.h"
#include "testfolder.h"

#include <QScopeGuard>
#include <QSemaphore>
#include <QTest>

#include <algorithm>
#include <csignal>
#include <deque>
#include <fcntl.h>
#include <unistd.h>

using namespace IoTest;
using Detail::busyFileThreads;
using namespace std::chrono_literals;

namespace {

/** A file that nobody else can open while this exists, as if it lay in a file system that does not answer. */
class LeasedFile
{
public:
    explicit LeasedFile(const QString &path)
        : m_descriptor(::open(QFile::encodeName(path).constData(), O_RDWR | O_CREAT | O_CLOEXEC, 0600))
    {
        m_isHeld = ::fcntl(m_descriptor, F_SETLEASE, F_WRLCK) == 0;
    }
    ~LeasedFile() { ::close(m_descriptor); }
    Q_DISABLE_COPY_MOVE(LeasedFile)

    [[nodiscard]] bool isHeld() const { return m_isHeld; }
    /** Whether somebody waits to open it. */
    [[nodiscard]] bool isWanted() const { return ::fcntl(m_descriptor, F_GETLEASE) != F_WRLCK; }

private:
    const int m_descriptor;
    bool m_isHeld = false;
};

Task<> openAndClose(QString path)
{
    AsyncFile file;
    co_await file.open(path, QIODevice::ReadWrite);
    co_await file.close();
}

} // namespace

class FileThreadsTest : public QObject, TestFolder
{
    Q_OBJECT

    /** Gives up what the coroutines are at, which does not end, and does something else with files. */
    void giveUpAndGoOn(const QList<Coro<>> &coros)
    {
        for (const Coro<> &coro : coros) {
            coro.terminate();
            QCOMPARE(endOf(coro), CoroState::Terminated);
        }
        const QString path = newPath();
        run(withTimeout(20s, writeFile(path, "content")));
        QCOMPARE(contentOf(path), "content");
    }

private Q_SLOTS:
    void cancelledCopyLeavesNothing_data()
    {
        QTest::addColumn<int>("turns");
        for (int turns = 0; turns < 8; ++turns)
            QTest::addRow("%d", turns) << turns;
    }
    void cancelledCopyLeavesNothing()
    {
        QFETCH(const int, turns);
        const QString from = newFile(QByteArray(50'000'000, 'x'));
        const QString folder = newFolder();
        const Coro<> coro = spawn([=]() -> Task<> { co_await copyFile(from, folder + "/copy"); });
        for (int turn = 0; turn < turns; ++turn)
            letOthersRun();
        coro.terminate();
        const bool isFinished = endOf(coro) == CoroState::Finished; // it was quicker
        QTRY_COMPARE(busyFileThreads(), 0);
        if (isFinished || !names(folder).isEmpty())
            QCOMPARE(names(folder), QStringList{"copy"});
    }

    void filesThatDoNotAnswerHoldUpNoOthers()
    {
        const auto before = std::signal(SIGIO, SIG_IGN); // tells that a lease is wanted
        const auto again = qScopeGuard([before] { std::signal(SIGIO, before); });
        {
            QStringList paths;
            std::deque<LeasedFile> silent;
            QList<Coro<>> coros;
            for (int i = 0; i < 4; ++i) { // as many as there are threads
                paths << newPath();
                silent.emplace_back(paths.last());
                if (!silent.back().isHeld())
                    QSKIP("there are no leases of files here");
                coros << spawn(openAndClose, paths.last());
            }
            QTRY_VERIFY(std::ranges::all_of(silent, &LeasedFile::isWanted));
            giveUpAndGoOn(coros);
        }
        QTRY_COMPARE(busyFileThreads(), 0); // they count again, and have ended
    }

    void callsThatDoNotEndHoldUpNoOthers()
    {
        QSemaphore begun;
        QSemaphore released;
        QSemaphore ended;
        QList<Coro<>> coros;
        for (int i = 0; i < 4; ++i) {
            coros << spawn([&]() -> Task<> {
                co_await onFileThread([&] {
                    begun.release();
                    released.acquire();
                    ended.release();
                });
            });
        }
        letOthersRun();
        begun.acquire(4);
        {
            const auto end = qScopeGuard([&] {
                released.release(4);
                ended.acquire(4);
            });
            giveUpAndGoOn(coros);
        }
        QTRY_COMPARE(busyFileThreads(), 0);
    }
};

QTEST_GUILESS_MAIN(FileThreadsTest)
#include "filethreads_internal_test.moc"
