// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorocore_export.h"

#include <cstddef>

namespace Asyncoro::Detail {

/**
 * Memory for coroutine frames and the like, from free lists of the calling thread.
 *
 * A block may be freed on another thread than the one that allocated it; it then joins that thread's lists.
 * Under a sanitizer both go to the heap, so that misuse is seen.
 */
ASYNCORO_CORE_EXPORT void *allocateFrame(std::size_t size);
ASYNCORO_CORE_EXPORT void freeFrame(void *frame, std::size_t size) noexcept;

} // namespace Asyncoro::Detail
