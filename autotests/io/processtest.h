// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/AsyncProcess>

#include "iotest.h"

#include <QTest>

#include <cerrno>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace IoTest {

inline const QString Shell = QStringLiteral("/bin/sh");
// Starts a child of its own, says so, and ends only by a signal.
inline const QString Family = QStringLiteral("sleep 1000 & echo ready; wait");
// The same, and that does not suffice.
inline const QString StubbornFamily
    = QStringLiteral("trap '' TERM; sleep 1000 & echo ready; while :; do sleep 1000; done");

inline const QDeadlineTimer Forever(QDeadlineTimer::Forever);
inline constexpr qsizetype Megabyte = 1024 * 1024;

inline Task<> startShell(AsyncProcess &process, QString script)
{
    co_await process.start(Shell, {QStringLiteral("-c"), script});
}

inline AsyncProcess started(const QString &script)
{
    AsyncProcess process;
    run(startShell(process, script));
    return process;
}

/** Tells when all who were started while it was open to them have ended. */
class Lifeline
{
public:
    Lifeline()
    {
        if (::pipe(m_ends) != 0 || ::fcntl(m_ends[0], F_SETFD, FD_CLOEXEC) != 0)
            qFatal("no pipe");
    }
    ~Lifeline()
    {
        close();
        ::close(m_ends[0]);
    }
    Q_DISABLE_COPY_MOVE(Lifeline)

    /** Whoever is started from now on does not count. */
    void close()
    {
        if (const int end = std::exchange(m_ends[1], -1); end >= 0)
            ::close(end);
    }
    /** Blocks. */
    void waitUntilAllHaveEnded()
    {
        close();
        char byte = 0;
        while (::read(m_ends[0], &byte, 1) != 0) { }
    }

private:
    int m_ends[2] = {-1, -1};
};

/** Whether this process has any child, be it a zombie. */
inline bool hasChildren()
{
    siginfo_t info{};
    return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

/** Blocks. */
inline void reapOrphans()
{
    while (::waitpid(-1, nullptr, 0) > 0) { }
}

enum class Operation : quint8 { Start, Read, ReadLine, ReadAll, ReadError, Write, Finished, Communicate };

inline Task<> perform(Operation operation, AsyncProcess &process, QDeadlineTimer deadline)
{
    switch (operation) {
    case Operation::Start:
        co_await process.start(Shell, {QStringLiteral("-c"), Family}, deadline);
        break;
    case Operation::Read:
        co_await process.read(10, deadline);
        break;
    case Operation::ReadLine:
        co_await process.readLine(10, deadline);
        break;
    case Operation::ReadAll:
        co_await process.readAll(AsyncProcess::DefaultMaxSize, deadline);
        break;
    case Operation::ReadError:
        co_await process.readError(10, deadline);
        break;
    case Operation::Write:
        co_await process.write(QByteArray(4 * Megabyte, 'x'));
        co_await process.write("more", deadline);
        break;
    case Operation::Finished:
        co_await process.finished(deadline);
        break;
    case Operation::Communicate:
        co_await process.communicate("input", AsyncProcess::DefaultMaxSize, deadline);
        break;
    }
}

inline void addOperations()
{
    QTest::addColumn<Operation>("operation");
    QTest::newRow("start") << Operation::Start;
    QTest::newRow("read") << Operation::Read;
    QTest::newRow("readLine") << Operation::ReadLine;
    QTest::newRow("readAll") << Operation::ReadAll;
    QTest::newRow("readError") << Operation::ReadError;
    QTest::newRow("write") << Operation::Write;
    QTest::newRow("finished") << Operation::Finished;
    QTest::newRow("communicate") << Operation::Communicate;
}

/** From now on hasChildren() sees whoever is left behind. */
inline void adoptOrphans()
{
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/** What a test of processes leaves behind: nobody. */
inline void verifyAllHaveEnded()
{
    Asyncoro::exec(); // until what was to end in the background has ended
    QVERIFY(!hasChildren());
}

} // namespace IoTest
