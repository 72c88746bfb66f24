// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

import QtQml

/** One column of a DataTable: which role it shows, and how. */
QtObject {
    enum Kind {
        Text,
        Number, // at the right
        Code, // in a font of fixed width
        Badge, // the roles health and stateText, for a column "state"
        Bar // 0 to 1; -1 for unknown
    }

    required property string role
    required property string title
    property int kind: TableColumn.Text
    /** The width in grid units; a column that fills gets more. */
    property real units: 5
    /** The column's share of the width that is left; 0 does not grow. */
    property real fill: 0
    /** Hidden in tables that are narrower than this many grid units. */
    property real fromUnits: 0
    /** A bar that is longer than this is shown as worth a look. */
    property real attentionAbove: 1
    /** The role that it is sorted by. */
    property string sortRole: role
    /** A role with a longer text for the tool tip; empty for the text itself. */
    property string toolTipRole
}
