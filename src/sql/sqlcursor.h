// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "database.h"

#include <QList>
#include <QStringList>
#include <QVariant>

#include <memory>
#include <optional>

namespace Asyncoro {

namespace Detail {
struct SqlStatement;
}

/** The values of a row, in the order of SqlCursor::columns(). */
using SqlRow = QVariantList;

/**
 * Runs statements and fetches their rows, one statement at a time. What is asked of a cursor is done in the order of
 * the calls; see Database for what all of its waits have in common.
 *
 * A cursor is for coroutines of one thread. It may outlive its Database: its waits throw Destroyed then.
 */
class ASYNCORO_SQL_EXPORT SqlCursor
{
public:
    explicit SqlCursor(Database &database);
    ~SqlCursor();
    SqlCursor(const SqlCursor &) = delete;
    SqlCursor &operator=(const SqlCursor &) = delete;

    /** Runs a statement, with a value for each `?` in it. It is prepared once if it comes several times in a row. */
    Task<> execute(QString sql, QVariantList values = {});
    /** The same with a value for each `:name`, given by this name with its colon. */
    Task<> execute(QString sql, QVariantMap values);
    /**
     * Runs a statement for each row of values, and gives how many rows of the database that affected in all. Not in a
     * transaction of its own: what was done before one fails, or before it is cancelled, remains.
     */
    Task<int> executeMany(QString sql, QList<QVariantList> rows);
    /**
     * Calls a procedure of the database, if its driver can, and gives the values as they are afterwards: each one is
     * for both directions. The name becomes part of the statement as it is.
     */
    Task<QVariantList> callProcedure(QString name, QVariantList values = {});

    /** The next row; nothing after the last one. */
    Task<std::optional<SqlRow>> fetchOne();
    /** The next rows, `count` at most; none after the last one. */
    Task<QList<SqlRow>> fetchMany(int count);
    /** All rows that are left. */
    Task<QList<SqlRow>> fetchAll();

    /** The key of the row that was inserted last, if the driver knows; else invalid. */
    Task<QVariant> lastInsertId();
    /** How many rows of the database the last statement affected; -1 if that is not known, or it was a query. */
    [[nodiscard]] int rowsAffected() const;
    /** The names of the last statement's columns. */
    [[nodiscard]] QStringList columns() const;

private:
    struct Result; // of the last statement; touched on the coroutines' thread only

    template<typename Bind>
    static Task<> executeWith(std::shared_ptr<Detail::SqlQueue> queue, std::shared_ptr<Detail::SqlStatement> statement,
                              std::shared_ptr<Result> result, QString sql, Bind bind);
    Task<QList<SqlRow>> fetch(const char *operation, int count);

    const std::shared_ptr<Detail::SqlQueue> m_queue;
    const std::shared_ptr<Detail::SqlStatement> m_statement;
    const std::shared_ptr<Result> m_result;
};

} // namespace Asyncoro
