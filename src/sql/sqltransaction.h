// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorosql_export.h"

#include <Asyncoro/Coro>

#include <memory>

namespace Asyncoro {

namespace Detail {
class SqlQueue;
}

/**
 * A transaction, which Database::transaction() begins: whatever is not committed when this is destroyed is rolled back,
 * also where an exception or a cancellation is the reason.
 *
 *     SqlTransaction transaction = co_await database.transaction();
 *     co_await cursor.execute("update account set value = value - 1 where id = ?", {from});
 *     co_await cursor.execute("update account set value = value + 1 where id = ?", {to});
 *     co_await transaction.commit();
 *
 * What is asked of the database after that comes after the rollback. Destroying does not wait for it.
 */
class ASYNCORO_SQL_EXPORT SqlTransaction
{
public:
    SqlTransaction(SqlTransaction &&) noexcept;
    SqlTransaction &operator=(SqlTransaction &&) noexcept;
    ~SqlTransaction();

    /**
     * Makes it last. One that fails leaves the transaction open: commit() may be tried again, or else it is rolled
     * back. Cancelling leaves open whether it was done. Throws an Error if the transaction has ended.
     */
    Task<> commit();
    /** Undoes it now. Throws as commit() does. */
    Task<> rollback();

private:
    friend class Database;
    class Open;

    explicit SqlTransaction(std::shared_ptr<Open> open);
    static Task<SqlTransaction> begin(std::shared_ptr<Detail::SqlQueue> queue);
    static Task<> end(std::shared_ptr<Open> open, bool commit);

    std::shared_ptr<Open> m_open;
};

} // namespace Asyncoro
