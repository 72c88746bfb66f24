// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

import QtQuick
import QtQuick.Controls as Controls
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.asyncoro.discoro

/** A state: an icon, a word and a colour, never a colour alone. */
RowLayout {
    id: root

    required property int health
    required property string text

    readonly property color color: {
        switch (health) {
        case Health.Good:
            return Kirigami.Theme.positiveTextColor;
        case Health.Waiting:
        case Health.Attention:
            return Kirigami.Theme.neutralTextColor;
        case Health.Bad:
            return Kirigami.Theme.negativeTextColor;
        }
        return Kirigami.Theme.disabledTextColor;
    }
    readonly property string iconName: {
        switch (health) {
        case Health.Good:
            return "emblem-success";
        case Health.Waiting:
            return "emblem-pause";
        case Health.Attention:
            return "emblem-warning";
        case Health.Bad:
            return "emblem-error";
        }
        return "emblem-unavailable";
    }

    spacing: Kirigami.Units.smallSpacing

    Accessible.role: Accessible.StaticText
    Accessible.name: text

    Kirigami.Icon {
        Layout.preferredWidth: Kirigami.Units.iconSizes.small
        Layout.preferredHeight: Kirigami.Units.iconSizes.small
        source: root.iconName
        fallback: ""
    }

    Controls.Label {
        objectName: "badgeText"
        Layout.fillWidth: true
        text: root.text
        color: root.color
        elide: Text.ElideRight
        Accessible.ignored: true
    }
}
