// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "filering_p.h"

#include <QAbstractEventDispatcher>
#include <QBasicTimer>
#include <QCoreApplication>
#include <QDeadlineTimer>
#include <QEvent>
#include <QLoggingCategory>
#include <QPointer>
#include <QSocketNotifier>
#include <QTimerEvent>

#include <array>
#include <atomic>
#include <cerrno>
#include <deque>
#include <liburing.h>
#include <memory>
#include <pthread.h>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace Asyncoro::Detail {

using namespace std::chrono_literals;

namespace {

Q_LOGGING_CATEGORY(lcFiles, "asyncoro.files", QtInfoMsg)

constexpr unsigned Entries = 256;
// Threads of the kernel for requests that block in it. Its own limit, four for each processor, is soon reached by
// writes to a disk that does not answer, and then those to all others wait.
constexpr unsigned KernelThreads = 64;
constexpr auto RetryInterval = 10ms; // of what the system has no memory for
constexpr auto RetryOpening = 1s;

// Each child process counts from its parent's number.
std::atomic<int> forks = 0;

void countForks()
{
    [[maybe_unused]] static const int once
        = ::pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
}

class Ring final : public QObject, public FileRing
{
public:
    ~Ring() override;

    /**
     * Whether this is the copy of a ring of the parent process, which goes on by fork() alone. The two share what the
     * kernel has of it: nothing may be done with it here, or the parent would never know what is done.
     */
    [[nodiscard]] bool isInherited() const { return forks.load(std::memory_order_relaxed) != m_forks; }

    /** 0, or the negative error. */
    int open();
    /** Completions come by the event loop that this thread has now. */
    void attach();
    bool submit(FileRequest &&request) override;

protected:
    bool event(QEvent *event) override;
    void timerEvent(QTimerEvent *event) override;

private:
    void submitSoon();
    void submitPrepared();
    void cancelPrepared();
    void takeDone();

