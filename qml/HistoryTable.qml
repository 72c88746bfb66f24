// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as Controls
import org.kde.kirigami as Kirigami
import org.asyncoro.discoro

/** The newest samples of a HistoryChart as a table: for those who cannot see the graph, or where it cannot be drawn. */
ListView {
    id: root

    required property HistoryModel history
    required property list<string> roles
    required property list<string> names

    model: history
    clip: true
    activeFocusOnTab: true
    boundsBehavior: Flickable.StopAtBounds
    headerPositioning: ListView.OverlayHeader

    Accessible.role: Accessible.Table
    Controls.ScrollBar.vertical: Controls.ScrollBar {}

    component Cells: Row {
        id: cells

        property list<string> texts
        property bool bold: false

        width: root.width

        Repeater {
            model: cells.texts

            Controls.Label {
                required property string modelData

                width: Math.floor(cells.width / cells.texts.length)
                text: modelData
                font.bold: cells.bold
                elide: Text.ElideRight
                horizontalAlignment: Text.AlignHCenter
                Accessible.ignored: true
            }
        }
    }

    header: Rectangle {
        z: 2
        width: root.width
        height: headings.height
        color: Kirigami.Theme.backgroundColor

        Cells {
            id: headings
            texts: [qsTr("Time"), ...root.names]
            bold: true
        }
    }
    delegate: Cells {
        required property var model

        readonly property list<string> values:
            root.roles.map(role => model.known ? root.history.text(role, model[role]) : qsTr("not known"))

        texts: [model.time, ...values]

        Accessible.role: Accessible.Row
        Accessible.name: texts.join(", ")
    }
}
