// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "exitstatus.h"
#include "processerror.h"
#include "streamerror.h" // IWYU pragma: export

#include <Asyncoro/Task>

#include <QByteArray>
#include <QStringList>

#include <chrono>
#include <memory>

namespace Asyncoro {

/** What a process made of its input: see AsyncProcess::communicate(). */
struct ProcessResult {
    QByteArray output;
    QByteArray error; ///< from its standard error
    ExitStatus status;
};

namespace Detail {

class ProcessData;
struct ProcessStream;

/** A wait for a process, which may be gone once it is complete. */
class ASYNCORO_IO_EXPORT ProcessSuspension : public ExternalWait
{
protected:
    ProcessSuspension(ProcessData *data, const char *operation, const QDeadlineTimer &deadline)
        : ExternalWait(operation, deadline)
        , m_data(data)
    {
    }
    ~ProcessSuspension() override;

    ProcessData *const m_data; // not owning; valid while this waits
};

class ASYNCORO_IO_EXPORT ProcessStartAwaiter final : public ProcessSuspension
{
public:
    ProcessStartAwaiter(ProcessData *data, const QString &program, const QStringList &arguments,
                        const QDeadlineTimer &deadline);
    void await_resume() const { throwUnlessDone(); }

protected:
    bool start() override;
    void abandon() noexcept override;

private:
    const QString m_program;
    const QStringList m_arguments;
};

class ASYNCORO_IO_EXPORT ProcessReadAwaiter final : public ProcessSuspension
{
public:
    enum class Kind : quint8 { Some, Line, All };

    ProcessReadAwaiter(ProcessData *data, ProcessStream &stream, Kind kind, const char *operation, qint64 maxSize,
                       const QDeadlineTimer &deadline);
    QByteArray await_resume()
    {
        throwUnlessDone();
        return std::move(m_bytes);
    }

protected:
    bool start() override;
    void abandon() noexcept override;

private:
    friend class ProcessData;
    bool read();

    ProcessStream &m_stream; // as m_data
    const Kind m_kind;
    const qint64 m_maxSize;
    qint64 m_searched = 0; // so many bytes of the stream hold no line break
    QByteArray m_bytes;
};

class ASYNCORO_IO_EXPORT ProcessWriteAwaiter final : public ProcessSuspension
{
public:
    ProcessWriteAwaiter(ProcessData *data, const QByteArray &bytes, const QDeadlineTimer &deadline);
    void await_resume() const { throwUnlessDone(); }

protected:
    bool start() override;

private:
    friend class ProcessData;
    bool write();

    const QByteArray m_bytes;
};

class ASYNCORO_IO_EXPORT ProcessFinishAwaiter final : public ProcessSuspension
{
public:
    ProcessFinishAwaiter(ProcessData *data, const QDeadlineTimer &deadline);
    /** `result` gets all that the process wrote, at most `maxSize` bytes of each stream; it lives while this waits. */
    ProcessFinishAwaiter(ProcessData *data, ProcessResult *result, qint64 maxSize, const QDeadlineTimer &deadline);
    ExitStatus await_resume() const
    {
        throwUnlessDone();
        return m_status;
    }

protected:
    bool start() override;
    void abandon() noexcept override;

private:
    friend class ProcessData;
    bool settle();

    ProcessResult *const m_result = nullptr;
    const qint64 m_maxSize = 0;
    ExitStatus m_status;
};

} // namespace Detail

/**
 * A child process for coroutines: start() it, write to it, read from it, wait until it has finished.
 *
 * It owns the QProcess that it wraps, which has the settings: working directory, environment, and which channels are
 * captured, forwarded or files. It can be moved but not copied, starts one process in its life, and belongs to the
 * thread that made it; only coroutines of that thread use it.
 *
 * **The process ends with this object**: what still runs when it is destroyed, be it that an exception or a
 * cancellation passes through, is asked to end (SIGTERM), and killed if it does not in time, see setTimeToEnd(). That
 * goes for all of the process's group, to which the processes that it starts itself belong unless they leave it. The
 * destructor does not wait: that happens in the background, and Asyncoro::exec() waits for it.
 *
 * For each operation:
 * - It resumes on the same thread, in the scheduler's next round, never inside a signal of the QProcess. A deadline,
 *   where one passes, makes it throw TimedOut; terminating the coroutine makes it throw Cancelled. Neither ends the
 *   process, unless while it starts.
 * - One coroutine may read while another one writes and a third waits for the end. Several may read one stream, or
 *   write, at the same time: each is served in the order of the calls, and has its bytes in one piece.
 * - Data is held by the operation: no buffer of the caller's has to live on. The AsyncProcess may be moved while a
 *   coroutine waits in it; if it is destroyed, they are woken with ProcessError.
 * - It throws ProcessError if the process was not started.
 */
class ASYNCORO_IO_EXPORT AsyncProcess
{
public:
    /** The longest line that readLine() gives in one piece unless told otherwise. */
    static constexpr qint64 DefaultMaxLineSize = 16 * 1024 * 1024;
    /** The most that readAll(), readErrorAll() and communicate() take of a stream unless told otherwise. */
    static constexpr qint64 DefaultMaxSize = 1024 * 1024 * 1024;

    AsyncProcess();
    ~AsyncProcess();
    AsyncProcess(AsyncProcess &&other) noexcept;
    AsyncProcess &operator=(AsyncProcess &&other) noexcept;

