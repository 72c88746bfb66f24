// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

import QtQuick
import org.kde.kirigami as Kirigami
import org.asyncoro.discoro

/** How many coroutines finish and fail each second. */
HistoryChart {
    required property Cluster cluster

    history: cluster.history
    title: qsTr("Finished per second")
    roles: ["rate", "failedRate"]
    names: [qsTr("finished"), qsTr("failed")]
    colors: [Kirigami.Theme.highlightColor, Kirigami.Theme.negativeTextColor]
}
