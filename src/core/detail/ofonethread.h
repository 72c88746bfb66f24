// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorocore_export.h"

#include <QThread>

namespace Asyncoro::Detail {

/** Base of what may be used on one thread only: the one that made it. */
class ASYNCORO_CORE_EXPORT OfOneThread
{
public:
    OfOneThread(const OfOneThread &) = delete;
    OfOneThread &operator=(const OfOneThread &) = delete;

protected:
    OfOneThread() = default;
    ~OfOneThread() = default;

    /** Throws the Error that `operation` was called on another thread. */
    void checkThread(const char *operation) const
    {
        if (QThread::currentThreadId() != m_thread) [[unlikely]]
            throwWrongThread(operation);
    }

private:
    [[noreturn]] static void throwWrongThread(const char *operation);

    const Qt::HANDLE m_thread = QThread::currentThreadId();
};

} // namespace Asyncoro::Detail
