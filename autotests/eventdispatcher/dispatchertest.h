// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/EventDispatcher>

#include <QAbstractEventDispatcher>
#include <QTest>
#include <QThread>

#include <functional>
#include <memory>
#include <utility>

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/**
 * What Qt's documentation says about event dispatchers is tested with Qt's own as well as with ours: each test function
 * runs once for each row of addDispatchers().
 */
namespace DispatcherTest {

using namespace std::chrono_literals;

/** Threads with these dispatchers, and the main thread, whose dispatcher depends on the program: see usedispatcher.cpp. */
inline void addDispatchers()
{
    QTest::addColumn<QString>("dispatcher");
    for (const char *name : {"poll", "glib", "epoll", "main"})
        QTest::newRow(name) << QString::fromLatin1(name);
}

inline bool isDispatcher(const char *name)
{
    QFETCH_GLOBAL(QString, dispatcher);
    return dispatcher == QLatin1String(name);
}

/** A new thread of the row's kind, not started. */
inline std::unique_ptr<QThread> makeThread(std::function<void()> function)
{
    std::unique_ptr<QThread> thread(function ? QThread::create(std::move(function)) : new QThread);
    if (isDispatcher("epoll"))
        Asyncoro::EventDispatcher::install(thread.get());
    qputenv("QT_NO_GLIB", isDispatcher("glib") ? "" : "1"); // what Qt looks at when the thread starts
    return thread;
}

/** Runs a test's function on the row's dispatcher. */
inline void run(const std::function<void()> &function)
{
    if (isDispatcher("main")) {
        function();
        return;
    }
    bool exists = true;
    const auto thread = makeThread([&] {
        const auto *dispatcher = QAbstractEventDispatcher::instance();
        exists = !isDispatcher("glib") || dispatcher->inherits("QEventDispatcherGlib");
        if (exists)
            function();
    });
    thread->start();
    thread->wait();
    if (!exists)
        QSKIP("this Qt has no dispatcher on glib");
}

inline QAbstractEventDispatcher *dispatcher()
{
    return QAbstractEventDispatcher::instance();
}

/** Processes what is pending, without waiting. */
inline void settle()
{
    for (int i = 0; i < 5; ++i)
        dispatcher()->processEvents(QEventLoop::AllEvents);
}

/** Waits for events, and processes them. */
inline void processNext(QEventLoop::ProcessEventsFlags flags = QEventLoop::AllEvents)
{
    dispatcher()->processEvents(flags | QEventLoop::WaitForMoreEvents);
    // This one sends what has ended the wait at the beginning of the next call only, and then it waits again.
    if (dispatcher()->inherits("QEventDispatcherUNIX"))
        dispatcher()->processEvents(flags);
}

/** Processes events until the condition is met, as an event loop does. */
template<typename Condition>
void processUntil(Condition condition, QEventLoop::ProcessEventsFlags flags = QEventLoop::AllEvents)
{
    while (!condition())
        processNext(flags);
}

/** Runs a function in a thread of its own, which is waited for at the end of the scope. */
class Beside
{
public:
    explicit Beside(std::function<void()> function)
        : m_thread(QThread::create(std::move(function)))
    {
        m_thread->start();
    }
    ~Beside() { m_thread->wait(); }
    Beside(const Beside &) = delete;
    Beside &operator=(const Beside &) = delete;

private:
    const std::unique_ptr<QThread> m_thread;
};

class File
{
public:
    explicit File(int fd = -1)
        : m_fd(fd)
    {
    }
    File(File &&other) noexcept
        : m_fd(std::exchange(other.m_fd, -1))
    {
    }
    File &operator=(File &&other) noexcept
    {
        std::swap(m_fd, other.m_fd);
        return *this;
    }
    ~File() { close(); }

    int fd() const { return m_fd; }
    void close()
    {
        if (m_fd >= 0)
            ::close(std::exchange(m_fd, -1));
    }

private:
    int m_fd;
};

/** Two connected sockets. */
struct Pair {
    Pair()
    {
        int fds[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
            qFatal("socketpair failed");
        a = File(fds[0]);
        b = File(fds[1]);
    }
    File a;
    File b;
};

inline void writeByte(const File &file, char byte = 'x')
{
    if (::write(file.fd(), &byte, 1) != 1)
        qFatal("write failed");
}

/** How many bytes there were. */
inline qint64 readAll(int fd)
{
    char buffer[65536];
    qint64 total = 0;
    for (ssize_t n; (n = ::read(fd, buffer, sizeof buffer)) > 0;)
        total += n;
    return total;
}

inline void fill(const File &file)
{
    const char buffer[4096] = {};
    while (::write(file.fd(), buffer, sizeof buffer) > 0) { }
}

inline void raiseFileLimit()
{
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

} // namespace DispatcherTest
