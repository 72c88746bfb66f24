// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// How a process is started and how it ends, with its group.

#include "asyncprocess_p.h"

#include <Asyncoro/Coro>
#include <Asyncoro/Event>

#include <QCoreApplication>

#ifdef Q_OS_UNIX
#include <cerrno>
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>
#endif
#ifdef Q_OS_LINUX
#include <sys/prctl.h>
#endif

namespace Asyncoro::Detail {

using namespace std::chrono_literals;

namespace {

// How often to look whether a group is gone, of which nobody tells.
constexpr auto GroupInterval = 20ms;
// How long a killed process may take to end; longer only if the system does not let it, as with a disk that hangs.
constexpr auto TimeToDie = 5s;
// How long killed processes may be seen: not long, unless nobody reaps them.
constexpr auto TimeToVanish = 200ms;

/** Ends a process in the background. A coroutine, so that exec() waits for it. */
Task<> end(std::unique_ptr<OwnedProcess> owned, std::chrono::milliseconds time)
{
    Event finished;
    const QObject context; // ends the connection before `finished` ends
    // Not finished(), which one that could not be started does not emit.
    QObject::connect(&owned->process, &QProcess::stateChanged, &context, [&finished](QProcess::ProcessState state) {
        if (state == QProcess::NotRunning)
            finished.set();
    });
    const QDeadlineTimer deadline(time);
    try {
        if (owned->isRunning())
            co_await finished.wait(deadline);
        while (!owned->isGone() && !deadline.hasExpired())
            co_await sleep(GroupInterval);
    } catch (const TimedOut &) {
        // that was its time
    }
    if (owned->isGone())
        co_return;
    owned->demand(OwnedProcess::Demand::Die);
    try {
        if (owned->isRunning())
            co_await finished.wait(QDeadlineTimer(TimeToDie));
    } catch (const TimedOut &) {
        co_return; // nobody can do more
    }
    const QDeadlineTimer enough(TimeToVanish);
    while (!owned->isGone() && !enough.hasExpired())
        co_await sleep(GroupInterval);
}

} // namespace

void OwnedProcess::dispose(std::unique_ptr<OwnedProcess> owned, const QString &program, std::chrono::milliseconds time)
{
    if (owned->isGone() || !QCoreApplication::instance())
        return;
    owned->demand(OwnedProcess::Demand::End);
    spawn(end, std::move(owned), time).setName(QStringLiteral("end of the process ") + program);
}

OwnedProcess::~OwnedProcess()
{
    process.disconnect();
    if (isGone())
        return;
    demand(Demand::Die);
    process.waitForFinished(int(std::chrono::milliseconds(TimeToDie).count())); // which is near, as a rule
}

void OwnedProcess::start(const QString &program, const QStringList &arguments, bool endsWithParent)
{
#ifdef Q_OS_UNIX
    const auto given = process.childProcessModifier();
    // Between fork and exec, where little is allowed.
    process.setChildProcessModifier([given, endsWithParent, group = ownGroup, parent = ::getpid()] {
        if (group)
            ::setpgid(0, 0);
#ifdef Q_OS_LINUX
        if (endsWithParent) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != parent) // it ended before that call
                ::_exit(1);
        }
#else
        Q_UNUSED(endsWithParent)
        Q_UNUSED(parent)
#endif
        if (given)
            given();
    });
    if (!given) { // ours can run in the memory of this process, which need not be copied then
        QProcess::UnixProcessParameters parameters = process.unixProcessParameters();
        parameters.flags |= QProcess::UnixProcessFlag::UseVFork;
        process.setUnixProcessParameters(parameters);
    }
#endif
    process.start(program, arguments);
    id = process.processId();
#ifdef Q_OS_UNIX
    if (ownGroup && id > 0) {
        ::setpgid(pid_t(id), pid_t(id)); // whoever comes first, so that nobody finds it without its group
        m_groupIsGone = false;
    }
#endif
}

void OwnedProcess::demand(Demand demand)
{
    // Until it runs its program it is a copy of this process, with the signal handlers of that.
    if (process.state() == QProcess::Starting)
        demand = Demand::Die;
#ifdef Q_OS_UNIX
    if (!m_groupIsGone) {
        ::kill(-pid_t(id), demand == Demand::End ? SIGTERM : SIGKILL);
        return;
    }
#endif
    if (demand == Demand::End)
        process.terminate();
    else
        process.kill();
}

void OwnedProcess::setNeverRun()
{
    id = 0;
    m_groupIsGone = true;
}

// Called at the end of the process as well: only while it or somebody of its group exists is the group's number its
// own.
bool OwnedProcess::isGone()
{
    if (isRunning())
        return false;
#ifdef Q_OS_UNIX
    if (!m_groupIsGone) {
        while (::waitpid(-pid_t(id), nullptr, WNOHANG) > 0) { } // orphans are ours, if we are the init of a container
        m_groupIsGone = ::kill(-pid_t(id), 0) != 0 && errno == ESRCH;
    }
#endif
    return m_groupIsGone;
}

} // namespace Asyncoro::Detail
