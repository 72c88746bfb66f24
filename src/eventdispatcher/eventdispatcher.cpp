// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "eventdispatcher.h"

#include <QLoggingCategory>
#include <QtSystemDetection>

#ifdef Q_OS_LINUX

#include "linuxeventdispatcher_p.h"

#include <QCoreApplication>
#include <QThread>

namespace Asyncoro {

namespace {

Q_LOGGING_CATEGORY(lcEventDispatcher, "asyncoro.eventdispatcher", QtInfoMsg)

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
    qCDebug(lcEventDispatcher, "the application waits by epoll: polls of io_uring would keep closed descriptors open");
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
    qCDebug(lcEventDispatcher, "a thread waits by epoll: polls of io_uring would keep closed descriptors open");
    thread->setEventDispatcher(new Detail::LinuxEventDispatcher);
    return true;
}

} // namespace Asyncoro

#else

namespace Asyncoro {

namespace {

Q_LOGGING_CATEGORY(lcEventDispatcher, "asyncoro.eventdispatcher", QtInfoMsg)

} // namespace

bool EventDispatcher::install()
{
    qCDebug(lcEventDispatcher, "the application keeps Qt's event dispatcher: ours is for Linux");
    return false;
}

bool EventDispatcher::install(QThread *)
{
    qCDebug(lcEventDispatcher, "a thread keeps Qt's event dispatcher: ours is for Linux");
    return false;
}

} // namespace Asyncoro

#endif
