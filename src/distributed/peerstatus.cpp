// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "peerstatus.h"

#include "peererror.h"

#include <QCborArray>

namespace Asyncoro {

PeerStatus::PeerStatus(const QByteArray &incarnation, const Location &location, const QString &name, bool online)
    : m_incarnation(incarnation)
    , m_location(location)
    , m_name(name)
    , m_online(online)
{
}

QCborValue PeerStatus::toCbor() const
{
    return QCborArray{m_incarnation, m_location.address(), m_location.port(), m_name, m_online};
}

PeerStatus PeerStatus::fromCbor(const QCborValue &value)
{
    const QCborArray fields = value.toArray();
    if (fields.size() != 5 || !fields[0].isByteArray() || !fields[1].isString() || !fields[2].isInteger()
        || fields[2].toInteger() < 0 || fields[2].toInteger() > 65535 || !fields[3].isString() || !fields[4].isBool())
        throw WireError(QStringLiteral("malformed status of a peer"));
    return {fields[0].toByteArray(), Location(fields[1].toString(), quint16(fields[2].toInteger())),
            fields[3].toString(), fields[4].toBool()};
}

} // namespace Asyncoro
