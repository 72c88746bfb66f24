// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "filering_p.h"
#include "filesystem_p.h"

#include <Asyncoro/Exec>

#include <QDeadlineTimer>
#include <QMutex>
#include <QThread>
#include <QThreadPool>

namespace Asyncoro::Detail {

using namespace std::chrono_literals;

namespace {

constexpr int Threads = 4;
// How long the end of the program waits for what the threads do.
constexpr auto TimeAtEnd = 2s;
// How many threads do what nobody else waits for. The pool does not count them any more, but for those beyond the most.
int lostThreads = 0;
constexpr int MostLostThreads = 64;
// So that nobody sees a thread that is counted neither here nor by the pool.
Q_CONSTINIT QMutex lostThreadsMutex;

} // namespace

// Never deleted: a thread may wait for a pipe for ever, and is not waited for; what the others do, such as to remove
// what a cancelled copy has left, should not be lost with the end of the program.
QThreadPool &fileThreads()
{
    static QThreadPool *const pool = [] {
        auto *const created = new QThreadPool;
        created->setMaxThreadCount(Threads);
        addPostRoutine([] {
            FileRing::finishOfThisThread(); // which may leave something to do for them
            // Not waitForDone(), which would wait for all threads once none is active.
            const QDeadlineTimer deadline(TimeAtEnd);
            while (busyFileThreads() > 0 && !deadline.hasExpired())
                QThread::sleep(1ms);
        });
        return created;
    }();
    return *pool;
}

int busyFileThreads()
{
    const QMutexLocker locker(&lostThreadsMutex);
    return fileThreads().activeThreadCount() + lostThreads;
}

// --- FileThreadPlace ---

FileThreadPlace::~FileThreadPlace()
{
    if (!m_givenUp)
        return;
    const QMutexLocker locker(&lostThreadsMutex);
    fileThreads().reserveThread();
    if (m_givenUp == Work::Lost)
        --lostThreads;
}

void FileThreadPlace::giveUp(Work work)
{
    if (m_givenUp)
        return;
    const QMutexLocker locker(&lostThreadsMutex);
    if (work == Work::Lost) {
        if (lostThreads == MostLostThreads)
            return;
        ++lostThreads;
    }
    m_givenUp = work;
    fileThreads().releaseThread();
}

} // namespace Asyncoro::Detail
