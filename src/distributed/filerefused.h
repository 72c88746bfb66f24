// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodistributed_export.h"

#include <Asyncoro/Error>

namespace Asyncoro {

/** A file was not transferred, or not removed. The message says which one and why. */
class ASYNCORO_DISTRIBUTED_EXPORT FileRefused : public Error
{
public:
    /** The numbers travel: see docs/wire-format.md. */
    enum class Reason : quint8 {
        BadPath = 1, ///< it leads elsewhere, or over what is neither a file nor a folder
        NotAllowed, ///< the store does not let this peer do that
        TooLarge, ///< larger than the files that the store takes
        QuotaExceeded, ///< there is no room for it in the store
        Exists, ///< another file or folder of that name is there, and not to be replaced
        Missing, ///< no file or folder of that name is there
        Changed, ///< it was changed while it was read
        Corrupted, ///< what has arrived is not what was sent
        Stalled, ///< its bytes did not come
        Failed, ///< the file system over there failed
        TooMany, ///< too many files of this process are arriving or waiting there already
    };

    FileRefused(Reason reason, const QString &path, const QString &message);
    ~FileRefused() override;

    [[nodiscard]] Reason reason() const { return m_reason; }
    /** As the peer knows it. */
    [[nodiscard]] QString path() const { return m_path; }

private:
    Reason m_reason;
    QString m_path;
};

} // namespace Asyncoro
