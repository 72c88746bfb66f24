// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorotesting_export.h"

#include <Asyncoro/Discoro>
#include <Asyncoro/Scheduler>

#include <QCoreApplication>

#include <functional>
#include <memory>

namespace Asyncoro {

class TestClusterPrivate;

/**
 * A cluster for the tests of programs that use one: scheduler and nodes in the test's own process, on loopback, with their work
 * folders in a temporary one. The servers are processes, of the test program itself: its main function must be
 * ASYNCORO_CLUSTER_TEST_MAIN(Class) in place of QTEST_MAIN(Class).
 *
 *     TestCluster cluster;
 *     cluster.startNode("a", 2);
 *     cluster.run([](Discoro::Computation &computation) -> Task<> {
 *         QCOMPARE(co_await computation.runResult(square, 7), 49);
 *     }, {square});
 *
 * A coroutine cannot return from its middle, as QCOMPARE does: define QTEST_THROW_ON_FAIL for the test program.
 */
class ASYNCORO_TESTING_EXPORT TestCluster
{
public:
    TestCluster();
    /** Everything ends, as a cluster does that is closed in order. */
    ~TestCluster();
    TestCluster(const TestCluster &) = delete;
    TestCluster &operator=(const TestCluster &) = delete;

    /** Where the scheduler listens. */
    [[nodiscard]] Location location() const;
    [[nodiscard]] Discoro::ClusterStatus status() const;
    /** The folder with everything that the nodes write. */
    [[nodiscard]] QString folder() const;

    /** Starts a node; it joins when the event loop runs. `cpus` is how many servers a computation gets there. */
    void startNode(const QString &name, int cpus);
    /** Cuts a node off from all others at once, as when its machine has lost its power. */
    void cutNode(const QString &name);
    /** Ends the scheduler, as when its process was killed. */
    void endScheduler();

    /** Opens a computation of `components`, runs `body` with it and closes it. Throws what any of that throws. */
    void run(const std::function<Task<>(Discoro::Computation &)> &body, const QList<Discoro::Component> &components,
             QDeadlineTimer deadline = QDeadlineTimer(std::chrono::minutes(1)));

private:
    std::unique_ptr<TestClusterPrivate> d;
};

namespace Testing {
/** Runs the test, or in a server process that a node has started of this program, the server. */
ASYNCORO_TESTING_EXPORT int exec(const std::function<int()> &test);
} // namespace Testing

#define ASYNCORO_CLUSTER_TEST_MAIN(TestClass)                                                                                      \
    int main(int argc, char **argv)                                                                                                \
    {                                                                                                                              \
        const QCoreApplication application(argc, argv);                                                                            \
        return ::Asyncoro::Testing::exec([&] {                                                                                     \
            TestClass test;                                                                                                        \
            return QTest::qExec(&test, argc, argv);                                                                                \
        });                                                                                                                        \
    }

} // namespace Asyncoro
