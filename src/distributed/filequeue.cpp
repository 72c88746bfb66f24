// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "filequeue_p.h"

#include <Asyncoro/FileSystem>

namespace Asyncoro::Detail {

void FileQueue::add(ThreadCall::Pointer call)
{
    {
        const QMutexLocker lock(&m_mutex);
        m_calls.push_back(std::move(call));
        if (std::exchange(m_running, true))
            return;
    }
    fileThreads().start([self = shared_from_this()] { self->makeCalls(); });
}

void FileQueue::makeCalls()
{
    for (;;) {
        ThreadCall::Pointer call;
        {
            const QMutexLocker lock(&m_mutex);
            if (m_calls.empty()) {
                m_running = false;
                return;
            }
            call = std::move(m_calls.front());
            m_calls.pop_front();
        }
        call->perform();
    }
}

} // namespace Asyncoro::Detail
