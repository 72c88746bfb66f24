// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "childprocess.h"

#include <Asyncoro/Error>

#include <csignal>
#include <cstring>
#include <unistd.h>

#ifdef Q_OS_LINUX
#include <sys/prctl.h>
#endif

namespace Asyncoro::Tools {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype KeptErrors = 10;

/** What a child does between fork and exec, where little is allowed. */
void prepareChild([[maybe_unused]] pid_t parent, bool ownSession)
{
#ifdef Q_OS_LINUX
    // At the death of the thread that forked: the main thread. If that was before this call, the parent is another one.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
#endif
    // Ctrl+C in the terminal reaches this program and the user's. The cluster must outlive these, to end in order.
    if (ownSession)
        setsid();
}

} // namespace

ChildProcess::ChildProcess(const QString &name, const QString &logFile)
    : m_name(name)
    , m_log(logFile)
{
    const bool logged = !logFile.isEmpty();
    if (logged) {
        m_process.setStandardInputFile(QProcess::nullDevice());
        if (!m_log.open(QIODevice::WriteOnly | QIODevice::Unbuffered))
            throw Error(u"cannot write %1: %2"_s.arg(logFile, m_log.errorString()));
    } else {
        m_process.setInputChannelMode(QProcess::ForwardedInputChannel);
        m_process.setProcessChannelMode(QProcess::ForwardedChannels);
    }
    m_process.setChildProcessModifier([parent = getpid(), logged] { prepareChild(parent, logged); });

    connect(&m_process, &QProcess::readyReadStandardOutput, this,
            [this] { takeLines(QProcess::StandardOutput, false); });
    connect(&m_process, &QProcess::readyReadStandardError, this, [this] { takeLines(QProcess::StandardError, false); });
    connect(&m_process, &QProcess::finished, this, [this] {
        takeLines(QProcess::StandardOutput, true);
        takeLines(QProcess::StandardError, true);
        m_changed();
    });
}

void ChildProcess::start(const QString &program, const QStringList &arguments)
{
    m_process.start(program, arguments);
    if (!m_process.waitForStarted(-1))
        throw Error(u"cannot start %1 (%2): %3"_s.arg(m_name, program, m_process.errorString()));
    m_processId = m_process.processId();
}

void ChildProcess::terminate()
{
    m_process.terminate();
}

void ChildProcess::kill()
{
    m_process.kill();
}

int ChildProcess::exitStatus() const
{
    constexpr int Killed = 128;
    return m_process.exitStatus() == QProcess::CrashExit ? Killed + m_process.exitCode() : m_process.exitCode();
}

QString ChildProcess::howItEnded() const
{
    const int code = m_process.exitCode();
    if (m_process.exitStatus() == QProcess::CrashExit)
        return u"was killed by signal %1 (%2)"_s.arg(code).arg(QString::fromLocal8Bit(strsignal(code)));
    return u"ended with status %1"_s.arg(code);
}

std::optional<QString> ChildProcess::announced(QLatin1StringView word) const
{
    const auto found = m_announcements.constFind(word);
    return found == m_announcements.constEnd() ? std::nullopt : std::optional(found.value());
}

void ChildProcess::takeLines(QProcess::ProcessChannel channel, bool toTheEnd)
{
    m_process.setReadChannel(channel);
    while (m_process.canReadLine() || (toTheEnd && m_process.bytesAvailable() > 0))
        takeLine(channel, m_process.readLine());
}

void ChildProcess::takeLine(QProcess::ProcessChannel channel, const QByteArray &line)
{
    m_log.write(line);
    const QString text = QString::fromUtf8(line).trimmed();
    if (channel == QProcess::StandardError) {
        m_lastErrors.append(text);
        if (m_lastErrors.size() > KeptErrors)
            m_lastErrors.removeFirst();
    } else if (const QString word = text.section(u' ', 0, 0); word == Listening || word == Joined) {
        m_announcements.insert(word, text.section(u' ', 1));
        m_changed();
    }
}

} // namespace Asyncoro::Tools
