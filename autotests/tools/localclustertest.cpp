// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// `discoro local` with shell scripts in place of the scheduler, the nodes and the dashboard.

#include <QDir>
#include <QFile>
#include <QProcess>
#include <QRegularExpression>
#include <QTemporaryDir>
#include <QTest>
#include <QUuid>

#include <csignal>

using namespace Qt::StringLiterals;

class LocalClusterTest : public QObject
{
    Q_OBJECT

    static constexpr std::chrono::seconds Patience{30};
    static constexpr auto Mark = "ASYNCORO_TEST_MARK"; // the environment variable by which processes of a run are known

    // A scheduler and a node that come up and then wait to be ended. The shell itself becomes the last command.
    const QByteArray Scheduler = "echo listening 127.0.0.1:4711\nexec sleep 1000";
    const QByteArray Node = "echo listening 127.0.0.1:0\necho joined $2\nexec sleep 1000";

    std::unique_ptr<QTemporaryDir> m_tools;
    std::unique_ptr<QTemporaryDir> m_runs;
    QProcess m_discoro;
    QByteArray m_output; // what was read already
    QByteArray m_errors;

    void writeTool(const QString &name, const QByteArray &script)
    {
        QFile file(m_tools->filePath(name));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("#!/bin/sh\n" + script + '\n');
        QVERIFY(file.setPermissions(QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner));
    }

    void start(const QStringList &options, const QByteArray &program, const QStringList &arguments = {})
    {
        m_discoro.start(u"discoro"_s,
                        QStringList{u"local"_s} + options
                            + QStringList{u"--"_s, u"sh"_s, u"-c"_s, QString::fromUtf8(program), u"sh"_s} + arguments);
        QVERIFY2(m_discoro.waitForStarted(), qPrintable(m_discoro.errorString()));
    }

    /** Reads until `text` is in the output. */
    void waitForOutput(const QByteArray &text)
    {
        QTRY_VERIFY2_WITH_TIMEOUT((m_output += m_discoro.readAllStandardOutput()).contains(text), text.constData(),
                                  Patience);
    }
    void waitForError(const QByteArray &text)
    {
        QTRY_VERIFY2_WITH_TIMEOUT((m_errors += m_discoro.readAllStandardError()).contains(text), text.constData(),
                                  Patience);
    }

    int waitForEnd()
    {
        if (m_discoro.state() != QProcess::NotRunning
            && !m_discoro.waitForFinished(int(std::chrono::milliseconds(Patience).count())))
            return -1;
        m_output += m_discoro.readAllStandardOutput();
        m_errors += m_discoro.readAllStandardError();
        return m_discoro.exitStatus() == QProcess::NormalExit ? m_discoro.exitCode() : -2;
    }

    /** By the line that --verbose prints. */
    pid_t processId(const QString &name)
    {
        waitForError(name.toUtf8() + " has process id ");
        const QRegularExpression line(name + u" has process id (\\d+)"_s);
        return line.match(QString::fromUtf8(m_errors)).captured(1).toInt();
    }

    void interrupt(int signal) { QCOMPARE(kill(pid_t(m_discoro.processId()), signal), 0); }

    /** All processes of this test's runs that there are now. */
    static QStringList processes()
    {
        QStringList processes;
        for (const QString &name : QDir(u"/proc"_s).entryList({u"[0-9]*"_s}, QDir::Dirs)) {
            QFile environment(u"/proc/%1/environ"_s.arg(name));
            QFile command(u"/proc/%1/cmdline"_s.arg(name));
            if (environment.open(QIODevice::ReadOnly)
                && environment.readAll().contains(QByteArray(Mark) + '=' + qgetenv(Mark) + '\0')
                && command.open(QIODevice::ReadOnly))
                processes.append(QString::fromUtf8(command.readAll().replace('\0', ' ')));
        }
        return processes;
    }

    QStringList runFolders() const
    {
        return QDir(m_runs->path()).entryList(QDir::AllEntries | QDir::Hidden | QDir::NoDotAndDotDot);
    }

    void nothingIsLeft() const
    {
        QCOMPARE(processes(), QStringList());
        QCOMPARE(runFolders(), QStringList());
    }

private Q_SLOTS:
    void init()
    {
        m_tools = std::make_unique<QTemporaryDir>();
        m_runs = std::make_unique<QTemporaryDir>();
        QVERIFY(m_tools->isValid() && m_runs->isValid());
        writeTool(u"discoro-scheduler"_s, Scheduler);
        writeTool(u"discoro-node"_s, Node);
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.insert(u"ASYNCORO_TOOLS_DIR"_s, m_tools->path());
        environment.insert(u"ASYNCORO_RUN_DIR"_s, m_runs->path());
        // processes() looks for this; the test itself must not have it from its start, or it would find itself
        qputenv(Mark, QUuid::createUuid().toByteArray());
        environment.insert(QLatin1StringView(Mark), qEnvironmentVariable(Mark));
        m_discoro.setProcessEnvironment(environment);
        m_output.clear();
        m_errors.clear();
    }

