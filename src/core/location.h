// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorocore_export.h"

#include <QHashFunctions>
#include <QMetaType>
#include <QString>

#include <compare>

class QDebug;

namespace Asyncoro {

/**
 * Where a process that takes part can be reached: address and port.
 *
 * A value; a default-constructed one stands for "this process, which is not on the network".
 */
class ASYNCORO_CORE_EXPORT Location
{
    Q_GADGET
    Q_PROPERTY(QString address READ address CONSTANT)
    Q_PROPERTY(quint16 port READ port CONSTANT)

public:
    Location() = default;
    Location(const QString &address, quint16 port);

    /**
     * Reads "192.168.1.2:51350", "host:51350" or "[::1]:51350". A text without a port gets `defaultPort`.
     * A text that cannot be read gives an invalid Location.
     */
    [[nodiscard]] static Location fromString(const QString &text, quint16 defaultPort = 0);

    /** "address:port", IPv6 addresses in brackets; empty when invalid. fromString() reads it back. */
    [[nodiscard]] QString toString() const;

    /** A numeric IPv4 or IPv6 address, or a host name. */
    [[nodiscard]] QString address() const { return m_address; }
    [[nodiscard]] quint16 port() const { return m_port; }
    [[nodiscard]] bool isValid() const { return !m_address.isEmpty() && m_port != 0; }

    friend bool operator==(const Location &, const Location &) = default;
    friend std::strong_ordering operator<=>(const Location &a, const Location &b)
    {
        const int order = a.m_address.compare(b.m_address);
        return order != 0 ? order <=> 0 : a.m_port <=> b.m_port;
    }
    friend size_t qHash(const Location &location, size_t seed = 0) noexcept
    {
        return qHashMulti(seed, location.m_address, location.m_port);
    }

private:
    QString m_address;
    quint16 m_port = 0;
};

ASYNCORO_CORE_EXPORT QDebug operator<<(QDebug debug, const Location &location);

} // namespace Asyncoro
