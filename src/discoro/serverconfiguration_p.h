// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/Location>
#include <Asyncoro/Secret>
#include <Asyncoro/TlsConfiguration>

#include <QByteArray>

#include <optional>

namespace Asyncoro::Discoro {

/** What a node tells a server process that it starts, through the process's standard input: nobody else can read that. */
struct ServerConfiguration {
    /** The environment variable that tells a program that it is to be a server. */
    static constexpr QLatin1StringView Variable{"ASYNCORO_DISCORO_SERVER"};

    Location node;
    Secret secret;
    std::optional<TlsConfiguration> tls;
    QByteArray token; // by which the server comes forward

    [[nodiscard]] QByteArray toBytes() const;
    /** Throws an Error. */
    [[nodiscard]] static ServerConfiguration fromBytes(const QByteArray &bytes);
};

} // namespace Asyncoro::Discoro
