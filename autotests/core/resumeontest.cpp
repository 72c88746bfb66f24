// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "corotesting.h"
#include "sender.h"

#include <Asyncoro/Coro>
#include <Asyncoro/Event>
#include <Asyncoro/ResumeOn>
#include <Asyncoro/Timeout>

#include <QAbstractEventDispatcher>
#include <QScopeGuard>
#include <QSemaphore>
#include <QTest>

#include <atomic>
#include <thread>

using namespace Asyncoro;
using namespace CoroTesting;
using namespace std::chrono_literals;

class ResumeOnTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void runsAPlainFunctionThereAndComesBack()
    {
        WorkerThread thread;
        const auto body = [&]() -> Task<> {
            QThread *const here = QThread::currentThread();
            QThread *there = nullptr;
            const int sum = co_await resumeOn(&thread, [&there](int a, int b) {
                there = QThread::currentThread();
                return a + b;
            }, 1, 2);
            QCOMPARE(sum, 3);
            QCOMPARE(there, &thread);
            QCOMPARE(QThread::currentThread(), here);
            co_await resumeOn(&thread, [] {});
            QCOMPARE(*co_await resumeOn(&thread, [] { return std::make_unique<int>(4); }), 4);
        };
        waitFor(body());
        const auto fails = [&]() -> Task<> { co_await resumeOn(&thread, [] { throw Problem("no"); }); };
        QVERIFY_THROWS_EXCEPTION(Problem, waitFor(fails()));
    }

    void runsACoroutineThereAndComesBack()
    {
        WorkerThread thread;
        const auto body = [&]() -> Task<> {
            QThread *const here = QThread::currentThread();
            const int sum = co_await resumeOn(&thread, [&](int a, std::unique_ptr<int> b) -> Task<int> {
                co_await 1ms;
                if (QThread::currentThread() != &thread)
                    throw Problem("wrong thread");
                co_return a + *b;
            }, 1, std::make_unique<int>(2));
            QCOMPARE(sum, 3);
            QCOMPARE(QThread::currentThread(), here);
            co_await resumeOn(&thread, []() -> Task<> { co_await yield(); });
        };
        waitFor(body());
        const auto fails = [&]() -> Task<> {
            co_await resumeOn(&thread, []() -> Task<> {
                co_await yield();
                throw Problem("no");
            });
        };
        QVERIFY_THROWS_EXCEPTION(Problem, waitFor(fails()));
    }

    void runsInAPool()
    {
        QThreadPool qtPool;
        ThreadPool pool(1);
        const auto body = [&]() -> Task<> {
            QCOMPARE(co_await resumeOn(&qtPool, [](int a) { return a + 1; }, 1), 2);
            QCOMPARE(co_await resumeOn(pool, [] { return 3; }), 3);
        };
        waitFor(body());
    }

    void runsOnItsOwnThreadAndOnTheMainThread()
    {
        const auto here = []() -> Task<int> {
            co_return co_await resumeOn(QThread::currentThread(), [] { return 1; });
        };
        QCOMPARE(waitFor(here()), 1);

        QThread *const mainThread = QThread::currentThread();
        const auto there = [mainThread]() -> Task<bool> {
            co_return co_await resumeOn(mainThread, []() -> Task<bool> {
                co_await yield();
                co_return QThread::isMainThread();
            });
        };
        std::atomic<bool> done = false;
        std::thread other([&] { done = waitFor(there()); });
        QTRY_VERIFY(done);
        other.join();
    }

    void cancellingTerminatesTheCoroutineAndWaitsForItsEnd()
    {
        WorkerThread thread;
        QSemaphore begun;
        QSemaphore leave;
        std::atomic<bool> cleanedUp = false;
        const Coro<> coro = spawn([&]() -> Task<> {
            co_await resumeOn(&thread, [&]() -> Task<> {
                struct Cleanup {
                    QSemaphore &leave;
                    std::atomic<bool> &done;
                    ~Cleanup()
                    {
                        leave.acquire();
                        done = true;
                    }
                } const cleanup{leave, cleanedUp};
                begun.release();
                co_await 1h;
            });
        });
        letOthersRun();
        begun.acquire();
        coro.terminate();
        letOthersRun();
        QCOMPARE(coro.state(), CoroState::Running); // it waits for the cleanup
        coro.terminate(); // once more changes nothing
        letOthersRun();
        QCOMPARE(coro.state(), CoroState::Running);
        leave.release();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        QVERIFY(cleanedUp);
    }

    void aTimeOutWaitsForTheEndOfTheCoroutineToo()
    {
        WorkerThread thread;
        std::atomic<bool> cleanedUp = false;
        const auto body = [&]() -> Task<> {
            co_await resumeOn(&thread, []() -> Task<> { co_return; }); // so that it is there
            co_await withTimeout(500ms, resumeOn(&thread, [&]() -> Task<> {
                const auto cleanup = qScopeGuard([&] { cleanedUp = true; });
                co_await 1h;
            }));
        };
        QVERIFY_THROWS_EXCEPTION(TimedOut, waitFor(body()));
        QVERIFY(cleanedUp);
    }

    void cancelledBeforeItHasBegun()
    {
        WorkerThread thread;
        QSemaphore begun;
        QSemaphore leave;
        thread.run([] {}); // it has an event loop now
        QMetaObject::invokeMethod(QAbstractEventDispatcher::instance(&thread), [&] {
            begun.release();
            leave.acquire();
        }, Qt::QueuedConnection);
        begun.acquire();
        std::atomic<bool> ran = false;
        const Coro<> plain = spawn([&]() -> Task<> { co_await resumeOn(&thread, [&] { ran = true; }); });
        const Coro<> coro = spawn([&]() -> Task<> {
            co_await resumeOn(&thread, [&]() -> Task<> {
                ran = true;
                co_return;
            });
        });
        letOthersRun();
        plain.terminate();
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(plain)); // while the thread is still busy
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        leave.release();
        thread.end();
        QVERIFY(!ran);
    }

    void cancellingAsksAPlainFunctionToStop()
    {
        WorkerThread thread;
        QSemaphore begun;
        std::atomic<bool> stopped = false;
        const Coro<> coro = spawn([&]() -> Task<> {
            co_await resumeOn(&thread, [&](std::stop_token token) {
                begun.release();
                while (!token.stop_requested())
                    QThread::yieldCurrentThread();
                stopped = true;
            });
        });
        letOthersRun();
        begun.acquire();
        coro.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        thread.end();
        QVERIFY(stopped);
    }

    void cancelledBeforeItWaits()
    {
        WorkerThread thread;
        std::atomic<bool> ran = false;
        const Coro<> coro = spawn([&]() -> Task<> {
            Coro<>::self().terminate();
            co_await resumeOn(&thread, [&]() -> Task<> {
                ran = true;
                co_return;
            });
        });
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(coro));
        thread.end();
        QVERIFY(!ran);
    }

    void aThreadThatDoesNotRunIsAnError()
    {
        QThread never;
        WorkerThread ended;
        ended.end();
        for (QThread *const thread : {&never, static_cast<QThread *>(&ended), static_cast<QThread *>(nullptr)}) {
            const auto plain = [&]() -> Task<> { co_await resumeOn(thread, [] {}); };
            QVERIFY_THROWS_EXCEPTION(ThreadEnded, waitFor(plain()));
            const auto coro = [&]() -> Task<> { co_await resumeOn(thread, []() -> Task<> { co_return; }); };
            QVERIFY_THROWS_EXCEPTION(ThreadEnded, waitFor(coro()));
        }
    }

    void aThreadThatEndsMeanwhileIsAnError()
    {
        WorkerThread thread;
        QSemaphore begun;
        QSemaphore leave;
        const Coro<> running = spawn([&]() -> Task<> {
            co_await resumeOn(&thread, [&]() -> Task<> {
                begun.release();
                co_await 1h;
            });
        });
        letOthersRun();
        begun.acquire();
        QMetaObject::invokeMethod(QAbstractEventDispatcher::instance(&thread), [&] {
            begun.release();
            leave.acquire();
            thread.quit(); // what was sent meanwhile is not received any more
        }, Qt::QueuedConnection);
        begun.acquire();
        const Coro<> plain = spawn([&]() -> Task<> { co_await resumeOn(&thread, [] {}); });
        const Coro<> coro = spawn([&]() -> Task<> { co_await resumeOn(&thread, []() -> Task<> { co_await 1h; }); });
        letOthersRun();
        leave.release();
        QVERIFY_THROWS_EXCEPTION(ThreadEnded, waitFor(running));
        QVERIFY_THROWS_EXCEPTION(ThreadEnded, waitFor(coro));
        try {
            waitFor(plain); // it may have come in time
        } catch (const ThreadEnded &) {
        }
    }

    void aThreadWithoutAnEventLoopThatEndsIsAnError()
    {
        QSemaphore leave;
        const std::unique_ptr<QThread> thread(QThread::create([&] { leave.acquire(); }));
        thread->start();
        const Coro<> plain = spawn([&]() -> Task<> { co_await resumeOn(thread.get(), [] {}); });
        letOthersRun();
        leave.release();
        QVERIFY_THROWS_EXCEPTION(ThreadEnded, waitFor(plain));
        thread->wait();
    }

    // The end of the thread comes at any moment: an error or a value, but no hang.
    void manyThreadsThatEnd()
    {
        int values = 0;
        int errors = 0;
        for (int i = 0; i < 200; ++i) {
            WorkerThread thread;
            const auto body = [&]() -> Task<> {
                try {
                    if (i % 2 == 0)
                        co_await resumeOn(&thread, [] {});
                    else
                        co_await resumeOn(&thread, []() -> Task<> { co_await yield(); });
                    ++values;
                } catch (const ThreadEnded &) {
                    ++errors;
                }
            };
            const Coro<> coro = spawn(body);
            if (i % 3 != 0)
                letOthersRun();
            thread.quit();
            waitFor(coro, 20s);
        }
        QCOMPARE(values + errors, 200);
    }

    void bothThreadsEndWhileAPieceRuns()
    {
        WorkerThread thread;
        QSemaphore begun;
        std::thread([&] {
            spawn([&]() -> Task<> {
                co_await resumeOn(&thread, [&]() -> Task<> {
                    begun.release();
                    co_await 1h;
                });
            });
            letOthersRun();
            begun.acquire();
        }).join();
        thread.end();
    }
};

QTEST_GUILESS_MAIN(ResumeOnTest)
#include "resumeontest.moc"
