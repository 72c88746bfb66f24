// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "serverconfiguration_p.h"

#include <Asyncoro/Error>

#include <QCborMap>
#include <QCborValue>

namespace Asyncoro::Discoro {

namespace {

constexpr QLatin1StringView NodeKey{"node"};
constexpr QLatin1StringView SecretKey{"secret"};
constexpr QLatin1StringView TlsKey{"tls"};
constexpr QLatin1StringView TokenKey{"token"};

} // namespace

QByteArray ServerConfiguration::toBytes() const
{
    QCborMap map{{NodeKey, node.toString()}, {SecretKey, secret.key()}, {TokenKey, token}};
    if (tls)
        map.insert(TlsKey, tls->toBytes());
    return map.toCborValue().toCbor();
}

ServerConfiguration ServerConfiguration::fromBytes(const QByteArray &bytes)
{
    const QCborMap map = QCborValue::fromCbor(bytes).toMap();
    ServerConfiguration configuration;
    configuration.node = Location::fromString(map.value(NodeKey).toString());
    configuration.secret = Secret(map.value(SecretKey).toByteArray());
    if (map.contains(TlsKey))
        configuration.tls = TlsConfiguration::fromBytes(map.value(TlsKey).toByteArray());
    configuration.token = map.value(TokenKey).toByteArray();
    if (!configuration.node.isValid() || configuration.token.isEmpty())
        throw Error(QStringLiteral("a server process is started by a node, which tells it what to do on its standard input"));
    return configuration;
}

} // namespace Asyncoro::Discoro
