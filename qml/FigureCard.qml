// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

import QtQuick
import QtQuick.Controls as Controls
import QtQuick.Layouts
import org.kde.kirigami as Kirigami

/** One figure, large, and what it is. */
Panel {
    id: root

    required property string title
    required property real value
    property int decimals: 0
    property color valueColor: Kirigami.Theme.textColor
    readonly property string valueText: value.toLocaleString(Qt.locale(), "f", decimals)

    Layout.fillWidth: true
    implicitWidth: Kirigami.Units.gridUnit * 6
    implicitHeight: texts.implicitHeight + 2 * Kirigami.Units.largeSpacing

    Accessible.role: Accessible.StaticText
    Accessible.name: qsTr("%1: %2").arg(title).arg(valueText)

    ColumnLayout {
        id: texts

        anchors {
            left: parent.left
            right: parent.right
            verticalCenter: parent.verticalCenter
            margins: Kirigami.Units.largeSpacing
        }
        spacing: 0

        Controls.Label {
            objectName: "value"
            Layout.fillWidth: true
            text: root.valueText
            color: root.valueColor
            font.pointSize: Kirigami.Theme.defaultFont.pointSize * 1.7
            fontSizeMode: Text.HorizontalFit
            minimumPointSize: Kirigami.Theme.smallFont.pointSize
            Accessible.ignored: true
        }
        Controls.Label {
            Layout.fillWidth: true
            text: root.title
            opacity: 0.75
            elide: Text.ElideRight
            Accessible.ignored: true
        }
    }
}
