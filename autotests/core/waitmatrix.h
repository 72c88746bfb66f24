// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#ifndef QTEST_THROW_ON_FAIL
#error "waitmatrix.h needs QTEST_THROW_ON_FAIL: add it to the test by target_compile_definitions()"
#endif

#include "corotesting.h"

#include <QTest>
#include <QThread>

#include <memory>

/**
 * Tries a waiting operation in every way in which a wait can begin and end.
 *
 * The test describes the operation by a fixture, of which each row gets a fresh one:
 *
 *     struct WaitForEvent {
 *         std::unique_ptr<Event> event = std::make_unique<Event>();       // the object: not complete yet
 *         Task<> wait(QDeadlineTimer deadline) { co_await event->wait(deadline); }
 *         void complete() { event->set(); }                               // ends the wait, or one that comes later
 *         void destroy() { event.reset(); }                               // leave it out if nothing can be destroyed
 *         void verify(bool completed, WaitMatrix::Outcome outcome) {...}  // nothing is left over, nothing is lost
 *     };
 *
 *     void waits_data() { WaitMatrix::addRows<WaitForEvent>(); }
 *     void waits() { WaitMatrix::run<WaitForEvent>(); }
 *
 * verify() is called at the end of each row whose object still exists, with whether complete() was called and how the
 * wait ended; it checks with QVERIFY and QCOMPARE.
 *
 * What may be different is said by constants of the fixture:
 *
 *     static constexpr bool CompletesAtOnce = false;                      // what comes before the wait does not count
 *     static constexpr auto CancelledAfterCompletion = Outcome::Cancelled;   // else Completed
 *     static constexpr auto DestroyedAfterCompletion = Outcome::Destroyed;   // else Completed
 *     static constexpr auto CompletedAfterDeadline = Outcome::Completed;     // else TimedOut
 *     static constexpr bool GoesWithItsObject = true;     // what the coroutine has got is gone when its object is
 *
 * Constructor, destructor and verify() of a fixture are called by plain code of the thread that the row runs on,
 * complete() and destroy() by plain code or another coroutine.
 */
namespace WaitMatrix {

enum class Outcome { StillWaits, Completed, TimedOut, Cancelled, Destroyed, Failed };

inline char *toString(Outcome outcome)
{
    static constexpr const char *names[]
        = {"still waits", "completed", "timed out", "cancelled", "destroyed", "failed"};
    return qstrdup(names[int(outcome)]);
}

/** One wait of one fixture. */
template<typename Fixture>
class Trial
{
public:
    explicit Trial(std::unique_ptr<Fixture> fixture)
        : m_fixture(std::move(fixture))
    {
    }
    Trial(const Trial &) = delete;
    Trial &operator=(const Trial &) = delete;
    ~Trial()
    {
        if (m_outcome == Outcome::StillWaits)
            m_coro.terminate();
        join();
    }

    void start(QDeadlineTimer deadline = QDeadlineTimer::Forever)
    {
        m_coro = Asyncoro::spawn(m_context.get(), [this, deadline] { return record(deadline, false); });
    }
    /** The coroutine terminates itself, then tries to wait. */
    void startCancelled()
    {
        m_coro = Asyncoro::spawn([this] { return record(QDeadlineTimer::Forever, true); });
    }
    /** Starts the coroutine and lets it come as far as it can. */
    void startAndSuspend(QDeadlineTimer deadline = QDeadlineTimer::Forever)
    {
        start(deadline);
        CoroTesting::letOthersRun();
        QCOMPARE(m_outcome, Outcome::StillWaits);
    }

    /**
     * Starts the coroutine with a deadline and calls `function` when that has passed, but before the coroutine has
     * resumed: both wake up at the same moment, the one that has waited longer first.
     */
    template<typename Function>
    void afterDeadline(Function function)
    {
        const QDeadlineTimer deadline(std::chrono::milliseconds(10), Qt::PreciseTimer);
        const auto first = Asyncoro::spawn([this, deadline, function]() -> Asyncoro::Task<> {
            co_await Asyncoro::sleep(deadline);
            if (m_outcome == Outcome::StillWaits)
                function();
        });
        start(deadline);
        Asyncoro::waitFor(first);
    }

