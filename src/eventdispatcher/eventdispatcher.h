// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoroeventdispatcher_export.h"

class QThread;

namespace Asyncoro {

/**
 * Puts a thread on our event dispatcher: a turn of its event loop costs by what happens in it, where Qt's own
 * dispatchers look at every open socket in each turn.
 *
 * For the main thread of a program without windows, one call before the application object is made:
 *
 *     int main(int argc, char **argv)
 *     {
 *         Asyncoro::EventDispatcher::install();
 *         QCoreApplication app(argc, argv);
 *         ...
 *
 * For another thread, before it is started: `EventDispatcher::install(&thread)`. The main thread of a program with
 * windows has to keep the dispatcher of its platform, and may give such a thread its sockets.
 *
 * On Linux it is one on epoll. On other systems these functions do nothing, and Qt's own dispatcher stays; a program
 * need not ask where it runs. QT_LOGGING_RULES=asyncoro.eventdispatcher.debug=true tells which it is, and why.
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
 * - A thread whose waits are short (50 us) one after the other spins that long before it sleeps, as long as that pays;
 *   not with ASYNCORO_SPIN=off in the environment.
 * - After a fork() the child has its own epoll instance as soon as its event loop runs.
 */
class ASYNCORO_EVENTDISPATCHER_EXPORT EventDispatcher
{
public:
    EventDispatcher() = delete;

    /**
     * Makes the application object that is made next run on our dispatcher, which it then owns.
     *
     * To be called on the thread that will be the main one. False if nothing has changed: with a warning if an
     * application object is there or that thread has an event dispatcher, silently where there is none of ours.
     */
    static bool install();

    /**
     * Makes a thread that is not started yet run on our dispatcher, until it ends. Once started, the thread owns it.
     *
     * False if nothing has changed: with a warning if it runs or has an event dispatcher, silently where there is none
     * of ours.
     */
    static bool install(QThread *thread);
};

} // namespace Asyncoro
