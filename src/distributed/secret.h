// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodistributed_export.h"

#include <QByteArray>

namespace Asyncoro {

/**
 * What the processes of one cluster share, and by which they know each other. It never travels over the network.
 *
 * A process without a secret listens on loopback only.
 */
class ASYNCORO_DISTRIBUTED_EXPORT Secret
{
public:
    /** None. */
    Secret() = default;
    explicit Secret(const QByteArray &key)
        : m_key(key)
    {
    }

    /**
     * The content of `file` without white space around it. Throws an Error if it cannot be read, is empty, or may be read
     * by other users of this machine.
     */
    [[nodiscard]] static Secret fromFile(const QString &file);

    /** From the file that ASYNCORO_SECRET_FILE names, else from ASYNCORO_SECRET, else none. Throws as fromFile(). */
    [[nodiscard]] static Secret fromEnvironment();

    [[nodiscard]] bool isEmpty() const { return m_key.isEmpty(); }
    [[nodiscard]] const QByteArray &key() const { return m_key; }

private:
    QByteArray m_key;
};

} // namespace Asyncoro
