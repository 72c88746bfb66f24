// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "announcement_p.h"

#include <Asyncoro/Error>

#include <algorithm>

namespace Asyncoro::Detail {

namespace {

constexpr QByteArrayView Version = "1";
constexpr QChar Separator = u',';
constexpr qsizetype MaxServiceName = 63; // bytes of a label of DNS

const QString VersionKey = QStringLiteral("version");
const QString NetworkKey = QStringLiteral("network");
const QString ServicesKey = QStringLiteral("services");
const QString AddressKey = QStringLiteral("address");

bool isService(const QString &name)
{
    return !name.isEmpty()
        && std::ranges::none_of(name, [](QChar c) { return c == Separator || c.isSpace() || !c.isPrint(); });
}

bool areServices(const QStringList &names)
{
    return std::ranges::all_of(names, isService) && names.join(Separator).toUtf8().size() <= Announcement::MaxServices;
}

bool isNetwork(const QString &name)
{
    return name.toUtf8().size() <= Announcement::MaxNetwork
        && std::ranges::all_of(name, [](QChar c) { return c.isPrint(); });
}

} // namespace

Announcement::Text Announcement::toText() const
{
    Text text{{VersionKey, Version.toByteArray()}};
    if (!network.isEmpty())
        text.insert(NetworkKey, network.toUtf8());
    if (!services.isEmpty())
        text.insert(ServicesKey, services.join(Separator).toUtf8());
    if (!address.isNull())
        text.insert(AddressKey, address.toString().toUtf8());
    return text;
}

std::optional<Announcement> Announcement::fromText(const Text &text)
{
    if (text.value(VersionKey) != Version)
        return {};
    Announcement announcement;
    announcement.network = QString::fromUtf8(text.value(NetworkKey));
    announcement.services = QString::fromUtf8(text.value(ServicesKey)).split(Separator, Qt::SkipEmptyParts);
    if (!isNetwork(announcement.network) || !areServices(announcement.services))
        return {};
    const QString address = QString::fromUtf8(text.value(AddressKey));
    if (!address.isEmpty() && !announcement.address.setAddress(address))
        return {};
    return announcement;
}

void Announcement::check() const
{
    if (!isNetwork(network))
        throw Error(QStringLiteral("\"%1\" is no name of a network, or too long").arg(network));
    if (!areServices(services))
        throw Error(QStringLiteral("these are no names of services, or too many: \"%1\"")
                        .arg(services.join(QStringLiteral("\", \""))));
}

QString serviceName(const QString &name)
{
    QString shortened = name;
    while (shortened.toUtf8().size() > MaxServiceName)
        shortened.chop(shortened.size() > 1 && shortened.back().isLowSurrogate() ? 2 : 1);
    return shortened;
}

} // namespace Asyncoro::Detail
