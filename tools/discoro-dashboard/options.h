// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QString>

class QCoreApplication;

/** What the command line and the environment ask of the dashboard. */
struct Options {
    QString scheduler; ///< empty: the user is asked
    QString secretFile;
    QString secret; ///< where there is no file
    QString screenshot; ///< the file to save a picture of the window to; empty for normal use
    qint64 screenshotWhen = 1; ///< how many coroutines must be done before that

    /** Reads the program's arguments. Prints and exits for --help, --version and whatever cannot be understood. */
    [[nodiscard]] static Options parse(const QCoreApplication &application);
};
