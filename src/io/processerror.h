// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoroio_export.h"

#include <Asyncoro/Error>

#include <QProcess>

namespace Asyncoro {

/** A process cannot be started, written to or waited for. The message says which operation, which program and why. */
class ASYNCORO_IO_EXPORT ProcessError : public Error
{
public:
    ProcessError(QProcess::ProcessError code, const QString &message);
    ~ProcessError() override;

    /** FailedToStart; WriteError; UnknownError if it was not started, or its AsyncProcess is gone. */
    [[nodiscard]] QProcess::ProcessError code() const { return m_code; }

private:
    QProcess::ProcessError m_code;
};

} // namespace Asyncoro
