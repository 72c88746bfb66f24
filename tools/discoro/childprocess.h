// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QFile>
#include <QHash>
#include <QProcess>
#include <QStringList>

#include <functional>
#include <optional>

namespace Asyncoro::Tools {

/**
 * A process of a run of `discoro local`. It is killed when this process ends, however that happens.
 *
 * Unless input and output are passed through, it has neither terminal nor input, its output goes to a log file, and
 * some lines on its stdout are announcements.
 */
class ChildProcess : public QObject
{
public:
    // the announcements: a word, a space and a value
    static constexpr QLatin1StringView Listening{"listening"}; ///< HOST:PORT of its own
    static constexpr QLatin1StringView Joined{"joined"}; ///< HOST:PORT of the scheduler, which has accepted it

    /** For people. */
    [[nodiscard]] QString name() const { return m_name; }

    /** Passes input and output through if `logFile` is empty. */
    ChildProcess(const QString &name, const QString &logFile);

    void setEnvironment(const QProcessEnvironment &environment) { m_process.setProcessEnvironment(environment); }
    /** Is called after an announcement, and when the process has ended. */
    void setChangeFunction(const std::function<void()> &function) { m_changed = function; }

    /** Throws an Error if the program cannot be started. */
    void start(const QString &program, const QStringList &arguments);
    void terminate();
    void kill();

    [[nodiscard]] qint64 processId() const { return m_processId; }
    [[nodiscard]] bool isRunning() const { return m_process.state() != QProcess::NotRunning; }
    /** As a shell tells it: 128 + n if signal n killed it. */
    [[nodiscard]] int exitStatus() const;
    /** "ended with status 1", "was killed by signal 9 (Killed)". */
    [[nodiscard]] QString howItEnded() const;

    /** The value that it announced with this word. */
    [[nodiscard]] std::optional<QString> announced(QLatin1StringView word) const;
    /** The last few lines that it wrote to stderr. */
    [[nodiscard]] QStringList lastErrors() const { return m_lastErrors; }

private:
    void takeLines(QProcess::ProcessChannel channel, bool toTheEnd);
    void takeLine(QProcess::ProcessChannel channel, const QByteArray &line);

    const QString m_name;
    QFile m_log;
    QHash<QString, QString> m_announcements;
    QStringList m_lastErrors;
    qint64 m_processId = 0;
    std::function<void()> m_changed;
    QProcess m_process; // ends before what its signals use
};

} // namespace Asyncoro::Tools
