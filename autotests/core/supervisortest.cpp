// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "waitmatrix.h"

#include <Asyncoro/Supervisor>

#include <QTest>

using namespace Asyncoro;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

using enum Supervisor::Restart;
using enum Supervisor::Strategy;

namespace {

/** A child: writes down what becomes of it, and does what it is told to. */
Task<> worker(QString name, QStringList &log)
{
    log << u"start "_s + name;
    try {
        const auto order = co_await receive<QString>();
        if (order == u"fail") {
            log << name + u" fails"_s;
            throw Error(u"no luck"_s);
        }
        log << name + u" ends"_s;
    } catch (const Cancelled &) {
        log << u"stop "_s + name;
        throw;
    }
}

void add(Supervisor &supervisor, const QString &name, Supervisor::Restart restart, QStringList &log)
{
    supervisor.add(name, [name, &log] { return worker(name, log); }, restart);
}

/** Lets the others go on until they wait for something. */
Task<> settle()
{
    for (int i = 0; i < 20; ++i)
        co_await yield();
}

struct Kinds {
    Supervisor::Restart a = Permanent;
    Supervisor::Restart b = Permanent;
    Supervisor::Restart c = Permanent;
};

struct WaitForChildren {
    Supervisor supervisor;

    WaitForChildren()
    {
        // Children that are stopped may end after all of this is gone.
        const auto untilToldTo = []() -> Task<> { co_await receive<QString>(); };
        supervisor.add(u"a"_s, untilToldTo, Transient);
        supervisor.add(u"b"_s, untilToldTo, Temporary);
    }

    static constexpr bool CompletesAtOnce = false;
    // It waits for the end of the loop, which is not there yet when the last child ends.
    static constexpr auto CancelledAfterCompletion = WaitMatrix::Outcome::Cancelled;

    Task<> wait(QDeadlineTimer deadline)
    {
        // run() itself has no deadline.
        const auto running = spawn([this] { return supervisor.run(); });
        running.setDaemon();
        struct Joined {
            Coro<> coro;
            ~Joined() { coro.terminate(); }
        } joined{running};
        co_await running.finish(deadline);
    }
    void complete()
    {
        supervisor.child(u"a"_s).send(u"end"_s);
        supervisor.child(u"b"_s).send(u"end"_s);
    }
    void verify(bool, WaitMatrix::Outcome) { }
};

} // namespace

Q_DECLARE_METATYPE(Kinds)

class SupervisorTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void events_data();
    void events();

    void reasonIsClear()
    {
        QStringList log;
        Supervisor supervisor(OneForOne, {.restarts = 1, .period = 1h});
        add(supervisor, u"database"_s, Permanent, log);
        const auto running = spawn([&] { return supervisor.run(); });
        waitFor(spawn([&]() -> Task<> {
            for (int i = 0; i < 2; ++i) {
                co_await settle();
                supervisor.child(u"database"_s).send(u"fail"_s);
            }
        }));
        try {
            waitFor(running);
            QFAIL("no exception");
        } catch (const SupervisorGaveUp &error) {
            QCOMPARE(error.message(), u"the supervisor gave up: \"database\" ended again (no luck), beyond the "
                                      "intensity of 1 in 3600000 ms"_s);
            QCOMPARE(error.child(), u"database"_s);
            QCOMPARE(error.reason(), u"no luck"_s);
        }
        QCOMPARE(supervisor.restartCount(), 1);
    }

    void restartsBeyondThePeriodAreForgotten()
    {
        QStringList log;
        Supervisor supervisor(OneForOne, {.restarts = 1, .period = 20ms});
        add(supervisor, u"a"_s, Permanent, log);
        const auto running = spawn([&] { return supervisor.run(); });
        waitFor(spawn([&]() -> Task<> {
            for (int i = 0; i < 3; ++i) {
                co_await settle();
                supervisor.child(u"a"_s).send(u"fail"_s);
                co_await settle();
                co_await sleep(100ms);
            }
        }));
        QCOMPARE(supervisor.restartCount(), 3);
        running.terminate();
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(running));
    }

    void childrenBearTheirNames()
    {
        QStringList log;
        Supervisor supervisor;
        add(supervisor, u"a"_s, Temporary, log);
        QVERIFY_THROWS_EXCEPTION(Error, add(supervisor, u"a"_s, Temporary, log));
        QCOMPARE(supervisor.children(), QStringList({u"a"_s}));
        QVERIFY(!supervisor.child(u"a"_s));
        QVERIFY(!supervisor.child(u"b"_s));
        const auto running = spawn([&] { return supervisor.run(); });
        waitFor(settle());
        QCOMPARE(supervisor.child(u"a"_s).name(), u"a"_s);
        QVERIFY_THROWS_EXCEPTION(Error, add(supervisor, u"b"_s, Temporary, log));
        QVERIFY_THROWS_EXCEPTION(Error, waitFor(supervisor.run()));
        supervisor.child(u"a"_s).send(u"end"_s);
        waitFor(running);
        QVERIFY(!supervisor.child(u"a"_s));
        waitFor(spawn([&]() -> Task<> { // and once more
            const auto again = spawn([&] { return supervisor.run(); });
            co_await settle();
            supervisor.child(u"a"_s).send(u"end"_s);
            co_await again;
        }));
        QCOMPARE(log, QStringList({u"start a"_s, u"a ends"_s, u"start a"_s, u"a ends"_s}));
    }

    void messagesOfTheCallerStayWhereTheyAre()
    {
        QStringList log;
        waitFor(spawn([&]() -> Task<> {
            Supervisor supervisor;
            add(supervisor, u"a"_s, Temporary, log);
            Coro<>::self().send(1);
            spawn([&]() -> Task<> {
                co_await settle();
                supervisor.child(u"a"_s).send(u"end"_s);
            });
            co_await supervisor.run();
            QCOMPARE(co_await receive<int>(0ms), 1);
            bool nothingElse = false;
            try {
                co_await receive(0ms);
            } catch (const TimedOut &) {
                nothingElse = true;
            }
            QVERIFY(nothingElse);
        }));
    }

    void aChildMayBeACoroutineStartedElsewhere()
    {
        QStringList log;
        int started = 0;
        Supervisor supervisor(OneForOne, {.restarts = 2, .period = 1h});
        supervisor.add(u"made"_s, [&] {
            if (++started == 2)
                throw Error(u"cannot start"_s);
            return spawn([&] { return worker(u"made"_s, log); });
        });
        const auto running = spawn([&] { return supervisor.run(); });
        waitFor(spawn([&]() -> Task<> {
            co_await settle();
            supervisor.child(u"made"_s).send(u"end"_s); // then it cannot start, then it can
            co_await settle();
            supervisor.child(u"made"_s).send(u"end"_s);
        }));
        try {
            waitFor(running);
            QFAIL("no exception");
        } catch (const SupervisorGaveUp &error) {
            QCOMPARE(error.reason(), u"it returned"_s);
        }
        QCOMPARE(started, 3);
    }

    void supervisorsOfSupervisors()
    {
        QStringList log;
        Supervisor inner(OneForOne, {.restarts = 0, .period = 1h});
        add(inner, u"x"_s, Permanent, log);
        add(inner, u"y"_s, Permanent, log);
        Supervisor outer(RestForOne, {.restarts = 1, .period = 1h});
        add(outer, u"a"_s, Permanent, log);
        outer.add(u"inner"_s, [&] { return inner.run(); });
        add(outer, u"b"_s, Permanent, log);
        const auto running = spawn([&] { return outer.run(); });
        waitFor(spawn([&]() -> Task<> {
            co_await settle();
            inner.child(u"x"_s).send(u"fail"_s); // inner gives up, and is started again with b
            co_await settle();
            running.terminate();
        }));
        QVERIFY_THROWS_EXCEPTION(CoroTerminated, waitFor(running));
        QCOMPARE(log.join(u", "_s), u"start a, start b, start x, start y, x fails, stop y, stop b, start b, start x, "
                                    "start y, stop b, stop y, stop x, stop a"_s);
    }

    void itMayBeDestroyedWhileItRuns()
    {
        QStringList log;
        auto supervisor = std::make_unique<Supervisor>();
        add(*supervisor, u"a"_s, Temporary, log);
        const auto running = spawn([&] { return supervisor->run(); });
        waitFor(settle());
        const Coro<> child = supervisor->child(u"a"_s);
        supervisor.reset();
        child.send(u"end"_s);
        waitFor(running);
    }

    void theEndOfTheProgramEndsAll()
    {
        QStringList log;
        auto supervisor = std::make_unique<Supervisor>();
        add(*supervisor, u"a"_s, Permanent, log);
        add(*supervisor, u"b"_s, Permanent, log);
        const auto running = spawn([&] { return supervisor->run(); });
        waitFor(settle());
        running.setDaemon();
        QCOMPARE(Asyncoro::exec(), 0); // the children do not keep it
        QCOMPARE(running.state(), CoroState::Terminated);
        log.sort();
        QCOMPARE(log, QStringList({u"start a"_s, u"start b"_s, u"stop a"_s, u"stop b"_s}));
    }

    void waits_data() { WaitMatrix::addRows<WaitForChildren>(); }
    void waits() { WaitMatrix::run<WaitForChildren>(); }
};