    io_uring m_ring{};
    int m_forks = 0; // when it was opened
    bool m_isOpen = false;
    bool m_isForbidden = false; // by now
    bool m_submitsSoon = false;
    int m_event = -1; // readable when something is done
    std::deque<std::unique_ptr<FileRequest>> m_prepared; // that the system does not know of yet
    int m_underWay = 0; // that it does
    QBasicTimer m_retryTimer;
    std::unique_ptr<QSocketNotifier> m_notifier;
    QPointer<QAbstractEventDispatcher> m_loop;
};

int Ring::open()
{
    countForks();
    m_forks = forks.load(std::memory_order_relaxed);
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
    std::array<unsigned, 2> threads{KernelThreads, 0}; // 0: as it is
    io_uring_register_iowq_max_workers(&m_ring, threads.data());
    return 0;
}

void Ring::attach()
{
    if (m_loop == QAbstractEventDispatcher::instance())
        return;
    m_loop = QAbstractEventDispatcher::instance();
    m_notifier = std::make_unique<QSocketNotifier>(m_event, QSocketNotifier::Read);
    connect(m_notifier.get(), &QSocketNotifier::activated, this, [this] {
        if (isInherited()) {
            m_notifier->setEnabled(false);
            return;
        }
        eventfd_t ignored = 0;
        ::eventfd_read(m_event, &ignored);
        takeDone();
    });
    m_submitsSoon = false; // that event may have gone with the old one
    if (!m_prepared.empty())
        submitSoon();
}

Ring::~Ring()
{
    if (!m_isOpen || isInherited())
        return;
    m_notifier.reset();
    cancelPrepared();
    while (m_underWay > 0) { // not for a time: the kernel does not let a thread end before, either
        io_uring_cqe *ignored = nullptr;
        const int result = io_uring_wait_cqe(&m_ring, &ignored);
        if (result != 0 && result != -EINTR && result != -EAGAIN)
            return; // forbidden meanwhile: the system may still use the memory of the requests, which is never freed
        takeDone();
    }
    io_uring_queue_exit(&m_ring);
    if (m_event != -1)
        ::close(m_event);
}

bool Ring::submit(FileRequest &&request)
{
    if (m_isForbidden || isInherited())
        return false;
    auto own = std::make_unique<FileRequest>(std::move(request));
    io_uring_sqe *entry = io_uring_get_sqe(&m_ring);
    if (!entry) {
        submitPrepared();
        entry = m_isForbidden ? nullptr : io_uring_get_sqe(&m_ring);
    }
    if (!entry)
        return false;
    if (own->kind == FileRequest::Kind::Read)
        io_uring_prep_read(entry, own->descriptor, own->bytes, unsigned(own->size), quint64(own->position));
    else
        io_uring_prep_write(entry, own->descriptor, own->bytes, unsigned(own->size), quint64(own->position));
    io_uring_sqe_set_data(entry, own.get());
    m_prepared.push_back(std::move(own));
    submitSoon();
    return true;
}

// Behind the coroutines that are ready now, which may ask for more.
void Ring::submitSoon()
{
    if (!m_retryTimer.isActive() && !std::exchange(m_submitsSoon, true))
        QCoreApplication::postEvent(this, new QEvent(QEvent::User));
}

bool Ring::event(QEvent *event)
{
    if (event->type() != QEvent::User)
        return QObject::event(event);
    m_submitsSoon = false;
    if (!isInherited()) {
        submitPrepared();
        takeDone();
    }
    return true;
}

void Ring::timerEvent(QTimerEvent *event)
{
    if (event->timerId() != m_retryTimer.timerId())
        return QObject::timerEvent(event);
    m_retryTimer.stop();
    if (isInherited())
        return;
    takeDone(); // which makes room
    submitPrepared();
}

void Ring::submitPrepared()
{
    while (!m_prepared.empty()) {
        const int result = io_uring_submit_and_get_events(&m_ring);
        if (result == -EINTR)
            continue;
        if (result == 0 || result == -EAGAIN || result == -EBUSY || result == -ENOMEM) {
            m_retryTimer.start(RetryInterval, this);
            return;
        }
        if (result < 0) {
            m_isForbidden = true;
            cancelPrepared();
            return;
        }
        for (int i = 0; i < result; ++i) {
            static_cast<void>(m_prepared.front().release()); // until takeDone()
            m_prepared.pop_front();
        }
        m_underWay += result;
    }
}

void Ring::cancelPrepared()
{
    for (const auto &request : std::exchange(m_prepared, {}))
        request->done(-ECANCELED);
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

constinit thread_local bool isFinishing = false;

struct OfThread {
    OfThread() = default;
    ~OfThread() { finish(); }
    Q_DISABLE_COPY_MOVE(OfThread)

    void finish()
    {
        isFinishing = true; // what is done now asks for no more
        ring.reset();
    }

    std::unique_ptr<Ring> ring;
    QDeadlineTimer nextTry{0};
};

OfThread &ofThread()
{
    thread_local OfThread own;
    return own;
}

/** There will be none in this process: the first one tells why. */
std::atomic<bool> isRefused = false;

void refuse(const QString &why)
{
    if (!isRefused.exchange(true))
        qCDebug(lcFiles).noquote() << "files that are not in memory are read and written by threads, since" << why;
}

QString explained(int error)
{
    const QString text = QStringLiteral("io_uring: ") + QString::fromStdString(std::generic_category().message(error));
    switch (error) {
    case EINVAL:
        return text + QStringLiteral(" (it takes Linux 6.1)");
    case EPERM:
        return text + QStringLiteral(" (containers mostly forbid it)");
    case ENOSYS:
        return text + QStringLiteral(" (the kernel is built without it)");
    default:
        return text;
    }
}

/** nullptr if it cannot be opened; and if it never can be, none is tried any more. */
std::unique_ptr<Ring> openRing()
{
    if (qEnvironmentVariable("ASYNCORO_IO_URING") == QLatin1String("off")) {
        refuse(QStringLiteral("ASYNCORO_IO_URING is off"));
        return {};
    }
    auto ring = std::make_unique<Ring>();
    const int result = ring->open();
    if (result == 0) {
        static std::atomic_flag logged;
        if (!logged.test_and_set())
            qCDebug(lcFiles, "files that are not in memory are read and written by io_uring");
        return ring;
    }
    const bool isForNow = result == -EMFILE || result == -ENFILE || result == -ENOMEM || result == -EAGAIN;
    if (!isForNow)
        refuse(explained(-result));
    return {};
}

} // namespace

FileRing *FileRing::ofThisThread()
{
    if (isFinishing || !QAbstractEventDispatcher::instance())
        return nullptr;
    OfThread &own = ofThread();
    if (!own.ring && !isRefused.load(std::memory_order_relaxed) && own.nextTry.hasExpired()) {
        own.ring = openRing();
        own.nextTry.setRemainingTime(RetryOpening);
    }
    if (own.ring && own.ring->isInherited())
        return nullptr;
    if (own.ring)
        own.ring->attach();
    return own.ring.get();
}

void FileRing::finishOfThisThread()
{
    if (isFinishing)
        return;
    ofThread().finish();
    isFinishing = false; // another application object may follow
}

} // namespace Asyncoro::Detail
