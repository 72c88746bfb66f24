// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/Coro>
#include <Asyncoro/Suspend>

#include <QTest>
#include <QThread>

#include <memory>

using namespace Asyncoro;

namespace {

struct AtEnd {
    explicit AtEnd(int &count)
        : counter(count)
    {
    }
    ~AtEnd() { ++counter; }
    Q_DISABLE_COPY_MOVE(AtEnd)

    int &counter;
};

Task<> waitForever(int &ended)
{
    const AtEnd atEnd(ended);
    co_await suspend();
}

Task<int> yieldAndGive(int value)
{
    co_await yield();
    co_return value;
}

} // namespace

/** A program may have one application object after the other. */
class SecondApplicationTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void eachRunsCoroutinesAndEndsThem()
    {
        int argc = 0;
        int ended = 0;
        for (int round = 1; round <= 3; ++round) {
            Coro<> waiting;
            {
                const QCoreApplication app(argc, nullptr);
                waiting = spawn(waitForever, std::ref(ended));
                QCOMPARE(waitFor(spawn(yieldAndGive, round)), round);
                spawn(yieldAndGive, 0).setDaemon(); // is to be resumed when the application ends
                const std::unique_ptr<QThread> thread(QThread::create([waiting] { waiting.resume(); }));
                if (round == 2) { // resumed by another thread when the application ends
                    thread->start();
                    thread->wait();
                }
            }
            QCOMPARE(ended, round);
            QVERIFY(!waiting.isRunning());
            {
                const QCoreApplication app(argc, nullptr);
                waiting = spawn(yieldAndGive, 0); // and no event loop runs
            }
            QVERIFY(!waiting.isRunning());
        }
    }

    void theEndOfEachIsSeenByWhoOnlyUsesOtherThreads()
    {
        static int ends = 0;
        int argc = 0;
        Detail::addPostRoutine([] { ++ends; });
        for (int round = 1; round <= 3; ++round) {
            {
                const QCoreApplication app(argc, nullptr);
                const std::unique_ptr<QThread> thread(
                    QThread::create([] { QCOMPARE(waitFor(spawn(yieldAndGive, 1)), 1); }));
                thread->start();
                thread->wait();
            }
            QCOMPARE(ends, round);
        }
    }
};

QTEST_APPLESS_MAIN(SecondApplicationTest)

#include "secondapplicationtest.moc"
