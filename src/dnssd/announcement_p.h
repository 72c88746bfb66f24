// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QByteArray>
#include <QHostAddress>
#include <QMap>
#include <QStringList>

#include <optional>

namespace Asyncoro::Detail {

/** What a process says about itself in its TXT record, for everybody to read. */
struct Announcement
{
    using Text = QMap<QString, QByteArray>;

    static constexpr auto Type = QLatin1StringView("_asyncoro._tcp");
    static constexpr qsizetype MaxNetwork = 63;
    static constexpr qsizetype MaxServices = 112; // as many as a ping of Discovery has room for

    QString network;
    QStringList services;
    /** Where it listens, if that is one address; null: at all of its machine. */
    QHostAddress address;

    [[nodiscard]] Text toText() const;
    /** Nothing if it is of another version, or nothing that toText() gives. */
    [[nodiscard]] static std::optional<Announcement> fromText(const Text &text);

    /** Throws an Error if they have no room, or are no names. */
    void check() const;
};

/** `name` as the name of a service: not longer than DNS has it. */
[[nodiscard]] QString serviceName(const QString &name);

} // namespace Asyncoro::Detail