    /**
     * What is wrapped: for its settings, before start(), and its state. It still belongs to this object. Do not start,
     * read, write or close it, nor destroy this object inside one of its signals.
     */
    [[nodiscard]] QProcess *process() const;

    /**
     * Lets the process be killed when this one ends, however that happens, even by SIGKILL. Off by default. Linux only;
     * elsewhere it does nothing. Bound to the *thread* that starts it: a process started on another thread than the
     * main one ends with that thread. What the process starts itself is not covered.
     */
    void setEndsWithParent(bool ends = true);

    /**
     * Whether the process leads a group of its own, as by default. Without it, signals go to the process alone; Ctrl+C
     * in the terminal reaches it as well as this program; and it may read from the terminal, if its input is forwarded.
     */
    void setOwnGroup(bool own = true);

    /** How long the process may take to end after the destructor has asked it to: 5 seconds unless set. */
    void setTimeToEnd(std::chrono::milliseconds time);

    /**
     * Starts `program`, searched on the PATH unless it has a slash in it, and waits until it runs.
     *
     * Always suspends, unless it fails at once. Throws ProcessError, which names the program and the reason, if that
     * cannot be started, and if one was started already. If it times out or is cancelled, the process is killed.
     */
    [[nodiscard]] Detail::ProcessStartAwaiter start(const QString &program, const QStringList &arguments = {},
                                                    QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Writes all of `data` to the process's input. Complete means that it is on its way, with at most 1 MiB before it.
     *
     * Completes without suspending unless more than that is unwritten: then it waits for the process to read some.
     * Throws ProcessError if the process has ended or reads no more, if the input was closed, or is not captured. If it
     * times out or is cancelled, nothing of `data` is written.
     */
    [[nodiscard]] Detail::ProcessWriteAwaiter write(const QByteArray &data,
                                                    QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Ends the process's input after what was written. Returns at once. Those who still wait to write get ProcessError.
     */
    void closeInput();

    /**
     * Reads what there is of the process's output, at most `maxSize` bytes (at least one); an empty result is its end,
     * which comes when the process closes it or ends, whatever children of its own keep it open. The output of a
     * process that does not capture it has ended.
     *
     * Completes without suspending if bytes are there or the output has ended. If it times out or is cancelled, no byte
     * is taken. A process whose output is not read waits for that, with some 256 KiB read ahead.
     */
    [[nodiscard]] Detail::ProcessReadAwaiter read(qint64 maxSize = 65536,
                                                  QDeadlineTimer deadline = QDeadlineTimer::Forever);
    /**
     * Reads a line with its line break, which only the last one may lack; an empty result is the end of the output. A
     * line of more than `maxSize` bytes is given in pieces of that size.
     *
     * Otherwise as read().
     */
    [[nodiscard]] Detail::ProcessReadAwaiter readLine(qint64 maxSize = DefaultMaxLineSize,
                                                      QDeadlineTimer deadline = QDeadlineTimer::Forever);
    /**
     * Reads all the rest, to the end of the output. Throws MessageTooLong if it is more than `maxSize` bytes, which can
     * still be read; the process runs on.
     *
     * Otherwise as read().
     */
    [[nodiscard]] Detail::ProcessReadAwaiter readAll(qint64 maxSize = DefaultMaxSize,
                                                     QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /** As read(), from the standard error. */
    [[nodiscard]] Detail::ProcessReadAwaiter readError(qint64 maxSize = 65536,
                                                       QDeadlineTimer deadline = QDeadlineTimer::Forever);
    /** As readLine(), from the standard error. */
    [[nodiscard]] Detail::ProcessReadAwaiter readErrorLine(qint64 maxSize = DefaultMaxLineSize,
                                                           QDeadlineTimer deadline = QDeadlineTimer::Forever);
    /** As readAll(), from the standard error. */
    [[nodiscard]] Detail::ProcessReadAwaiter readErrorAll(qint64 maxSize = DefaultMaxSize,
                                                          QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Waits until the process has ended, and gives how. Its output can still be read then; meanwhile all of it is kept,
     * however much that is, so that the process is not held up.
     *
     * Completes without suspending if it has ended. If it times out or is cancelled, the process runs on.
     */
    [[nodiscard]] Detail::ProcessFinishAwaiter finished(QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /**
     * Writes `input`, closes the input, and waits until the process has ended: gives all that it wrote, and how it
     * ended. A process that does not read all of its input is no error. Throws MessageTooLong as soon as its output or
     * its standard error is more than `maxSize` bytes.
     *
     * Completes without suspending if the process has ended. If it throws, times out or is cancelled, the process runs
     * on, with its input on the way, and no byte of its output is taken: let this object go, or kill(), to end it.
     */
    [[nodiscard]] Task<ProcessResult> communicate(QByteArray input = {}, qint64 maxSize = DefaultMaxSize,
                                                  QDeadlineTimer deadline = QDeadlineTimer::Forever);

    /** Asks the process and its group to end (SIGTERM); one that is just being started is killed. Returns at once. */
    void terminate();
    /** Kills the process and its group (SIGKILL). Returns at once. */
    void kill();

    [[nodiscard]] bool isRunning() const;
    /** Its number, which it may not have any more if it has ended; 0 if it was not started. */
    [[nodiscard]] qint64 processId() const;

private:
    friend class AsyncPipe;

    std::unique_ptr<Detail::ProcessData> m_data;
};

} // namespace Asyncoro
