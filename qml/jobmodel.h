// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "statusmodel.h"

namespace Asyncoro::Qml {

/** The coroutines that run on the servers now, in the order they were started. */
class ASYNCORO_QML_EXPORT JobModel : public StatusModel
{
    Q_OBJECT
    QML_ELEMENT

public:
    enum Role {
        FunctionRole = Qt::UserRole,
        ArgumentsRole, ///< for people; shortened, and in one line
        JobIdRole, ///< unique at the scheduler; a text, since it may be too large for a number in QML
        ServerRole, ///< the address of its server
        NodeRole, ///< the name of its node
        StartedRole, ///< a local moment
        SinceRole, ///< the time of day when it started, in words
        DurationRole, ///< milliseconds
        DurationTextRole,
    };
    Q_ENUM(Role)

    static constexpr int MaxRows = 1'000;

    explicit JobModel(QObject *parent = nullptr);

    void setStatus(const Discoro::ClusterStatus &status) override;
};

} // namespace Asyncoro::Qml