    void cleanup()
    {
        if (m_discoro.state() != QProcess::NotRunning) {
            m_discoro.kill();
            m_discoro.waitForFinished();
        }
        if (QTest::currentTestFailed())
            qWarning().noquote() << "output:" << m_output << "\nerrors:" << m_errors;
    }

    void givesTheProgramItsCluster()
    {
        start({},
              "echo $ASYNCORO_SCHEDULER; stat -c %a $ASYNCORO_SECRET_FILE $(dirname $ASYNCORO_SECRET_FILE); wc -c "
              "<$ASYNCORO_SECRET_FILE; echo \"$@\"",
              {u"--nodes"_s, u"a b"_s});
        QCOMPARE(waitForEnd(), 0);
        QCOMPARE(m_output, "127.0.0.1:4711\n600\n700\n65\n--nodes a b\n");
        QCOMPARE(m_errors, QByteArray());
        nothingIsLeft();
    }

    void startsWhatTheOptionsSay()
    {
        writeTool(u"discoro-scheduler"_s, "echo \"$@\" >\"$ASYNCORO_RUN_DIR/scheduler\"\n" + Scheduler);
        writeTool(u"discoro-node"_s, "echo \"$@\" >\"$ASYNCORO_RUN_DIR/$4\"\n" + Node);
        start({u"--nodes"_s, u"3"_s, u"--servers"_s, u"5"_s},
              "cd $ASYNCORO_RUN_DIR; cat scheduler node-*; rm scheduler node-*");
        QCOMPARE(waitForEnd(), 0);
        const QStringList lines = QString::fromUtf8(m_output).split(u'\n', Qt::SkipEmptyParts);
        QCOMPARE(lines.size(), 4);
        const QString folder = m_runs->path() + u"/discoro-local\\.\\w+/"_s;
        QVERIFY(QRegularExpression(u"^--address 127.0.0.1 --port 0 --secret-file %1secret$"_s.arg(folder))
                    .match(lines[0])
                    .hasMatch());
        for (int i = 1; i <= 3; ++i) {
            const QString expected =
                u"^--scheduler 127.0.0.1:4711 --name node-%2 --cpus 5 --work-dir %1node-%2 --secret-file %1secret$"_s;
            QVERIFY2(QRegularExpression(expected.arg(folder).arg(i)).match(lines[i]).hasMatch(), qPrintable(lines[i]));
        }
        nothingIsLeft();
    }

    void passesTheExitStatusThrough_data()
    {
        QTest::addColumn<QByteArray>("program");
        QTest::addColumn<int>("status");
        QTest::newRow("3") << QByteArray("exit 3") << 3;
        QTest::newRow("255") << QByteArray("exit 255") << 255;
        QTest::newRow("killed") << QByteArray("kill -9 $$") << 128 + SIGKILL;
        QTest::newRow("terminated") << QByteArray("kill -15 $$") << 128 + SIGTERM;
    }
    void passesTheExitStatusThrough()
    {
        QFETCH(QByteArray, program);
        start({}, program);
        QTEST(waitForEnd(), "status");
        nothingIsLeft();
    }

    void passesInputThrough()
    {
        start({}, "cat; echo error >&2");
        m_discoro.write("input");
        m_discoro.closeWriteChannel();
        QCOMPARE(waitForEnd(), 0);
        QCOMPARE(m_output, "input");
        QCOMPARE(m_errors, "error\n");
    }

    void showsErrorsOfTheClusterWhenTheProgramFails()
    {
        writeTool(u"discoro-node"_s, "echo something about $4 >&2\n" + Node);
        start({u"--nodes"_s, u"1"_s}, "exit 3");
        QCOMPARE(waitForEnd(), 3);
        QCOMPARE(m_errors,
                 "discoro local: the program ended with status 3; last lines of node-1:\n  something about node-1\n");
    }

    void refusesAProgramThatIsNotThere()
    {
        m_discoro.start(u"discoro"_s, {u"local"_s, u"--"_s, u"./no-such-program"_s});
        QCOMPARE(waitForEnd(), 1);
        QCOMPARE(m_errors, "discoro local: there is no program ./no-such-program\n");
        nothingIsLeft();
    }

