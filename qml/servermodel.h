// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "statusmodel.h"

namespace Asyncoro::Qml {

/** The servers of all nodes, lost ones included, ordered by node. */
class ASYNCORO_QML_EXPORT ServerModel : public StatusModel
{
    Q_OBJECT
    QML_ELEMENT

public:
    enum Role {
        ServerRole = Qt::UserRole, ///< its address, or its process id while it has none
        NodeRole, ///< the name of its node
        PidRole,
        StateRole, ///< a ServerStatus::State
        StateTextRole, ///< the state, in a word
        HealthRole, ///< a Health::Value
        RunningRole,
        DoneRole,
        FailedRole,
    };
    Q_ENUM(Role)

    static constexpr int MaxRows = 2'000;

    explicit ServerModel(QObject *parent = nullptr);

    void setStatus(const Discoro::ClusterStatus &status) override;
};

} // namespace Asyncoro::Qml
