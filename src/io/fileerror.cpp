// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "fileerror.h"

namespace Asyncoro {

FileError::FileError(const QString &path, std::error_code code, const QString &message)
    : Error(QString(message).replace(QChar::Null, QChar(u'\u2400'))) // of a path: who prints it would stop there
    , m_path(path)
    , m_code(code)
{
}

FileError::~FileError() = default;

} // namespace Asyncoro
