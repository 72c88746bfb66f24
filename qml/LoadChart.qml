// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

import QtQuick
import org.kde.kirigami as Kirigami
import org.asyncoro.discoro

/** The load of the processors of all nodes together. */
HistoryChart {
    required property Cluster cluster

    history: cluster.history
    title: qsTr("Processors of all nodes")
    roles: ["cpu"]
    names: [qsTr("processors")]
    colors: [Kirigami.Theme.positiveTextColor]
    fixedMaximum: 1
}
