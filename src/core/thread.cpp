// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "thread.h"

namespace Asyncoro::Detail {

bool ThreadEndAwaiter::start()
{
    // First the connection, then the question: a thread says that it has finished before it emits the signal.
    if (!SignalAwaiter::start())
        return false;
    m_ended = m_thread->isFinished();
    if (m_ended)
        abandon();
    return !m_ended;
}

} // namespace Asyncoro::Detail
