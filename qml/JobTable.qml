// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

import QtQuick
import org.asyncoro.discoro

/** The coroutines that run now, the oldest first. */
DataTable {
    required property Cluster cluster

    title: qsTr("Running coroutines")
    source: cluster.jobs
    emptyText: {
        if (cluster.waiting === 0)
            return qsTr("None runs");
        return qsTr("None runs; %1 wait for a server").arg(cluster.waiting.toLocaleString(Qt.locale(), "f", 0));
    }

    TableColumn {
        role: "function"
        title: qsTr("Function")
        kind: TableColumn.Code
        units: 5.5
        fill: 0.3
    }
    TableColumn {
        role: "arguments"
        title: qsTr("Arguments")
        kind: TableColumn.Code
        units: 6
        fill: 2
    }
    TableColumn {
        role: "server"
        title: qsTr("Server")
        units: 6.4
    }
    TableColumn {
        role: "since"
        sortRole: "started"
        title: qsTr("Since")
        units: 3.4
        fromUnits: 34
    }
    TableColumn {
        role: "durationText"
        sortRole: "duration"
        title: qsTr("Runs for")
        units: 3.4
    }
}
