// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/AsyncProcess>

#include "iotest.h"

#include <Asyncoro/Event>

#include <QCoreApplication>
#include <QProcessEnvironment>
#include <QTest>

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace IoTest;
using namespace std::chrono_literals;

namespace {

const QString Shell = QStringLiteral("/bin/sh");
// Starts a child of its own, says so, and ends only by a signal.
const QString Family = QStringLiteral("sleep 1000 & echo ready; wait");
// The same, and that does not suffice.
const QString StubbornFamily = QStringLiteral("trap '' TERM; sleep 1000 & echo ready; while :; do sleep 1000; done");

const QDeadlineTimer Forever(QDeadlineTimer::Forever);
constexpr qsizetype Megabyte = 1024 * 1024;

Task<> startShell(AsyncProcess &process, QString script)
{
    co_await process.start(Shell, {QStringLiteral("-c"), script});
}

AsyncProcess started(const QString &script)
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
bool hasChildren()
{
    siginfo_t info{};
    return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

/** Blocks. */
void reapOrphans()
{
    while (::waitpid(-1, nullptr, 0) > 0) { }
}

enum class Operation : quint8 { Start, Read, ReadLine, ReadAll, ReadError, Write, Finished, Communicate };

Task<> perform(Operation operation, AsyncProcess &process, QDeadlineTimer deadline)
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

void addOperations()
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

class AsyncProcessTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1); // so that hasChildren() sees whoever is left behind
    }

    void cleanup()
    {
        Asyncoro::exec(); // until what was to end in the background has ended
        QVERIFY(!hasChildren());
    }

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

    void F05_communicates()
    {
        const QByteArray input = pattern(10 * Megabyte);
        AsyncProcess process = started(QStringLiteral("cat; echo done >&2; exit 3"));
        const ProcessResult result = run(process.communicate(input));
        QVERIFY(result.output == input);
        QCOMPARE(result.error, "done\n");
        QCOMPARE(result.status.code(), 3);
        QCOMPARE(run(process.communicate("more")).output, "");
    }

    void takesNoMoreThanItShall_data()
    {
        QTest::addColumn<QString>("to");
        QTest::newRow("output") << QString();
        QTest::newRow("error") << QStringLiteral(">&2");
    }
    void takesNoMoreThanItShall()
    {
        QFETCH(const QString, to);
        constexpr qint64 Limit = 1'000'000;
        AsyncProcess endless = started(QStringLiteral("exec cat /dev/zero ") + to);
        const auto readAll = [&](AsyncProcess &process, qint64 maxSize) {
            return to.isEmpty() ? run(process.readAll(maxSize)) : run(process.readErrorAll(maxSize));
        };
        QVERIFY_THROWS_EXCEPTION(MessageTooLong, run(endless.communicate({}, Limit)));
        QVERIFY_THROWS_EXCEPTION(MessageTooLong, readAll(endless, Limit));
        QVERIFY(endless.isRunning());
        const QByteArray some = run(to.isEmpty() ? endless.read(Limit) : endless.readError(Limit)); // nothing was taken
        QCOMPARE(some, QByteArray(Limit, '\0'));

        const QString script = QStringLiteral("head -c %1 /dev/zero %2").arg(Limit).arg(to);
        AsyncProcess exact = started(script);
        const ProcessResult result = run(exact.communicate({}, Limit));
        QCOMPARE(result.output.size() + result.error.size(), Limit);
        AsyncProcess ended = started(script);
        run(ended.finished());
        QVERIFY_THROWS_EXCEPTION(MessageTooLong, run(ended.communicate({}, Limit - 1)));
        QVERIFY_THROWS_EXCEPTION(MessageTooLong, readAll(ended, Limit - 1));
        QCOMPARE(readAll(ended, Limit).size(), Limit);
    }

    void communicatesWithProcessThatReadsNothing()
    {
        AsyncProcess process = started(QStringLiteral("exec <&-; echo out"));
        QCOMPARE(run(process.communicate(pattern(10 * Megabyte))).output, "out\n");
    }

    void streamsLargeData()
    {
        const QByteArray input = pattern(10 * Megabyte);
        AsyncProcess process;
        run(process.start(QStringLiteral("cat")));
        const Coro<> writer = spawn([&]() -> Task<> {
            for (qsizetype at = 0; at < input.size(); at += 100'000)
                co_await process.write(input.mid(at, 100'000));
            process.closeInput();
        });
        const Coro<QByteArray> reader = spawn([&]() -> Task<QByteArray> {
            QByteArray output;
            for (;;) {
                const QByteArray some = co_await process.read();
                if (some.isEmpty())
                    co_return output;
                output += some;
            }
        });
        QVERIFY(waitFor(reader) == input);
        waitFor(writer);
        QVERIFY(run(process.finished()).isSuccess());
    }

    void F05_readsLines()
    {
        const QByteArray longLine(Megabyte, 'x');
        AsyncProcess process;
        run(process.start(QStringLiteral("cat")));
        spawn([&process, longLine]() -> Task<> {
            co_await process.write("first\n\n");
            co_await process.write(longLine + '\n' + longLine + "\nlast");
            process.closeInput();
        });
        QCOMPARE(run(process.readLine()), "first\n");
        QCOMPARE(run(process.readLine()), "\n");
        QVERIFY(run(process.readLine()) == longLine + '\n');
        QVERIFY(run(process.readLine(Megabyte - 1)) == longLine.first(Megabyte - 1));
        QCOMPARE(run(process.readLine(1)), "x");
        QCOMPARE(run(process.readLine(1)), "\n");
        QCOMPARE(run(process.readLine()), "last");
        QCOMPARE(run(process.readLine()), "");
    }

    void readsLinesAsTheyCome()
    {
        AsyncProcess process;
        run(process.start(QStringLiteral("cat")));
        for (int i = 0; i < 100; ++i) {
            const QByteArray line = QByteArray::number(i) + '\n';
            run(process.write(line));
            QCOMPARE(run(process.readLine()), line);
        }
    }

    void servesReadersInOrder()
    {
        AsyncProcess process;
        run(process.start(QStringLiteral("cat")));
        QList<Coro<QByteArray>> readers;
        for (int i = 0; i < 10; ++i)
            readers.append(spawn([&]() -> Task<QByteArray> { co_return co_await process.readLine(); }));
        const Coro<QByteArray> rest = spawn([&]() -> Task<QByteArray> { co_return co_await process.readAll(); });
        letOthersRun();
        readers.at(3).terminate();
        run(process.write("0\n1\n2\n4\n5\n6\n7\n8\n9\nrest\nend"));
        process.closeInput();
        for (int i = 0; i < 10; ++i) {
            if (i != 3)
                QCOMPARE(waitFor(readers.at(i)), QByteArray::number(i) + '\n');
        }
        QCOMPARE(waitFor(rest), "rest\nend");
    }

    void F05_readsErrorSeparately()
    {
        AsyncProcess process = started(QStringLiteral("echo a; echo b >&2; echo c; echo d >&2"));
        QCOMPARE(run(process.readErrorLine()), "b\n");
        QCOMPARE(run(process.readError(1)), "d");
        QCOMPARE(run(process.readErrorAll()), "\n");
        QCOMPARE(run(process.readAll()), "a\nc\n");
    }

    void mergesAndForwardsChannels_data()
    {
        QTest::addColumn<QProcess::ProcessChannelMode>("mode");
        QTest::addColumn<QByteArray>("output");
        QTest::addColumn<QByteArray>("error");
        QTest::newRow("merged") << QProcess::MergedChannels << QByteArray("out\nerror\n") << QByteArray();
        QTest::newRow("output forwarded") << QProcess::ForwardedOutputChannel << QByteArray() << QByteArray("error\n");
        QTest::newRow("error forwarded") << QProcess::ForwardedErrorChannel << QByteArray("out\n") << QByteArray();
        QTest::newRow("forwarded") << QProcess::ForwardedChannels << QByteArray() << QByteArray();
    }
    void mergesAndForwardsChannels()
    {
        QFETCH(const QProcess::ProcessChannelMode, mode);
        QFETCH(const QByteArray, output);
        QFETCH(const QByteArray, error);
        AsyncProcess process;
        process.process()->setProcessChannelMode(mode);
        run(startShell(process, QStringLiteral("echo out; echo error >&2")));
        QCOMPARE(run(process.readAll()), output);
        QCOMPARE(run(process.readErrorAll()), error);
    }

    void cannotWriteToInputThatIsNotCaptured()
    {
        AsyncProcess forwarded;
        forwarded.process()->setInputChannelMode(QProcess::ForwardedInputChannel);
        run(forwarded.start(QStringLiteral("sleep"), {QStringLiteral("1000")}));
        QVERIFY(textOf<ProcessError>([&] { run(forwarded.write("x")); })
                    .endsWith(QStringLiteral(": its input is not captured")));
        AsyncProcess redirected;
        redirected.process()->setStandardInputFile(QProcess::nullDevice());
        run(startShell(redirected, QStringLiteral("cat; echo end; exec sleep 1000")));
        QCOMPARE(run(redirected.readLine()), "end\n");
        QVERIFY_THROWS_EXCEPTION(ProcessError, run(redirected.write("x")));
        QVERIFY_THROWS_EXCEPTION(ProcessError, run(redirected.communicate("x")));
        redirected.kill();
        QCOMPARE(run(redirected.communicate()).status.signal(), SIGKILL);
    }

    void outputEndsBeforeProcess()
    {
        AsyncProcess process = started(QStringLiteral("echo last; exec >&-; read line; exit $line"));
        QCOMPARE(run(process.readAll()), "last\n");
        QVERIFY(process.isRunning());
        run(process.write("7\n"));
        QCOMPARE(run(process.finished()).code(), 7);
    }

    void outputEndsWithProcess() // though a child of its own keeps it open
    {
        AsyncProcess process = started(QStringLiteral("sleep 1000 & echo last"));
        QCOMPARE(run(process.readAll()), "last\n");
        QVERIFY(run(process.finished()).isSuccess());
    }

    void processWaitsForReader()
    {
        const QString script = QStringLiteral("head -c 5000000 /dev/zero; echo done >&2; read line");
        {
            AsyncProcess process = started(script);
            QVERIFY_THROWS_EXCEPTION(TimedOut, run(process.readErrorLine(100, 300ms)));
            qsizetype read = 0;
            while (read < 5'000'000)
                read += run(process.read()).size();
            QCOMPARE(run(process.readErrorLine()), "done\n");
        }
        AsyncProcess process = started(script);
        process.closeInput();
        QVERIFY(run(process.finished()).code().has_value()); // does not wait for a reader
        QCOMPARE(run(process.readAll()).size(), 5'000'000);
    }

    void cannotWriteAfterEnd()
    {
        AsyncProcess process;
        run(process.start(QStringLiteral("cat")));
        const Coro<> writer = spawn(perform, Operation::Write, std::ref(process), Forever);
        letOthersRun();
        process.kill();
        QVERIFY_THROWS_EXCEPTION(ProcessError, waitFor(writer));
        QCOMPARE(run(process.finished()).signal(), SIGKILL);
        QVERIFY(textOf<ProcessError>([&] { run(process.write("x")); })
                    .endsWith(QStringLiteral(": the process has ended")));
        process.closeInput();

        AsyncProcess second;
        run(second.start(QStringLiteral("cat")));
        run(second.write("before"));
        second.closeInput();
        QVERIFY(textOf<ProcessError>([&] { run(second.write("after")); })
                    .endsWith(QStringLiteral(": its input was closed")));
        QCOMPARE(run(second.readAll()), "before");
    }

    void tellsThatProcessReadsNoMore()
    {
        AsyncProcess process = started(QStringLiteral("exec <&-; echo ready; exec sleep 1000"));
        QCOMPARE(run(process.readLine()), "ready\n");
        try {
            run(perform(Operation::Write, process, Forever));
            QFAIL("nobody reads that");
        } catch (const ProcessError &error) {
            QCOMPARE(error.code(), QProcess::WriteError);
            QVERIFY(error.message().endsWith(QStringLiteral(": it does not read its input any more")));
        }
        QVERIFY(process.isRunning());
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

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    if (argc == 2 && qstrcmp(argv[1], "--be-parent") == 0)
        return beParent();
    AsyncProcessTest test;
    QTEST_SET_MAIN_SOURCE_PATH
    return QTest::qExec(&test, argc, argv);
}

#include "asyncprocesstest.moc"