    void interruptLeavesNothing_data()
    {
        QTest::addColumn<int>("signal");
        QTest::newRow("SIGINT") << SIGINT;
        QTest::newRow("SIGTERM") << SIGTERM;
        QTest::newRow("SIGHUP") << SIGHUP;
    }
    void interruptLeavesNothing()
    {
        QFETCH(int, signal);
        start({}, "echo started; exec sleep 1000");
        waitForOutput("started");
        QVERIFY(processes().size() >= 5); // discoro, scheduler, two nodes, program
        interrupt(signal);
        QCOMPARE(waitForEnd(), 128 + signal);
        QCOMPARE(m_errors, QByteArray());
        nothingIsLeft();
    }

    void interruptWhileItStartsLeavesNothing_data()
    {
        QTest::addColumn<QString>("tool");
        QTest::newRow("scheduler") << u"discoro-scheduler"_s;
        QTest::newRow("node") << u"discoro-node"_s;
    }
    void interruptWhileItStartsLeavesNothing()
    {
        QFETCH(QString, tool);
        writeTool(tool, "touch \"$ASYNCORO_TOOLS_DIR/reached\"\nexec sleep 1000");
        start({}, "echo started");
        QTRY_VERIFY_WITH_TIMEOUT(QFile::exists(m_tools->filePath(u"reached"_s)), Patience);
        interrupt(SIGTERM);
        QCOMPARE(waitForEnd(), 128 + SIGTERM);
        QCOMPARE(m_output, QByteArray());
        nothingIsLeft();
    }

    void endsInOrder()
    {
        const QByteArray noteEnd = "trap 'echo $0 >>\"$ASYNCORO_TOOLS_DIR/ends\"; exit' TERM\n";
        writeTool(u"discoro-scheduler"_s,
                  noteEnd + "echo listening 127.0.0.1:4711\nwhile :; do sleep 1000 & wait; done");
        writeTool(u"discoro-node"_s, noteEnd + "echo joined $2\nwhile :; do sleep 1000 & wait; done");
        writeTool(u"discoro-dashboard"_s,
                  noteEnd + "touch \"$ASYNCORO_TOOLS_DIR/dashboard-is-up\"\nwhile :; do sleep 1000 & wait; done");
        start({u"--nodes"_s, u"1"_s, u"--dashboard"_s},
              "trap 'echo program >>\"$ASYNCORO_TOOLS_DIR/ends\"; exit 9' TERM\n"
              "until [ -e \"$ASYNCORO_TOOLS_DIR/dashboard-is-up\" ]; do sleep 0.01; done\necho started\nwhile :; do "
              "sleep 1000 & wait; done");
        waitForOutput("started");
        interrupt(SIGTERM);
        QCOMPARE(waitForEnd(), 128 + SIGTERM);
        QFile ends(m_tools->filePath(u"ends"_s));
        QVERIFY(ends.open(QIODevice::ReadOnly));
        const QString prefix = m_tools->path() + u"/discoro-"_s;
        QCOMPARE(QString::fromUtf8(ends.readAll()), u"program\n%1dashboard\n%1node\n%1scheduler\n"_s.arg(prefix));
        nothingIsLeft(); // nor the sleeping children of all these
    }

    void killsWhatDoesNotEnd()
    {
        writeTool(u"discoro-node"_s, "trap '' TERM\n" + Node);
        start({u"--nodes"_s, u"1"_s}, "exit 0");
        QCOMPARE(waitForEnd(), 0);
        QCOMPARE(m_errors, "discoro local: node-1 does not end; killing it\n");
        nothingIsLeft();
    }

    void theSecondInterruptKills()
    {
        writeTool(u"discoro-node"_s, "trap '' TERM\n" + Node);
        start({}, "trap 'echo stopping' TERM\necho started\nwhile :; do sleep 1000 & wait; done");
        waitForOutput("started");
        interrupt(SIGTERM);
        waitForOutput("stopping");
        interrupt(SIGTERM);
        QCOMPARE(waitForEnd(), 128 + SIGTERM);
        QCOMPARE(m_errors, QByteArray()); // nobody had to be waited for
        nothingIsLeft();
    }

    void childrenDieWithIt()
    {
        start({}, "echo started; exec sleep 1000");
        waitForOutput("started");
        m_discoro.kill();
        QCOMPARE(waitForEnd(), -2);
        QTRY_COMPARE_WITH_TIMEOUT(processes(), QStringList(), Patience);
        QCOMPARE(runFolders().size(), 1); // nobody is left to remove it
    }

    void leavesNoOrphans()
    {
        writeTool(u"discoro-node"_s, "sh -c 'sleep 1000 & sleep 1000' &\n" + Node);
        start({}, "setsid sleep 1000 & exit 0");
        QCOMPARE(waitForEnd(), 0);
        nothingIsLeft();
    }

