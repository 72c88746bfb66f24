// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "orphans.h"

#include <QtGlobal>

#ifdef Q_OS_LINUX

#include <QDir>
#include <QFile>
#include <QList>

#include <csignal>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace Asyncoro::Tools {

namespace {

QList<pid_t> childrenOf(pid_t parent)
{
    QList<pid_t> children;
    for (const QString &name : QDir(QStringLiteral("/proc")).entryList(QDir::Dirs)) {
        bool isProcess = false;
        const pid_t process = name.toInt(&isProcess);
        QFile file(QStringLiteral("/proc/%1/stat").arg(name));
        if (!isProcess || !file.open(QIODevice::ReadOnly))
            continue;
        // PID (NAME) STATE PARENT ..., and the name may have anything in it
        const QByteArray line = file.readAll();
        if (line.mid(line.lastIndexOf(')') + 2).split(' ').value(1).toInt() == parent)
            children.append(process);
    }
    return children;
}

} // namespace

void adoptOrphans()
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void killOrphans()
{
    // Children of those that are killed come up in the next round. One that may not be killed comes up again and again.
    constexpr int Rounds = 100;
    for (int round = 0; round < Rounds; ++round) {
        const QList<pid_t> children = childrenOf(getpid());
        if (children.isEmpty())
            return;
        for (const pid_t child : children) {
            if (kill(child, SIGKILL) == 0)
                waitpid(child, nullptr, 0);
        }
    }
}

} // namespace Asyncoro::Tools

#else

void Asyncoro::Tools::adoptOrphans() { }
void Asyncoro::Tools::killOrphans() { }

#endif
