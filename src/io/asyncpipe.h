// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncprocess.h"

#include <vector>

namespace Asyncoro {

/** What a chain of processes made of its input: see AsyncPipe::communicate(). */
struct PipeResult {
    QByteArray output; ///< of the last one
    QByteArray error; ///< from the standard errors that are captured, in the order of the processes
    std::vector<ExitStatus> statuses; ///< of each one
};

/**
 * A chain of child processes for coroutines, as `first | second | last` in a shell:
 *
 *     AsyncPipe pipe;
 *     pipe.add("sort", {"-u"});
 *     pipe.add("head", {"-n", "10"});
 *     const PipeResult result = co_await pipe.communicate(lines);
 *
 * The system takes the bytes from one to the next; none of them come through this program. When one ends, or closes its
 * input, those before it are killed by SIGPIPE at their next write, as in a shell, unless they ignore that.
 *
 * What it does is done by its processes; what AsyncProcess says of life, end, cancelling, time-outs and threads is true
 * here as well. Each process leads a group of its own. **They end with this object.**
 */
class ASYNCORO_IO_EXPORT AsyncPipe
{
public:
    AsyncPipe();
    ~AsyncPipe();
    AsyncPipe(AsyncPipe &&other) noexcept;
    AsyncPipe &operator=(AsyncPipe &&other) noexcept;

    /**
     * Appends a process, before start(). Gives it for its settings, of which only the output of all but the last one,
     * and the input of all but the first one, are taken; the reference is good until the next add(). The standard error
     * of the last one is captured, that of the others goes where this program's goes, unless set.
     */
    AsyncProcess &add(const QString &program, const QStringList &arguments = {});

    /** How many there are. */
    [[nodiscard]] qsizetype size() const { return qsizetype(m_members.size()); }
    /** One of them, from 0: to read its standard error, to wait for it alone. Do not start it. */
    [[nodiscard]] AsyncProcess &process(qsizetype index);

    /**
     * Starts all of them, the first one first.
     *
     * Suspends. Throws ProcessError, which names the program and the reason, if one of them cannot be started or there
     * is none. When that happens, it times out or is cancelled, those that run are asked to end.
     */
    [[nodiscard]] Task<> start(QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /** To the first one: AsyncProcess::write() */
    [[nodiscard]] Detail::ProcessWriteAwaiter write(const QByteArray &data,
                                                    QDeadlineTimer deadline = QDeadlineTimer::Forever);
    /** AsyncProcess::closeInput() of the first one */
    void closeInput();

    /** From the last one: AsyncProcess::read() */
    [[nodiscard]] Detail::ProcessReadAwaiter read(qint64 maxSize = 65536,
                                                  QDeadlineTimer deadline = QDeadlineTimer::Forever);
    /** From the last one: AsyncProcess::readLine() */
    [[nodiscard]] Detail::ProcessReadAwaiter readLine(qint64 maxSize = AsyncProcess::DefaultMaxLineSize,
                                                      QDeadlineTimer deadline = QDeadlineTimer::Forever);
    /** From the last one: AsyncProcess::readAll() */
    [[nodiscard]] Detail::ProcessReadAwaiter readAll(qint64 maxSize = AsyncProcess::DefaultMaxSize,
                                                     QDeadlineTimer deadline = QDeadlineTimer::Forever);
    /** From the last one: AsyncProcess::readError() */
    [[nodiscard]] Detail::ProcessReadAwaiter readError(qint64 maxSize = 65536,
                                                       QDeadlineTimer deadline = QDeadlineTimer::Forever);
    /** From the last one: AsyncProcess::readErrorLine() */
    [[nodiscard]] Detail::ProcessReadAwaiter readErrorLine(qint64 maxSize = AsyncProcess::DefaultMaxLineSize,
                                                           QDeadlineTimer deadline = QDeadlineTimer::Forever);
    /** From the last one: AsyncProcess::readErrorAll() */
    [[nodiscard]] Detail::ProcessReadAwaiter readErrorAll(qint64 maxSize = AsyncProcess::DefaultMaxSize,
                                                          QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /** Waits until all have ended, and gives how each did. Otherwise as AsyncProcess::finished(). */
    [[nodiscard]] Task<std::vector<ExitStatus>> finished(QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * start(), unless that was done; writes `input`, closes the input, and waits until all have ended. That they do not
     * read all of it is no error. Otherwise as AsyncProcess::communicate().
     */
    [[nodiscard]] Task<PipeResult> communicate(QByteArray input = {}, qint64 maxSize = AsyncProcess::DefaultMaxSize,
                                               QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /** Asks all of them to end (SIGTERM). Returns at once. */
    void terminate();
    /** Kills all of them (SIGKILL). Returns at once. */
    void kill();
    /** Whether one of them runs. */
    [[nodiscard]] bool isRunning() const;

private:
    AsyncProcess &first(const char *operation);
    AsyncProcess &last(const char *operation);

    struct Member {
        AsyncProcess process;
        QString program;
        QStringList arguments;
    };
    std::vector<Member> m_members;
    bool m_started = false;
};

} // namespace Asyncoro
