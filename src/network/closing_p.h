// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/Task>

#include <QDeadlineTimer>
#include <QTcpSocket>

#include <memory>

namespace Asyncoro::Detail {

/** Closes a socket that nobody uses any more. With `sendFirst` it still sends, in background, what it was given. */
void disposeOf(std::unique_ptr<QTcpSocket> socket, bool sendFirst);

/** Waits until no socket of this thread still sends so, or the deadline has passed: for a thread that is to end. */
Task<> allClosed(QDeadlineTimer deadline);

} // namespace Asyncoro::Detail
