// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

import QtQuick
import org.asyncoro.discoro

/** The nodes of a cluster: how each is, what it does, and how loaded it is. */
DataTable {
    required property Cluster cluster

    title: qsTr("Nodes")
    source: cluster.nodes
    emptyText: qsTr("No nodes")

    TableColumn {
        role: "name"
        title: qsTr("Node")
        units: 4
        fill: 2
        toolTipRole: "address"
    }
    TableColumn {
        role: "state"
        title: qsTr("State")
        kind: TableColumn.Badge
        units: 4.4
        toolTipRole: "lastHeard"
    }
    TableColumn {
        role: "servers"
        title: qsTr("Servers")
        kind: TableColumn.Number
        units: 3
        fromUnits: 26
    }
    TableColumn {
        role: "running"
        title: qsTr("Running")
        kind: TableColumn.Number
        units: 3.1
    }
    TableColumn {
        role: "done"
        title: qsTr("Done")
        kind: TableColumn.Number
        units: 3.2
    }
    TableColumn {
        role: "failed"
        title: qsTr("Failed")
        kind: TableColumn.Number
        units: 2.6
        fromUnits: 30
    }
    TableColumn {
        role: "cpuLoad"
        title: qsTr("Processors")
        kind: TableColumn.Bar
        units: 4.6
        fill: 1
    }
    TableColumn {
        role: "memory"
        title: qsTr("Memory")
        kind: TableColumn.Bar
        units: 4.8
        fill: 1
        fromUnits: 34
        toolTipRole: "memoryText"
        attentionAbove: 0.9
    }
    TableColumn {
        role: "disk"
        title: qsTr("Disk")
        kind: TableColumn.Bar
        units: 5
        fill: 1
        fromUnits: 52
        toolTipRole: "diskText"
        attentionAbove: 0.9
    }
}
