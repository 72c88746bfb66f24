// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

import QtQuick
import org.kde.kirigami as Kirigami

/** The frame and background around a table, a graph or a figure. */
Rectangle {
    id: root

    /** Whether something inside has the keyboard. */
    property bool focused: false
    /** For lines and tracks: a little of the text's colour in that of the background. */
    readonly property color lineColor: Kirigami.ColorUtils.linearInterpolation(color, Kirigami.Theme.textColor, 0.2)

    Kirigami.Theme.colorSet: Kirigami.Theme.View
    Kirigami.Theme.inherit: false
    color: Kirigami.Theme.backgroundColor
    radius: Kirigami.Units.cornerRadius
    border.width: 1
    border.color: focused ? Kirigami.Theme.focusColor : lineColor
}
