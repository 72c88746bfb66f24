// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QByteArray>

namespace Asyncoro::Detail {

/**
 * The SHA-256s of pieces of `pieceSize` bytes, one behind the other, of which `bytes` are a multiple. Where Intel's
 * Multi-Buffer Crypto library is there, many pieces are hashed at once: of eight and more that was faster with all
 * processors that were tried. `pieceSize` is less than 64 KiB. Any thread.
 */
QByteArray sha256OfEach(QByteArrayView bytes, qsizetype pieceSize);

} // namespace Asyncoro::Detail
