// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/Task>

#include <QDeadlineTimer>

namespace Asyncoro::Detail {

/** While there is one, a socket of this thread is closed already and still sends what it was given before. */
class Closing
{
public:
    Closing();
    ~Closing();
    Closing(const Closing &) = delete;
    Closing &operator=(const Closing &) = delete;
};

/** Waits until there is none of them on this thread, or the deadline has passed: for a thread that is to end. */
Task<> allClosed(QDeadlineTimer deadline);

} // namespace Asyncoro::Detail
