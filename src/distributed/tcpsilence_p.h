// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QtTypes>

#include <chrono>

namespace Asyncoro::Detail {

/**
 * How long the system at the other end of a TCP connection has acknowledged nothing, though something was sent to it. It
 * does so for a program that does not read, as long as there is room for what comes: so this is a sign that the machine
 * or the way to it is gone. 0 as long as nothing is late, where there was no room, and where the system does not tell.
 */
[[nodiscard]] std::chrono::milliseconds tcpSilence(qintptr descriptor);

} // namespace Asyncoro::Detail
