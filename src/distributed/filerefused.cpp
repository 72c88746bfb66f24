// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "filerefused.h"

namespace Asyncoro {

FileRefused::FileRefused(Reason reason, const QString &path, const QString &message)
    : Error(message)
    , m_reason(reason)
    , m_path(path)
{
}

FileRefused::~FileRefused() = default;

} // namespace Asyncoro
