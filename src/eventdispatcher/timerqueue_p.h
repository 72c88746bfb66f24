// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "moment_p.h"

#include <QAbstractEventDispatcher>
#include <QHash>

#include <deque>
#include <vector>

namespace Asyncoro::Detail {

/**
 * The timers of one thread: a heap of moments, and how to find a timer by its number and by its object.
 *
 * A timer is in one of these places:
 * - Heap: it waits for its moment;
 * - Due: its moment has come, and those before it are being sent;
 * - Active: its event is being sent. A nested event loop does not send it again. It goes back to the heap afterwards,
 *   unless it was removed meanwhile (Removed): then its entry is free for another only now.
 */
class TimerQueue
{
public:
    using TimerInfo = QAbstractEventDispatcher::TimerInfoV2;

    void add(Qt::TimerId id, std::chrono::nanoseconds interval, Qt::TimerType type, QObject *object);
    bool remove(Qt::TimerId id);
    bool removeAll(QObject *object);
    [[nodiscard]] QList<TimerInfo> timers(QObject *object) const;
    /** 0 for one that is overdue, -1 ms for one that does not exist. */
    [[nodiscard]] std::chrono::nanoseconds remaining(Qt::TimerId id) const;

    /** When there is something to send: AtOnce, Never, or a moment that may be past. */
    [[nodiscard]] Moment nextMoment() const;

    /**
     * Sends the events of all timers that are due, each once. May be called from within. Gives how many there were
     * that do not repeat at once: a program that processes events until there are none ends despite a timer of 0 ms.
     */
    int sendDue();

private:
    enum class Place : quint8 { Heap, Due, Active, Removed };

    struct Timer {
        TimerInfo info;
        QObject *object = nullptr; // not owning
        Moment expected{}; // by the interval alone, so that lateness does not add up
        Moment moment{}; // by the accuracy of its type, and not before that
        std::size_t position = 0; // in m_heap or m_due
        Place place = Place::Heap;
        Timer *previousOfObject = nullptr;
        Timer *nextOfObject = nullptr;
    };

    struct HeapEntry {
        Moment moment;
        quint64 number; // of two at the same moment the one that was set first comes first
        Timer *timer;

        bool operator<(const HeapEntry &other) const
        {
            return moment != other.moment ? moment < other.moment : number < other.number;
        }
    };

    [[nodiscard]] static Moment momentFor(const Timer &timer);
    [[nodiscard]] Timer *takeFree();
    void send(Timer *timer, Moment present);
    void forget(Timer *timer);
    void collectDue(Moment present);

    void push(Timer *timer);
    void removeFromHeap(std::size_t position);
    void siftUp(std::size_t position, HeapEntry entry);
    void siftDown(std::size_t position, HeapEntry entry);
    void place(std::size_t position, const HeapEntry &entry);

    std::deque<Timer> m_timers; // where they are stored, used or free
    std::vector<Timer *> m_free;
    QHash<Qt::TimerId, Timer *> m_byId;
    QHash<QObject *, Timer *> m_byObject; // the first of a list
    std::vector<HeapEntry> m_heap;
    quint64 m_number = 0;
    std::vector<Timer *> m_due; // nullptr where one was removed
    std::size_t m_firstDue = 0;
};

} // namespace Asyncoro::Detail
