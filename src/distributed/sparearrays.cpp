// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "sparearrays_p.h"

#include <QMutex>

#include <algorithm>
#include <deque>

namespace Asyncoro::Detail::SpareArrays {

namespace {

using Clock = std::chrono::steady_clock;

struct Shelf {
    QMutex mutex;
    std::deque<QByteArray> arrays; // also those that others still have
    qsizetype size = 0;
    Clock::time_point used;
};

Shelf &shelf()
{
    static Shelf &theShelf = *new Shelf; // not destroyed: as the program ends, threads may still be at work
    return theShelf;
}

QByteArray takeKept(qsizetype size)
{
    if (size < MinSize / 2)
        return {}; // all that is kept is too long for it: a small file does not search
    Shelf &kept = shelf();
    const QMutexLocker lock(&kept.mutex);
    const auto spare = std::ranges::find_if(kept.arrays, [size](const QByteArray &bytes) {
        return bytes.isDetached() && bytes.capacity() >= size && bytes.capacity() / 2 <= size; // much is wasted on little
    });
    if (spare == kept.arrays.end())
        return {};
    kept.used = Clock::now();
    QByteArray bytes = std::move(*spare);
    kept.arrays.erase(spare);
    kept.size -= bytes.capacity();
    return bytes;
}

} // namespace

QByteArray take(qsizetype size)
{
    QByteArray bytes = takeKept(size);
    if (bytes.capacity() == 0) {
        bytes.reserve(size + size / 16); // a frame's memory comes back without its beginning, and shall do for the next one
        return bytes;
    }
    // That it is detached was only looked up. To count it up and down comes after what the last one who had it did.
    static_cast<void>(QByteArray(bytes));
    bytes.resize(0);
    bytes.reserve(size); // capacity() counts what was removed at the front, too
    return bytes;
}

void keep(const QByteArray &bytes)
{
    if (bytes.capacity() < MinSize || bytes.capacity() > MaxSize)
        return;
    Shelf &kept = shelf();
    std::deque<QByteArray> dropped; // freed without the lock
    const QMutexLocker lock(&kept.mutex);
    kept.used = Clock::now();
    kept.arrays.push_back(bytes);
    kept.size += bytes.capacity();
    while (kept.size > MaxKept) {
        kept.size -= kept.arrays.front().capacity();
        dropped.push_back(std::move(kept.arrays.front()));
        kept.arrays.pop_front();
    }
}

void freeUnused(std::chrono::milliseconds since)
{
    Shelf &kept = shelf();
    std::deque<QByteArray> dropped; // freed without the lock
    const QMutexLocker lock(&kept.mutex);
    if (Clock::now() - kept.used < since)
        return;
    dropped.swap(kept.arrays);
    kept.size = 0;
}

} // namespace Asyncoro::Detail::SpareArrays
