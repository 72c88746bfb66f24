// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "sqlqueue_p.h"

#include "database.h"

#include <QObject>
#include <QSqlDatabase>
#include <QSqlQuery>

#include <deque>
#include <optional>
#include <vector>

namespace Asyncoro::Detail {

/** What a cursor has on the thread of its database; touched nowhere else. */
struct SqlStatement {
    std::optional<QSqlQuery> query;
};

/** Lives on the thread of a database and has the connection, which Qt binds to a thread. */
class SqlWorker : public QObject
{
public:
    SqlWorker();
    ~SqlWorker() override;

    void setQueue(std::shared_ptr<SqlQueue> queue) { m_queue = std::move(queue); }

    /** Does what is in the queue. */
    void work();

    void open(const SqlOptions &options);
    /** Ends the connection with all statements. */
    void close();
    /** The connection; throws if it is not open. */
    [[nodiscard]] QSqlDatabase &database(const QString &what);

    /** Prepares `sql` anew, unless it is what the statement has prepared already. */
    QSqlQuery &prepare(const std::shared_ptr<SqlStatement> &statement, const QString &sql);

    /** The cursor of this statement is no more. */
    void forget(const std::shared_ptr<SqlStatement> &statement);

    void beginTransaction();
    void endTransaction(bool commit);

private:
    void run(const SqlJobPointer &job);

    std::shared_ptr<SqlQueue> m_queue;
    const QString m_connectionName;
    QSqlDatabase m_database;
    std::vector<std::shared_ptr<SqlStatement>> m_statements; // so that none is destroyed on another thread
    std::deque<SqlJobPointer> m_transactions; // those that wait until there is none
    bool m_inTransaction = false;
};

} // namespace Asyncoro::Detail
