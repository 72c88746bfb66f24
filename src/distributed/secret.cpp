// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "secret.h"

#include <Asyncoro/Error>

#include <QFile>

namespace Asyncoro {

Secret Secret::fromFile(const QString &fileName)
{
    QFile file(fileName);
    if (!file.open(QIODevice::ReadOnly))
        throw Error(QStringLiteral("cannot read the secret from %1: %2").arg(fileName, file.errorString()));
    if (file.permissions() & (QFile::ReadGroup | QFile::ReadOther))
        throw Error(QStringLiteral("the secret in %1 can be read by other users: run chmod 600 %1").arg(fileName));
    const QByteArray key = file.readAll().trimmed();
    if (key.isEmpty())
        throw Error(QStringLiteral("the secret file %1 is empty").arg(fileName));
    return Secret(key);
}

Secret Secret::fromEnvironment()
{
    const QString file = qEnvironmentVariable("ASYNCORO_SECRET_FILE");
    return file.isEmpty() ? Secret(qgetenv("ASYNCORO_SECRET")) : fromFile(file);
}

} // namespace Asyncoro
