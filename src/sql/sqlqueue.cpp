// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "sqlqueue_p.h"

#include "sqlworker_p.h"

#include <QMutexLocker>

namespace Asyncoro::Detail {

void SqlJob::settle(std::exception_ptr why)
{
    if (m_settled.exchange(true))
        return;
    error = std::move(why);
    std::exchange(waker, {}).wake();
}

bool SqlQueue::post(const SqlJobPointer &job)
{
    const QMutexLocker lock(&m_mutex);
    if (!m_worker)
        return false;
    m_jobs.push_back(job);
    if (!std::exchange(m_scheduled, true))
        QMetaObject::invokeMethod(m_worker, &SqlWorker::work, Qt::QueuedConnection);
    return true;
}

void SqlQueue::post(SqlJob::Work work)
{
    const auto job = std::make_shared<SqlJob>();
    job->work = std::move(work);
    post(job);
}

SqlJobPointer SqlQueue::take()
{
    const QMutexLocker lock(&m_mutex);
    m_scheduled = !m_jobs.empty();
    if (!m_scheduled)
        return nullptr;
    m_current = std::move(m_jobs.front());
    m_jobs.pop_front();
    return m_current;
}

void SqlQueue::finished()
{
    SqlJobPointer done; // destroyed after the lock is released: that may post something
    const QMutexLocker lock(&m_mutex);
    done.swap(m_current);
}

void SqlQueue::close()
{
    std::deque<SqlJobPointer> jobs;
    SqlJobPointer current;
    {
        const QMutexLocker lock(&m_mutex);
        m_worker = nullptr;
        jobs.swap(m_jobs);
        current = m_current;
    }
    const auto destroyed =
        std::make_exception_ptr(Destroyed(QStringLiteral("the Database was destroyed before its answer came")));
    if (current)
        current->settle(destroyed);
    for (const SqlJobPointer &job : jobs) {
        job->settle(destroyed);
        job->work = {};
    }
}

SqlSuspension::SqlSuspension(std::shared_ptr<SqlQueue> queue, const QString &operation, SqlJob::Work work,
                             bool beginsTransaction)
    : Suspension(QDeadlineTimer(QDeadlineTimer::Forever))
    , m_queue(std::move(queue))
    , m_operation(operation)
{
    m_job->work = std::move(work);
    m_job->beginsTransaction = beginsTransaction;
}

SqlSuspension::~SqlSuspension() = default;

bool SqlSuspension::start()
{
    m_job->waker = waker();
    if (m_queue->post(m_job))
        return true;
    m_job->waker = {};
    m_job->error = std::make_exception_ptr(Destroyed(QStringLiteral("the Database has been destroyed")));
    return false;
}

void SqlSuspension::abandon() noexcept
{
    m_job->abandoned = true;
}

void SqlSuspension::await_resume() const
{
    throwUnlessComplete();
    if (m_job->error)
        std::rethrow_exception(m_job->error);
}

} // namespace Asyncoro::Detail
