// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/TlsFiles>

#include <QString>

#include <optional>

/** What the command line and the environment ask of the dashboard. */
struct Options {
    QString scheduler; ///< empty: that of the last time, when the user says so
    QString secretFile;
    QString secret; ///< where there is no file
    Asyncoro::TlsFiles tlsFiles;
    QString screenshot; ///< the file to save a picture of the window to; empty for normal use
    int screenshotWhen = 1; ///< how many coroutines must be done before that

    /**
     * Reads the program's arguments. Throws an Error if they are wrong.
     *
     * @return nothing after --help and --version: the program is to end.
     */
    [[nodiscard]] static std::optional<Options> parse();
};
