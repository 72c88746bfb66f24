// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QByteArray>

#include <chrono>

/**
 * Memory of long byte arrays that is used again, once nobody has them any more. A malloc() that gives long memory back to
 * the system at once, as glibc's does, makes a stream of pieces of a file two times slower: all their pages are made anew.
 *
 * Any thread.
 */
namespace Asyncoro::Detail::SpareArrays {

/** Shorter arrays are not kept, nor are longer ones, nor more than that in the process; in bytes. */
constexpr qsizetype MinSize = 128 * 1024;
constexpr qsizetype MaxSize = 4 * 1024 * 1024;
constexpr qsizetype MaxKept = 16 * 1024 * 1024;

/** An empty array that nobody else has, with room for `size` bytes. */
[[nodiscard]] QByteArray take(qsizetype size);

/** The memory of `bytes` will be used again when all others who have it are done. Who writes into them gets a copy. */
void keep(const QByteArray &bytes);

/** To be called now and then: frees all memory if none was used again or kept for so long. */
void freeUnused(std::chrono::milliseconds since);

} // namespace Asyncoro::Detail::SpareArrays
