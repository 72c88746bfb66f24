// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

import QtQuick
import QtQuick.Controls as Controls
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.asyncoro.discoro

/** Stands where a cluster would be shown, while there is nothing to show: says why, and what to do. */
ColumnLayout {
    id: root

    required property Cluster cluster
    /** Another connection is wanted. */
    signal connectionRequested

    readonly property bool connected: cluster.state === Cluster.Connected
    readonly property bool busy: cluster.state === Cluster.Connecting || (connected && !cluster.hasStatus)
    readonly property bool empty: connected && cluster.hasStatus

    spacing: Kirigami.Units.largeSpacing

    Kirigami.PlaceholderMessage {
        objectName: "placeholder"
        Layout.fillWidth: true
        icon.name: {
            switch (root.cluster.state) {
            case Cluster.NotConnected:
                return "network-disconnect";
            case Cluster.Lost:
            case Cluster.Stale:
                return "network-offline";
            case Cluster.Refused:
                return "object-locked";
            }
            return root.empty ? "computer" : "network-connect";
        }
        text: {
            switch (root.cluster.state) {
            case Cluster.NotConnected:
                return qsTr("Not connected");
            case Cluster.Connecting:
                return qsTr("Connecting…");
            case Cluster.Lost:
            case Cluster.Stale:
                return qsTr("The scheduler cannot be reached");
            case Cluster.Refused:
                return qsTr("The connection was refused");
            }
            return root.empty ? qsTr("No nodes yet") : qsTr("Connected");
        }
        explanation: {
            if (root.cluster.state === Cluster.NotConnected && root.cluster.error.length === 0)
                return qsTr("Connect to a scheduler to see its nodes and what they run.");
            if (root.empty)
                return qsTr("Start one with this command on each machine that should take part:");
            return root.cluster.stateText;
        }
        helpfulAction: root.busy || root.empty ? null : root.cluster.state === Cluster.Lost ? tryNow : connect
    }

    Controls.TextField {
        objectName: "command"
        Layout.fillWidth: true
        visible: root.empty
        readOnly: true
        text: "discoro-node --scheduler " + root.cluster.scheduler
            + " --secret-file " + (root.cluster.secretFile || qsTr("FILE"))
            + (root.cluster.authorityFile.length > 0
               ? " --certificate %1 --key %1 --authority %2".arg(qsTr("FILE")).arg(root.cluster.authorityFile) : "")
        font.family: "monospace"
        horizontalAlignment: Text.AlignHCenter
        Accessible.name: qsTr("Command that starts a node")
    }

    Controls.ProgressBar {
        objectName: "busy"
        Layout.preferredWidth: Kirigami.Units.gridUnit * 14
        Layout.alignment: Qt.AlignHCenter
        visible: root.busy
        indeterminate: true
        Accessible.name: root.cluster.stateText
    }

    Kirigami.Action {
        id: connect
        text: qsTr("Connect…")
        icon.name: "network-connect"
        onTriggered: root.connectionRequested()
    }
    Kirigami.Action {
        id: tryNow
        text: qsTr("Try now")
        icon.name: "view-refresh"
        onTriggered: root.cluster.open()
    }
}
