// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QStringList>

namespace Asyncoro::Tools {

/** `discoro status`: prints what a cluster does, once or until it is interrupted. Gives the exit status. */
int runStatusCommand(const QStringList &arguments);

} // namespace Asyncoro::Tools
