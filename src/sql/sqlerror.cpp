// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "sqlerror.h"

#include <QSqlError>

namespace Asyncoro {

SqlError::SqlError(const QString &what, const QSqlError &error)
    : Error(QStringLiteral("%1: %2").arg(what, error.text().trimmed()))
    , m_statement(what)
    , m_driverText(error.driverText())
    , m_databaseText(error.databaseText())
    , m_code(error.nativeErrorCode())
{
}

SqlError::SqlError(const QString &what, const QString &reason)
    : Error(QStringLiteral("%1: %2").arg(what, reason))
    , m_statement(what)
    , m_driverText(reason)
{
}

SqlError::~SqlError() = default;

} // namespace Asyncoro
