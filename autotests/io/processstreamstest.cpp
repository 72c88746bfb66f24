// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "processtest.h"

#include <QTest>

using namespace IoTest;
using namespace std::chrono_literals;

/** What a process reads and writes. */
class ProcessStreamsTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { adoptOrphans(); }
    void cleanup() { verifyAllHaveEnded(); }

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
};

QTEST_GUILESS_MAIN(ProcessStreamsTest)
#include "processstreamstest.moc"
