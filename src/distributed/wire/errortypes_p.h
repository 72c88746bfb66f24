// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QString>

#include <exception>

namespace Asyncoro::Detail {

/** The exception that a failure of `type` stands for, as errorType() named it. */
std::exception_ptr makeError(const QString &type, const QString &message);
/** The name under which the type of `error` travels. */
QString errorType(const std::exception_ptr &error);

} // namespace Asyncoro::Detail
