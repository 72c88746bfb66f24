// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "processtest.h"

#include <Asyncoro/Event>

#include <QCoreApplication>
#include <QTest>

#include <atomic>
#include <csignal>
#include <tuple>

using namespace IoTest;
using namespace std::chrono_literals;

namespace {

/** Starts the family, says so, and then waits in `operation`. */
Task<> waitWithFamily(Operation operation, Event &ready)
{
    AsyncProcess process;
    if (operation != Operation::Start) {
        co_await startShell(process, Family);
        co_await process.readLine();
    }
    ready.set();
    if (operation == Operation::Start) { // before anything can come of that
        spawn([self = Coro<>::self()]() -> Task<> {
            self.terminate();
            co_return;
        });
    }
    co_await perform(operation, process, Forever);
}

/** What this program does as the parent in endsWithParent(). */
int beParent()
{
    spawn([]() -> Task<> {
        AsyncProcess process;
        process.setEndsWithParent();
        co_await process.start(QStringLiteral("sleep"), {QStringLiteral("1000")});
        std::puts("ready");
        std::fflush(stdout);
        co_await process.finished();
    });
    return Asyncoro::exec();
}

} // namespace

/** How a process ends with those who want nothing of it any more, and nobody of its family is left. */
class ProcessEndTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { adoptOrphans(); }
    void cleanup() { verifyAllHaveEnded(); }

    void terminationEndsProcessAndItsChildren_data() { addOperations(); }
    void terminationEndsProcessAndItsChildren()
    {
        QFETCH(const Operation, operation);
        Lifeline lifeline;
        Event ready;
        const Coro<> coro = spawn(waitWithFamily, operation, std::ref(ready));
        run(ready.wait());
        lifeline.close();
        if (operation != Operation::Start) {
            letOthersRun();
            QCOMPARE(coro.state(), CoroState::Running);
            coro.terminate();
        }
        QCOMPARE(endOf(coro), CoroState::Terminated);
        lifeline.waitUntilAllHaveEnded();
    }

    void F06_stubbornProcessIsKilledInTime()
    {
        Lifeline lifeline;
        {
            AsyncProcess process = started(StubbornFamily);
            lifeline.close();
            QCOMPARE(run(process.readLine()), "ready\n");
            process.setTimeToEnd(1s);
        } // does not block:
        run(sleep(1ms));
        QVERIFY(hasChildren());
        Asyncoro::exec();
        QVERIFY(!hasChildren());
        lifeline.waitUntilAllHaveEnded();
    }

    void stubbornChildOfProcessIsKilledInTime()
    {
        Lifeline lifeline;
        {
            AsyncProcess process = started(QStringLiteral("(%1) & read line").arg(StubbornFamily));
            lifeline.close();
            QCOMPARE(run(process.readLine()), "ready\n");
            process.closeInput();
            run(process.finished()); // nobody but the child is left of its group
            process.setTimeToEnd(100ms);
        }
        Asyncoro::exec();
        lifeline.waitUntilAllHaveEnded();
    }

    void isKilledAtOnceWhenEventLoopEnds()
    {
        Lifeline lifeline;
        AsyncProcess process = started(StubbornFamily);
        lifeline.close();
        QCOMPARE(run(process.readLine()), "ready\n");
        const auto id = pid_t(process.processId());
        spawn([process = std::move(process)]() -> Task<> {
            QCoreApplication::exit(3);
            co_await sleep(Forever);
        });
        QCOMPARE(Asyncoro::exec(), 3);
        QCOMPARE(::waitpid(id, nullptr, WNOHANG), -1);
        lifeline.waitUntilAllHaveEnded();
        reapOrphans();
    }

    // Until then it is a copy of this process, with the signal handlers of that.
    void isKilledIfItsProgramDoesNotRunYet()
    {
        static std::atomic<int> signalEnd = -1;
        int ends[2];
        QCOMPARE(::pipe2(ends, O_CLOEXEC), 0);
        signalEnd = ends[1];
        const auto before = std::signal(SIGTERM, [](int) { std::ignore = ::write(signalEnd, "x", 1); });
        Lifeline lifeline;
        {
            AsyncProcess process;
            process.process()->setChildProcessModifier([] { ::sleep(1000); });
            const Coro<> starting = spawn(perform, Operation::Start, std::ref(process), Forever);
            letOthersRun();
            lifeline.close();
            QCOMPARE(starting.state(), CoroState::Running);
            process.terminate();
            QCOMPARE(endOf(starting), CoroState::Finished); // as far as QProcess can tell
        }
        Asyncoro::exec();
        lifeline.waitUntilAllHaveEnded();
        std::signal(SIGTERM, before);
        ::close(ends[1]);
        char byte = 0;
        QCOMPARE(::read(ends[0], &byte, 1), 0);
        ::close(ends[0]);
    }

    void signalsWholeGroup()
    {
        for (void (AsyncProcess::*const demand)() : {&AsyncProcess::terminate, &AsyncProcess::kill}) {
            Lifeline lifeline;
            AsyncProcess process = started(Family);
            lifeline.close();
            QCOMPARE(run(process.readLine()), "ready\n");
            (process.*demand)();
            QCOMPARE(run(process.finished()).signal(), demand == &AsyncProcess::kill ? SIGKILL : SIGTERM);
            lifeline.waitUntilAllHaveEnded();
        }
    }

    void sharesGroupIfAsked()
    {
        for (const bool own : {true, false}) {
            AsyncProcess process;
            process.setOwnGroup(own);
            run(startShell(process, QStringLiteral("cut -d' ' -f5 /proc/$$/stat")));
            QCOMPARE(run(process.readAll()).trimmed().toLongLong(), own ? process.processId() : ::getpgrp());
        }
        AsyncProcess process;
        process.setOwnGroup(false);
        run(process.start(QStringLiteral("sleep"), {QStringLiteral("1000")}));
    }

    void endsWithParent()
    {
        Lifeline lifeline;
        AsyncProcess parent;
        run(parent.start(QCoreApplication::applicationFilePath(), {QStringLiteral("--be-parent")}));
        lifeline.close();
        QCOMPARE(run(parent.readLine()), "ready\n");
        ::kill(pid_t(parent.processId()), SIGKILL); // the child is in a group of its own
        QCOMPARE(run(parent.finished()).signal(), SIGKILL);
        lifeline.waitUntilAllHaveEnded();
        reapOrphans();
    }
};

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    if (argc == 2 && qstrcmp(argv[1], "--be-parent") == 0)
        return beParent();
    ProcessEndTest test;
    QTEST_SET_MAIN_SOURCE_PATH
    return QTest::qExec(&test, argc, argv);
}

#include "processendtest.moc"
