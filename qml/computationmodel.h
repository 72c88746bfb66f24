// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "statusmodel.h"

namespace Asyncoro::Qml {

/** The sessions of clients: queued, running, and the last few that ended. */
class ASYNCORO_QML_EXPORT ComputationModel : public StatusModel
{
    Q_OBJECT
    QML_ELEMENT

public:
    enum Role {
        NameRole = Qt::UserRole, ///< of the client's program
        ClientRole, ///< "host:port"
        StateRole, ///< a ComputationStatus::State
        StateTextRole, ///< the state, in a word
        HealthRole, ///< a Health::Value
        WaitingRole,
        RunningRole,
        DoneRole,
        FailedRole,
        ProgressRole, ///< finished ones of all so far, 0 to 1
        ProgressTextRole, ///< "310 of 1,204"
    };
    Q_ENUM(Role)

    static constexpr int MaxRows = 100;

    explicit ComputationModel(QObject *parent = nullptr);

    void setStatus(const Discoro::ClusterStatus &status) override;
};

} // namespace Asyncoro::Qml
