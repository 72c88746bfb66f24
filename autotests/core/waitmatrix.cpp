// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "waitmatrix.h"

#include <QThread>

namespace WaitMatrix {

using Factory = std::function<std::unique_ptr<Operation>()>;

char *toString(Outcome outcome)
{
    static constexpr const char *names[]
        = {"still waits", "completed", "timed out", "cancelled", "destroyed", "failed"};
    return qstrdup(names[int(outcome)]);
}

namespace {

/** One wait for one operation. */
class Trial
{
public:
    explicit Trial(const Factory &factory)
        : m_factory(factory)
        , m_operation(factory())
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

    [[nodiscard]] const Traits &traits() const { return m_operation->traits; }

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
        bool bothWait = false;
        // On a busy machine the time may be over before both wait: then everything begins anew, with more of it.
        for (std::chrono::milliseconds time(10); !bothWait; time *= 2) {
            const QDeadlineTimer deadline(time, Qt::PreciseTimer);
            const auto first = Asyncoro::spawn([this, deadline, function, &bothWait]() -> Asyncoro::Task<> {
                co_await Asyncoro::sleep(deadline);
                if (bothWait && m_outcome == Outcome::StillWaits)
                    function();
            });
            start(deadline);
            CoroTesting::letOthersRun();
            bothWait = !deadline.hasExpired();
            Asyncoro::waitFor(first);
            if (!bothWait)
                renew();
        }
    }

    void complete()
    {
        m_completed = true;
        m_operation->complete();
    }
    void destroy()
    {
        m_destroyed = true;
        m_operation->destroy();
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
            m_operation->verify(m_completed, m_outcome);
    }

private:
    /** After the deadline has passed. */
    void renew()
    {
        expect(Outcome::TimedOut);
        m_operation.reset();
        m_operation = m_factory();
        m_outcome = Outcome::StillWaits;
    }

