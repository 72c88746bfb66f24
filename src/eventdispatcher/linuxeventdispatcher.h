// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoroeventdispatcher_export.h"

#include <QAbstractEventDispatcher>

#include <memory>

namespace Asyncoro {

/**
 * An event dispatcher on epoll: a turn of the event loop costs by what happens in it, where Qt's own dispatchers look
 * at every open socket in each turn.
 *
 * For the main thread of a program without windows, one call before the application object is made:
 *
 *     int main(int argc, char **argv)
 *     {
 *         Asyncoro::LinuxEventDispatcher::install();
 *         QCoreApplication app(argc, argv);
 *         ...
 *
 * For another thread, before it is started: `thread.setEventDispatcher(new Asyncoro::LinuxEventDispatcher)`. The main
 * thread of a program with windows has to keep the dispatcher of its platform, and may give such a thread its sockets.
 *
 * Everything that uses Qt's event loop works on it unchanged. Where Qt leaves a choice:
 * - A precise timer has the resolution of the system's clock, and not of a millisecond.
 * - No timer fires early. A coarse one is up to 5 % late, a very coarse one up to a second (one of 20 s or more is very
 *   coarse), so that many of them fire together. What a repeating one is late by does not add up.
 * - awake() follows each aboutToBlock(), and is emitted at no other time.
 * - A descriptor that epoll has no use for, as of a regular file, is always ready to read and to write.
 * - Of two enabled notifiers of one kind for one descriptor, the one enabled last is served.
 * - A notifier is to be disabled before its descriptor is closed. One that is not is never activated again, without a
 *   warning.
 * - After a fork() the child has its own epoll instance as soon as its event loop runs.
 */
class ASYNCORO_EVENTDISPATCHER_EXPORT LinuxEventDispatcher final : public QAbstractEventDispatcherV2
{
    Q_OBJECT

public:
    explicit LinuxEventDispatcher(QObject *parent = nullptr);
    ~LinuxEventDispatcher() override;

    /**
     * Makes the application object that is made next run on such a dispatcher, which it then owns.
     *
     * To be called on the thread that will be the main one. False, with a warning, if an application object is there
     * or that thread has an event dispatcher: then nothing has changed.
     */
    static bool install();

    bool processEvents(QEventLoop::ProcessEventsFlags flags) override;

    void registerSocketNotifier(QSocketNotifier *notifier) override;
    void unregisterSocketNotifier(QSocketNotifier *notifier) override;

    void registerTimer(Qt::TimerId timerId, Duration interval, Qt::TimerType timerType, QObject *object) override;
    bool unregisterTimer(Qt::TimerId timerId) override;
    bool unregisterTimers(QObject *object) override;
    /** With the interval and type that each was registered with. */
    [[nodiscard]] QList<TimerInfoV2> timersForObject(QObject *object) const override;
    /** 0 for one that is overdue, Duration::min() for one that is not registered. */
    [[nodiscard]] Duration remainingTime(Qt::TimerId timerId) const override;

    /** Any thread. No system call unless the dispatcher's thread waits. */
    void wakeUp() override;
    /** Any thread. */
    void interrupt() override;

private:
    class Private;
    const std::unique_ptr<Private> d;
};

} // namespace Asyncoro
