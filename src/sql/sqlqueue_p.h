// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/Coro>

#include <QMutex>

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

namespace Asyncoro::Detail {

class SqlWorker;

/** A piece of work for the thread of a database, and who waits for it, if anybody does. */
struct SqlJob {
    using Work = std::function<void(SqlWorker &, const SqlJob &)>;

    Work work;
    bool beginsTransaction = false; // has to wait until there is none
    Waker waker;
    std::atomic<bool> abandoned = false; // nobody waits any more: need not be done, or not to its end
    std::exception_ptr error; // why it was not done; written before the waker wakes

    /** Ends the wait, unless that has been done before. */
    void settle(std::exception_ptr why);

private:
    std::atomic<bool> m_settled = false;
};
using SqlJobPointer = std::shared_ptr<SqlJob>;

/** The work that is to be done for a database. Cursors and the like keep this; the end of the Database may come. */
class SqlQueue
{
public:
    explicit SqlQueue(SqlWorker *worker)
        : m_worker(worker)
    {
    }

    /** False once it is closed. Any thread. */
    bool post(const SqlJobPointer &job);
    /** Work that nobody waits for. */
    void post(SqlJob::Work work);

    /** The next piece; null if there is none. On the worker's thread. */
    [[nodiscard]] SqlJobPointer take();
    void finished();

    /** From now on there is no worker. All waits end with Destroyed. */
    void close();

private:
    QMutex m_mutex;
    SqlWorker *m_worker; // not owning; nullptr once closed
    std::deque<SqlJobPointer> m_jobs;
    SqlJobPointer m_current;
    bool m_scheduled = false;
};

/** The wait for a piece of work. */
class SqlSuspension final : public Suspension
{
public:
    SqlSuspension(std::shared_ptr<SqlQueue> queue, const QString &operation, SqlJob::Work work,
                  bool beginsTransaction = false);
    ~SqlSuspension() override;

    void await_resume() const;

protected:
    bool start() override;
    void abandon() noexcept override;
    QString operation() const override { return m_operation; }

private:
    const std::shared_ptr<SqlQueue> m_queue;
    const QString m_operation;
    const SqlJobPointer m_job = std::make_shared<SqlJob>();
};

/** Does `work` on the thread of the database and gives its value. */
template<typename Work>
auto sqlCall(std::shared_ptr<SqlQueue> queue, QString operation, Work work)
    -> Task<std::invoke_result_t<Work &, SqlWorker &, const SqlJob &>>
{
    using Value = std::invoke_result_t<Work &, SqlWorker &, const SqlJob &>;
    if constexpr (std::is_void_v<Value>) {
        co_await SqlSuspension(std::move(queue), operation, std::move(work));
    } else {
        const auto value = std::make_shared<std::optional<Value>>();
        co_await SqlSuspension(std::move(queue), operation,
                               [value, work = std::move(work)](SqlWorker &worker, const SqlJob &job) mutable {
                                   value->emplace(work(worker, job));
                               });
        co_return std::move(**value);
    }
}

} // namespace Asyncoro::Detail
