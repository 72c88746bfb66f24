// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/Task>

#include <QHostAddress>
#include <QLatin1StringView>

namespace Asyncoro::Detail {

// What KDNSSD would ask Avahi only by blocking the thread, or not at all.

inline constexpr QLatin1StringView AvahiService{"org.freedesktop.Avahi"};

/** Starts it, if the system does that by itself. Throws an Error that says why it does not run. */
Task<> checkThatAvahiRuns();

/** The address of that protocol of a host of the local network. Throws an Error if there is none. */
Task<QHostAddress> addressInLocalNetwork(QString host, QHostAddress::NetworkLayerProtocol protocol);

} // namespace Asyncoro::Detail
