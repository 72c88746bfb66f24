// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "processerror.h"

namespace Asyncoro {

ProcessError::ProcessError(QProcess::ProcessError code, const QString &message)
    : Error(message)
    , m_code(code)
{
}

ProcessError::~ProcessError() = default;

} // namespace Asyncoro
