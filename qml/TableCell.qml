// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as Controls
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.asyncoro.discoro

/** What a DataTable shows at a row and column. */
Item {
    id: root

    required property TableColumn column
    required property var row // the row's roles; null when the row is being removed

    readonly property var value: row?.[column.role]
    readonly property string text: {
        if (value === undefined || value === null)
            return "";
        switch (column.kind) {
        case TableColumn.Number:
            return Number(value).toLocaleString(Qt.locale(), "f", 0);
        case TableColumn.Bar:
            return value < 0 ? qsTr("unknown") : qsTr("%1 %").arg(Math.min(Math.round(value * 100), value < 1 ? 99 : 100));
        case TableColumn.Badge:
            return row?.stateText ?? "";
        }
        return String(value);
    }

    readonly property string toolTip: {
        if (column.toolTipRole.length > 0)
            return row?.[column.toolTipRole] ?? "";
        return column.kind === TableColumn.Bar ? "" : text;
    }

    Loader {
        anchors.fill: parent
        sourceComponent: {
            switch (root.column.kind) {
            case TableColumn.Badge:
                return badge;
            case TableColumn.Bar:
                return bar;
            }
            return label;
        }
    }

    Component {
        id: label

        Controls.Label {
            text: root.text
            elide: root.column.kind === TableColumn.Code ? Text.ElideMiddle : Text.ElideRight
            textFormat: Text.PlainText
            maximumLineCount: 1
            verticalAlignment: Text.AlignVCenter
            horizontalAlignment: root.column.kind === TableColumn.Number ? Text.AlignRight : Text.AlignLeft
            font.family: root.column.kind === TableColumn.Code ? "monospace" : Kirigami.Theme.defaultFont.family
            Accessible.ignored: true
        }
    }

    Component {
        id: badge

        StateBadge {
            health: root.row?.health ?? Health.Ended
            text: root.text
            Accessible.ignored: true
        }
    }

    Component {
        id: bar

        RowLayout {
            spacing: Kirigami.Units.smallSpacing

            Rectangle {
                id: track

                Layout.fillWidth: true
                Layout.preferredHeight: Math.round(Kirigami.Units.gridUnit / 3)
                visible: root.value >= 0
                radius: height / 2
                color: Qt.alpha(Kirigami.Theme.textColor, 0.15)

                Rectangle {
                    width: root.value > 0 ? Math.max(height, parent.width * Math.min(root.value, 1)) : 0
                    height: parent.height
                    radius: parent.radius
                    color: root.value > root.column.attentionAbove ? Kirigami.Theme.neutralTextColor
                                                                   : Kirigami.Theme.linkColor
                }
            }

            Controls.Label {
                Layout.fillWidth: !track.visible
                Layout.preferredWidth: track.visible ? percent.width : implicitWidth
                horizontalAlignment: track.visible ? Text.AlignRight : Text.AlignLeft
                text: root.text
                opacity: track.visible ? 1 : 0.7
                Accessible.ignored: true

                TextMetrics {
                    id: percent
                    text: qsTr("%1 %").arg(100)
                }
            }
        }
    }

    HoverHandler {
        id: hover
    }

    Controls.ToolTip.visible: hover.hovered && toolTip.length > 0
    Controls.ToolTip.delay: Kirigami.Units.toolTipDelay
    Controls.ToolTip.text: toolTip
}
