// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "exec.h"

#include "coroscheduler_p.h"

#include <QEventLoop>

namespace Asyncoro {

int exec()
{
    return Detail::CoroScheduler::forThisThread().exec();
}

int atExit(std::function<void()> function, int priority)
{
    return Detail::addExitHandler(std::move(function), priority);
}

void removeExitHandler(int number)
{
    Detail::removeExitHandler(number);
}

bool waitForAll(QDeadlineTimer deadline)
{
    if (Coro<>::self())
        throw Error(QStringLiteral("waitForAll() blocks: inside a coroutine use a Scope"));
    return Detail::CoroScheduler::forThisThread().waitForAll(deadline);
}

void Detail::throwInsideCoroutine()
{
    if (Coro<>::self())
        throw Error(QStringLiteral("waitFor() blocks: inside a coroutine use co_await"));
}

void Detail::runUntilEnded(const Coro<> &coro, QDeadlineTimer deadline)
{
    throwInsideCoroutine();
    if (coro.state() != CoroState::Running)
        return;

    QEventLoop loop;
    bool timedOut = false;
    const Coro<> watcher = spawn([&]() -> Task<> {
        try {
            co_await coro.finish(deadline);
        } catch (const TimedOut &) {
            timedOut = coro.state() == CoroState::Running;
        } catch (...) {
            // the caller gets it from the coroutine itself
        }
        loop.quit();
    });
    watcher.setDaemon();
    loop.exec();
    if (timedOut)
        throw TimedOut(QStringLiteral("waiting for %1").arg(coro.name()));
    if (coro.state() == CoroState::Running)
        throw Error(QStringLiteral("the event loop ended before %1").arg(coro.name()));
}

} // namespace Asyncoro
