// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/AsyncProcess>
#include <Asyncoro/Coro>

#include <QFile>
#include <QHash>

#include <functional>
#include <optional>

namespace Asyncoro::Tools {

/**
 * A process of a run of `discoro local`. It is killed when this process ends, however that happens.
 *
 * Unless input and output are passed through, it has neither terminal nor input, its output goes to a log file, and
 * some lines on its stdout are announcements.
 */
class ChildProcess
{
public:
    // the announcements: a word, a space and a value
    static constexpr QLatin1StringView Listening{"listening"}; ///< HOST:PORT of its own
    static constexpr QLatin1StringView Joined{"joined"}; ///< HOST:PORT of the scheduler, which has accepted it

    /** For people. */
    [[nodiscard]] QString name() const { return m_name; }

    /** Passes input and output through if `logFile` is empty. */
    ChildProcess(const QString &name, const QString &logFile);
    ~ChildProcess();
    Q_DISABLE_COPY_MOVE(ChildProcess)

    /** Is called after an announcement, and when the process has ended. */
    void setChangeFunction(const std::function<void()> &function) { m_changed = function; }

    /** Throws an Error if the program cannot be started. */
    Task<> start(QString program, QStringList arguments);
    void terminate() { m_process.terminate(); }
    void kill() { m_process.kill(); }

    [[nodiscard]] qint64 processId() const { return m_process.processId(); }
    [[nodiscard]] bool isRunning() const { return m_running; }
    /** Once it has ended. */
    [[nodiscard]] ExitStatus exitStatus() const { return m_exitStatus; }

    /** The value that it announced with this word. */
    [[nodiscard]] std::optional<QString> announced(QLatin1StringView word) const;
    /** The last few lines that it wrote to stderr. */
    [[nodiscard]] QStringList lastErrors() const { return m_lastErrors; }

private:
    Task<> takeOutput();
    Task<> takeErrors();
    Task<> takeEnd(Coro<> output, Coro<> errors);

    const QString m_name;
    QFile m_log;
    AsyncProcess m_process;
    QList<Coro<>> m_coros; // which use this
    QHash<QString, QString> m_announcements;
    QStringList m_lastErrors;
    std::function<void()> m_changed;
    ExitStatus m_exitStatus;
    bool m_running = false;
};

} // namespace Asyncoro::Tools
