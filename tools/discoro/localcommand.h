// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QStringList>

namespace Asyncoro::Tools {

/** `discoro local`: runs a program on a cluster that exists as long as the program. Gives the exit status. */
int runLocalCommand(const QStringList &arguments);

} // namespace Asyncoro::Tools
