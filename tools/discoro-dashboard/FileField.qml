// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

import QtQuick
import QtQuick.Controls as Controls
import QtQuick.Dialogs
import QtQuick.Layouts
import org.kde.kirigami as Kirigami

/** A field for the name of a file, and a button that chooses one. */
RowLayout {
    id: root

    property alias text: field.text
    /** The object name of the field. */
    property alias fieldName: field.objectName
    /** What file it is; said of the field, and above the choice. */
    required property string title

    signal accepted

    Layout.fillWidth: true
    spacing: Kirigami.Units.smallSpacing

    Controls.TextField {
        id: field
        Layout.fillWidth: true
        onAccepted: root.accepted()
        Accessible.name: root.title
    }
    Controls.Button {
        text: qsTr("Choose…")
        icon.name: "document-open"
        onClicked: fileDialog.open()
        Accessible.description: root.title
    }

    FileDialog {
        id: fileDialog
        title: root.title
        onAccepted: field.text = decodeURIComponent(String(selectedFile).replace(/^file:\/\//, ""))
    }
}
