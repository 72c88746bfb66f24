// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as Controls
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.asyncoro.discoro

/**
 * A graph of one or two figures of a cluster's history, with a scale and a legend.
 *
 * Graphs need OpenGL (or another renderer with shaders). Without, there is a sentence that says so and a table.
 */
Panel {
    id: root

    required property HistoryModel history
    required property string title
    /** Roles of HistoryModel, one or two, and their names and colours. */
    required property list<string> roles
    required property list<string> names
    required property list<color> colors
    /** The top of the scale; 0 makes it fit the values. */
    property real fixedMaximum: 0
    /** Shows a table in place of the graph. */
    property bool asTable: false

    readonly property bool canDraw: ![GraphicsInfo.Software, GraphicsInfo.Unknown].includes(GraphicsInfo.api)
    readonly property bool drawsGraph: canDraw && !asTable
    /** The part of this item with the lines, or null. */
    readonly property Item lines: drawing.item as Item
    readonly property int divisions: 4
    property real maximum: fixedMaximum > 0 ? fixedMaximum : divisions
    property real highest: 0
    property list<real> newest

    function scaleText(value: real): string {
        return history.text(roles[0], value);
    }

    function update(): void {
        newest = roles.map(role => history.latest(role));
        highest = Math.max(...roles.map(role => history.maximum(role)));
        if (fixedMaximum === 0)
            maximum = niceCeiling(highest);
    }

    /** The least number not below `value` that makes a scale of `divisions` parts easy to read. */
    function niceCeiling(value: real): real {
        if (value <= divisions)
            return divisions;
        const power = Math.pow(10, Math.floor(Math.log10(value)));
        return [1.2, 1.6, 2, 4, 6, 8, 12].find(step => step * power >= value) * power;
    }

    Component.onCompleted: update()

    Connections {
        target: root.history
        function onChanged() {
            root.update();
        }
    }

    implicitWidth: Kirigami.Units.gridUnit * 20
    implicitHeight: Kirigami.Units.gridUnit * 11

    Accessible.role: drawsGraph ? Accessible.Graphic : Accessible.Grouping
    Accessible.name: {
        const now = names.map((name, i) => qsTr("%1 %2 now").arg(name).arg(history.text(roles[i], newest[i] ?? 0)));
        const past = qsTr("highest %1 in the last %2").arg(scaleText(highest)).arg(history.windowText);
        return qsTr("%1: %2; %3").arg(title).arg(now.join(", ")).arg(past);
    }

    ColumnLayout {
        anchors {
            fill: parent
            margins: Kirigami.Units.largeSpacing
        }
        spacing: Kirigami.Units.largeSpacing

        RowLayout {
            Layout.fillHeight: false
            spacing: Kirigami.Units.largeSpacing

            Kirigami.Heading {
                Layout.fillWidth: true
                level: 4
                text: root.title
                font.weight: Font.DemiBold
                elide: Text.ElideRight
            }

            Repeater {
                model: root.names.length > 1 ? root.names : []

                RowLayout {
                    id: key

                    required property string modelData
                    required property int index

                    spacing: Kirigami.Units.smallSpacing

                    Rectangle {
                        Layout.preferredWidth: Kirigami.Units.gridUnit
                        Layout.preferredHeight: 3
                        color: root.colors[key.index]
                    }
                    Controls.Label {
                        text: key.modelData
                        font: Kirigami.Theme.smallFont
                    }
                }
            }
        }

        Controls.Label {
            objectName: "noGraph"
            Layout.fillWidth: true
            visible: !root.canDraw
            text: qsTr("The graph needs OpenGL, which is not available here. These are the values:")
            wrapMode: Text.Wrap
            color: Kirigami.Theme.neutralTextColor
        }

        Loader {
            objectName: "table"
            Layout.fillWidth: true
            Layout.fillHeight: true
            active: !root.drawsGraph
            visible: active
            sourceComponent: HistoryTable {
                history: root.history
                roles: root.roles
                names: root.names
            }
        }

        GridLayout {
            Layout.fillWidth: true
            Layout.fillHeight: true
            visible: root.drawsGraph
            columns: 2
            columnSpacing: Kirigami.Units.smallSpacing
            rowSpacing: Kirigami.Units.smallSpacing

            Item {
                id: scale

                Layout.fillHeight: true
                Layout.preferredWidth: Math.max(widest.width, Kirigami.Units.gridUnit * 1.5)

                TextMetrics {
                    id: widest
                    font: Kirigami.Theme.smallFont
                    text: root.scaleText(root.maximum)
                }

                Repeater {
                    model: root.divisions + 1

                    Controls.Label {
                        required property int index

                        anchors.right: parent.right
                        y: Math.round(scale.height * (1 - index / root.divisions) - height / 2)
                        text: root.scaleText(root.maximum * index / root.divisions)
                        font: Kirigami.Theme.smallFont
                        opacity: 0.75
                        Accessible.ignored: true
                    }
                }
            }

            Item {
                id: plot

                Layout.fillWidth: true
                Layout.fillHeight: true

                Repeater {
                    model: root.divisions + 1

                    Rectangle {
                        required property int index

                        y: Math.round((plot.height - 1) * index / root.divisions)
                        width: plot.width
                        height: 1
                        color: Kirigami.Theme.textColor
                        opacity: index === root.divisions ? 0.35 : 0.12
                    }
                }

                Loader {
                    id: drawing

                    objectName: "lines"
                    anchors.fill: parent
                    active: root.drawsGraph
                    sourceComponent: HistoryLines {
                        history: root.history
                        roles: root.roles
                        colors: root.colors
                        maximum: root.maximum
                    }
                }
            }

            Item {}

            RowLayout {
                Layout.fillWidth: true
                Layout.fillHeight: false

                Controls.Label {
                    Layout.fillWidth: true
                    text: qsTr("%1 ago").arg(root.history.windowText)
                    font: Kirigami.Theme.smallFont
                    opacity: 0.75
                    Accessible.ignored: true
                }
                Controls.Label {
                    text: qsTr("now")
                    font: Kirigami.Theme.smallFont
                    opacity: 0.75
                    Accessible.ignored: true
                }
            }
        }
    }
}
