// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

import QtQuick
import org.asyncoro.discoro

/** The computations of all clients, with their progress. */
DataTable {
    required property Cluster cluster

    title: qsTr("Computations")
    source: cluster.computations
    emptyText: qsTr("None: a client schedules one")

    TableColumn {
        role: "name"
        title: qsTr("Program")
        units: 6
        fill: 1
    }
    TableColumn {
        role: "client"
        title: qsTr("Client")
        units: 7
        fill: 0.5
        fromUnits: 36
    }
    TableColumn {
        role: "state"
        title: qsTr("State")
        kind: TableColumn.Badge
        units: 4.8
    }
    TableColumn {
        role: "progress"
        title: qsTr("Finished")
        kind: TableColumn.Bar
        units: 5
        fill: 1
    }
    TableColumn {
        role: "progressText"
        title: ""
        units: 6
    }
}
