// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "future.h"

namespace Asyncoro {

FutureCancelled::FutureCancelled()
    : Error(QStringLiteral("the future was cancelled"))
{
}

FutureCancelled::~FutureCancelled() = default;

namespace Detail {

FutureWait::FutureWait(const QFuture<void> &future)
    : Suspension(QDeadlineTimer::Forever)
    , m_future(future)
{
}

FutureWait::~FutureWait() = default;

bool FutureWait::start()
{
    if (m_future.isFinished())
        return false;
    // Not QFuture::then(): a future has room for one continuation only.
    m_watcher = std::make_unique<QFutureWatcher<void>>();
    QObject::connect(m_watcher.get(), &QFutureWatcherBase::finished, m_watcher.get(), [this] { complete(); });
    m_watcher->setFuture(m_future);
    return true;
}

QString FutureWait::operation() const
{
    return QStringLiteral("waiting for a QFuture");
}

void FutureWait::throwUnlessFinished()
{
    throwUnlessComplete();
    m_future.waitForFinished(); // does not wait, but throws its exception
    if (m_future.isCanceled())
        throw FutureCancelled();
}

void FutureWait::throwNoResult()
{
    throw Error(QStringLiteral("the future finished without a result"));
}

} // namespace Detail
} // namespace Asyncoro
