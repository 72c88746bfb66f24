// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/Coro>

#include <QByteArray>

namespace IoTest {

using namespace Asyncoro;

/** Awaits from ordinary code. */
template<typename Awaitable>
auto run(Awaitable &&awaitable)
{
    using T = decltype(awaitable.await_resume());
    return waitFor(spawn([&awaitable]() -> Task<T> { co_return co_await awaitable; }));
}

template<typename T>
T run(Task<T> task)
{
    return waitFor(std::move(task));
}

/** Runs every coroutine that is ready, in its turn, so that those started before now wait. */
inline void letOthersRun()
{
    waitFor(spawn([]() -> Task<> { co_return; }));
}

/** How the coroutine ended; its value, if it has one, does not matter. */
inline CoroState endOf(const Coro<> &coro)
{
    try {
        waitFor(coro);
    } catch (const std::exception &) {
        // the state tells
    }
    return coro.state();
}

/** The text of the E that `action` throws; empty if it throws none. */
template<typename E, typename Action>
QString textOf(Action action)
{
    try {
        action();
    } catch (const E &error) {
        return error.message();
    }
    return {};
}

/** Bytes in which a wrong order, a gap or a repetition shows. */
inline QByteArray pattern(qsizetype size)
{
    QByteArray bytes(size, Qt::Uninitialized);
    quint32 x = 1;
    for (char &c : bytes)
        c = char((x = x * 1664525 + 1013904223) >> 24);
    return bytes;
}

} // namespace IoTest
