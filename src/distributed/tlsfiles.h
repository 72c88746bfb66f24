// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodistributed_export.h"

#include <Asyncoro/TlsConfiguration>

#include <QString>

#include <optional>

namespace Asyncoro {

/** The names of the files, in PEM, by which a process takes part in the secure connections of a cluster. */
struct ASYNCORO_DISTRIBUTED_EXPORT TlsFiles
{
    QString certificate; ///< of this process, followed by those between it and the authority if there are any
    QString key; ///< of that certificate, not encrypted
    QString authority; ///< which has signed the certificates of all processes of the cluster; no other is trusted

    /** Those that ASYNCORO_CERTIFICATE, ASYNCORO_KEY and ASYNCORO_AUTHORITY name. */
    [[nodiscard]] static TlsFiles fromEnvironment();

    friend bool operator==(const TlsFiles &, const TlsFiles &) = default;

    /**
     * For PeerNetwork::Options::tls; nothing if no file is named, so that connections are not secure. Throws an Error
     * if only some are named, and TlsError if one cannot be used. Logs a warning if other users of this machine may
     * read the key, once for each file.
     */
    [[nodiscard]] std::optional<TlsConfiguration> read() const;
};

} // namespace Asyncoro
