// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/Task>

#include <QDeadlineTimer>
#include <QString>
#include <QVariant>

namespace Asyncoro::Detail {

class NetworkCore;

/** Of functions that every process offers by itself; programs have no use for their handles. */
inline constexpr QLatin1StringView OwnPrefix{"asyncoro."};

// Functions that every process offers; docs/wire-format.md describes them.
inline const QString AnchorFunction = QStringLiteral("asyncoro.anchor");
inline const QString FindFunction = QStringLiteral("asyncoro.find");
inline const QString PeersFunction = QStringLiteral("asyncoro.peers");
inline const QString LocateFunction = QStringLiteral("asyncoro.locate");

/** The handle, of that type, that is registered under the name in this process; invalid if there is none. */
Task<QVariant> findHere(NetworkCore &core, QString type, QString name);
/** The same, as soon as there is one. */
Task<QVariant> locateHere(NetworkCore &core, QString type, QString name, QDeadlineTimer deadline);

} // namespace Asyncoro::Detail
