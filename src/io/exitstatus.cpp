// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "exitstatus.h"

#ifdef Q_OS_UNIX
#include <cstring>
#endif

namespace Asyncoro {

QString ExitStatus::text() const
{
    if (!m_killed)
        return QStringLiteral("ended with status %1").arg(m_number);
#ifdef Q_OS_UNIX
    const QString name = QString::fromLocal8Bit(strsignal(m_number));
    return QStringLiteral("was killed by signal %1 (%2)").arg(m_number).arg(name);
#else
    return QStringLiteral("crashed with code %1").arg(m_number);
#endif
}

} // namespace Asyncoro
