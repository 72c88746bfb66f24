// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "fileerror.h"

namespace Asyncoro {

FileError::FileError(const QString &path, std::error_code code, const QString &message)
    : Error(message)
    , m_path(path)
    , m_code(code)
{
}

FileError::~FileError() = default;

} // namespace Asyncoro
