// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorosql_export.h"

#include <Asyncoro/Error>

class QSqlError;

namespace Asyncoro {

/** The database, or its driver, refused something. The message has its reason and the statement. */
class ASYNCORO_SQL_EXPORT SqlError : public Error
{
public:
    /** `what` is the statement, or what else was tried. */
    SqlError(const QString &what, const QSqlError &error);
    SqlError(const QString &what, const QString &reason);
    ~SqlError() override;

    /** The statement, if it was one that failed. */
    [[nodiscard]] QString statement() const { return m_statement; }
    /** What the driver says. */
    [[nodiscard]] QString driverText() const { return m_driverText; }
    /** What the database says. */
    [[nodiscard]] QString databaseText() const { return m_databaseText; }
    /** The database's own code; empty if it has none. */
    [[nodiscard]] QString nativeErrorCode() const { return m_code; }

private:
    QString m_statement;
    QString m_driverText;
    QString m_databaseText;
    QString m_code;
};

} // namespace Asyncoro
