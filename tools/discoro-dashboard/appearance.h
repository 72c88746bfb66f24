// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

/** Before the application exists: chooses the style of the controls, unless the user has. */
void chooseStyle();

/** With the application: icons and the widget style, where no desktop gives them. */
void chooseIconsAndWidgetStyle();
