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
    roles: cluster.failed > 0 ? ["rate", "failedRate"] : ["rate"]
    names: cluster.failed > 0 ? [qsTr("finished"), qsTr("failed")] : [qsTr("finished")]
    colors: [Kirigami.Theme.linkColor, Kirigami.Theme.negativeTextColor]
}
