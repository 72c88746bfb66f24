// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

import QtQuick
import org.kde.quickcharts as Charts
import org.asyncoro.discoro

/** The lines of a HistoryChart. Needs a scene graph with shaders: the software renderer leaves it blank. */
Charts.LineChart {
    id: root

    required property HistoryModel history
    required property list<string> roles
    required property list<color> colors
    required property real maximum

    direction: Charts.XYChart.ZeroAtEnd
    lineWidth: 2
    fillOpacity: 0.15
    xRange {
        from: 0
        to: root.history.window
        automatic: false
    }
    yRange {
        from: 0
        to: root.maximum
        automatic: false
    }
    colorSource: Charts.ArraySource {
        array: root.colors.map(color => color)
    }
    valueSources: root.roles.length > 1 ? [first, second] : [first]

    readonly property Charts.ModelSource first: Charts.ModelSource {
        model: root.history
        roleName: root.roles[0]
    }
    readonly property Charts.ModelSource second: Charts.ModelSource {
        model: root.history
        roleName: root.roles[1] ?? root.roles[0]
    }
}
