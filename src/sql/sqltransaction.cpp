// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "sqltransaction.h"

#include "sqlerror.h"
#include "sqlqueue_p.h"
#include "sqlworker_p.h"

#include <QLoggingCategory>

namespace {
Q_LOGGING_CATEGORY(lcSql, "asyncoro.sql", QtInfoMsg)
}

namespace Asyncoro {

/** Rolls back when nobody has it any more: neither the handle nor a wait that was cancelled after it began. */
class SqlTransaction::Open
{
public:
    using Ended = std::shared_ptr<bool>; // touched on the thread of the database only

    explicit Open(std::shared_ptr<Detail::SqlQueue> queue)
        : m_queue(std::move(queue))
    {
    }
    Open(const Open &) = delete;
    Open &operator=(const Open &) = delete;
    ~Open()
    {
        m_queue->post([ended = m_ended](Detail::SqlWorker &worker, const Detail::SqlJob &) {
            if (*ended)
                return;
            *ended = true;
            try {
                worker.endTransaction(false);
            } catch (const SqlError &error) {
                qCWarning(lcSql).noquote() << "a transaction that was not committed:" << error.message();
            }
        });
    }

    [[nodiscard]] const std::shared_ptr<Detail::SqlQueue> &queue() const { return m_queue; }
    [[nodiscard]] const Ended &ended() const { return m_ended; }

private:
    const std::shared_ptr<Detail::SqlQueue> m_queue;
    const Ended m_ended = std::make_shared<bool>(true);
};

SqlTransaction::SqlTransaction(std::shared_ptr<Open> open)
    : m_open(std::move(open))
{
}

SqlTransaction::SqlTransaction(SqlTransaction &&) noexcept = default;
SqlTransaction &SqlTransaction::operator=(SqlTransaction &&) noexcept = default;
SqlTransaction::~SqlTransaction() = default;

Task<SqlTransaction> SqlTransaction::begin(std::shared_ptr<Detail::SqlQueue> queue)
{
    const auto open = std::make_shared<Open>(queue);
    co_await Detail::SqlSuspension(queue, QStringLiteral("Database::transaction()"),
                                   [ended = open->ended()](Detail::SqlWorker &worker, const Detail::SqlJob &) {
                                       worker.beginTransaction();
                                       *ended = false;
                                   }, true);
    co_return SqlTransaction(open);
}

Task<> SqlTransaction::commit()
{
    return end(m_open, true);
}

Task<> SqlTransaction::rollback()
{
    return end(m_open, false);
}

Task<> SqlTransaction::end(std::shared_ptr<Open> open, bool commit)
{
    const QString operation =
        commit ? QStringLiteral("SqlTransaction::commit()") : QStringLiteral("SqlTransaction::rollback()");
    if (!open)
        throw Error(operation + QStringLiteral(": it has been moved away"));
    co_await Detail::SqlSuspension(open->queue(), operation,
                                   [ended = open->ended(), commit, operation](Detail::SqlWorker &worker,
                                                                              const Detail::SqlJob &) {
                                       if (*ended)
                                           throw Error(operation + QStringLiteral(": the transaction has ended"));
                                       worker.endTransaction(commit);
                                       *ended = true;
                                   });
}

} // namespace Asyncoro
