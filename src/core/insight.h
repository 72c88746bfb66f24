// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "coro.h"

#include <QStringList>

#include <chrono>

namespace Asyncoro {

/** What is known of a coroutine of this process that has not ended: see liveCoroutines(). */
struct CoroInfo {
    enum class Activity : quint8 {
        New, ///< has not begun
        Running, ///< is what its thread does just now
        Ready, ///< goes on as soon as it is its turn
        Waiting, ///< waits for something
    };

    quint64 id = 0;
    QString name;
    Activity activity = Activity::New;
    /** What it waits for: "receive<int>()". */
    QString waitsFor;
    /** Where its co_await stands, and behind that those of its callers: "main.cpp:12 client()". */
    QStringList stack;
    /** Where spawn() was called, in the same form; empty where that is not known. */
    QString startedAt;
    /** The coroutine that started it; 0 if none did. */
    quint64 parent = 0;
    /** How many messages wait in its mailbox. */
    quint32 mailboxSize = 0;
    bool isDaemon = false;
    bool isCancelled = false;
    /** How long it has run, without its waits; zero unless setMeasuring() is on. */
    std::chrono::nanoseconds runTime{0};
    /** The name of its thread, or a number. */
    QString thread;
};

/**
 * All coroutines of this process that have not ended, thread by thread, in the order in which they were started. From
 * any thread. Other threads are asked, and waited for at most 200 ms each; coroutines of one that does not answer are
 * missing.
 */
[[nodiscard]] ASYNCORO_CORE_EXPORT QList<CoroInfo> liveCoroutines();

/** The same as a text for people, a few lines for each; it names threads that do not answer. */
[[nodiscard]] ASYNCORO_CORE_EXPORT QString coroutineReport();

/**
 * From now on writes coroutineReport() to stderr each time the process gets that signal: with SIGQUIT, at each Ctrl+\
 * in a terminal. A thread of its own does it, so that it works while the others compute. False where there are no
 * signals.
 */
ASYNCORO_CORE_EXPORT bool reportOnSignal(int signal);

/**
 * Whether run times are measured, which costs some 50 ns for each time that a coroutine goes on. Off at first. Also on
 * while the logging category asyncoro.slice is, which reports coroutines that run for more than 50 ms without a wait.
 */
ASYNCORO_CORE_EXPORT void setMeasuring(bool measuring);

} // namespace Asyncoro

/**
 * For a debugger that has stopped the process: the same text, of all threads, taken without asking them. In gdb:
 * `printf "%s", asyncoro_coroutines()`. It is valid until the next call.
 */
extern "C" ASYNCORO_CORE_EXPORT const char *asyncoro_coroutines();
