// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/Coro>

#include <stdexcept>

/** What tests of coroutines have in common. */
namespace CoroTesting {

/** Lets every coroutine of this thread that is ready run, so that those started before wait for something. */
inline void letOthersRun()
{
    Asyncoro::waitFor([]() -> Asyncoro::Task<> {
        for (int i = 0; i < 5; ++i)
            co_await Asyncoro::yield();
    }());
}

inline Asyncoro::Task<> sleepForever()
{
    co_await Asyncoro::sleep(QDeadlineTimer::Forever);
}

/** An Error that only a test throws. */
struct Failure : Asyncoro::Error {
    using Error::Error;
};

/** An exception that only a test throws, and is no Error. */
class Problem : public std::runtime_error
{
public:
    using std::runtime_error::runtime_error;
};

} // namespace CoroTesting
