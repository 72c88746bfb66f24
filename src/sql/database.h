// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorosql_export.h"
#include "sqltransaction.h"

#include <Asyncoro/Coro>

#include <functional>
#include <memory>
#include <optional>

class QSqlDatabase;

namespace Asyncoro {

namespace Detail {
class SqlQueue;
class SqlWorker;
}

/** How to reach a database: what QSqlDatabase is set to before it is opened. */
struct SqlOptions {
    QString driver = QStringLiteral("QSQLITE");
    QString databaseName = {}; ///< with SQLite the file, or ":memory:"
    QString hostName = {};
    int port = -1;
    QString userName = {};
    QString password = {};
    QString connectOptions = {};
};

/**
 * A connection to a database, over Qt SQL, that blocks nobody: it has a thread of its own, on which everything that is
 * asked of it, its cursors and its transactions is done one after the other, in the order of the calls.
 *
 *     Database database;
 *     co_await database.open({.databaseName = "shop.sqlite"});
 *     SqlCursor cursor(database);
 *     co_await cursor.execute("select name from article where price < ?", {10});
 *     while (const auto row = co_await cursor.fetchOne())
 *         qDebug() << row->first();
 *
 * Coroutines of any thread may use it. For statements that are to run at the same time use several.
 *
 * Destroying it ends all waits for it with Destroyed, waits for the statement that runs just now, and ends connection
 * and thread; what has not been committed is rolled back.
 *
 * All that can be awaited here, in SqlCursor and in SqlTransaction
 * - always suspends, resumes on the caller's thread, and may overlap;
 * - throws SqlError if the database refuses, Destroyed if the Database is or gets destroyed, Cancelled if it is
 *   cancelled: give it a deadline by withTimeout(). What has not begun by then is not done; a statement that runs is
 *   not interrupted, and its outcome is dropped. The Database can be used afterwards.
 */
class ASYNCORO_SQL_EXPORT Database
{
public:
    Database();
    ~Database();
    Database(const Database &) = delete;
    Database &operator=(const Database &) = delete;

    /** Connects, in place of a connection that it has already; cursors begin anew then. */
    Task<> open(SqlOptions options);
    /** Disconnects. Transactions that have not begun yet end with Destroyed. */
    Task<> close();

    /**
     * Begins a transaction, once there is no other one of this Database. It takes in what all cursors of this Database
     * do until it ends.
     */
    Task<SqlTransaction> transaction();

    /**
     * Calls `function`, on the thread of the database, for what a cursor cannot do, and gives its value. What the
     * function makes of the QSqlDatabase, such as a QSqlQuery, must not outlive the call.
     */
    template<typename Function>
    auto run(Function function) -> Task<std::invoke_result_t<Function &, QSqlDatabase &>>
    {
        using Value = std::invoke_result_t<Function &, QSqlDatabase &>;
        if constexpr (std::is_void_v<Value>)
            return runWork(m_queue, std::move(function));
        else
            return runForValue<Value>(m_queue, std::move(function));
    }

private:
    friend class SqlCursor;
    class Private;

    using Work = std::function<void(QSqlDatabase &)>;

    static Task<> runWork(std::shared_ptr<Detail::SqlQueue> queue, Work work);

    template<typename Value, typename Function>
    static Task<Value> runForValue(std::shared_ptr<Detail::SqlQueue> queue, Function function)
    {
        const auto value = std::make_shared<std::optional<Value>>();
        co_await runWork(std::move(queue), [value, function = std::move(function)](QSqlDatabase &database) mutable {
            value->emplace(function(database));
        });
        co_return std::move(**value);
    }

    const std::unique_ptr<Private> d;
    const std::shared_ptr<Detail::SqlQueue> m_queue;
};

} // namespace Asyncoro
