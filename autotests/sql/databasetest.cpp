// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Databases, with SQLite.

#include <Asyncoro/SqlCursor>
#include <Asyncoro/SqlError>

#include <Asyncoro/Timeout>

#include "waitmatrix.h"

#include <QSqlDatabase>
#include <QTemporaryDir>
#include <QTest>
#include <QThread>

#include <atomic>
#include <thread>

using namespace Asyncoro;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

const SqlOptions InMemory{.databaseName = u":memory:"_s};

/** Waits on the thread of the database until it is allowed to go on. */
class Gate
{
public:
    ~Gate() { open(); }
    void open() { m_open = true; }
    void pass(const std::function<bool()> &orIf = [] { return false; }) const
    {
        m_reached = true;
        while (!m_open && !orIf())
            QThread::msleep(1);
    }
    bool isReached() const { return m_reached; }

private:
    std::atomic<bool> m_open = false;
    mutable std::atomic<bool> m_reached = false;
};

Task<> fill(Database &database)
{
    co_await database.open(InMemory);
    SqlCursor cursor(database);
    co_await cursor.execute(u"create table article (id integer primary key, name text, price real)"_s);
    QList<QVariantList> rows = {{u"pen"_s, 1.5}, {u"ink"_s, 4.0}, {u"paper"_s, 3.0}};
    QCOMPARE(co_await cursor.executeMany(u"insert into article (name, price) values (?, ?)"_s, rows), 3);
}

Task<int> count(Database &database)
{
    SqlCursor cursor(database);
    co_await cursor.execute(u"select count(*) from article"_s);
    const auto row = co_await cursor.fetchOne();
    co_return row->first().toInt();
}

template<typename Function>
Task<QString> errorOf(Function function)
{
    try {
        co_await function();
    } catch (const Error &error) {
        co_return error.message();
    }
    co_return QString();
}

/** Runs the body of a test as a coroutine with a database of three articles. */
template<typename Body>
void withArticles(Body body)
{
    Database database;
    waitFor(spawn([&]() -> Task<> {
        co_await fill(database);
        co_await body(database);
    }));
}

/** The wait for a piece of work that comes after another one, which goes on until it may end. */
struct WaitForDatabase {
    std::shared_ptr<int> token = std::make_shared<int>(); // moves into the work that is waited for
    const std::weak_ptr<int> waitedFor = token;
    Gate gate;
    std::unique_ptr<Database> database = std::make_unique<Database>();
    Coro<> before;

    static constexpr bool CompletesAtOnce = false;
    // What another thread has done is seen in the event loop, where the cancellation comes first.
    static constexpr auto CancelledAfterCompletion = WaitMatrix::Outcome::Cancelled;

    WaitForDatabase()
    {
        waitFor(database->open(InMemory));
        before = spawn([this]() -> Task<> {
            try {
                // Destroying the database lets go of the work that is waited for, and then waits for this one.
                co_await database->run([this](QSqlDatabase &) { gate.pass([this] { return waitedFor.expired(); }); });
            } catch (const Destroyed &) {
            }
        });
        before.setDaemon();
    }
    ~WaitForDatabase()
    {
        before.terminate();
        gate.open();
        database.reset();
    }
    Task<> wait(QDeadlineTimer deadline)
    {
        co_await withTimeout(deadline, database->run([kept = std::move(token)](QSqlDatabase &) { }));
    }
    void complete()
    {
        gate.open();
        // All is done in turn: when this is, so is that.
        std::thread([this] { waitFor(database->run([](QSqlDatabase &) { })); }).join();
    }
    void destroy() { database.reset(); }
    void verify(bool, WaitMatrix::Outcome)
    {
        gate.open();
        QCOMPARE(waitFor(database->run([](QSqlDatabase &) { return 7; })), 7); // can still be used
    }
};

} // namespace

class DatabaseTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void H08_executeAndFetch()
    {
        withArticles([](Database &database) -> Task<> {
            SqlCursor cursor(database);
            co_await cursor.execute(u"select name, price from article where price > ? order by price"_s, {2});
            QCOMPARE(cursor.columns(), QStringList({u"name"_s, u"price"_s}));
            QCOMPARE(cursor.rowsAffected(), -1);
            QCOMPARE(co_await cursor.fetchOne(), SqlRow({u"paper"_s, 3.0}));
            QCOMPARE(co_await cursor.fetchOne(), SqlRow({u"ink"_s, 4.0}));
            QVERIFY(!co_await cursor.fetchOne());
            QVERIFY(!co_await cursor.fetchOne());

            co_await cursor.execute(u"select name from article order by id"_s);
            QCOMPARE(co_await cursor.fetchMany(2), QList<SqlRow>({{u"pen"_s}, {u"ink"_s}}));
            QCOMPARE(co_await cursor.fetchAll(), QList<SqlRow>({{u"paper"_s}}));
            QVERIFY((co_await cursor.fetchAll()).isEmpty());
        });
    }

    void H08_namedValues()
    {
        withArticles([](Database &database) -> Task<> {
            SqlCursor cursor(database);
            const QVariantMap values = {{u":low"_s, 2}, {u":high"_s, 3.5}};
            co_await cursor.execute(u"select name from article where price between :low and :high"_s, values);
            QCOMPARE(co_await cursor.fetchAll(), QList<SqlRow>({{u"paper"_s}}));
        });
    }

    void H08_changes()
    {
        withArticles([](Database &database) -> Task<> {
            SqlCursor cursor(database);
            co_await cursor.execute(u"update article set price = price * 2 where price > ?"_s, {2});
            QCOMPARE(cursor.rowsAffected(), 2);
            QVERIFY(cursor.columns().isEmpty());
            co_await cursor.execute(u"insert into article (name) values (?)"_s, {u"ruler"_s});
            QCOMPARE(co_await cursor.lastInsertId(), QVariant(4));
            for (int i = 0; i < 3; ++i) // prepared once
                co_await cursor.execute(u"insert into article (name, price) values (?, ?)"_s, {u"pin"_s, i});
            QCOMPARE(co_await count(database), 7);
        });
    }

    void H08_twoCursorsAtATime()
    {
        withArticles([](Database &database) -> Task<> {
            SqlCursor names(database);
            SqlCursor prices(database);
            co_await names.execute(u"select name from article order by id"_s);
            co_await prices.execute(u"select price from article order by id"_s);
            QCOMPARE(co_await names.fetchOne(), SqlRow({u"pen"_s}));
            QCOMPARE(co_await prices.fetchOne(), SqlRow({1.5}));
            QCOMPARE(co_await names.fetchOne(), SqlRow({u"ink"_s}));
        });
    }

    void H08_theEventLoopGoesOn()
    {
        Database database;
        Gate gate;
        const auto slow = spawn([&]() -> Task<> {
            co_await database.open(InMemory);
            co_await database.run([&](QSqlDatabase &) { gate.pass(); });
        });
        waitFor(spawn([&]() -> Task<> { // needs the event loop, and lets the other one go on
            while (!gate.isReached())
                co_await sleep(1ms);
            gate.open();
        }));
        waitFor(slow);
    }

    void H08_operationsAreDoneInTurn()
    {
        withArticles([](Database &database) -> Task<> {
            SqlCursor cursor(database);
            QList<Coro<>> all;
            for (int i = 0; i < 20; ++i) {
                all << spawn([&cursor, i]() -> Task<> {
                    co_await cursor.execute(u"insert into article (id, name) values (?, 'x')"_s, {100 + i});
                });
            }
            for (const Coro<> &coro : std::as_const(all))
                co_await coro;
            co_await cursor.execute(u"select id from article where id >= 100 order by rowid"_s);
            QCOMPARE((co_await cursor.fetchAll()).size(), 20);
        });
    }

    void H08_errorsNameStatementAndReason()
    {
        withArticles([](Database &database) -> Task<> {
            SqlCursor cursor(database);
            QCOMPARE(co_await errorOf([&] { return cursor.execute(u"selec 1"_s); }),
                     u"selec 1: near \"selec\": syntax error Unable to execute statement"_s);
            QCOMPARE(co_await errorOf([&] { return cursor.fetchAll(); }),
                     u"SqlCursor::fetchAll(): there is no statement that gives rows"_s);
            QString statement;
            QString text;
            try {
                co_await cursor.execute(u"insert into article (id) values (?)"_s, {1});
            } catch (const SqlError &error) {
                statement = error.statement();
                text = error.databaseText();
                QVERIFY(!error.nativeErrorCode().isEmpty());
            }
            QCOMPARE(statement, u"insert into article (id) values (?)"_s);
            QVERIFY2(text.contains(u"UNIQUE"_s), qPrintable(text));
            QVERIFY(!(co_await errorOf([&] { return cursor.callProcedure(u"sum_up"_s, {1, 2}); })).isEmpty());
            QCOMPARE(co_await count(database), 3); // goes on
        });
    }

    void H08_aDatabaseThatIsNotOpen()
    {
        Database database;
        SqlCursor cursor(database);
        QCOMPARE(waitFor(errorOf([&] { return cursor.execute(u"select 1"_s); })),
                 u"select 1: the database is not open"_s);
        const QString noDriver = waitFor(errorOf([&] { return database.open({.driver = u"NONE"_s}); }));
        QVERIFY2(noDriver.contains(u"there is no such driver; there are: "_s), qPrintable(noDriver));
        const QString noFolder = waitFor(errorOf([&] { return database.open({.databaseName = u"/none/at/all"_s}); }));
        QVERIFY2(noFolder.startsWith(u"open database \"/none/at/all\" with QSQLITE: "_s), qPrintable(noFolder));
        waitFor(database.open(InMemory));
        waitFor(cursor.execute(u"select 1"_s));
        waitFor(database.close());
        QCOMPARE(waitFor(errorOf([&] { return cursor.fetchOne(); })),
                 u"SqlCursor::fetchOne(): there is no statement that gives rows"_s);
        waitFor(database.open(InMemory)); // and once more
        waitFor(cursor.execute(u"select 1"_s));
    }

    void H08_executeManyStopsAtTheFirstFailure()
    {
        withArticles([](Database &database) -> Task<> {
            SqlCursor cursor(database);
            QList<QVariantList> rows = {{7}, {1}, {8}};
            const QString error = co_await errorOf([&]() -> Task<> {
                co_await cursor.executeMany(u"insert into article (id) values (?)"_s, rows);
            });
            QVERIFY(!error.isEmpty());
            QCOMPARE(co_await count(database), 4);
        });
    }

    void H08_whatIsNotCommittedIsRolledBack()
    {
        withArticles([](Database &database) -> Task<> {
            SqlCursor cursor(database);
            {
                SqlTransaction transaction = co_await database.transaction();
                co_await cursor.execute(u"delete from article"_s);
                QCOMPARE(co_await count(database), 0);
            }
            QCOMPARE(co_await count(database), 3);
            {
                SqlTransaction transaction = co_await database.transaction();
                co_await cursor.execute(u"delete from article where id = 1"_s);
                co_await transaction.commit();
                QCOMPARE(co_await errorOf([&] { return transaction.commit(); }),
                         u"SqlTransaction::commit(): the transaction has ended"_s);
            }
            QCOMPARE(co_await count(database), 2);
            SqlTransaction transaction = co_await database.transaction();
            co_await cursor.execute(u"delete from article"_s);
            co_await transaction.rollback();
            QCOMPARE(co_await count(database), 2);
        });
    }

    void H08_aTransactionWaitsForTheOneBefore()
    {
        withArticles([](Database &database) -> Task<> {
            const auto change = [&](int id) -> Task<> {
                SqlCursor cursor(database);
                SqlTransaction transaction = co_await database.transaction();
                co_await cursor.execute(u"delete from article where id = ?"_s, {id});
                co_await yield();
                if (id != 2)
                    co_await transaction.commit();
            };
            QList<Coro<>> all;
            for (int id = 1; id <= 3; ++id)
                all << spawn(change, id);
            for (const Coro<> &coro : std::as_const(all))
                co_await coro;
            SqlCursor cursor(database);
            co_await cursor.execute(u"select id from article"_s);
            QCOMPARE(co_await cursor.fetchAll(), QList<SqlRow>({{2}}));
        });
    }

    void H08_cancellingRollsBack()
    {
        withArticles([](Database &database) -> Task<> {
            const Coro<> changing = spawn([&]() -> Task<> {
                SqlCursor cursor(database);
                SqlTransaction transaction = co_await database.transaction();
                co_await cursor.execute(u"delete from article"_s);
                co_await sleep(QDeadlineTimer::Forever);
            });
            while (co_await count(database) > 0)
                co_await yield();
            changing.terminate();
            while (changing.isRunning())
                co_await yield();
            QCOMPARE(co_await count(database), 3);
        });
    }

    void H08_cancellingATransactionThatBegins()
    {
        withArticles([](Database &database) -> Task<> {
            for (int i = 0; i < 50; ++i) {
                const Coro<> beginning = spawn([&]() -> Task<> {
                    SqlTransaction one = co_await database.transaction();
                });
                for (int n = 0; n < i % 5; ++n)
                    co_await yield();
                beginning.terminate();
            }
            SqlTransaction other = co_await database.transaction(); // none is left open
            co_await other.commit();
        });
    }

    void H08_whatHasNotBegunIsNotDone()
    {
        withArticles([](Database &database) -> Task<> {
            Gate gate;
            const Coro<> blocking =
                spawn([&]() -> Task<> { co_await database.run([&](QSqlDatabase &) { gate.pass(); }); });
            const Coro<> deleting = spawn([&]() -> Task<> {
                SqlCursor cursor(database);
                co_await cursor.execute(u"delete from article"_s);
            });
            while (!gate.isReached())
                co_await sleep(1ms);
            deleting.terminate();
            while (deleting.isRunning())
                co_await yield();
            gate.open();
            co_await blocking;
            QCOMPARE(co_await count(database), 3);
        });
    }

    void H08_run()
    {
        withArticles([](Database &database) -> Task<> {
            QCOMPARE(co_await database.run([](QSqlDatabase &connection) { return connection.tables(); }),
                     QStringList({u"article"_s}));
            QVERIFY(co_await database.run([](QSqlDatabase &) { return QThread::currentThread(); })
                    != QThread::currentThread());
            QCOMPARE(co_await errorOf([&] {
                return database.run([](QSqlDatabase &) { throw Error(u"own"_s); });
            }), u"own"_s);
        });
    }

    void H08_aFileLasts()
    {
        const QTemporaryDir folder;
        const SqlOptions options{.databaseName = folder.filePath(u"a.sqlite"_s)};
        for (int i = 0; i < 2; ++i) {
            waitFor(spawn([&]() -> Task<> {
                Database database;
                co_await database.open(options);
                SqlCursor cursor(database);
                if (i == 0)
                    co_await cursor.execute(u"create table article (id integer)"_s);
                QCOMPARE(co_await count(database), 0);
            }));
        }
    }

    void H08_cursorsMayOutliveTheDatabase()
    {
        auto database = std::make_unique<Database>();
        SqlCursor cursor(*database);
        waitFor(fill(*database));
        waitFor(cursor.execute(u"select * from article"_s));
        database.reset();
        QVERIFY_THROWS_EXCEPTION(Destroyed, waitFor(cursor.fetchOne()));
        QVERIFY(QSqlDatabase::connectionNames().isEmpty());
    }

    void H08_coroutinesOfOtherThreads()
    {
        Database database;
        waitFor(fill(database));
        const auto insert = [&database] {
            waitFor(spawn([&database]() -> Task<> {
                SqlCursor cursor(database);
                for (int i = 0; i < 50; ++i)
                    co_await cursor.execute(u"insert into article (name) values (?)"_s, {u"x"_s});
            }));
        };
        std::thread other(insert);
        insert();
        other.join();
        QCOMPARE(waitFor(count(database)), 103);
    }

    void H08_waits_data() { WaitMatrix::addRows<WaitForDatabase>(); }
    void H08_waits() { WaitMatrix::run<WaitForDatabase>(); }
};

QTEST_GUILESS_MAIN(DatabaseTest)
#include "databasetest.moc"
