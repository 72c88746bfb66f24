// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "childprocess.h"

namespace Asyncoro::Tools {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype KeptErrors = 10;

} // namespace

ChildProcess::ChildProcess(const QString &name, const QString &logFile)
    : m_name(name)
    , m_log(logFile)
{
    QProcess *const settings = m_process.process();
    if (logFile.isEmpty()) {
        settings->setInputChannelMode(QProcess::ForwardedInputChannel);
        settings->setProcessChannelMode(QProcess::ForwardedChannels);
    } else {
        settings->setStandardInputFile(QProcess::nullDevice());
        if (!m_log.open(QIODevice::WriteOnly | QIODevice::Unbuffered))
            throw Error(u"cannot write %1: %2"_s.arg(logFile, m_log.errorString()));
    }
    m_process.setEndsWithParent();
    // Ctrl+C in the terminal reaches this program and the user's. The cluster must outlive these, to end in order.
    m_process.setOwnGroup(!logFile.isEmpty());
}

ChildProcess::~ChildProcess()
{
    for (const Coro<> &coro : std::as_const(m_coros))
        coro.terminate();
}

Task<> ChildProcess::start(QString program, QStringList arguments)
{
    try {
        co_await m_process.start(program, arguments);
    } catch (const ProcessError &error) {
        throw Error(u"cannot start %1: %2"_s.arg(m_name, error.message()));
    }
    m_running = true;
    const Coro<> output = spawn([this] { return takeOutput(); });
    const Coro<> errors = spawn([this] { return takeErrors(); });
    m_coros = {output, errors, spawn([=, this] { return takeEnd(output, errors); })};
}

std::optional<QString> ChildProcess::announced(QLatin1StringView word) const
{
    const auto found = m_announcements.constFind(word);
    return found == m_announcements.constEnd() ? std::nullopt : std::optional(found.value());
}

Task<> ChildProcess::takeOutput()
{
    for (;;) {
        const QByteArray line = co_await m_process.readLine();
        if (line.isEmpty())
            co_return;
        m_log.write(line);
        const QString text = QString::fromUtf8(line).trimmed();
        if (const QString word = text.section(u' ', 0, 0); word == Listening || word == Joined) {
            m_announcements.insert(word, text.section(u' ', 1));
            m_changed();
        }
    }
}

Task<> ChildProcess::takeErrors()
{
    for (;;) {
        const QByteArray line = co_await m_process.readErrorLine();
        if (line.isEmpty())
            co_return;
        m_log.write(line);
        m_lastErrors.append(QString::fromUtf8(line).trimmed());
        if (m_lastErrors.size() > KeptErrors)
            m_lastErrors.removeFirst();
    }
}

Task<> ChildProcess::takeEnd(Coro<> output, Coro<> errors)
{
    co_await output;
    co_await errors;
    m_exitStatus = co_await m_process.finished();
    m_running = false;
    m_changed();
}

} // namespace Asyncoro::Tools
