// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

import QtQuick
import org.kde.kirigami as Kirigami
import org.asyncoro.discoro

/** The dashboard's window: the cluster's page, and actions to connect. */
Kirigami.ApplicationWindow {
    id: root

    required property Cluster cluster

    title: cluster.scheduler.length > 0 ? qsTr("%1 – Discoro dashboard").arg(cluster.scheduler)
                                        : qsTr("Discoro dashboard")
    width: Kirigami.Units.gridUnit * 76
    height: Kirigami.Units.gridUnit * 47
    minimumWidth: Kirigami.Units.gridUnit * 32
    minimumHeight: Kirigami.Units.gridUnit * 36

    readonly property bool isOpen: cluster.state !== Cluster.NotConnected && cluster.state !== Cluster.Refused

    pageStack.globalToolBar.style: Kirigami.ApplicationHeaderStyle.ToolBar
    pageStack.initialPage: ClusterPage {
        id: page

        cluster: root.cluster
        title: root.cluster.scheduler.length > 0 ? qsTr("Cluster of %1").arg(root.cluster.scheduler) : qsTr("Cluster")
        onConnectionRequested: connectionDialog.open()
        actions: [
            Kirigami.Action {
                objectName: "tablesAction"
                text: qsTr("Graphs as Tables")
                icon.name: "view-list-details"
                tooltip: qsTr("Show the figures of the graphs as tables (Ctrl+T)")
                shortcut: "Ctrl+T"
                checkable: true
                checked: page.graphsAsTables
                enabled: root.cluster.hasStatus
                onTriggered: page.graphsAsTables = checked
            },
            Kirigami.Action {
                objectName: "reconnectAction"
                text: qsTr("Reconnect")
                icon.name: "view-refresh"
                tooltip: qsTr("Connect to the same scheduler again (F5)")
                shortcut: "F5"
                enabled: root.cluster.scheduler.length > 0
                onTriggered: root.cluster.open()
            },
            Kirigami.Action {
                objectName: "disconnectAction"
                text: qsTr("Disconnect")
                icon.name: "network-disconnect"
                enabled: root.isOpen
                onTriggered: root.cluster.close()
            },
            Kirigami.Action {
                objectName: "connectAction"
                text: qsTr("Connect…")
                icon.name: "network-connect"
                tooltip: qsTr("Connect to another scheduler (Ctrl+O)")
                shortcut: "Ctrl+O"
                onTriggered: connectionDialog.open()
            },
            Kirigami.Action {
                objectName: "quitAction"
                text: qsTr("Quit")
                icon.name: "application-exit"
                tooltip: qsTr("Quit (Ctrl+Q)")
                shortcut: "Ctrl+Q" // StandardKey.Quit is empty on some platforms
                displayHint: Kirigami.DisplayHint.AlwaysHide
                onTriggered: Qt.quit()
            }
        ]
    }

    ConnectionDialog {
        id: connectionDialog
        objectName: "connectionDialog"
        cluster: root.cluster
    }
}
