// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "statusmodel.h"

namespace Asyncoro::Qml {

/** The nodes of a cluster, lost ones included. */
class ASYNCORO_QML_EXPORT NodeModel : public StatusModel
{
    Q_OBJECT
    QML_ELEMENT

public:
    enum Role {
        NameRole = Qt::UserRole,
        AddressRole, ///< "host:port"
        StateRole, ///< a NodeStatus::State
        StateTextRole, ///< the state, in a word or two
        HealthRole, ///< a Health::Value
        CpusRole, ///< servers that it offers to run at a time
        ServersRole, ///< servers that it runs
        RunningRole,
        DoneRole,
        FailedRole,
        CpuLoadRole, ///< 0 to 1; -1 where it is not known: of nodes that are gone, for one
        MemoryRole, ///< 0 to 1; -1 where it is not known
        MemoryTextRole,
        DiskRole, ///< 0 to 1; -1 where it is not known
        DiskTextRole,
        LastHeardRole, ///< how long ago, in words
    };
    Q_ENUM(Role)

    static constexpr int MaxRows = 1'000;

    explicit NodeModel(QObject *parent = nullptr);

    void setStatus(const Discoro::ClusterStatus &status) override;
};

} // namespace Asyncoro::Qml
