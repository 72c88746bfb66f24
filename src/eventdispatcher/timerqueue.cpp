// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "timerqueue_p.h"

#include <QCoreApplication>
#include <QTimerEvent>

#include <algorithm>
#include <utility>

namespace Asyncoro::Detail {

using namespace std::chrono_literals;

namespace {

// A heap with four children a node: fewer levels, and a node's children share a cache line or two.
constexpr std::size_t Branches = 4;

// Coarse timers share these moments, the coarsest that their accuracy allows.
constexpr std::chrono::nanoseconds Grids[] = {1s, 500ms, 250ms, 100ms, 50ms, 25ms, 10ms, 5ms, 1ms};

Moment roundUp(Moment moment, std::chrono::nanoseconds step)
{
    const std::chrono::nanoseconds rest = moment % step;
    return rest == 0ns ? moment : later(moment, step - rest);
}

// 5 % of less than a millisecond's worth is not worth it, and 5 % of 20 s are the second of a very coarse timer.
Qt::TimerType effectiveType(const TimerQueue::TimerInfo &info)
{
    if (info.timerType != Qt::CoarseTimer)
        return info.timerType;
    if (info.interval <= 20ms)
        return Qt::PreciseTimer;
    return info.interval >= 20s ? Qt::VeryCoarseTimer : Qt::CoarseTimer;
}

} // namespace

Moment TimerQueue::momentFor(const Timer &timer)
{
    switch (effectiveType(timer.info)) {
    case Qt::PreciseTimer:
        break;
    case Qt::CoarseTimer:
        for (const std::chrono::nanoseconds grid : Grids) {
            const Moment moment = roundUp(timer.expected, grid);
            if (moment - timer.expected <= timer.info.interval / 20)
                return moment;
        }
        break;
    case Qt::VeryCoarseTimer:
        return roundUp(timer.expected, 1s);
    }
    return timer.expected;
}

void TimerQueue::add(Qt::TimerId id, std::chrono::nanoseconds interval, Qt::TimerType type, QObject *object)
{
    Timer *timer = takeFree();
    *timer = Timer{.info = {interval, id, type}, .object = object, .expected = later(now(), interval)};
    timer->moment = momentFor(*timer);
    m_byId.insert(id, timer);
    Timer *&first = m_byObject[object];
    timer->nextOfObject = first;
    if (first)
        first->previousOfObject = timer;
    first = timer;
    push(timer);
}

bool TimerQueue::remove(Qt::TimerId id)
{
    const auto found = m_byId.constFind(id);
    if (found == m_byId.cend())
        return false;
    forget(*found);
    return true;
}

bool TimerQueue::removeAll(QObject *object)
{
    Timer *timer = m_byObject.value(object);
    if (!timer)
        return false;
    while (timer)
        forget(std::exchange(timer, timer->nextOfObject));
    return true;
}

QList<TimerQueue::TimerInfo> TimerQueue::timers(QObject *object) const
{
    QList<TimerInfo> infos;
    for (const Timer *timer = m_byObject.value(object); timer; timer = timer->nextOfObject)
        infos.prepend(timer->info); // the list has the last one first
    return infos;
}

std::chrono::nanoseconds TimerQueue::remaining(Qt::TimerId id) const
{
    const Timer *timer = m_byId.value(id);
    if (!timer)
        return -1ms;
    return std::max(timer->moment - now(), std::chrono::nanoseconds::zero());
}

Moment TimerQueue::nextMoment() const
{
    if (!m_due.empty())
        return AtOnce; // in a nested event loop
    return m_heap.empty() ? Never : m_heap.front().moment;
}

int TimerQueue::sendDue()
{
    if (m_heap.empty() && m_due.empty())
        return 0; // without a look at the clock
    const Moment present = now();
    collectDue(present);
    int sent = 0;
    while (!m_due.empty()) {
        Timer *timer = m_due[m_firstDue++];
        if (m_firstDue == m_due.size()) {
            m_due.clear();
            m_firstDue = 0;
        }
        if (timer) {
            sent += timer->info.interval > 0ns;
            send(timer, present);
        }
    }
    return sent;
}

// All that are due first, and then none: one that is set meanwhile for now has its turn in the next round.
void TimerQueue::collectDue(Moment present)
{
    while (!m_heap.empty() && m_heap.front().moment <= present) {
        Timer *timer = m_heap.front().timer;
        removeFromHeap(0);
        timer->place = Place::Due;
        timer->position = m_due.size();
        m_due.push_back(timer);
    }
}

void TimerQueue::send(Timer *timer, Moment present)
{
    timer->place = Place::Active;
    timer->expected = later(timer->expected, timer->info.interval);
    if (timer->expected < present) // rounds that were missed are not made up for
        timer->expected = later(present, timer->info.interval);
    timer->moment = momentFor(*timer);

    QTimerEvent event(timer->info.timerId);
    QCoreApplication::sendEvent(timer->object, &event);

    if (timer->place == Place::Removed)
        m_free.push_back(timer);
    else
        push(timer);
}

TimerQueue::Timer *TimerQueue::takeFree()
{
    if (m_free.empty())
        return &m_timers.emplace_back();
    Timer *timer = m_free.back();
    m_free.pop_back();
    return timer;
}

void TimerQueue::forget(Timer *timer)
{
    m_byId.remove(timer->info.timerId);
    if (timer->nextOfObject)
        timer->nextOfObject->previousOfObject = timer->previousOfObject;
    if (timer->previousOfObject)
        timer->previousOfObject->nextOfObject = timer->nextOfObject;
    else if (timer->nextOfObject)
        m_byObject[timer->object] = timer->nextOfObject;
    else
        m_byObject.remove(timer->object);

    switch (std::exchange(timer->place, Place::Removed)) {
    case Place::Heap:
        removeFromHeap(timer->position);
        break;
    case Place::Due:
        m_due[timer->position] = nullptr;
        break;
    case Place::Active:
    case Place::Removed:
        return;
    }
    m_free.push_back(timer);
}

void TimerQueue::push(Timer *timer)
{
    timer->place = Place::Heap;
    m_heap.emplace_back();
    siftUp(m_heap.size() - 1, {timer->moment, ++m_number, timer});
}

void TimerQueue::removeFromHeap(std::size_t position)
{
    const HeapEntry last = m_heap.back();
    m_heap.pop_back();
    if (position == m_heap.size())
        return;
    if (position > 0 && last < m_heap[(position - 1) / Branches])
        siftUp(position, last);
    else
        siftDown(position, last);
}

void TimerQueue::siftUp(std::size_t position, HeapEntry entry)
{
    while (position > 0) {
        const std::size_t parent = (position - 1) / Branches;
        if (!(entry < m_heap[parent]))
            break;
        place(position, m_heap[parent]);
        position = parent;
    }
    place(position, entry);
}

void TimerQueue::siftDown(std::size_t position, HeapEntry entry)
{
    for (;;) {
        const std::size_t first = position * Branches + 1;
        if (first >= m_heap.size())
            break;
        const auto begin = m_heap.cbegin() + std::ptrdiff_t(first);
        const auto end = m_heap.cbegin() + std::ptrdiff_t(std::min(first + Branches, m_heap.size()));
        const auto least = std::min_element(begin, end);
        if (!(*least < entry))
            break;
        const std::size_t child = std::size_t(least - m_heap.cbegin());
        place(position, m_heap[child]);
        position = child;
    }
    place(position, entry);
}

void TimerQueue::place(std::size_t position, const HeapEntry &entry)
{
    m_heap[position] = entry;
    entry.timer->position = position;
}

} // namespace Asyncoro::Detail
