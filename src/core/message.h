// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QVariant>

namespace Asyncoro {

/**
 * What coroutines send each other: any Qt value, and any type that is registered with the meta-object system.
 * Between processes its type must also be one that the other side knows.
 */
using Message = QVariant;

} // namespace Asyncoro