    void complete()
    {
        m_completed = true;
        m_fixture->complete();
    }
    void destroy()
    {
        if constexpr (requires { m_fixture->destroy(); }) {
            m_destroyed = true;
            m_fixture->destroy();
        }
    }
    void cancel() { m_coro.terminate(); }
    /** Destroys the QObject that the coroutine is bound to. */
    void destroyContext() { m_context.reset(); }
    void setDaemon() { m_coro.setDaemon(); }

    /** Lets the coroutine end, and checks how its wait did. */
    void expect(Outcome outcome, bool verifying = true)
    {
        join();
        check(outcome, verifying);
    }
    /** The same for a coroutine that has ended. */
    void check(Outcome outcome, bool verifying = true)
    {
        QVERIFY2(m_outcome != Outcome::Failed, qPrintable(m_error));
        QCOMPARE(m_outcome, outcome);
        if (!m_destroyed && verifying)
            m_fixture->verify(m_completed, m_outcome);
    }

private:
    Asyncoro::Task<> record(QDeadlineTimer deadline, bool cancelFirst)
    {
        if (cancelFirst)
            m_coro.terminate();
        try {
            co_await m_fixture->wait(deadline);
            m_outcome = Outcome::Completed;
        } catch (const Asyncoro::TimedOut &) {
            m_outcome = Outcome::TimedOut;
        } catch (const Asyncoro::Destroyed &) {
            m_outcome = Outcome::Destroyed;
        } catch (const Asyncoro::Cancelled &) {
            m_outcome = Outcome::Cancelled;
        } catch (...) {
            m_error = Asyncoro::errorText(std::current_exception());
            m_outcome = Outcome::Failed;
        }
    }

    void join()
    {
        if (m_outcome != Outcome::StillWaits || m_coro.isNull())
            return;
        try {
            // Long enough to be sure that it hangs.
            Asyncoro::waitFor(m_coro, std::chrono::seconds(20));
        } catch (const Asyncoro::Error &) {
            // It still waits, as the check says then.
        }
    }