    Asyncoro::Task<> record(QDeadlineTimer deadline, bool cancelFirst)
    {
        if (cancelFirst)
            m_coro.terminate();
        try {
            co_await m_operation->wait(deadline);
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

    const Factory &m_factory;
    std::unique_ptr<Operation> m_operation;
    std::unique_ptr<QObject> m_context = std::make_unique<QObject>();
    Asyncoro::Coro<> m_coro;
    Outcome m_outcome = Outcome::StillWaits;
    QString m_error;
    bool m_completed = false;
    bool m_destroyed = false;
};

enum class Needs { Nothing, CompletesAtOnce, Destroy };

struct Row {
    const char *name;
    Needs needs;
    void (*run)(Trial &);
};

constexpr Row Rows[] = {
    {"completed before it waits", Needs::CompletesAtOnce,
     [](Trial &trial) {
         trial.complete();
         trial.start();
         trial.expect(Outcome::Completed);
     }},
    {"completed before it waits, deadline in the past", Needs::CompletesAtOnce,
     [](Trial &trial) {
         trial.complete();
         trial.start(std::chrono::seconds(0));
         trial.expect(Outcome::Completed);
     }},
    {"completed while it waits", Needs::Nothing,
     [](Trial &trial) {
         trial.startAndSuspend();
         trial.complete();
         trial.expect(Outcome::Completed);
     }},
    {"completed before a deadline", Needs::Nothing,
     [](Trial &trial) {
         trial.startAndSuspend(std::chrono::hours(1));
         trial.complete();
         trial.expect(Outcome::Completed);
     }},
    {"deadline in the past", Needs::Nothing,
     [](Trial &trial) {
         trial.start(std::chrono::seconds(0));
         trial.expect(Outcome::TimedOut);
     }},
    {"deadline passes", Needs::Nothing,
     [](Trial &trial) {
         trial.start(std::chrono::milliseconds(2));
         trial.expect(Outcome::TimedOut);
     }},
    {"deadline passes, completed before it resumes", Needs::Nothing,
     [](Trial &trial) {
         trial.afterDeadline([&trial] { trial.complete(); });
         trial.expect(trial.traits().completedAfterDeadline);
     }},
    {"cancelled before it waits", Needs::Nothing,
     [](Trial &trial) {
         trial.startCancelled();
         trial.expect(Outcome::Cancelled);
     }},
    {"cancelled before it waits for what is complete", Needs::CompletesAtOnce,
     [](Trial &trial) {
         trial.complete();
         trial.startCancelled();
         trial.expect(Outcome::Cancelled);
     }},
    {"cancelled while it waits", Needs::Nothing,
     [](Trial &trial) {
         trial.startAndSuspend();
         trial.cancel();
         trial.expect(Outcome::Cancelled);
     }},
    {"cancelled while it waits with a deadline", Needs::Nothing,
     [](Trial &trial) {
         trial.startAndSuspend(std::chrono::hours(1));
         trial.cancel();
         trial.expect(Outcome::Cancelled);
     }},
    {"cancelled, completed before it resumes", Needs::Nothing,
     [](Trial &trial) {
         trial.startAndSuspend();
         trial.cancel();
         trial.complete();
         trial.expect(Outcome::Cancelled);
     }},
    {"completed, cancelled before it resumes", Needs::Nothing,
     [](Trial &trial) {
         trial.startAndSuspend();
         trial.complete();
         trial.cancel();
         trial.expect(trial.traits().cancelledAfterCompletion);
     }},
    {"destroyed while it waits", Needs::Destroy,
     [](Trial &trial) {
         trial.startAndSuspend();
         trial.destroy();
         trial.expect(Outcome::Destroyed);
     }},
    {"destroyed while it waits with a deadline", Needs::Destroy,
     [](Trial &trial) {
         trial.startAndSuspend(std::chrono::hours(1));
         trial.destroy();
         trial.expect(Outcome::Destroyed);
     }},
    {"destroyed, cancelled before it resumes", Needs::Destroy,
     [](Trial &trial) {
         trial.startAndSuspend();
         trial.destroy();
         trial.cancel();
         trial.expect(Outcome::Destroyed);
     }},
    {"completed, destroyed before it resumes", Needs::Destroy,
     [](Trial &trial) {
         trial.startAndSuspend();
         trial.complete();
         trial.destroy();
         trial.expect(trial.traits().destroyedAfterCompletion);
     }},
    {"cancelled, destroyed before it resumes", Needs::Destroy,
     [](Trial &trial) {
         trial.startAndSuspend();
         trial.cancel();
         trial.destroy();
         trial.expect(Outcome::Cancelled);
     }},
    {"deadline passes, destroyed before it resumes", Needs::Destroy,
     [](Trial &trial) {
         trial.afterDeadline([&trial] { trial.destroy(); });
         trial.expect(Outcome::TimedOut);
     }},
    {"the object of the coroutine is destroyed while it waits", Needs::Nothing,
     [](Trial &trial) {
         trial.startAndSuspend();
         trial.destroyContext();
         trial.expect(Outcome::Cancelled);
     }},
    {"completed, the object of the coroutine is destroyed before it resumes", Needs::Nothing,
     [](Trial &trial) {
         trial.startAndSuspend();
         trial.complete();
         trial.destroyContext();
         trial.expect(Outcome::Cancelled, !trial.traits().goesWithItsObject);
     }},
    {"deadline passes, the object of the coroutine is destroyed before it resumes", Needs::Nothing,
     [](Trial &trial) {
         trial.afterDeadline([&trial] { trial.destroyContext(); });
         trial.expect(Outcome::Cancelled);
     }},
    {"destroyed, the object of the coroutine is destroyed before it resumes", Needs::Destroy,
     [](Trial &trial) {
         trial.startAndSuspend();
         trial.destroy();
         trial.destroyContext();
         trial.expect(Outcome::Cancelled);
     }},
    {"exec() ends while it waits", Needs::Nothing,
     [](Trial &trial) {
         trial.startAndSuspend();
         trial.setDaemon();
         Asyncoro::exec();
         trial.check(Outcome::Cancelled);
     }},
};

/** Runs a row in which the thread ends while the coroutine waits. */
void runOnThreadThatEnds(const Factory &factory)
{
    std::unique_ptr<Trial> trial;
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
            trial = std::make_unique<Trial>(factory);
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

} // namespace

void addRows(const Traits &traits)
{
    QTest::addColumn<int>("row");
    for (int i = 0; i < int(std::size(Rows)); ++i) {
        const Row &row = Rows[i];
        if (row.needs == Needs::CompletesAtOnce && !traits.completesAtOnce)
            continue;
        if (row.needs == Needs::Destroy && !traits.canBeDestroyed)
            continue;
        QTest::newRow(row.name) << i;
    }
    QTest::newRow("its thread ends while it waits") << -1;
}

void run(const Factory &factory)
{
    QFETCH(const int, row);
    if (row < 0) {
        runOnThreadThatEnds(factory);
        return;
    }
    Trial trial(factory);
    Rows[row].run(trial);
}

} // namespace WaitMatrix
