// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "sqlcursor.h"

#include "sqlerror.h"
#include "sqlqueue_p.h"
#include "sqlworker_p.h"

#include <QSqlDriver>
#include <QSqlError>
#include <QSqlRecord>

#include <limits>

namespace Asyncoro {

using Detail::SqlJob;
using Detail::SqlStatement;
using Detail::SqlWorker;

struct SqlCursor::Result {
    int rowsAffected = -1;
    QStringList columns;
};

namespace {

void bindValues(QSqlQuery &query, const QVariantList &values, QSql::ParamType type = QSql::In)
{
    for (qsizetype i = 0; i < values.size(); ++i)
        query.bindValue(int(i), values[i], type);
}

void run(QSqlQuery &query, const QString &sql)
{
    if (!query.exec())
        throw SqlError(sql, query.lastError());
}

QSqlQuery &rowsOf(SqlStatement &statement, const QString &operation)
{
    if (!statement.query || !statement.query->isActive() || !statement.query->isSelect())
        throw SqlError(operation, QStringLiteral("there is no statement that gives rows"));
    return *statement.query;
}

} // namespace

SqlCursor::SqlCursor(Database &database)
    : m_queue(database.m_queue)
    , m_statement(std::make_shared<SqlStatement>())
    , m_result(std::make_shared<Result>())
{
}

SqlCursor::~SqlCursor()
{
    // Where it was made. If the Database is no more, it has done so itself.
    m_queue->post([statement = m_statement](SqlWorker &worker, const SqlJob &) { worker.forget(statement); });
}

template<typename Bind>
Task<> SqlCursor::executeWith(std::shared_ptr<Detail::SqlQueue> queue, std::shared_ptr<SqlStatement> statement,
                              std::shared_ptr<Result> result, QString sql, Bind bind)
{
    const auto work = [statement, sql, bind = std::move(bind)](SqlWorker &worker, const SqlJob &) {
        QSqlQuery &query = worker.prepare(statement, sql);
        bind(query);
        run(query, sql);
        const QSqlRecord record = query.record();
        Result value{.rowsAffected = query.isSelect() ? -1 : query.numRowsAffected(), .columns = {}};
        for (int i = 0; i < record.count(); ++i)
            value.columns << record.fieldName(i);
        return value;
    };
    *result = co_await Detail::sqlCall(std::move(queue), QStringLiteral("SqlCursor::execute()"), work);
}

Task<> SqlCursor::execute(QString sql, QVariantList values)
{
    return executeWith(m_queue, m_statement, m_result, sql, [values](QSqlQuery &query) { bindValues(query, values); });
}

Task<> SqlCursor::execute(QString sql, QVariantMap values)
{
    return executeWith(m_queue, m_statement, m_result, sql, [values](QSqlQuery &query) {
        for (auto value = values.begin(); value != values.end(); ++value)
            query.bindValue(value.key(), value.value());
    });
}

Task<int> SqlCursor::executeMany(QString sql, QList<QVariantList> rows)
{
    const auto work = [statement = m_statement, sql, rows](SqlWorker &worker, const SqlJob &job) {
        QSqlQuery &query = worker.prepare(statement, sql);
        int affected = 0;
        for (const QVariantList &values : rows) {
            if (job.abandoned)
                break;
            bindValues(query, values);
            run(query, sql);
            affected += std::max(query.numRowsAffected(), 0);
        }
        return affected;
    };
    const std::shared_ptr<Result> result = m_result;
    const int affected = co_await Detail::sqlCall(m_queue, QStringLiteral("SqlCursor::executeMany()"), work);
    *result = {.rowsAffected = affected, .columns = {}};
    co_return affected;
}

Task<QVariantList> SqlCursor::callProcedure(QString name, QVariantList values)
{
    return Detail::sqlCall(m_queue, QStringLiteral("SqlCursor::callProcedure()"),
                           [statement = m_statement, name, values](SqlWorker &worker, const SqlJob &) {
        const QStringList places(values.size(), QStringLiteral("?"));
        QString sql = QStringLiteral("CALL %1(%2)").arg(name, places.join(u','));
        if (worker.database(sql).driver()->dbmsType() == QSqlDriver::MSSqlServer)
            sql = u'{' + sql + u'}'; // by ODBC's grammar
        QSqlQuery &query = worker.prepare(statement, sql);
        bindValues(query, values, QSql::InOut);
        run(query, sql);
        return query.boundValues();
    });
}

Task<QList<SqlRow>> SqlCursor::fetch(const char *operation, int count)
{
    const QString name = QStringLiteral("SqlCursor::%1()").arg(QLatin1StringView(operation));
    return Detail::sqlCall(m_queue, name, [statement = m_statement, name, count](SqlWorker &, const SqlJob &job) {
        QSqlQuery &query = rowsOf(*statement, name);
        const int columns = query.record().count();
        QList<SqlRow> rows;
        while (rows.size() < count && !job.abandoned && query.next()) {
            SqlRow &row = rows.emplaceBack();
            row.reserve(columns);
            for (int i = 0; i < columns; ++i)
                row << query.value(i);
        }
        if (query.lastError().isValid())
            throw SqlError(query.lastQuery(), query.lastError());
        return rows;
    });
}

Task<std::optional<SqlRow>> SqlCursor::fetchOne()
{
    QList<SqlRow> rows = co_await fetch("fetchOne", 1);
    co_return rows.isEmpty() ? std::nullopt : std::optional(std::move(rows.first()));
}

Task<QList<SqlRow>> SqlCursor::fetchMany(int count)
{
    return fetch("fetchMany", count);
}

Task<QList<SqlRow>> SqlCursor::fetchAll()
{
    return fetch("fetchAll", std::numeric_limits<int>::max());
}

Task<QVariant> SqlCursor::lastInsertId()
{
    return Detail::sqlCall(m_queue, QStringLiteral("SqlCursor::lastInsertId()"),
                           [statement = m_statement](SqlWorker &, const SqlJob &) {
                               return statement->query ? statement->query->lastInsertId() : QVariant();
                           });
}

int SqlCursor::rowsAffected() const
{
    return m_result->rowsAffected;
}

QStringList SqlCursor::columns() const
{
    return m_result->columns;
}

} // namespace Asyncoro
