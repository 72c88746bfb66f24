// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "processtest.h"

#include <QProcessEnvironment>
#include <QThread>

using namespace IoTest;
using namespace std::chrono_literals;

class AsyncProcessTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { adoptOrphans(); }
    void cleanup() { verifyAllHaveEnded(); }

    void startsAndFinishes()
    {
        AsyncProcess process;
        QVERIFY(!process.isRunning());
        QCOMPARE(process.processId(), 0);
        run(process.start(QStringLiteral("echo"), {QStringLiteral("a b"), QStringLiteral("c")}));
        QVERIFY(process.processId() > 0);
        QCOMPARE(run(process.readAll()), "a b c\n");
        QVERIFY(run(process.finished()).isSuccess());
        QVERIFY(run(process.finished()).isSuccess());
        QVERIFY(!process.isRunning());
        QCOMPARE(run(process.read()), "");
        QCOMPARE(run(process.readErrorAll()), "");
    }

    void failsToStart_data()
    {
        QTest::addColumn<QString>("program");
        QTest::addColumn<QString>("folder");
        QTest::addColumn<QString>("reason");
        const QString missing = QStringLiteral("/no/such/program");
        QTest::newRow("missing") << missing << QString() << QStringLiteral("No such file or directory");
        QTest::newRow("not on the PATH") << QStringLiteral("nosuchprogram") << QString() << QString();
        QTest::newRow("folder") << QStringLiteral("/usr") << QString() << QStringLiteral("Permission denied");
        QTest::newRow("no name") << QString() << QString() << QString();
        QTest::newRow("working directory") << Shell << missing << QStringLiteral("No such file or directory");
    }
    void failsToStart()
    {
        QFETCH(const QString, program);
        QFETCH(const QString, folder);
        QFETCH(const QString, reason);
        AsyncProcess process;
        process.process()->setWorkingDirectory(folder);
        const Coro<ExitStatus> waiting = spawn([&]() -> Task<ExitStatus> {
            co_await process.start(program);
            co_return co_await process.finished();
        });
        try {
            waitFor(waiting);
            QFAIL("it cannot be started");
        } catch (const ProcessError &error) {
            QCOMPARE(error.code(), QProcess::FailedToStart);
            QVERIFY2(error.message().contains(program) && error.message().contains(reason), error.what());
        }
        QVERIFY(!process.isRunning());
        QCOMPARE(process.processId(), 0);
        QVERIFY_THROWS_EXCEPTION(ProcessError, run(process.read()));
        QVERIFY_THROWS_EXCEPTION(ProcessError, run(process.finished()));
        QVERIFY_THROWS_EXCEPTION(ProcessError, run(process.start(Shell)));
        process.terminate();
        process.kill();
    }

    void needsStart_data() { addOperations(); }
    void needsStart()
    {
        QFETCH(const Operation, operation);
        AsyncProcess process;
        if (operation == Operation::Start) {
            run(process.start(QStringLiteral("true")));
            QVERIFY(textOf<ProcessError>([&] { run(process.start(Shell)); }).contains(Shell));
            QVERIFY(run(process.finished()).isSuccess());
            return;
        }
        QVERIFY(textOf<ProcessError>([&] { run(perform(operation, process, Forever)); })
                    .endsWith(QStringLiteral(": the process was not started")));
        process.terminate();
        process.kill();
        process.closeInput();
    }

    void hasSettingsOfQProcess()
    {
        AsyncProcess process;
        QProcessEnvironment environment;
        environment.insert(QStringLiteral("GREETING"), QStringLiteral("hello"));
        process.process()->setProcessEnvironment(environment);
        process.process()->setWorkingDirectory(QStringLiteral("/usr"));
        bool modified = false;
        process.process()->setChildProcessModifier([&modified] { modified = ::close(2) == 0; });
        run(startShell(process, QStringLiteral("pwd; echo $GREETING; echo lost >&2")));
        QCOMPARE(run(process.readAll()), "/usr\nhello\n");
        QCOMPARE(run(process.readErrorAll()), "");
        QVERIFY(!modified); // that was in the memory of the child
    }

    void tellsExitStatus_data()
    {
        QTest::addColumn<QString>("script");
        QTest::addColumn<ExitStatus>("status");
        QTest::addColumn<QString>("text");
        QTest::newRow("success") << QStringLiteral("exit 0") << ExitStatus() << QStringLiteral("ended with status 0");
        QTest::newRow("failure") << QStringLiteral("exit 1") << ExitStatus::exited(1)
                                 << QStringLiteral("ended with status 1");
        QTest::newRow("highest") << QStringLiteral("exit 255") << ExitStatus::exited(255)
                                 << QStringLiteral("ended with status 255");
        QTest::newRow("killed") << QStringLiteral("kill -KILL $$") << ExitStatus::killed(9)
                                << QStringLiteral("was killed by signal 9 (Killed)");
        QTest::newRow("terminated") << QStringLiteral("kill -TERM $$") << ExitStatus::killed(15)
                                    << QStringLiteral("was killed by signal 15 (Terminated)");
    }
    void tellsExitStatus()
    {
        QFETCH(const QString, script);
        QFETCH(const ExitStatus, status);
        QFETCH(const QString, text);
        AsyncProcess process = started(script);
        const ExitStatus found = run(process.finished());
        QCOMPARE(found, status);
        QCOMPARE(found.text(), text);
        QCOMPARE(found.code().has_value(), !found.signal().has_value());
        QCOMPARE(found.shellStatus(), found.code() ? *found.code() : 128 + *found.signal());
        QCOMPARE(found.isSuccess(), found.shellStatus() == 0);
    }

    void timesOut_data() { addOperations(); }
    void timesOut()
    {
        QFETCH(const Operation, operation);
        AsyncProcess process;
        if (operation == Operation::Start) {
            QVERIFY_THROWS_EXCEPTION(TimedOut, run(process.start(Shell, {}, 0ms)));
            QVERIFY_THROWS_EXCEPTION(ProcessError, run(process.finished()));
            return;
        }
        const bool endsInput = operation == Operation::Communicate;
        run(startShell(process, endsInput ? QStringLiteral("cat; exec sleep 1000")
                                          : QStringLiteral("read a; echo one two; read b; exit 5")));
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(perform(operation, process, 10ms)));
        QVERIFY(process.isRunning());
        if (endsInput) {
            QCOMPARE(run(process.read()), "input");
            return;
        }
        process.process()->write("\n"); // past those who wait to write
        QCOMPARE(run(process.read(4)), "one ");
        process.process()->write("\n");
        QCOMPARE(run(process.readLine()), "two\n");
        if (operation != Operation::Write)
            QCOMPARE(run(process.finished()).code(), 5);
    }

    void destructionWakesWhoWaits_data() { addOperations(); }
    void destructionWakesWhoWaits()
    {
        QFETCH(const Operation, operation);
        auto process = std::make_unique<AsyncProcess>();
        if (operation != Operation::Start) {
            run(startShell(*process, Family));
            run(process->readLine());
        }
        const Coro<> coro = spawn(perform, operation, std::ref(*process), Forever);
        letOthersRun();
        QCOMPARE(coro.state(), CoroState::Running);
        process.reset();
        QVERIFY(textOf<ProcessError>([&] { waitFor(coro); })
                    .endsWith(QStringLiteral(": the AsyncProcess was destroyed")));
    }

    void movesWhileCoroutinesWait()
    {
        AsyncProcess process;
        run(process.start(QStringLiteral("cat")));
        const Coro<ProcessResult> coro = spawn([&]() -> Task<ProcessResult> {
            co_return co_await process.communicate("input");
        });
        letOthersRun();
        AsyncProcess moved = std::move(process);
        process = AsyncProcess();
        QCOMPARE(waitFor(coro).output, "input");
        QVERIFY(!moved.isRunning());
    }

    void manyProcessesAtOnce()
    {
        QList<Coro<ProcessResult>> coros;
        for (int i = 0; i < 100; ++i) {
            coros.append(spawn([i]() -> Task<ProcessResult> {
                AsyncProcess process;
                co_await process.start(Shell, {QStringLiteral("-c"), QStringLiteral("cat; exit %1").arg(i)});
                co_return co_await process.communicate(QByteArray::number(i));
            }));
        }
        for (int i = 0; i < 100; ++i) {
            const ProcessResult result = waitFor(coros.at(i));
            QCOMPARE(result.output, QByteArray::number(i));
            QCOMPARE(result.status.code(), i);
        }
    }

    void worksOnOtherThreads()
    {
        QByteArray output;
        std::unique_ptr<QThread> thread(QThread::create([&output] {
            output = waitFor(spawn([]() -> Task<QByteArray> {
                AsyncProcess process;
                co_await process.start(QStringLiteral("cat"));
                co_return (co_await process.communicate("input")).output;
            }));
            waitFor(startStubbornProcess());
        }));
        thread->start();
        QVERIFY(thread->wait());
        QCOMPARE(output, "input");
    }

private:
    // The thread ends while the end of a process is under way.
    static Task<> startStubbornProcess()
    {
        AsyncProcess process;
        co_await startShell(process, QStringLiteral("trap '' TERM; echo ready; exec sleep 1000"));
        co_await process.readLine();
    }
};

QTEST_GUILESS_MAIN(AsyncProcessTest)
#include "asyncprocesstest.moc"
