// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Where there is no io_uring, threads do all that may block.

#include "filering_p.h"

#include <QLoggingCategory>

#include <atomic>

namespace Asyncoro::Detail {

namespace {

Q_LOGGING_CATEGORY(lcFiles, "asyncoro.files", QtInfoMsg)

} // namespace

FileRing *FileRing::ofThisThread()
{
    static std::atomic_flag logged;
    if (!logged.test_and_set())
        qCDebug(lcFiles, "files that are not in memory are read and written by threads, since Asyncoro was built "
                         "without liburing");
    return nullptr;
}

void FileRing::finishOfThisThread()
{
}

} // namespace Asyncoro::Detail
