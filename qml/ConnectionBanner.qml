// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

import QtQuick
import org.kde.kirigami as Kirigami
import org.asyncoro.discoro

/** Says, above what is known of a cluster, that it may be out of date and why. Hidden while connected. */
Kirigami.InlineMessage {
    id: root

    required property Cluster cluster
    /** Another connection is wanted. */
    signal connectionRequested

    visible: cluster.hasStatus && cluster.state !== Cluster.Connected
    text: cluster.stateText
    type: {
        switch (cluster.state) {
        case Cluster.Stale:
            return Kirigami.MessageType.Warning;
        case Cluster.Lost:
        case Cluster.Refused:
            return Kirigami.MessageType.Error;
        }
        return cluster.error.length > 0 ? Kirigami.MessageType.Error : Kirigami.MessageType.Information;
    }
    actions: [
        Kirigami.Action {
            text: qsTr("Try now")
            icon.name: "view-refresh"
            visible: root.cluster.state === Cluster.Stale || root.cluster.state === Cluster.Lost
            onTriggered: root.cluster.open()
        },
        Kirigami.Action {
            text: qsTr("Connect…")
            icon.name: "network-connect"
            visible: root.cluster.state === Cluster.NotConnected || root.cluster.state === Cluster.Refused
            onTriggered: root.connectionRequested()
        }
    ]
}