    void reportsANodeThatIsKilledAndGoesOn()
    {
        start({u"--verbose"_s}, "echo started; read line; exit 5");
        waitForOutput("started");
        QCOMPARE(kill(processId(u"node-2"_s), SIGKILL), 0);
        waitForError("discoro local: node-2 was killed by signal 9 (Killed)\n");
        QVERIFY(!m_errors.contains("node-1 was"));
        QVERIFY(processId(u"scheduler"_s) > 0);
        QVERIFY(processId(u"program"_s) > 0);
        m_discoro.write("\n");
        QCOMPARE(waitForEnd(), 5);
        nothingIsLeft();
    }

    void saysWhatDoesNotComeUpInTime()
    {
        writeTool(u"discoro-node"_s, "echo trying hard >&2\nexec sleep 1000");
        start({u"--start-timeout"_s, u"3"_s}, "echo started");
        QCOMPARE(waitForEnd(), 1);
        QCOMPARE(m_errors, "discoro local: node-1 has not joined the cluster after 3 seconds:\n  trying hard\n");
        QCOMPARE(m_output, QByteArray());
        nothingIsLeft();
    }

    void saysAtOnceWhatEndsBeforeItIsUp_data()
    {
        QTest::addColumn<QString>("tool");
        QTest::addColumn<QByteArray>("error");
        QTest::newRow("scheduler")
            << u"discoro-scheduler"_s
            << QByteArray("scheduler ended with status 4 before the cluster was up:\n  the port is in use\n");
        QTest::newRow("node") << u"discoro-node"_s
                              << QByteArray(
                                     "node-1 ended with status 4 before the cluster was up:\n  the port is in use\n");
    }
    void saysAtOnceWhatEndsBeforeItIsUp()
    {
        QFETCH(QString, tool);
        QFETCH(QByteArray, error);
        writeTool(tool, "echo the port is in use >&2\nexit 4");
        start({u"--nodes"_s, u"1"_s, u"--start-timeout"_s, u"1000"_s}, "echo started");
        QCOMPARE(waitForEnd(), 1);
        QCOMPARE(m_errors, "discoro local: " + error);
        nothingIsLeft();
    }

    void keepsLogs()
    {
        writeTool(u"discoro-node"_s, "echo hello from $4 >&2\n" + Node);
        start({u"--keep-logs"_s}, "exit 0");
        QCOMPARE(waitForEnd(), 0);
        QVERIFY(m_errors.startsWith("discoro local: the logs are in "));
        QCOMPARE(runFolders().size(), 1);
        const QDir folder(m_runs->filePath(runFolders().first()));
        QCOMPARE(folder.entryList(QDir::AllEntries | QDir::NoDotAndDotDot), QStringList{u"logs"_s});
        QCOMPARE(QDir(folder.filePath(u"logs"_s)).entryList(QDir::Files),
                 (QStringList{u"node-1.log"_s, u"node-2.log"_s, u"scheduler.log"_s}));
        QFile log(folder.filePath(u"logs/node-2.log"_s));
        QVERIFY(log.open(QIODevice::ReadOnly));
        const QByteArray content = log.readAll();
        QVERIFY(content.contains("hello from node-2\n"));
        QVERIFY(content.contains("joined 127.0.0.1:4711\n"));
    }

    void waitsForTheScreenshot()
    {
        writeTool(u"discoro-dashboard"_s,
                  "until [ -e \"$ASYNCORO_TOOLS_DIR/program-is-done\" ]; do sleep 0.01; done\necho \"$3 $4\"; echo "
                  "picture >\"$4\"");
        const QString picture = m_tools->filePath(u"picture.png"_s);
        start({u"--screenshot"_s, picture}, "touch $ASYNCORO_TOOLS_DIR/program-is-done");
        QCOMPARE(waitForEnd(), 0);
        QVERIFY(QFile::exists(picture));
        nothingIsLeft();
    }

    void aFailedScreenshotFailsTheRun()
    {
        writeTool(u"discoro-dashboard"_s, "echo cannot draw >&2\nexit 7");
        start({u"--screenshot"_s, u"picture.png"_s}, "exit 0");
        QCOMPARE(waitForEnd(), 1);
        QCOMPARE(m_errors, "discoro local: dashboard of the screenshot ended with status 7:\n  cannot draw\n");
        nothingIsLeft();
    }

    void aClosedDashboardDoesNotEndTheRun()
    {
        writeTool(u"discoro-dashboard"_s, "touch \"$ASYNCORO_TOOLS_DIR/closed\"");
        start({u"--dashboard"_s}, "until [ -e $ASYNCORO_TOOLS_DIR/closed ]; do sleep 0.01; done; exit 6");
        QCOMPARE(waitForEnd(), 6);
        QCOMPARE(m_errors, QByteArray());
    }
};

QTEST_GUILESS_MAIN(LocalClusterTest)
#include "localclustertest.moc"
