// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "avahi_p.h"

#include <Asyncoro/Error>
#include <Asyncoro/Signal>

#include <QDBusConnection>
#include <QDBusMessage>
#include <QDBusPendingCallWatcher>
#include <QNetworkInterface>

namespace Asyncoro::Detail {

namespace {

constexpr int Any = -1; // interface, protocol
constexpr int Ipv4 = 0;
constexpr int Ipv6 = 1;

Task<QVariantList> callAvahi(QString method, QVariantList arguments)
{
    QDBusMessage call = QDBusMessage::createMethodCall(AvahiService, QStringLiteral("/"),
                                                       QStringLiteral("org.freedesktop.Avahi.Server"), method);
    call.setArguments(arguments);
    const QDBusPendingCallWatcher watcher(QDBusConnection::systemBus().asyncCall(call));
    if (!watcher.isFinished())
        co_await signal(&watcher, &QDBusPendingCallWatcher::finished);
    if (watcher.isError())
        throw Error(watcher.error().message());
    co_return watcher.reply().arguments();
}

} // namespace

Task<> checkThatAvahiRuns()
{
    co_await callAvahi(QStringLiteral("GetState"), {});
}

Task<QHostAddress> addressInLocalNetwork(QString host, QHostAddress::NetworkLayerProtocol protocol)
{
    const int number = protocol == QHostAddress::IPv6Protocol ? Ipv6 : Ipv4;
    const QVariantList reply =
        co_await callAvahi(QStringLiteral("ResolveHostName"), {Any, Any, host, number, QVariant::fromValue(0U)});
    QHostAddress address(reply.value(4).toString());
    if (address.isNull())
        throw Error(QStringLiteral("Avahi gave no address of %1").arg(host));
    if (address.isLinkLocal() && protocol == QHostAddress::IPv6Protocol)
        address.setScopeId(QNetworkInterface::interfaceNameFromIndex(reply.value(0).toInt()));
    co_return address;
}

} // namespace Asyncoro::Detail
