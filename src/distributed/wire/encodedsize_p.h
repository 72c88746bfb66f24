// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QVariant>

namespace Asyncoro::Detail {

/** In bytes, of a value that cannot be sent. */
inline constexpr qint64 UnknownSize = 64 * 1024;

/** How many bytes `value` takes when it is sent, roughly. */
[[nodiscard]] qint64 encodedSize(const QVariant &value);

} // namespace Asyncoro::Detail
