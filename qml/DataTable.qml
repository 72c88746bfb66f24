// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as Controls
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.asyncoro.discoro

/**
 * A table over one of the models: a title with the number of rows, headers that sort when they are clicked (a second
 * click reverses, a third returns to the model's order), rows that the arrow keys walk through.
 */
ColumnLayout {
    id: root

    required property string title
    required property StatusModel source
    default property list<TableColumn> columns
    /** Said where there are no rows. */
    property string emptyText
    /** The number shown beside the title. */
    property real number: source.total

    /** Of so many rows the height is made, if there are as many. */
    property int preferredRows: 6
    property alias view: list
    property alias filterText: rows.filterText

    readonly property real rowHeight: Math.round(Kirigami.Units.gridUnit * 1.6)
    readonly property real gap: Math.round(Kirigami.Units.gridUnit * 0.6)
    readonly property real heightOfRows: rowHeight * (1 + Math.max(Math.min(rows.count, preferredRows), 2)) + 4
    readonly property list<TableColumn> shownColumns:
        columns.filter(column => frame.width >= column.fromUnits * Kirigami.Units.gridUnit)
    readonly property var columnWidths: {
        const unit = Kirigami.Units.gridUnit;
        const scrollBarWidth = scrollBar.visible ? scrollBar.width : 0;
        let left = frame.width - 2 - scrollBarWidth - gap * (shownColumns.length + 1);
        let shares = 0;
        for (const column of shownColumns) {
            left -= column.units * unit;
            shares += column.fill;
        }
        const share = shares > 0 ? Math.max(left, 0) / shares : 0;
        return shownColumns.map(column => Math.max(unit, column.units * unit + column.fill * share));
    }

    /** What a screen reader says of a row. */
    function describe(row: var): string {
        const textOf = column => column.kind === TableColumn.Badge ? row.stateText : row[column.role];
        const spoken = shownColumns.filter(column => column.kind !== TableColumn.Bar);
        return spoken.map(column => column.title + " " + textOf(column)).join(", ");
    }

    function sortBy(role: string): void {
        if (rows.sortedBy !== role) {
            rows.descending = false;
            rows.sortedBy = role;
        } else if (!rows.descending) {
            rows.descending = true;
        } else {
            rows.sortedBy = "";
            rows.descending = false;
        }
    }

    spacing: Kirigami.Units.smallSpacing

    RowLayout {
        Layout.fillHeight: false
        spacing: Kirigami.Units.smallSpacing

        Kirigami.Heading {
            level: 4
            text: root.title
            font.weight: Font.DemiBold
        }
        Controls.Label {
            objectName: "number"
            text: root.number.toLocaleString(Qt.locale(), "f", 0)
            opacity: 0.7
        }
        Item {
            Layout.fillWidth: true
        }
        Controls.Label {
            objectName: "limit"
            visible: text.length > 0
            text: root.source.limitText
            color: Kirigami.Theme.neutralTextColor
            font: Kirigami.Theme.smallFont
        }
    }

    SortFilterModel {
        id: rows
        sourceModel: root.source
    }

    Panel {
        id: frame

        Layout.fillWidth: true
        Layout.fillHeight: true
        Layout.preferredHeight: root.heightOfRows
        Layout.minimumHeight: root.rowHeight * 3 + 4

        focused: list.activeFocus

        Row {
            id: header

            x: 1 + root.gap
            y: 1
            height: root.rowHeight
            spacing: root.gap

            Repeater {
                model: root.shownColumns

                Controls.AbstractButton {
                    id: heading

                    required property TableColumn modelData
                    required property int index
                    readonly property bool isNumber: modelData.kind === TableColumn.Number
                    readonly property bool sorted: rows.sortedBy === modelData.sortRole

                    objectName: "header-" + modelData.role
                    width: root.columnWidths[index] ?? 0
                    height: header.height
                    text: modelData.title
                    onClicked: root.sortBy(modelData.sortRole)

                    Accessible.role: Accessible.ColumnHeader
                    Accessible.name: {
                        if (!sorted)
                            return text;
                        return (rows.descending ? qsTr("%1, sorted descending") : qsTr("%1, sorted ascending")).arg(text);
                    }

                    contentItem: Controls.Label {
                        text: heading.sorted ? heading.text + (rows.descending ? " ▾" : " ▴") : heading.text
                        font.pointSize: Kirigami.Theme.smallFont.pointSize
                        font.bold: heading.sorted
                        font.underline: heading.visualFocus
                        opacity: heading.hovered || heading.visualFocus ? 1 : 0.75
                        elide: Text.ElideRight
                        verticalAlignment: Text.AlignVCenter
                        horizontalAlignment: heading.isNumber ? Text.AlignRight : Text.AlignLeft
                        Accessible.ignored: true
                    }
                }
            }
        }

        Kirigami.Separator {
            anchors {
                left: parent.left
                right: parent.right
                top: header.bottom
                margins: 1
                topMargin: 0
            }
        }

        ListView {
            id: list

            objectName: "rows"
            anchors {
                fill: parent
                margins: 1
                topMargin: root.rowHeight + 2
            }
            clip: true
            model: rows
            currentIndex: -1
            activeFocusOnTab: true
            keyNavigationEnabled: true
            boundsBehavior: Flickable.StopAtBounds
            highlightMoveDuration: 0
            highlightResizeDuration: 0
            onActiveFocusChanged: if (activeFocus && currentIndex < 0 && count > 0) currentIndex = 0

            Accessible.role: Accessible.Table
            Accessible.name: root.title

            Controls.ScrollBar.vertical: Controls.ScrollBar {
                id: scrollBar
                policy: list.contentHeight > list.height ? Controls.ScrollBar.AlwaysOn : Controls.ScrollBar.AlwaysOff
            }

            delegate: Rectangle {
                id: rowItem

                required property int index
                required property var model
                readonly property bool isCurrent: ListView.isCurrentItem

                objectName: "row"
                width: ListView.view.width
                height: root.rowHeight
                color: isCurrent ? Qt.alpha(Kirigami.Theme.highlightColor, list.activeFocus ? 0.3 : 0.15)
                                 : index % 2 === 1 ? Kirigami.Theme.alternateBackgroundColor : "transparent"

                Accessible.role: Accessible.Row
                Accessible.name: root.describe(model)
                Accessible.focusable: true
                Accessible.focused: isCurrent && list.activeFocus

                TapHandler {
                    onTapped: {
                        list.currentIndex = rowItem.index;
                        list.forceActiveFocus(Qt.MouseFocusReason);
                    }
                }

                Row {
                    x: root.gap
                    height: parent.height
                    spacing: root.gap

                    Repeater {
                        model: root.shownColumns

                        TableCell {
                            required property TableColumn modelData
                            required property int index

                            objectName: "cell-" + modelData.role
                            width: root.columnWidths[index] ?? 0
                            height: root.rowHeight
                            column: modelData
                            row: rowItem.model
                        }
                    }
                }
            }

            Controls.Label {
                objectName: "emptyText"
                anchors.centerIn: parent
                width: parent.width - 2 * root.gap
                visible: list.count === 0
                text: root.emptyText
                opacity: 0.7
                horizontalAlignment: Text.AlignHCenter
                wrapMode: Text.Wrap
            }
        }
    }
}
