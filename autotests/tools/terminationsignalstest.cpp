// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "common/terminationsignals.h"

#include <QCoreApplication>
#include <QTest>

#include <csignal>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using Asyncoro::Tools::TerminationSignals;

class TerminationSignalsTest : public QObject
{
    Q_OBJECT

    /** The signal that ends a process that runs `function`, or 0. */
    template<typename Function>
    static int signalThatEnds(Function function)
    {
        const pid_t child = fork();
        if (child == 0) {
            const rlimit noCore{0, 0};
            setrlimit(RLIMIT_CORE, &noCore);
            for (const int signal : {SIGINT, SIGTERM, SIGHUP})
                std::signal(signal, SIG_DFL); // not QtTest's
            function();
            _exit(0);
        }
        int status = 0;
        waitpid(child, &status, 0);
        return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    }

private Q_SLOTS:
    void callsTheFunctionFromTheEventLoop_data()
    {
        QTest::addColumn<int>("signal");
        QTest::newRow("SIGINT") << SIGINT;
        QTest::newRow("SIGTERM") << SIGTERM;
        QTest::newRow("SIGHUP") << SIGHUP;
    }
    void callsTheFunctionFromTheEventLoop()
    {
        QFETCH(int, signal);
        QList<int> received;
        const TerminationSignals signals([&](int number) { received.append(number); });
        raise(signal);
        QVERIFY(received.isEmpty());
        QTRY_COMPARE(received, QList<int>{signal});
    }

    void callsTheSecondFunctionAfterTheFirst()
    {
        QStringList calls;
        const TerminationSignals signals([&](int number) { calls.append(QStringLiteral("first %1").arg(number)); },
                                         [&](int number) { calls.append(QStringLiteral("second %1").arg(number)); });
        raise(SIGTERM);
        raise(SIGINT);
        QTRY_COMPARE(calls.size(), 2);
        QCOMPARE(calls,
                 (QStringList{QStringLiteral("first %1").arg(SIGTERM), QStringLiteral("second %1").arg(SIGINT)}));
    }

    void theSecondSignalEndsTheProcess()
    {
        QCOMPARE(signalThatEnds([] {
            const TerminationSignals signals([](int) { });
            raise(SIGTERM);
        }), 0);
        QCOMPARE(signalThatEnds([] {
            const TerminationSignals signals([](int) { });
            raise(SIGTERM);
            raise(SIGTERM);
        }), SIGTERM);
    }

    void theThirdSignalEndsTheProcessThatHasTwoFunctions()
    {
        QCOMPARE(signalThatEnds([] {
            const TerminationSignals signals([](int) { }, [](int) { });
            raise(SIGTERM);
            raise(SIGINT);
        }), 0);
        QCOMPARE(signalThatEnds([] {
            const TerminationSignals signals([](int) { }, [](int) { });
            raise(SIGTERM);
            raise(SIGINT);
            raise(SIGINT);
        }), SIGINT);
    }

    void restoresWhatWasBefore()
    {
        QCOMPARE(signalThatEnds([] {
            {
                const TerminationSignals signals([](int) { });
            }
            raise(SIGHUP);
        }), SIGHUP);
    }

    void leavesAnIgnoredHangupIgnored()
    {
        QCOMPARE(signalThatEnds([] {
            std::signal(SIGHUP, SIG_IGN);
            const TerminationSignals signals([](int) { });
            raise(SIGHUP);
            raise(SIGHUP);
        }), 0);
    }
};

QTEST_GUILESS_MAIN(TerminationSignalsTest)
#include "terminationsignalstest.moc"
