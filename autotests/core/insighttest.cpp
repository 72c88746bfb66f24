// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "corotesting.h"

#include <Asyncoro/Insight>

#include <Asyncoro/Coro>
#include <Asyncoro/Event>

#include <QDeadlineTimer>
#include <QEventLoop>
#include <QLoggingCategory>
#include <QProcess>
#include <QRegularExpression>
#include <QScopeGuard>
#include <QSemaphore>
#include <QTest>
#include <QThread>
#include <QTimer>

#include <csignal>
#include <cstring>
#include <thread>

using namespace Asyncoro;
using namespace CoroTesting;
using namespace std::chrono_literals;

namespace {

Task<> inner()
{
    co_await receive<int>();
}

Task<> outer()
{
    co_await inner();
}

CoroInfo infoOf(const Coro<> &coro)
{
    for (const CoroInfo &info : liveCoroutines()) {
        if (info.id == coro.id())
            return info;
    }
    return {};
}

void terminate(const Coro<> &coro)
{
    coro.terminate();
    QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
}

} // namespace

class InsightTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void cleanup() { QLoggingCategory::setFilterRules({}); }

    void tellsWhatACoroutineDoes()
    {
        const int spawnLine = __LINE__ + 1;
        const Coro<> coro = spawn(outer);
        coro.setName(QStringLiteral("worker"));
        QCOMPARE(infoOf(coro).activity, CoroInfo::Activity::New);
        letOthersRun();
        coro.send(QStringLiteral("not wanted yet"));

        const CoroInfo info = infoOf(coro);
        QCOMPARE(info.name, QStringLiteral("worker"));
        QCOMPARE(info.activity, CoroInfo::Activity::Waiting);
        QCOMPARE(info.waitsFor, QStringLiteral("receive<int>()"));
        QCOMPARE(info.mailboxSize, 1U);
        QVERIFY(!info.isDaemon);
        QCOMPARE(info.parent, 0U);
        QVERIFY2(info.startedAt.startsWith(QStringLiteral("insighttest.cpp:%1 ").arg(spawnLine)),
                 qPrintable(info.startedAt));
        QCOMPARE(info.stack.size(), 2);
        QVERIFY2(info.stack.at(0).contains(QStringLiteral("inner()")), qPrintable(info.stack.at(0)));
        QVERIFY2(info.stack.at(1).contains(QStringLiteral("outer()")), qPrintable(info.stack.at(1)));
        terminate(coro);
        QCOMPARE(infoOf(coro).id, 0U); // gone
    }

    void tellsParentAndWhatRuns()
    {
        CoroInfo self;
        CoroInfo child;
        Coro<> started;
        const Coro<> coro = spawn([&]() -> Task<> {
            started = spawn(outer);
            self = infoOf(Coro<>::self());
            child = infoOf(started);
            co_return;
        });
        waitFor(coro);
        QCOMPARE(self.activity, CoroInfo::Activity::Running);
        QCOMPARE(child.parent, coro.id());
        terminate(started);
    }

    void listsOtherThreads()
    {
        QSemaphore ready;
        Coro<> far;
        QThread *const thread = QThread::create([&] {
            far = spawn(outer);
            ready.release();
            try {
                waitFor(far);
            } catch (const CoroTerminated &) {
            }
        });
        thread->setObjectName(QStringLiteral("far away"));
        thread->start();
        ready.acquire();
        CoroInfo info;
        QTRY_VERIFY((info = infoOf(far), info.activity == CoroInfo::Activity::Waiting));
        QCOMPARE(info.thread, QStringLiteral("far away"));
        far.terminate();
        QVERIFY(thread->wait(60'000));
        delete thread;
    }

    void namesThreadsThatDoNotAnswer()
    {
        QSemaphore ready;
        QSemaphore goOn;
        QThread *const thread = QThread::create([&] {
            waitFor(spawn([&]() -> Task<> {
                ready.release();
                goOn.acquire(); // blocks
                co_return;
            }));
        });
        thread->setObjectName(QStringLiteral("blocked"));
        thread->start();
        ready.acquire();
        const QString report = coroutineReport();
        goOn.release();
        QVERIFY2(report.contains(QStringLiteral("thread blocked does not answer")), qPrintable(report));
        QVERIFY(thread->wait(60'000));
        delete thread;
    }

    void writesAReport()
    {
        const Coro<> coro = spawn(outer);
        coro.setName(QStringLiteral("worker"));
        coro.setDaemon();
        letOthersRun();
        const QString report = coroutineReport();
        QVERIFY2(report.startsWith(QStringLiteral("1 coroutines\n")), qPrintable(report));
        QVERIFY2(report.contains(QRegularExpression(QStringLiteral(
                     "\"worker\" waits for receive<int>\\(\\) \\(daemon, thread main\\)\n"
                     " +at insighttest.cpp:\\d+ .*inner"))),
                 qPrintable(report));
        QCOMPARE(QString::fromUtf8(asyncoro_coroutines()), report);
        terminate(coro);
    }

    void measuresRunTime()
    {
        setMeasuring(true);
        const Coro<> coro = spawn([]() -> Task<> {
            QThread::msleep(2);
            co_await yield();
            QThread::msleep(2);
            co_await receive();
        });
        QTRY_COMPARE(infoOf(coro).activity, CoroInfo::Activity::Waiting);
        setMeasuring(false);
        QVERIFY(infoOf(coro).runTime >= 4ms);
        coro.send(1);
        waitFor(coro);
    }

    void reportsLongSlices()
    {
        QLoggingCategory::setFilterRules(QStringLiteral("asyncoro.slice=true"));
        QTest::ignoreMessage(QtWarningMsg,
                             QRegularExpression(QStringLiteral("^slow \\(started at insighttest.*"
                                                               "ran for \\d+ ms without a wait")));
        const Coro<> coro = spawn([]() -> Task<> {
            QThread::msleep(60);
            co_return;
        });
        coro.setName(QStringLiteral("slow"));
        waitFor(coro);
    }

    void reportsFullMailboxes()
    {
        QLoggingCategory::setFilterRules(QStringLiteral("asyncoro.mailbox=true"));
        QTest::ignoreMessage(QtWarningMsg, QRegularExpression(QStringLiteral("has 16385 messages waiting")));
        const Coro<> coro = spawn([]() -> Task<> { co_await sleep(QDeadlineTimer::Forever); });
        for (int i = 0; i < 16'385; ++i)
            coro.send(i);
        terminate(coro);
    }

    void reportsDeadlocks()
    {
        QLoggingCategory::setFilterRules(QStringLiteral("asyncoro.deadlock=true"));
        static QString report;
        const auto before = qInstallMessageHandler([](QtMsgType, const QMessageLogContext &, const QString &text) {
            report = text;
        });
        const auto again = qScopeGuard([before] { qInstallMessageHandler(before); });
        Event event;
        const Coro<> first = spawn([&]() -> Task<> { co_await event.wait(); });
        const Coro<> second = spawn([]() -> Task<> { co_await receive(); });
        for (const QDeadlineTimer limit(20s); report.isEmpty() && !limit.hasExpired();) {
            QEventLoop loop; // which waits, unlike qWait()
            QTimer::singleShot(5ms, &loop, &QEventLoop::quit);
            loop.exec();
        }
        QLoggingCategory::setFilterRules({});
        terminate(first);
        terminate(second);
        const QRegularExpression expected(QStringLiteral("all coroutines wait.*Event::wait\\(\\).*receive"),
                                          QRegularExpression::DotMatchesEverythingOption);
        QVERIFY2(expected.match(report).hasMatch(), qPrintable(report));
    }

    void whoSleepsIsNoDeadlock()
    {
        QLoggingCategory::setFilterRules(QStringLiteral("asyncoro.deadlock=true"));
        QTest::failOnWarning(QRegularExpression(QStringLiteral("all coroutines wait")));
        const Coro<> sleeping = spawn([]() -> Task<> { co_await sleep(10ms); });
        const Coro<> waiting = spawn([&]() -> Task<> { co_await sleeping; });
        waitFor(waiting);
    }

    void reportsOnASignal()
    {
#ifdef Q_OS_UNIX
        QProcess process;
        process.start(QCoreApplication::applicationFilePath(), {QStringLiteral("--report-on-signal")});
        QVERIFY(process.waitForReadyRead());
        QCOMPARE(process.readAllStandardOutput(), "ready\n");
        QCOMPARE(::kill(pid_t(process.processId()), SIGQUIT), 0);
        QByteArray report;
        process.setReadChannel(QProcess::StandardError);
        while (!report.contains("computes\n") && process.waitForReadyRead())
            report += process.readAllStandardError();
        QVERIFY2(report.contains("thread main does not answer"), report.constData());
        process.kill();
        process.waitForFinished();
#else
        QVERIFY(!reportOnSignal(SIGINT));
#endif
    }
};

/** A program whose main thread computes for ever. */
static int computeForEver()
{
    reportOnSignal(SIGQUIT);
    waitFor(spawn([]() -> Task<> {
        std::puts("ready");
        std::fflush(stdout);
        QThread::sleep(1h);
        co_return;
    }));
    return 0;
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    if (argc > 1 && std::strcmp(argv[1], "--report-on-signal") == 0)
        return computeForEver();
    InsightTest test;
    return QTest::qExec(&test, argc, argv);
}

#include "insighttest.moc"
