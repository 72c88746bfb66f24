// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "sqlworker_p.h"

#include "sqlerror.h"

#include <QSqlError>

#include <algorithm>

namespace Asyncoro::Detail {

namespace {

QString nextConnectionName()
{
    static std::atomic<quint64> last = 0;
    return QStringLiteral("asyncoro %1").arg(++last);
}

} // namespace

SqlWorker::SqlWorker()
    : m_connectionName(nextConnectionName())
{
}

SqlWorker::~SqlWorker() = default;

void SqlWorker::work()
{
    while (const SqlJobPointer job = m_queue->take()) {
        if (job->beginsTransaction && m_inTransaction)
            m_transactions.push_back(job);
        else
            run(job);
        m_queue->finished();
        while (!m_inTransaction && !m_transactions.empty()) {
            const SqlJobPointer next = std::move(m_transactions.front());
            m_transactions.pop_front();
            run(next);
        }
    }
}

void SqlWorker::run(const SqlJobPointer &job)
{
    std::exception_ptr error;
    if (!job->abandoned) {
        try {
            job->work(*this, *job);
        } catch (...) {
            error = std::current_exception();
        }
    }
    job->settle(std::move(error));
}

void SqlWorker::open(const SqlOptions &options)
{
    close();
    m_database = QSqlDatabase::addDatabase(options.driver, m_connectionName);
    const QString what = QStringLiteral("open database \"%1\" with %2").arg(options.databaseName, options.driver);
    if (!m_database.isValid()) {
        const QString drivers = QSqlDatabase::drivers().join(QStringLiteral(", "));
        close();
        throw SqlError(what, QStringLiteral("there is no such driver; there are: %1")
                                 .arg(drivers.isEmpty() ? QStringLiteral("none") : drivers));
    }
    m_database.setDatabaseName(options.databaseName);
    m_database.setHostName(options.hostName);
    m_database.setPort(options.port);
    m_database.setUserName(options.userName);
    m_database.setPassword(options.password);
    m_database.setConnectOptions(options.connectOptions);
    if (!m_database.open()) {
        const QSqlError error = m_database.lastError();
        close();
        throw SqlError(what, error);
    }
}

void SqlWorker::close()
{
    const auto destroyed =
        std::make_exception_ptr(Destroyed(QStringLiteral("the connection to the database was closed")));
    for (const SqlJobPointer &job : std::exchange(m_transactions, {}))
        job->settle(destroyed);
    for (const auto &statement : std::exchange(m_statements, {}))
        statement->query.reset();
    m_inTransaction = false;
    if (!m_database.isValid() && !QSqlDatabase::contains(m_connectionName))
        return;
    m_database.close();
    m_database = {};
    QSqlDatabase::removeDatabase(m_connectionName);
}

QSqlDatabase &SqlWorker::database(const QString &what)
{
    if (!m_database.isOpen())
        throw SqlError(what, QStringLiteral("the database is not open"));
    return m_database;
}

QSqlQuery &SqlWorker::prepare(const std::shared_ptr<SqlStatement> &statement, const QString &sql)
{
    QSqlDatabase &connection = database(sql);
    if (statement->query && statement->query->lastQuery() == sql) {
        statement->query->finish();
        return *statement->query;
    }
    if (!statement->query && std::ranges::find(m_statements, statement) == m_statements.end())
        m_statements.push_back(statement);
    QSqlQuery &query = statement->query.emplace(connection);
    query.setForwardOnly(true);
    if (!query.prepare(sql)) {
        const QSqlError error = query.lastError();
        statement->query.reset();
        throw SqlError(sql, error);
    }
    return query;
}

void SqlWorker::forget(const std::shared_ptr<SqlStatement> &statement)
{
    statement->query.reset();
    std::erase(m_statements, statement);
}

void SqlWorker::beginTransaction()
{
    const QString what = QStringLiteral("begin transaction");
    if (!database(what).transaction())
        throw SqlError(what, m_database.lastError());
    m_inTransaction = true;
}

void SqlWorker::endTransaction(bool commit)
{
    const QString what = commit ? QStringLiteral("commit") : QStringLiteral("rollback");
    if (!(commit ? database(what).commit() : database(what).rollback()))
        throw SqlError(what, m_database.lastError());
    m_inTransaction = false;
}

} // namespace Asyncoro::Detail
