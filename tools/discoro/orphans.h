// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

// Processes whose parent, one that this process had started, has ended before them: a server of a node that was killed,
// or what a script started in the background. Where the system cannot do this, these functions do nothing.

namespace Asyncoro::Tools {

/** From now on, orphans become children of this process. */
void adoptOrphans();

/** Kills all children of this process, and their children in turn. For the end, when QProcess has none left. */
void killOrphans();

} // namespace Asyncoro::Tools
