// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "corotesting.h"

#include <Asyncoro/Scope>
#include <Asyncoro/Timeout>

#include <Asyncoro/Coro>
#include <Asyncoro/Event>

#include <QTest>

#include <stdexcept>

using namespace Asyncoro;
using namespace CoroTesting;
using namespace std::chrono_literals;

namespace {

Task<> sleepAndLog(QStringList &log, QString name)
{
    struct Cleanup {
        QStringList &log;
        QString name;
        ~Cleanup() { log << name + QStringLiteral(" cleaned up"); }
    } cleanup{log, name};
    co_await sleep(QDeadlineTimer::Forever);
}

Task<> finishAfter(QStringList &log, QString name, std::chrono::milliseconds time)
{
    co_await sleep(time);
    log << name + QStringLiteral(" finished");
}

Task<> failAfter(QString text, std::chrono::milliseconds time)
{
    co_await sleep(time);
    throw Failure(text);
}

} // namespace

class ScopeTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void givesValueOfBodyWhenAllHaveEnded()
    {
        QStringList log;
        const int value = waitFor(spawn([&]() -> Task<int> {
            const int result = co_await withScope([&](Scope &scope) -> Task<int> {
                scope.spawn(finishAfter, std::ref(log), QStringLiteral("child"), 5ms);
                log << QStringLiteral("body");
                co_return 7;
            });
            log << QStringLiteral("joined");
            co_return result;
        }));
        QCOMPARE(value, 7);
        QCOMPARE(log.join(u' '), QStringLiteral("body child finished joined"));
    }

    void completesWithoutSuspendingIfNobodyWaits()
    {
        bool done = false;
        spawn([&]() -> Task<> {
            co_await withScope([](Scope &) -> Task<> { co_return; });
            done = true;
        });
        QCoreApplication::processEvents();
        QVERIFY(done);
    }

    void bodyCanAwaitAChild()
    {
        QCOMPARE(waitFor(spawn([]() -> Task<int> {
                     co_return co_await withScope([](Scope &scope) -> Task<int> {
                         const Coro<int> child = scope.spawn([](int n) -> Task<int> {
                             co_await sleep(1ms);
                             co_return n;
                         }, 5);
                         co_return 2 * co_await child;
                     });
                 })),
                 10);
    }

    void failingChildCancelsSiblingsAndBody()
    {
        QStringList log;
        const Coro<> coro = spawn([&]() -> Task<> {
            co_await withScope([&](Scope &scope) -> Task<> {
                scope.spawn(sleepAndLog, std::ref(log), QStringLiteral("sibling"));
                scope.spawn(failAfter, QStringLiteral("broken"), 1ms);
                co_await sleepAndLog(log, QStringLiteral("body"));
            });
        });
        try {
            waitFor(coro);
            QFAIL("it did not fail");
        } catch (const Failure &failure) {
            QCOMPARE(failure.message(), QStringLiteral("broken"));
            QVERIFY(failure.attached().isEmpty());
        }
        log.sort();
        QCOMPARE(log, QStringList({QStringLiteral("body cleaned up"), QStringLiteral("sibling cleaned up")}));
    }

    void failingBodyCancelsChildren()
    {
        QStringList log;
        const Coro<> coro = spawn([&]() -> Task<> {
            co_await withScope([&](Scope &scope) -> Task<> {
                scope.spawn(sleepAndLog, std::ref(log), QStringLiteral("child"));
                co_await sleep(1ms);
                throw Failure(QStringLiteral("body"));
            });
        });
        QVERIFY_THROWS_EXCEPTION(Failure, waitFor(coro));
        QCOMPARE(log, QStringList(QStringLiteral("child cleaned up")));
    }

    void laterFailuresAreAttached()
    {
        auto failsInCleanup = [](QString text) -> Task<> {
            try {
                co_await sleep(QDeadlineTimer::Forever);
            } catch (const Cancelled &) {
                throw Failure(text);
            }
        };
        const Coro<> coro = spawn([&]() -> Task<> {
            co_await withScope([&](Scope &scope) -> Task<> {
                scope.spawn(failsInCleanup, QStringLiteral("second"));
                scope.spawn(failsInCleanup, QStringLiteral("third"));
                co_await failAfter(QStringLiteral("first"), 1ms);
            });
        });
        try {
            waitFor(coro);
            QFAIL("it did not fail");
        } catch (const Failure &failure) {
            QCOMPARE(failure.message(), QStringLiteral("first"));
            QStringList others;
            for (const std::exception_ptr &other : failure.attached())
                others << errorText(other);
            QCOMPARE(others, QStringList({QStringLiteral("second"), QStringLiteral("third")}));
        }
    }

    void laterFailuresAreLoggedIfTheFirstCannotHoldThem()
    {
        QTest::ignoreMessage(QtWarningMsg, "besides first this failed: second");
        const Coro<> coro = spawn([]() -> Task<> {
            co_await withScope([](Scope &scope) -> Task<> {
                scope.spawn([]() -> Task<> {
                    try {
                        co_await sleep(QDeadlineTimer::Forever);
                    } catch (const Cancelled &) {
                        throw Failure(QStringLiteral("second"));
                    }
                });
                co_await sleep(1ms);
                throw std::runtime_error("first");
            });
        });
        QVERIFY_THROWS_EXCEPTION(std::runtime_error, waitFor(coro));
    }

    void terminatedChildIsNoFailure()
    {
        QStringList log;
        waitFor(spawn([&]() -> Task<> {
            co_await withScope([&](Scope &scope) -> Task<> {
                const Coro<> child = scope.spawn(sleepAndLog, std::ref(log), QStringLiteral("child"));
                co_await sleep(1ms);
                child.terminate();
            });
            log << QStringLiteral("goes on");
        }));
        QCOMPARE(log, QStringList({QStringLiteral("child cleaned up"), QStringLiteral("goes on")}));
    }

    void terminateChildrenLetsTheScopeGoOn()
    {
        QStringList log;
        waitFor(spawn([&]() -> Task<> {
            co_await withScope([&](Scope &scope) -> Task<> {
                scope.spawn(sleepAndLog, std::ref(log), QStringLiteral("child"));
                co_await sleep(1ms);
                scope.terminateChildren();
                scope.spawn(finishAfter, std::ref(log), QStringLiteral("later child"), 1ms);
            });
        }));
        QCOMPARE(log, QStringList({QStringLiteral("child cleaned up"), QStringLiteral("later child finished")}));
    }

    void childCanStartSiblings()
    {
        QStringList log;
        waitFor(spawn([&]() -> Task<> {
            co_await withScope([&](Scope &scope) -> Task<> {
                scope.spawn([&](Scope &same) -> Task<> {
                    same.spawn(finishAfter, std::ref(log), QStringLiteral("sibling"), 5ms);
                    co_return;
                }, std::ref(scope));
                co_return;
            });
            log << QStringLiteral("joined");
        }));
        QCOMPARE(log, QStringList({QStringLiteral("sibling finished"), QStringLiteral("joined")}));
    }

    void cancellingWaitsForTheChildren_data()
    {
        QTest::addColumn<bool>("inBody");
        QTest::newRow("while the body runs") << true;
        QTest::newRow("while it joins") << false;
    }
    void cancellingWaitsForTheChildren()
    {
        QFETCH(const bool, inBody);
        QStringList log;
        Event cleaned;
        const Coro<> coro = spawn([&]() -> Task<> {
            co_await withScope([&](Scope &scope) -> Task<> {
                scope.spawn([&]() -> Task<> {
                    try {
                        co_await sleep(QDeadlineTimer::Forever);
                    } catch (const Cancelled &) {
                    }
                    co_await shield(cleaned.wait());
                    log << QStringLiteral("child cleaned up");
                });
                if (inBody)
                    co_await sleep(QDeadlineTimer::Forever);
            });
            log << QStringLiteral("not reached");
        });
        letOthersRun();
        coro.terminate();
        letOthersRun();
        QCOMPARE(coro.state(), CoroState::Running); // the child cleans up
        cleaned.set();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QCOMPARE(log, QStringList(QStringLiteral("child cleaned up")));
    }

    void cancelledBeforeItBegins()
    {
        QStringList log;
        const Coro<> coro = spawn([&]() -> Task<> {
            Coro<>::self().terminate();
            co_await withScope([&](Scope &scope) -> Task<> {
                scope.spawn(sleepAndLog, std::ref(log), QStringLiteral("child")); // never begins
                co_return;
            });
            log << QStringLiteral("not reached");
        });
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QVERIFY(log.isEmpty());
    }

    void childrenInheritTheDeadline()
    {
        const QDeadlineTimer deadline(1h);
        waitFor(spawn([&]() -> Task<> {
            co_await withTimeout(deadline, withScope([&](Scope &scope) -> Task<> {
                scope.spawn([&]() -> Task<> {
                    if (currentDeadline() != deadline)
                        throw Failure(QStringLiteral("another deadline"));
                    co_return;
                });
                co_return;
            }));
            if (!currentDeadline().isForever())
                throw Failure(QStringLiteral("the deadline stays"));
        }));
    }

    void timeoutEndsTheChildren()
    {
        QStringList log;
        const Coro<> coro = spawn([&]() -> Task<> {
            co_await withTimeout(5ms, withScope([&](Scope &scope) -> Task<> {
                scope.spawn(sleepAndLog, std::ref(log), QStringLiteral("child"));
                co_return;
            }));
        });
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(coro));
        QCOMPARE(log, QStringList(QStringLiteral("child cleaned up")));
    }

    void endsWithTheProgram()
    {
        QStringList log;
        spawn([&]() -> Task<> {
            co_await withScope([&](Scope &scope) -> Task<> {
                scope.spawn(sleepAndLog, std::ref(log), QStringLiteral("child"));
                co_await sleepAndLog(log, QStringLiteral("body"));
            });
        }).setDaemon();
        spawn([]() -> Task<> { co_await sleep(1ms); });
        QCOMPARE(Asyncoro::exec(), 0); // neither the daemon nor its child keep it
        log.sort();
        QCOMPARE(log, QStringList({QStringLiteral("body cleaned up"), QStringLiteral("child cleaned up")}));
    }

    void manyChildren()
    {
        int ended = 0;
        waitFor(spawn([&]() -> Task<> {
            co_await withScope([&](Scope &scope) -> Task<> {
                for (int i = 0; i < 10'000; ++i) {
                    scope.spawn([&]() -> Task<> {
                        co_await yield();
                        ++ended;
                    });
                }
                co_return;
            });
        }));
        QCOMPARE(ended, 10'000);
    }
};

QTEST_GUILESS_MAIN(ScopeTest)
#include "scopetest.moc"
