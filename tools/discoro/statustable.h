// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <Asyncoro/ClusterStatus>

#include <QVariant>

namespace Asyncoro::Tools {

/** A cluster's status as text for a terminal, a few tables with a line for each node, server and computation. */
QString statusTable(const Discoro::ClusterStatus &status);
/** What a process says of its peers (asyncoro.peers in docs/wire-format.md), with a line for each. */
QString peerTable(const QVariantList &peers);

} // namespace Asyncoro::Tools