void SupervisorTest::events_data()
{
    QTest::addColumn<Supervisor::Strategy>("strategy");
    QTest::addColumn<Kinds>("kinds");
    QTest::addColumn<QString>("orders"); // "a:fail b:end cancel"
    QTest::addColumn<QString>("log"); // after "start a, start b, start c"
    QTest::addColumn<QString>("outcome");

    const auto row = [](const char *name, Supervisor::Strategy strategy, Kinds kinds, const QString &orders,
                        const QString &log, const QString &outcome) {
        QTest::newRow(name) << strategy << kinds << orders << log << outcome;
    };
    const QString stopAll = u"stop c, stop b, stop a"_s;
    const QString cancelled = u"cancelled"_s;

    row("stop in reverse order", OneForOne, {}, u"cancel"_s, stopAll, cancelled);
    row("one for one: fails", OneForOne, {}, u"b:fail cancel"_s, u"b fails, start b, "_s + stopAll, cancelled);
    row("one for all: the last fails", OneForAll, {}, u"c:fail cancel"_s,
        u"c fails, stop b, stop a, start a, start b, start c, "_s + stopAll, cancelled);
    row("one for all: the first fails", OneForAll, {}, u"a:fail cancel"_s,
        u"a fails, stop c, stop b, start a, start b, start c, "_s + stopAll, cancelled);
    row("rest for one", RestForOne, {}, u"b:fail cancel"_s, u"b fails, stop c, start b, start c, "_s + stopAll,
        cancelled);
    row("rest for one: the last", RestForOne, {}, u"c:fail cancel"_s, u"c fails, start c, "_s + stopAll, cancelled);
    row("permanent: returns", OneForOne, {}, u"b:end cancel"_s, u"b ends, start b, "_s + stopAll, cancelled);
    row("permanent: terminated", OneForOne, {}, u"b:terminate cancel"_s, u"stop b, start b, "_s + stopAll, cancelled);
    row("transient: returns", OneForOne, {.b = Transient}, u"b:end cancel"_s, u"b ends, stop c, stop a"_s, cancelled);
    row("transient: terminated", OneForOne, {.b = Transient}, u"b:terminate cancel"_s, u"stop b, stop c, stop a"_s,
        cancelled);
    row("transient: fails", OneForOne, {.b = Transient}, u"b:fail cancel"_s, u"b fails, start b, "_s + stopAll,
        cancelled);
    row("temporary: fails", OneForAll, {.b = Temporary}, u"b:fail cancel"_s, u"b fails, stop c, stop a"_s, cancelled);
    row("temporary: not with others", OneForAll, {.b = Temporary}, u"c:fail cancel"_s,
        u"c fails, stop b, stop a, start a, start c, stop c, stop a"_s, cancelled);
    row("transient: again with others", OneForAll, {.b = Transient}, u"b:end a:fail cancel"_s,
        u"b ends, a fails, stop c, start a, start b, start c, "_s + stopAll, cancelled);
    row("all done", OneForOne, {Transient, Transient, Temporary}, u"b:end c:fail a:end"_s,
        u"b ends, c fails, a ends"_s, u"returned"_s);
    row("gives up", OneForOne, {}, u"a:fail b:fail c:fail"_s,
        u"a fails, start a, b fails, start b, c fails, stop b, stop a"_s, u"c: no luck"_s);
    row("gives up: one for all", OneForAll, {}, u"c:fail c:fail c:end"_s,
        u"c fails, stop b, stop a, start a, start b, start c, c fails, stop b, stop a, start a, start b, start c, "
        "c ends, stop b, stop a"_s,
        u"c: it returned"_s);
    row("gives up: terminated", OneForOne, {}, u"a:terminate a:terminate a:terminate"_s,
        u"stop a, start a, stop a, start a, stop a, stop c, stop b"_s, u"a: terminated"_s);
    row("two at once", RestForOne, {}, u"a:fail+b:fail cancel"_s,
        u"a fails, b fails, stop c, start a, start b, start c, "_s + stopAll, cancelled);
}

void SupervisorTest::events()
{
    QFETCH(Supervisor::Strategy, strategy);
    QFETCH(Kinds, kinds);
    QFETCH(QString, orders);
    QFETCH(QString, log);
    QFETCH(QString, outcome);

    QStringList seen;
    Supervisor supervisor(strategy, {.restarts = 2, .period = 1h});
    add(supervisor, u"a"_s, kinds.a, seen);
    add(supervisor, u"b"_s, kinds.b, seen);
    add(supervisor, u"c"_s, kinds.c, seen);
    const auto running = spawn([&] { return supervisor.run(); });
    waitFor(spawn([&]() -> Task<> {
        for (const QString &step : orders.split(u' ')) {
            co_await settle();
            for (const QString &order : step.split(u'+')) {
                const Coro<> child = supervisor.child(order.section(u':', 0, 0));
                const QString what = order.section(u':', 1);
                if (order == u"cancel")
                    running.terminate();
                else if (what == u"terminate")
                    child.terminate();
                else
                    child.send(what);
            }
        }
    }));
    QString ended = u"returned"_s;
    try {
        waitFor(running, 10s);
    } catch (const CoroTerminated &) {
        ended = u"cancelled"_s;
    } catch (const SupervisorGaveUp &error) {
        ended = error.child() + u": "_s + error.reason();
    }
    QCOMPARE(seen.join(u", "_s), u"start a, start b, start c, "_s + log);
    QCOMPARE(ended, outcome);
}

QTEST_GUILESS_MAIN(SupervisorTest)
#include "supervisortest.moc"
