// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QAbstractEventDispatcher>

#include <memory>

namespace Asyncoro::Detail {

/** What EventDispatcher puts a thread on; what it promises is said there. */
class LinuxEventDispatcher final : public QAbstractEventDispatcherV2
{
    Q_OBJECT

public:
    explicit LinuxEventDispatcher(QObject *parent = nullptr);
    ~LinuxEventDispatcher() override;

    bool processEvents(QEventLoop::ProcessEventsFlags flags) override;

    void registerSocketNotifier(QSocketNotifier *notifier) override;
    void unregisterSocketNotifier(QSocketNotifier *notifier) override;

    void registerTimer(Qt::TimerId timerId, Duration interval, Qt::TimerType timerType, QObject *object) override;
    bool unregisterTimer(Qt::TimerId timerId) override;
    bool unregisterTimers(QObject *object) override;
    /** With the interval and type that each was registered with. */
    [[nodiscard]] QList<TimerInfoV2> timersForObject(QObject *object) const override;
    /** 0 for one that is overdue, -1 ms for one that is not registered: -1 for who asks in milliseconds. */
    [[nodiscard]] Duration remainingTime(Qt::TimerId timerId) const override;

    /** Any thread. No system call unless the dispatcher's thread waits. */
    void wakeUp() override;
    /** Any thread. */
    void interrupt() override;

private:
    class Private;
    const std::unique_ptr<Private> d;
};

} // namespace Asyncoro::Detail