    std::unique_ptr<Fixture> m_fixture;
    std::unique_ptr<QObject> m_context = std::make_unique<QObject>();
    Asyncoro::Coro<> m_coro;
    Outcome m_outcome = Outcome::StillWaits;
    QString m_error;
    bool m_completed = false;
    bool m_destroyed = false;
};

enum class Needs { Nothing, CompletesAtOnce, Destroy };

template<typename Fixture>
struct Row {
    const char *name;
    Needs needs;
    void (*run)(Trial<Fixture> &);
};

template<typename Fixture>
consteval Outcome cancelledAfterCompletion()
{
    if constexpr (requires { Fixture::CancelledAfterCompletion; })
        return Fixture::CancelledAfterCompletion;
    else
        return Outcome::Completed;
}

template<typename Fixture>
consteval Outcome destroyedAfterCompletion()
{
    if constexpr (requires { Fixture::DestroyedAfterCompletion; })
        return Fixture::DestroyedAfterCompletion;
    else
        return Outcome::Completed;
}

template<typename Fixture>
consteval Outcome completedAfterDeadline()
{
    if constexpr (requires { Fixture::CompletedAfterDeadline; })
        return Fixture::CompletedAfterDeadline;
    else
        return Outcome::TimedOut;
}

template<typename Fixture>
consteval bool goesWithItsObject()
{
    if constexpr (requires { Fixture::GoesWithItsObject; })
        return Fixture::GoesWithItsObject;
    else
        return false;
}

template<typename Fixture>
consteval bool completesAtOnce()
{
    if constexpr (requires { Fixture::CompletesAtOnce; })
        return Fixture::CompletesAtOnce;
    else
        return true;
}

template<typename F>
inline constexpr Row<F> Rows[] = {
    {"completed before it waits", Needs::CompletesAtOnce,
     [](Trial<F> &trial) {
         trial.complete();
         trial.start();
         trial.expect(Outcome::Completed);
     }},
    {"completed before it waits, deadline in the past", Needs::CompletesAtOnce,
     [](Trial<F> &trial) {
         trial.complete();
         trial.start(std::chrono::seconds(0));
         trial.expect(Outcome::Completed);
     }},
    {"completed while it waits", Needs::Nothing,
     [](Trial<F> &trial) {
         trial.startAndSuspend();
         trial.complete();
         trial.expect(Outcome::Completed);
     }},
    {"completed before a deadline", Needs::Nothing,
     [](Trial<F> &trial) {
         trial.startAndSuspend(std::chrono::hours(1));
         trial.complete();
         trial.expect(Outcome::Completed);
     }},
    {"deadline in the past", Needs::Nothing,
     [](Trial<F> &trial) {
         trial.start(std::chrono::seconds(0));
         trial.expect(Outcome::TimedOut);
     }},
    {"deadline passes", Needs::Nothing,
     [](Trial<F> &trial) {
         trial.start(std::chrono::milliseconds(2));
         trial.expect(Outcome::TimedOut);
     }},
    {"deadline passes, completed before it resumes", Needs::Nothing,
     [](Trial<F> &trial) {
         trial.afterDeadline([&trial] { trial.complete(); });
         trial.expect(completedAfterDeadline<F>());
     }},
    {"cancelled before it waits", Needs::Nothing,
     [](Trial<F> &trial) {
         trial.startCancelled();
         trial.expect(Outcome::Cancelled);
     }},
    {"cancelled before it waits for what is complete", Needs::CompletesAtOnce,
     [](Trial<F> &trial) {
         trial.complete();
         trial.startCancelled();
         trial.expect(Outcome::Cancelled);
     }},
    {"cancelled while it waits", Needs::Nothing,
     [](Trial<F> &trial) {
         trial.startAndSuspend();
         trial.cancel();
         trial.expect(Outcome::Cancelled);
     }},
    {"cancelled while it waits with a deadline", Needs::Nothing,
     [](Trial<F> &trial) {
         trial.startAndSuspend(std::chrono::hours(1));
         trial.cancel();
         trial.expect(Outcome::Cancelled);
     }},
    {"cancelled, completed before it resumes", Needs::Nothing,
     [](Trial<F> &trial) {
         trial.startAndSuspend();
         trial.cancel();
         trial.complete();
         trial.expect(Outcome::Cancelled);
     }},
    {"completed, cancelled before it resumes", Needs::Nothing,
     [](Trial<F> &trial) {
         trial.startAndSuspend();
         trial.complete();
         trial.cancel();
         trial.expect(cancelledAfterCompletion<F>());
     }},
    {"destroyed while it waits", Needs::Destroy,
     [](Trial<F> &trial) {
         trial.startAndSuspend();
         trial.destroy();
         trial.expect(Outcome::Destroyed);
     }},
    {"destroyed while it waits with a deadline", Needs::Destroy,
     [](Trial<F> &trial) {
         trial.startAndSuspend(std::chrono::hours(1));
         trial.destroy();
         trial.expect(Outcome::Destroyed);
     }},
    {"destroyed, cancelled before it resumes", Needs::Destroy,
     [](Trial<F> &trial) {
         trial.startAndSuspend();
         trial.destroy();
         trial.cancel();
         trial.expect(Outcome::Destroyed);
     }},
    {"completed, destroyed before it resumes", Needs::Destroy,
     [](Trial<F> &trial) {
         trial.startAndSuspend();
         trial.complete();
         trial.destroy();
         trial.expect(destroyedAfterCompletion<F>());
     }},
    {"cancelled, destroyed before it resumes", Needs::Destroy,
     [](Trial<F> &trial) {
         trial.startAndSuspend();
         trial.cancel();
         trial.destroy();
         trial.expect(Outcome::Cancelled);
     }},
    {"deadline passes, destroyed before it resumes", Needs::Destroy,
     [](Trial<F> &trial) {
         trial.afterDeadline([&trial] { trial.destroy(); });
         trial.expect(Outcome::TimedOut);
     }},
    {"the object of the coroutine is destroyed while it waits", Needs::Nothing,
     [](Trial<F> &trial) {
         trial.startAndSuspend();
         trial.destroyContext();
         trial.expect(Outcome::Cancelled);
     }},
    {"completed, the object of the coroutine is destroyed before it resumes", Needs::Nothing,
     [](Trial<F> &trial) {
         trial.startAndSuspend();
         trial.complete();
         trial.destroyContext();
         trial.expect(Outcome::Cancelled, !goesWithItsObject<F>());
     }},
    {"deadline passes, the object of the coroutine is destroyed before it resumes", Needs::Nothing,
     [](Trial<F> &trial) {
         trial.afterDeadline([&trial] { trial.destroyContext(); });
         trial.expect(Outcome::Cancelled);
     }},
    {"destroyed, the object of the coroutine is destroyed before it resumes", Needs::Destroy,
     [](Trial<F> &trial) {
         trial.startAndSuspend();
         trial.destroy();
         trial.destroyContext();
         trial.expect(Outcome::Cancelled);
     }},
    {"exec() ends while it waits", Needs::Nothing,
     [](Trial<F> &trial) {
         trial.startAndSuspend();
         trial.setDaemon();
         Asyncoro::exec();
         trial.check(Outcome::Cancelled);
     }},
};

/** Runs a row in which the thread ends while the coroutine waits. */
template<typename Fixture, typename Factory>
void runOnThreadThatEnds(Factory factory)
{
    std::unique_ptr<Trial<Fixture>> trial;
    std::exception_ptr failure;
    const auto attempt = [&failure](auto function) {
        try {
            function();
        } catch (...) {
            failure = std::current_exception();
        }
    };
    const std::unique_ptr<QThread> thread(QThread::create([&] {
        attempt([&] {
            trial = std::make_unique<Trial<Fixture>>(factory());
            trial->startAndSuspend();
        });
        // Connected later than the scheduler's own, and thus called when that has ended the coroutines.
        QObject::connect(QThread::currentThread(), &QThread::finished, [&] {
            attempt([&] {
                if (!failure)
                    trial->check(Outcome::Cancelled);
            });
            trial.reset();
        });
    }));
    thread->start();
    thread->wait();
    if (failure)
        std::rethrow_exception(failure);
}

/** In the function NAME_data(). */
template<typename Fixture>
void addRows()
{
    QTest::addColumn<int>("row");
    for (int i = 0; i < int(std::size(Rows<Fixture>)); ++i) {
        const Row<Fixture> &row = Rows<Fixture>[i];
        if (row.needs == Needs::CompletesAtOnce && !completesAtOnce<Fixture>())
            continue;
        if (row.needs == Needs::Destroy && !requires(Fixture &fixture) { fixture.destroy(); })
            continue;
        QTest::newRow(row.name) << i;
    }
    QTest::newRow("its thread ends while it waits") << -1;
}

/** In the function NAME(); `factory` makes a fixture that cannot be made without arguments. */
template<typename Fixture, typename Factory>
void run(Factory factory)
{
    QFETCH(const int, row);
    if (row < 0) {
        runOnThreadThatEnds<Fixture>(factory);
        return;
    }
    Trial<Fixture> trial(factory());
    Rows<Fixture>[row].run(trial);
}

template<typename Fixture>
void run()
{
    run<Fixture>([] { return std::make_unique<Fixture>(); });
}

} // namespace WaitMatrix
