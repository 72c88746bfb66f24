// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

import QtQuick
import org.asyncoro.discoro

/** The servers of all nodes. */
DataTable {
    required property Cluster cluster

    title: qsTr("Servers")
    source: cluster.servers
    emptyText: qsTr("No servers: a node starts them for a computation")

    TableColumn {
        role: "server"
        title: qsTr("Server")
        units: 7
        fill: 2
    }
    TableColumn {
        role: "node"
        title: qsTr("Node")
        units: 4
        fill: 1
    }
    TableColumn {
        role: "state"
        title: qsTr("State")
        kind: TableColumn.Badge
        units: 4.5
    }
    TableColumn {
        role: "pid"
        title: qsTr("Process")
        units: 3.5
        fromUnits: 30
    }
    TableColumn {
        role: "running"
        title: qsTr("Running")
        kind: TableColumn.Number
        units: 3.2
    }
    TableColumn {
        role: "done"
        title: qsTr("Done")
        kind: TableColumn.Number
        units: 3.5
    }
    TableColumn {
        role: "failed"
        title: qsTr("Failed")
        kind: TableColumn.Number
        units: 2.8
    }
}
