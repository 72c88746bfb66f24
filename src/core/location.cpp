// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "location.h"

#include <QDebug>

namespace Asyncoro {

Location::Location(const QString &address, quint16 port)
    : m_address(address)
    , m_port(port)
{
}

Location Location::fromString(const QString &text, quint16 defaultPort)
{
    QString address = text.trimmed();
    qsizetype colon = -1;
    if (address.startsWith(u'[')) {
        const qsizetype bracket = address.indexOf(u']');
        if (bracket < 0)
            return {};
        if (bracket + 1 < address.size()) {
            if (address.at(bracket + 1) != u':')
                return {};
            colon = bracket + 1;
        }
    } else if (address.count(u':') == 1) {
        colon = address.indexOf(u':');
    } // several colons without brackets: an IPv6 address without a port

    quint16 port = defaultPort;
    if (colon >= 0) {
        bool ok = false;
        port = QStringView(address).mid(colon + 1).toUShort(&ok);
        if (!ok || port == 0)
            return {};
        address.truncate(colon);
    }
    if (address.startsWith(u'[') && address.endsWith(u']'))
        address = address.mid(1, address.size() - 2);
    return address.isEmpty() ? Location() : Location(address, port);
}

QString Location::toString() const
{
    if (!isValid())
        return {};
    const bool v6 = m_address.contains(u':');
    return (v6 ? u'[' + m_address + u']' : m_address) + u':' + QString::number(m_port);
}

QDebug operator<<(QDebug debug, const Location &location)
{
    const QDebugStateSaver saver(debug);
    return debug.noquote() << (location.isValid() ? location.toString() : QStringLiteral("this process"));
}

} // namespace Asyncoro
