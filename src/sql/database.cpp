// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "database.h"

#include "sqlqueue_p.h"
#include "sqlworker_p.h"

#include <QThread>

namespace Asyncoro {

class Database::Private
{
public:
    QThread thread;
    Detail::SqlWorker worker;
};

Database::Database()
    : d(std::make_unique<Private>())
    , m_queue(std::make_shared<Detail::SqlQueue>(&d->worker))
{
    d->worker.setQueue(m_queue);
    d->worker.moveToThread(&d->thread);
    d->thread.setObjectName(QStringLiteral("database"));
    d->thread.start();
}

Database::~Database()
{
    m_queue->close();
    QMetaObject::invokeMethod(&d->worker, [worker = &d->worker] {
        worker->close();
        QThread::currentThread()->quit();
    }, Qt::QueuedConnection);
    d->thread.wait();
}

Task<> Database::open(SqlOptions options)
{
    return Detail::sqlCall(m_queue, QStringLiteral("Database::open()"),
                           [options = std::move(options)](Detail::SqlWorker &worker, const Detail::SqlJob &) {
                               worker.open(options);
                           });
}

Task<> Database::close()
{
    return Detail::sqlCall(m_queue, QStringLiteral("Database::close()"),
                           [](Detail::SqlWorker &worker, const Detail::SqlJob &) { worker.close(); });
}

Task<SqlTransaction> Database::transaction()
{
    return SqlTransaction::begin(m_queue);
}

Task<> Database::runWork(std::shared_ptr<Detail::SqlQueue> queue, Work work)
{
    const QString operation = QStringLiteral("Database::run()");
    return Detail::sqlCall(std::move(queue), operation,
                           [operation, work = std::move(work)](Detail::SqlWorker &worker, const Detail::SqlJob &) {
                               work(worker.database(operation));
                           });
}

} // namespace Asyncoro
