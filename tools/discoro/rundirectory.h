// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QString>
#include <QTemporaryDir>

namespace Asyncoro::Tools {

/**
 * The folder of one run of `discoro local`, which only this user can read: the cluster's secret, logs, and the folders
 * in which nodes work. It is removed with this object.
 *
 * It lies in ASYNCORO_RUN_DIR, else XDG_RUNTIME_DIR, else in the folder for temporary files.
 */
class RunDirectory
{
public:
    /** Throws an Error if it cannot be made. */
    RunDirectory();
    ~RunDirectory();
    RunDirectory(const RunDirectory &) = delete;
    RunDirectory &operator=(const RunDirectory &) = delete;

    /** Has a secret that was made for this run. */
    [[nodiscard]] QString secretFile() const;
    [[nodiscard]] QString logFile(const QString &process) const;
    /** A folder for the process of this name, which is made if need be. */
    [[nodiscard]] QString workFolder(const QString &process) const;

    /** Leaves the folder with the logs when the rest is removed. */
    void keepLogs() { m_directory.setAutoRemove(false); }
    [[nodiscard]] QString logFolder() const;

private:
    QTemporaryDir m_directory;
};

} // namespace Asyncoro::Tools
