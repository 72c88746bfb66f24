// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The code of docs/testing.md: tests as the user of this library writes them.

#include <Asyncoro/FaultProxy>
#include <Asyncoro/PeerNetwork>
#include <Asyncoro/TestCluster>

#include <QTest>

using namespace Asyncoro;

namespace {

Task<int> square(int n)
{
    co_return n * n;
}
DISCORO_FUNCTION(square)

Task<> runForever()
{
    co_await sleep(QDeadlineTimer::Forever);
}
DISCORO_FUNCTION(runForever)

} // namespace

class TestKitTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aComputation()
    {
        TestCluster cluster;
        cluster.startNode(QStringLiteral("a"), 2);
        cluster.run([](Discoro::Computation &computation) -> Task<> {
            QCOMPARE(co_await computation.runResult(square, 7), 49);
        }, {square});
    }

    void aNodeThatIsCutOff()
    {
        TestCluster cluster;
        cluster.startNode(QStringLiteral("a"), 1);
        cluster.run([&cluster](Discoro::Computation &computation) -> Task<> {
            const Coro<> job = spawn(computation.runResult(runForever));
            while (cluster.status().running == 0)
                co_await yield();
            cluster.startNode(QStringLiteral("b"), 1);
            QCOMPARE(co_await computation.runResult(square, 7), 49); // there, for the other one is busy
            cluster.cutNode(QStringLiteral("a"));
            bool lost = false;
            try {
                co_await job;
            } catch (const Discoro::JobLost &) {
                lost = true;
            }
            QVERIFY(lost);
            QCOMPARE(co_await computation.runResult(square, 8), 64);
        }, {square, runForever});
    }

    void aServerThatCannotBeReached()
    {
        PeerNetwork server;
        server.offer(QStringLiteral("square"), square);
        FaultProxy proxy(server.location());
        PeerNetwork client;

        proxy.refuse();
        QVERIFY_THROWS_EXCEPTION(PeerLost, waitFor(client.call<int>(proxy.location(), QStringLiteral("square"), 7)));
        proxy.heal();
        QCOMPARE(waitFor(client.call<int>(proxy.location(), QStringLiteral("square"), 7)), 49);
    }
};

ASYNCORO_CLUSTER_TEST_MAIN(TestKitTest)
#include "testkittest.moc"
