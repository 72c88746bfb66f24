// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodistributed_export.h"

#include <Asyncoro/Location>

#include <QCborValue>

namespace Asyncoro {

/** The message that PeerNetwork::watchPeers() sends: a peer has come, has gone, or is known to listen elsewhere. */
class ASYNCORO_DISTRIBUTED_EXPORT PeerStatus
{
    Q_GADGET
    Q_PROPERTY(Asyncoro::Location location READ location CONSTANT)
    Q_PROPERTY(QString name READ name CONSTANT)
    Q_PROPERTY(bool online READ isOnline CONSTANT)

public:
    PeerStatus() = default;
    PeerStatus(const QByteArray &incarnation, const Location &location, const QString &name, bool online);

    /** Names this run of the process: one that is started again has another one, be it at the same location. */
    [[nodiscard]] QByteArray incarnation() const { return m_incarnation; }
    /** Where it is to be called, see Peer::location(). */
    [[nodiscard]] Location location() const { return m_location; }
    /** What it calls itself, see PeerNetwork::Options::name; two peers may have the same. */
    [[nodiscard]] QString name() const { return m_name; }
    /** Whether it has come; it has gone otherwise. */
    [[nodiscard]] bool isOnline() const { return m_online; }

    /** As a message to another process. */
    [[nodiscard]] QCborValue toCbor() const;
    /** Throws a WireError for what toCbor() did not make. */
    [[nodiscard]] static PeerStatus fromCbor(const QCborValue &value);

    friend bool operator==(const PeerStatus &, const PeerStatus &) = default;

private:
    QByteArray m_incarnation;
    Location m_location;
    QString m_name;
    bool m_online = false;
};

} // namespace Asyncoro
