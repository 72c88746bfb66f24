// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/Coro>

#include <QRegularExpression>
#include <QTest>
#include <QTimer>

using namespace Asyncoro;
using namespace std::chrono_literals;

class ExecTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void returnsWhenAllHaveEnded()
    {
        int ended = 0;
        for (int i = 0; i < 10; ++i) {
            spawn([&, i]() -> Task<> {
                co_await sleep(std::chrono::milliseconds(i));
                ++ended;
            });
        }
        QCOMPARE(Asyncoro::exec(), 0);
        QCOMPARE(ended, 10);
    }

    void returnsAtOnceWithoutCoroutines() { QCOMPARE(Asyncoro::exec(), 0); }

    void waitsForCoroutinesThatOthersStart()
    {
        bool grandchild = false;
        spawn([&]() -> Task<> {
            spawn([&]() -> Task<> {
                co_await sleep(5ms);
                grandchild = true;
            });
            co_return;
        });
        QCOMPARE(Asyncoro::exec(), 0);
        QVERIFY(grandchild);
    }

    void terminatesDaemons()
    {
        const Coro<> daemon = spawn([]() -> Task<> { co_await receive(); });
        daemon.setDaemon();
        spawn([]() -> Task<> { co_await sleep(1ms); });
        QCOMPARE(Asyncoro::exec(), 0);
        QCOMPARE(daemon.state(), CoroState::Terminated);
    }

    void exitTerminatesTheOthers()
    {
        const Coro<> waiting = spawn([]() -> Task<> { co_await receive(); });
        for (int code : {0, 3}) {
            const Coro<> quitter = spawn([code]() -> Task<> {
                co_await sleep(1ms);
                QCoreApplication::exit(code);
                co_await receive();
            });
            QCOMPARE(Asyncoro::exec(), code);
            QCOMPARE(quitter.state(), CoroState::Terminated);
            QCOMPARE(waiting.state(), CoroState::Terminated);
        }
    }

    void aFailureThatNobodySawGivesOne()
    {
        QTest::ignoreMessage(QtWarningMsg, QRegularExpression(QStringLiteral("failed, and nobody waited for it: oops")));
        spawn([]() -> Task<> {
            throw Error(QStringLiteral("oops"));
            co_return;
        });
        QCOMPARE(Asyncoro::exec(), 1);
    }
};

QTEST_GUILESS_MAIN(ExecTest)
#include "exectest.moc"
