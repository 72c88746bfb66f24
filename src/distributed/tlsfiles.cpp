// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "tlsfiles.h"

#include <QFile>
#include <QLoggingCategory>
#include <QMutex>
#include <QSet>

Q_LOGGING_CATEGORY(lcTlsFiles, "asyncoro.network", QtInfoMsg)

namespace Asyncoro {

namespace {

/** Once for each file: a program may read it again for each connection. */
void warnIfOthersCanRead(const QString &key)
{
    static QBasicMutex mutex;
    static QSet<QString> warned;
    if (!(QFile::permissions(key) & (QFile::ReadGroup | QFile::ReadOther)))
        return;
    const QMutexLocker lock(&mutex);
    if (warned.contains(key))
        return;
    warned.insert(key);
    qCWarning(lcTlsFiles).noquote()
        << QStringLiteral("the key in %1 can be read by other users: run chmod 600 %1").arg(key);
}

} // namespace

TlsFiles TlsFiles::fromEnvironment()
{
    return {.certificate = qEnvironmentVariable("ASYNCORO_CERTIFICATE"),
            .key = qEnvironmentVariable("ASYNCORO_KEY"),
            .authority = qEnvironmentVariable("ASYNCORO_AUTHORITY")};
}

std::optional<TlsConfiguration> TlsFiles::read() const
{
    if (*this == TlsFiles())
        return {};
    QStringList missing;
    if (certificate.isEmpty())
        missing.append(QStringLiteral("the certificate (--certificate FILE or ASYNCORO_CERTIFICATE)"));
    if (key.isEmpty())
        missing.append(QStringLiteral("its key (--key FILE or ASYNCORO_KEY)"));
    if (authority.isEmpty())
        missing.append(QStringLiteral("the authority of all processes (--authority FILE or ASYNCORO_AUTHORITY)"));
    if (!missing.isEmpty())
        throw Error(QStringLiteral("TLS takes a certificate, its key and an authority; missing: %1")
                        .arg(missing.join(QStringLiteral(", "))));

    TlsConfiguration configuration;
    configuration.addIdentity(certificate, key);
    configuration.trustOnly(authority);
    warnIfOthersCanRead(key);
    return configuration;
}

} // namespace Asyncoro
