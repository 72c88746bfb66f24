// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

import QtQuick
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.asyncoro.discoro

/** The figures of a cluster, as a row of cards. */
GridLayout {
    id: root

    required property Cluster cluster

    columns: width < Kirigami.Units.gridUnit * 32 ? 3 : 5
    columnSpacing: Kirigami.Units.largeSpacing
    rowSpacing: Kirigami.Units.largeSpacing
    uniformCellWidths: true

    FigureCard {
        objectName: "rateCard"
        title: qsTr("Finished per second")
        value: root.cluster.rate
        decimals: value < 10 && value % 1 !== 0 ? 1 : 0
    }
    FigureCard {
        objectName: "runningCard"
        title: qsTr("Running")
        value: root.cluster.running
    }
    FigureCard {
        objectName: "waitingCard"
        title: qsTr("Waiting")
        value: root.cluster.waiting
    }
    FigureCard {
        objectName: "doneCard"
        title: qsTr("Done")
        value: root.cluster.done
    }
    FigureCard {
        objectName: "failedCard"
        title: qsTr("Failed")
        value: root.cluster.failed
        valueColor: value > 0 ? Kirigami.Theme.negativeTextColor : Kirigami.Theme.textColor
    }
}
