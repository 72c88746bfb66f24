// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Chains of processes. asyncprocesstest.cpp, processstreamstest.cpp and processendtest.cpp try one alone.

#include <Asyncoro/AsyncPipe>
#include <Asyncoro/Insight>

#include "iotest.h"
#include "waitmatrix.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace IoTest;
using namespace std::chrono_literals;

namespace {

constexpr qsizetype Megabyte = 1024 * 1024;

void addShell(AsyncPipe &pipe, const QString &script)
{
    pipe.add("/bin/sh", {"-c", script});
}

AsyncPipe chain(const QStringList &scripts)
{
    AsyncPipe pipe;
    for (const QString &script : scripts)
        addShell(pipe, script);
    return pipe;
}

/** The descriptors of this process. */
qsizetype descriptorCount()
{
    return QDir("/proc/self/fd").entryList(QDir::AllEntries | QDir::System | QDir::NoDotAndDotDot).size();
}

void reapAll()
{
    QTRY_VERIFY_WITH_TIMEOUT(::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD, 20'000);
}

qint64 residentKilobytes()
{
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/** Whether this process has grown, beyond what a few buffers need, since it had so many KiB. */
bool hasGrown(qint64 since)
{
#ifdef __SANITIZE_ADDRESS__
    Q_UNUSED(since)
    return false; // it keeps what was freed
#else
    return residentKilobytes() - since > 50'000;
#endif
}

/** A chain that passes on what it reads, and of which nothing is read yet. */
struct PipeWait {
    std::unique_ptr<AsyncPipe> pipe = std::make_unique<AsyncPipe>(chain({"cat", "cat"}));

    static constexpr bool CompletesAtOnce = false; // the processes take their time
    static constexpr auto CancelledAfterCompletion = WaitMatrix::Outcome::Cancelled;

    PipeWait() { run(pipe->start()); }
    void verify(bool, WaitMatrix::Outcome) { pipe->kill(); }
};

struct PipeReadWait : PipeWait {
    Task<> wait(QDeadlineTimer deadline) { co_await pipe->read(100, deadline); }
    void complete() { pipe->process(0).process()->write("bytes"); } // it may be called where nothing can be awaited
};

struct PipeCommunicateWait : PipeWait {
    PipeCommunicateWait()
    {
        pipe->kill();
        pipe = std::make_unique<AsyncPipe>(chain({"sleep 1000", "cat"}));
        run(pipe->start());
    }
    Task<> wait(QDeadlineTimer deadline)
    {
        co_await pipe->communicate("input", AsyncProcess::DefaultMaxSize, deadline);
    }
    void complete() { pipe->kill(); }
};

} // namespace

class AsyncPipeTest : public QObject
{
    Q_OBJECT

private:
    QTemporaryDir m_folder;

private Q_SLOTS:
    void initTestCase()
    {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1); // orphans come to us, so that none goes unnoticed
    }
    void cleanup() { reapAll(); }

    void F05_communicates()
    {
        AsyncPipe pipe = chain({"sort", "uniq", "tr a-z A-Z; echo note >&2; exit 3"});
        const PipeResult result = run(pipe.communicate("b\na\nb\n"));
        QCOMPARE(result.output, "A\nB\n");
        QCOMPARE(result.error, "note\n");
        QCOMPARE(result.statuses, (std::vector{ExitStatus(), ExitStatus(), ExitStatus::exited(3)}));
        QVERIFY(!pipe.isRunning());
    }

    void F05_communicateAndOwnFeederGiveTheSame()
    {
        const QByteArray bytes = pattern(10 * Megabyte);
        const QByteArray expected = QCryptographicHash::hash(bytes, QCryptographicHash::Sha256).toHex();
        AsyncPipe pipe;
        pipe.add("cat");
        pipe.add("sha256sum");
        QCOMPARE(run(pipe.communicate(bytes)).output.first(64), expected);

        AsyncPipe fed;
        fed.add("cat");
        fed.add("sha256sum");
        run(fed.start());
        const Coro<> feeder = spawn([&]() -> Task<> {
            for (qsizetype at = 0; at < bytes.size(); at += 10'007)
                co_await fed.write(bytes.mid(at, 10'007));
            fed.closeInput();
        });
        QCOMPARE(run(fed.readLine()).first(64), expected);
        waitFor(feeder);
        QCOMPARE(run(fed.finished()), std::vector<ExitStatus>(2));
    }

    void F05_readsErrors()
    {
        AsyncPipe pipe = chain({"echo first >&2", "cat; echo one >&2; echo two >&2; echo three >&2"});
        pipe.process(0).process()->setProcessChannelMode(QProcess::SeparateChannels);
        run(pipe.start());
        pipe.closeInput();
        QCOMPARE(run(pipe.readErrorLine()), "one\n");
        QCOMPARE(run(pipe.process(0).readErrorLine()), "first\n");
        QCOMPARE(run(pipe.readErrorAll()), "two\nthree\n");
        QCOMPARE(run(pipe.readAll()), "");
        run(pipe.finished());
    }

    void F05_earlierOneIsEndedBySigpipe() // as in a shell
    {
        AsyncPipe pipe;
        pipe.add("yes");
        pipe.add("cat");
        pipe.add("head", {"-n", "2"});
        const PipeResult result = run(pipe.communicate());
        QCOMPARE(result.output, "y\ny\n");
        const ExitStatus byPipe = ExitStatus::killed(SIGPIPE);
        QCOMPARE(result.statuses, (std::vector{byPipe, byPipe, ExitStatus()}));
    }

    void F05_lastOneThatReadsNothing()
    {
        AsyncPipe pipe = chain({"cat", "exec <&-; sleep 0.01; echo done"});
        const PipeResult result = run(pipe.communicate(pattern(5 * Megabyte)));
        QCOMPARE(result.output, "done\n");
        QCOMPARE(result.statuses[1], ExitStatus());
    }

    void F05_copiesHugeOutputWithLittleMemory()
    {
        const qint64 before = residentKilobytes();
        AsyncPipe pipe = chain({"yes | head -c 1000000000", "wc -c"});
        QCOMPARE(run(pipe.communicate()).output.trimmed(), "1000000000");
        QVERIFY2(!hasGrown(before), "the bytes came through this process");
    }

    void F05_slowReaderHoldsUpTheChain()
    {
        AsyncPipe pipe = chain({"yes | head -c 200000000", "cat"});
        run(pipe.start());
        const qint64 before = residentKilobytes();
        const qint64 sum = waitFor(spawn([&]() -> Task<qint64> {
            qint64 read = 0;
            while (true) {
                const QByteArray bytes = co_await pipe.read();
                if (bytes.isEmpty())
                    co_return read;
                read += bytes.size();
            }
        }));
        QCOMPARE(sum, 200'000'000);
        QVERIFY(!hasGrown(before));
        QCOMPARE(run(pipe.finished()), std::vector<ExitStatus>(2));
    }

    void F05_failsToStart()
    {
        AsyncPipe pipe;
        pipe.add("/bin/cat");
        pipe.add("/no/such/program");
        QVERIFY(textOf<ProcessError>([&] { run(pipe.start()); }).startsWith("start(), /no/such/program: "));
        QTRY_VERIFY(!pipe.isRunning());
        AsyncPipe empty;
        QCOMPARE(textOf<ProcessError>([&] { run(empty.start()); }), "AsyncPipe::start(): there is no process in it");
        AsyncPipe started = chain({"true"});
        run(started.start());
        QVERIFY_THROWS_EXCEPTION(ProcessError, started.add("true"));
        run(started.finished());
    }

    void F05_cannotWriteToMiddle()
    {
        AsyncPipe pipe = chain({"cat", "cat"});
        run(pipe.start());
        QVERIFY(textOf<ProcessError>([&] { run(pipe.process(1).write("x")); }).contains("is not captured"));
        QCOMPARE(run(pipe.process(0).read()), ""); // nothing is captured
        QCOMPARE(run(pipe.communicate("x")).output, "x");
    }

    void F05_timesOut()
    {
        AsyncPipe pipe = chain({"cat", "sleep 1000"});
        run(pipe.start());
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(pipe.communicate("x", AsyncProcess::DefaultMaxSize, 50ms)));
        QVERIFY(pipe.isRunning());
        pipe.kill();
        QCOMPARE(run(pipe.finished())[1], ExitStatus::killed(SIGKILL));
    }

    void F05_takesNoMoreThanItShall()
    {
        AsyncPipe pipe = chain({"cat /dev/zero", "cat"});
        QVERIFY_THROWS_EXCEPTION(MessageTooLong, run(pipe.communicate({}, 1'000'000)));
        QVERIFY_THROWS_EXCEPTION(MessageTooLong, run(pipe.readAll(1'000'000)));
        QVERIFY(pipe.isRunning());
        QCOMPARE(run(pipe.read(1'000'000)).size(), 1'000'000);
    }

    void F05_destructionEndsAll()
    {
        const qsizetype before = descriptorCount();
        {
            AsyncPipe pipe = chain({"sleep 1000 & wait", "cat", "sleep 1000"});
            run(pipe.start());
            const Coro<> coro = spawn([&]() -> Task<> { co_await pipe.finished(); });
            letOthersRun();
            coro.terminate();
            QCOMPARE(endOf(coro), CoroState::Terminated);
        }
        reapAll();
        QTRY_COMPARE(descriptorCount(), before);
    }

    void F05_movesWhileCoroutinesWait()
    {
        AsyncPipe pipe = chain({"cat", "cat"});
        const Coro<PipeResult> coro = spawn([&]() -> Task<PipeResult> { co_return co_await pipe.communicate("x"); });
        letOthersRun();
        AsyncPipe other = std::move(pipe);
        QCOMPARE(waitFor(coro).output, "x");
    }

    void F05_readWaits_data() { WaitMatrix::addRows<PipeReadWait>(); }
    void F05_readWaits() { WaitMatrix::run<PipeReadWait>(); }
    void F05_communicateWaits_data() { WaitMatrix::addRows<PipeCommunicateWait>(); }
    void F05_communicateWaits() { WaitMatrix::run<PipeCommunicateWait>(); }

    void F06_environmentFolderAndMergedChannels()
    {
        AsyncPipe pipe = chain({"pwd; echo $COLOUR; echo oops >&2"});
        QProcess &settings = *pipe.process(0).process();
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.insert("COLOUR", "green");
        settings.setProcessEnvironment(environment);
        settings.setWorkingDirectory("/");
        settings.setProcessChannelMode(QProcess::MergedChannels);
        QCOMPARE(run(pipe.communicate()).output, "/\ngreen\noops\n");
    }

    void F06_inputAndOutputOfFiles()
    {
        const QString from = m_folder.filePath("from");
        const QString to = m_folder.filePath("to");
        QFile file(from);
        QVERIFY(file.open(QIODevice::WriteOnly) && file.write("b\na\n") == 4);
        file.close();
        AsyncPipe pipe = chain({"cat", "sort"});
        pipe.process(0).process()->setStandardInputFile(from);
        pipe.process(1).process()->setStandardOutputFile(to);
        const PipeResult result = run(pipe.communicate());
        QCOMPARE(result.output, "");
        QCOMPARE(result.statuses, std::vector<ExitStatus>(2));
        QFile written(to);
        QVERIFY(written.open(QIODevice::ReadOnly));
        QCOMPARE(written.readAll(), "a\nb\n");
    }

    void F06_childThatClosesItsOutputButRunsOn()
    {
        AsyncProcess process;
        run(process.start("/bin/sh", {"-c", "echo last; exec >&- 2>&-; read line; exit 7"}));
        QCOMPARE(run(process.readAll()), "last\n");
        QVERIFY(process.isRunning());
        run(process.write("\n"));
        QCOMPARE(run(process.finished()), ExitStatus::exited(7));
    }

    void F06_grandchildrenThatHoldThePipe() // communicate() does not wait for them, and they end with the process
    {
        const ProcessResult result = [] {
            AsyncProcess process;
            run(process.start("/bin/sh", {"-c", "sleep 1000 & echo done"}));
            return run(process.communicate());
        }();
        QCOMPARE(result.output, "done\n");
        QCOMPARE(result.status, ExitStatus());
    }

    void F06_childThatNeverReads()
    {
        AsyncProcess process;
        run(process.start("sleep", {"1000"}));
        const Coro<> writer = spawn([&]() -> Task<> {
            for (int i = 0; i < 100; ++i)
                co_await process.write(QByteArray(Megabyte, 'x'));
        });
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(process.finished(50ms)));
        QCOMPARE(writer.state(), CoroState::Running); // held up
        process.kill();
        QVERIFY_THROWS_EXCEPTION(ProcessError, waitFor(writer));
        QCOMPARE(run(process.finished()), ExitStatus::killed(SIGKILL));
    }

    void F05_timedOutCommunicateTakesNoByte()
    {
        AsyncPipe pipe = chain({"sleep 1000", "echo out; echo note >&2"});
        run(pipe.start());
        QCOMPARE(run(pipe.process(1).finished()), ExitStatus());
        QVERIFY_THROWS_EXCEPTION(TimedOut, run(pipe.communicate({}, AsyncProcess::DefaultMaxSize, 10ms)));
        QCOMPARE(run(pipe.readAll()), "out\n");
        QCOMPARE(run(pipe.readError()), "note\n");
    }

    void F05_startThatWasGivenUpAndFailsEndsAtOnce()
    {
        const auto isEnding = [] {
            return std::ranges::any_of(liveCoroutines(),
                                       [](const CoroInfo &coro) { return coro.name.startsWith("end of"); });
        };
        {
            AsyncProcess process;
            process.setTimeToEnd(1h);
            QVERIFY_THROWS_EXCEPTION(TimedOut, run(process.start("/nonexistent", {}, 0ms)));
        }
        QTRY_VERIFY(!isEnding());
    }

    void F05_destroyedBeforeItsWaitsBegin()
    {
        for (const bool communicates : {false, true}) {
            auto pipe = std::make_unique<AsyncPipe>(chain({"cat", "cat"}));
            run(pipe->start());
            const Coro<> waiter = spawn([&]() -> Task<> {
                if (communicates)
                    co_await pipe->communicate();
                else
                    co_await pipe->finished();
            });
            spawn([&]() -> Task<> {
                pipe.reset();
                co_return;
            });
            QVERIFY(textOf<ProcessError>([&] { waitFor(waiter); }).endsWith(": the AsyncPipe was destroyed"));
        }
        auto process = std::make_unique<AsyncProcess>();
        run(process->start("cat"));
        Task<ProcessResult> task = process->communicate();
        process.reset();
        QCOMPARE(textOf<ProcessError>([&] { run(std::move(task)); }),
                 "communicate(): the AsyncProcess was destroyed");
    }

    void F06_leavesNoDescriptors()
    {
        const qsizetype before = descriptorCount();
        for (int i = 0; i < 20; ++i) {
            AsyncPipe pipe = chain({"cat", "cat", "cat"});
            QCOMPARE(run(pipe.communicate("x")).output, "x");
        }
        QTRY_VERIFY(descriptorCount() <= before); // of earlier tests some may have been open still
    }
};

QTEST_GUILESS_MAIN(AsyncPipeTest)
#include "asyncpipetest.moc"
