// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "filering_p.h"

#include <QAbstractEventDispatcher>
#include <QCoreApplication>
#include <QDeadlineTimer>
#include <QEvent>
#include <QLoggingCategory>
#include <QPointer>
#include <QSocketNotifier>

#include <atomic>
#include <cerrno>
#include <liburing.h>
#include <memory>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace Asyncoro::Detail {

using namespace std::chrono_literals;

namespace {

Q_LOGGING_CATEGORY(lcFiles, "asyncoro.files", QtInfoMsg)

constexpr unsigned Entries = 256;
// How long the end of the thread waits for what is under way.
constexpr auto TimeAtEnd = 2s;

void logOnce(const QString &what)
{
    static std::atomic_flag logged;
    if (!logged.test_and_set())
        qCDebug(lcFiles).noquote() << what;
}

class Ring final : public QObject, public FileRing
{
public:
    ~Ring() override;

    /** 0, or the negative error. */
    int open();
    [[nodiscard]] bool servesThisLoop() const { return m_loop && m_loop == QAbstractEventDispatcher::instance(); }
    bool submit(FileRequest &&request) override;

protected:
    bool event(QEvent *event) override;

private:
    void submitPrepared();
    void takeDone();

    io_uring m_ring{};
    bool m_isOpen = false;
    int m_event = -1; // readable when something is done
    bool m_submitsSoon = false;
    int m_underWay = 0;
    std::unique_ptr<QSocketNotifier> m_notifier;
    QPointer<QAbstractEventDispatcher> m_loop;
};

int Ring::open()
{
    // Nothing is done behind the thread's back: what is complete waits until it is asked for. Linux 6.1.
    const int result = io_uring_queue_init(Entries, &m_ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    if (result != 0)
        return result;
    m_isOpen = true;
    // The ring itself, in this mode, is not readable before somebody has asked.
    m_event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (m_event == -1)
        return -errno;
    if (const int registered = io_uring_register_eventfd(&m_ring, m_event); registered != 0)
        return registered;
    m_loop = QAbstractEventDispatcher::instance();
    m_notifier = std::make_unique<QSocketNotifier>(m_event, QSocketNotifier::Read);
    connect(m_notifier.get(), &QSocketNotifier::activated, this, [this] {
        eventfd_t ignored = 0;
        ::eventfd_read(m_event, &ignored);
        takeDone();
    });
    return 0;
}

Ring::~Ring()
{
    if (!m_isOpen)
        return;
    m_notifier.reset();
    submitPrepared();
    for (const QDeadlineTimer deadline(TimeAtEnd); m_underWay > 0 && !deadline.hasExpired(); takeDone()) {
        const auto rest = std::chrono::nanoseconds(deadline.remainingTimeNSecs());
        __kernel_timespec timeout{.tv_sec = rest / 1s, .tv_nsec = (rest % 1s).count()};
        io_uring_cqe *ignored = nullptr;
        io_uring_wait_cqe_timeout(&m_ring, &ignored, &timeout);
    }
    // Else the system may still use the memory of what hangs, which is never freed.
    if (m_underWay > 0)
        return;
    io_uring_queue_exit(&m_ring);
    if (m_event != -1)
        ::close(m_event);
}

bool Ring::submit(FileRequest &&request)
{
    io_uring_sqe *entry = io_uring_get_sqe(&m_ring);
    if (!entry) {
        submitPrepared();
        entry = io_uring_get_sqe(&m_ring);
    }
    if (!entry)
        return false;
    auto *const own = new FileRequest(std::move(request)); // until takeDone()
    switch (own->kind) {
    case FileRequest::Kind::Read:
        io_uring_prep_read(entry, own->descriptor, own->bytes, unsigned(own->size), quint64(own->position));
        break;
    case FileRequest::Kind::Write:
        io_uring_prep_write(entry, own->descriptor, own->bytes, unsigned(own->size), quint64(own->position));
        break;
    case FileRequest::Kind::Sync:
        io_uring_prep_fsync(entry, own->descriptor, 0);
        break;
    }
    io_uring_sqe_set_data(entry, own);
    ++m_underWay;
    // Behind the coroutines that are ready now, which may ask for more.
    if (!std::exchange(m_submitsSoon, true))
        QCoreApplication::postEvent(this, new QEvent(QEvent::User));
    return true;
}

bool Ring::event(QEvent *event)
{
    if (event->type() != QEvent::User)
        return QObject::event(event);
    m_submitsSoon = false;
    submitPrepared();
    takeDone();
    return true;
}

void Ring::submitPrepared()
{
    while (io_uring_sq_ready(&m_ring) > 0) {
        const int result = io_uring_submit_and_get_events(&m_ring);
        if (result >= 0 || result == -EINTR)
            continue;
        // It is full of what is done, or short of memory: again after that, or with the next event.
        if (m_notifier && !std::exchange(m_submitsSoon, true))
            QCoreApplication::postEvent(this, new QEvent(QEvent::User));
        return;
    }
}

void Ring::takeDone()
{
    io_uring_get_events(&m_ring);
    io_uring_cqe *entry = nullptr;
    while (io_uring_peek_cqe(&m_ring, &entry) == 0) {
        const std::unique_ptr<FileRequest> request(static_cast<FileRequest *>(io_uring_cqe_get_data(entry)));
        const int result = entry->res;
        io_uring_cqe_seen(&m_ring, entry);
        --m_underWay;
        request->done(result);
    }
}

constinit thread_local bool threadEnds = false;

struct OfThread {
    OfThread() = default;
    ~OfThread()
    {
        threadEnds = true;
        ring.reset();
    }
    Q_DISABLE_COPY_MOVE(OfThread)

    std::unique_ptr<Ring> ring;
};

/** What speaks against it in this process, as far as is known; empty if nothing does. */
QString obstacle()
{
    if (qEnvironmentVariable("ASYNCORO_IO_URING") == QLatin1String("off"))
        return QStringLiteral("ASYNCORO_IO_URING is off");
    return {};
}

} // namespace

FileRing *FileRing::ofThisThread()
{
    static std::atomic<bool> isThere = true;
    if (!isThere.load(std::memory_order_relaxed) || threadEnds || !QAbstractEventDispatcher::instance())
        return nullptr;
    thread_local OfThread own;
    if (own.ring && own.ring->servesThisLoop())
        return own.ring.get();
    const std::unique_ptr<Ring> old = std::move(own.ring); // its loop has gone, and what it still does ends here
    QString why = obstacle();
    if (why.isEmpty()) {
        auto ring = std::make_unique<Ring>();
        const int result = ring->open();
        if (result == 0) {
            logOnce(QStringLiteral("files that are not in memory are read and written by io_uring"));
            own.ring = std::move(ring);
            return own.ring.get();
        }
        if (result == -EMFILE || result == -ENFILE || result == -ENOMEM || result == -EAGAIN)
            return nullptr; // for now
        why = QStringLiteral("io_uring: %1%2")
                  .arg(QString::fromStdString(std::generic_category().message(-result)),
                       result == -EINVAL       ? QStringLiteral(" (it takes Linux 6.1)")
                           : result == -EPERM  ? QStringLiteral(" (containers mostly forbid it)")
                           : result == -ENOSYS ? QStringLiteral(" (the kernel is built without it)")
                                               : QString());
    }
    isThere = false;
    logOnce(QStringLiteral("files that are not in memory are read and written by threads, since ") + why);
    return nullptr;
}

} // namespace Asyncoro::Detail
