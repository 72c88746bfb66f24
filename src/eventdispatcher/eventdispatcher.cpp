// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "eventdispatcher.h"

#include <QtSystemDetection>

#ifdef Q_OS_LINUX

#include "linuxeventdispatcher_p.h"

#include <QCoreApplication>
#include <QThread>

namespace Asyncoro {

namespace {

bool isInTime(const char *obstacle)
{
    if (obstacle)
        qWarning("EventDispatcher::install() comes too late: %s", obstacle);
    return !obstacle;
}

} // namespace

bool EventDispatcher::install()
{
    const char *obstacle = nullptr;
    if (QCoreApplication::instance())
        obstacle = "the application object has been made";
    else if (QAbstractEventDispatcher::instance())
        obstacle = "the thread has an event dispatcher";
    if (!isInTime(obstacle))
        return false;
    QCoreApplication::setEventDispatcher(new Detail::LinuxEventDispatcher);
    return true;
}

bool EventDispatcher::install(QThread *thread)
{
    const char *obstacle = nullptr;
    if (thread->isRunning())
        obstacle = "the thread runs";
    else if (thread->eventDispatcher())
        obstacle = "the thread has an event dispatcher";
    if (!isInTime(obstacle))
        return false;
    thread->setEventDispatcher(new Detail::LinuxEventDispatcher);
    return true;
}

} // namespace Asyncoro

#else

namespace Asyncoro {

bool EventDispatcher::install()
{
    return false;
}

bool EventDispatcher::install(QThread *)
{
    return false;
}

} // namespace Asyncoro

#endif
