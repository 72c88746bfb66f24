// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoroio_export.h"

#include <Asyncoro/Error>

#include <system_error>

namespace Asyncoro {

/** An operation on a file failed. The message says which operation, which file and why. */
class ASYNCORO_IO_EXPORT FileError : public Error
{
public:
    FileError(const QString &path, std::error_code code, const QString &message);
    ~FileError() override;

    /** The file, as open() was given it. */
    [[nodiscard]] QString path() const { return m_path; }
    /**
     * The system's reason, to be compared with std::errc. It is std::errc::invalid_argument, too, for a path that is
     * empty or has a zero character in it, behind which the system would not look.
     */
    [[nodiscard]] std::error_code code() const { return m_code; }

private:
    QString m_path;
    std::error_code m_code;
};

} // namespace Asyncoro
