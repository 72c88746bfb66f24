// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

import QtQuick
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.asyncoro.discoro

/** A cluster on one page: its state in words, figures, graphs, nodes, servers, computations and coroutines. */
Kirigami.Page {
    id: root

    required property Cluster cluster
    /** Shows tables in place of the graphs. */
    property bool graphsAsTables: false
    /** The graph of the rate, for who wants to know whether it is drawn. */
    readonly property RateChart rateChart: rateChart
    readonly property bool current: cluster.state === Cluster.Connected
    readonly property bool wide: width >= Kirigami.Units.gridUnit * 52
    /** Another connection is wanted. */
    signal connectionRequested

    title: qsTr("Cluster")
    padding: Kirigami.Units.largeSpacing * 1.5

    ColumnLayout {
        anchors.fill: parent
        spacing: Kirigami.Units.largeSpacing

        ConnectionBanner {
            objectName: "banner"
            Layout.fillWidth: true
            cluster: root.cluster
            onConnectionRequested: root.connectionRequested()
        }

        RowLayout {
            objectName: "stateRow"
            Layout.fillHeight: false
            visible: root.cluster.hasStatus
            spacing: Kirigami.Units.largeSpacing

            Kirigami.Heading {
                objectName: "summary"
                Layout.fillWidth: true
                level: 2
                text: root.cluster.nodes.count > 0 ? root.cluster.summary : ""
                elide: Text.ElideRight
            }
            StateBadge {
                objectName: "connection"
                Layout.fillWidth: false
                visible: root.current
                health: Health.Good
                text: root.cluster.stateText
            }
        }

        ColumnLayout {
            objectName: "content"
            visible: root.cluster.hasStatus && (root.cluster.nodes.count > 0 || !root.current)
            spacing: Kirigami.Units.largeSpacing
            opacity: root.current ? 1 : 0.55 // old

            ClusterSummary {
                Layout.fillWidth: true
                cluster: root.cluster
            }

            RowLayout {
                Layout.fillHeight: true
                Layout.minimumHeight: Kirigami.Units.gridUnit * 8
                Layout.preferredHeight: Kirigami.Units.gridUnit * 14
                Layout.maximumHeight: Kirigami.Units.gridUnit * 18
                spacing: Kirigami.Units.largeSpacing

                RateChart {
                    id: rateChart
                    objectName: "rateChart"
                    Layout.fillWidth: true
                    Layout.fillHeight: true
                    Layout.preferredWidth: 2
                    cluster: root.cluster
                    asTable: root.graphsAsTables
                }
                LoadChart {
                    objectName: "loadChart"
                    Layout.fillWidth: true
                    Layout.fillHeight: true
                    Layout.preferredWidth: 1
                    visible: root.wide
                    cluster: root.cluster
                    asTable: root.graphsAsTables
                }
            }

            GridLayout {
                Layout.fillHeight: true
                columns: root.wide ? 2 : 1
                columnSpacing: Kirigami.Units.largeSpacing
                rowSpacing: Kirigami.Units.largeSpacing
                uniformCellWidths: true

                ColumnLayout {
                    spacing: Kirigami.Units.largeSpacing

                    NodeTable {
                        objectName: "nodeTable"
                        Layout.fillHeight: false
                        cluster: root.cluster
                        preferredRows: 5
                    }
                    ServerTable {
                        objectName: "serverTable"
                        cluster: root.cluster
                    }
                }
                ColumnLayout {
                    spacing: Kirigami.Units.largeSpacing

                    ComputationTable {
                        objectName: "computationTable"
                        Layout.fillHeight: false
                        cluster: root.cluster
                        preferredRows: 3
                        visible: root.wide
                    }
                    JobTable {
                        objectName: "jobTable"
                        cluster: root.cluster
                    }
                }
            }
        }

        Item {
            Layout.fillWidth: true
            Layout.fillHeight: true
            visible: !root.cluster.hasStatus || (root.current && root.cluster.nodes.count === 0)

            ConnectionPlaceholder {
                anchors.centerIn: parent
                width: Math.min(parent.width, Kirigami.Units.gridUnit * 36)
                cluster: root.cluster
                onConnectionRequested: root.connectionRequested()
            }
        }
    }
}
