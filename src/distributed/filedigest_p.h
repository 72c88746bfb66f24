// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "sha256_p.h"

namespace Asyncoro::Detail {

/**
 * What the content of files is compared by: the SHA-256 of the SHA-256s of its pieces of PieceSize bytes, in their order;
 * the last one may be shorter. So several pieces can be hashed at once, by the parallel instructions of the processor:
 * that takes a third of the time of one SHA-256 over all. It is as good as that, given that files are of equal size.
 */
class FileDigest
{
public:
    static constexpr qsizetype Size = Sha256::Size;
    static constexpr qsizetype PieceSize = 32 * 1024;

    /** More at a time takes less: from some pieces on, those that are whole are hashed together. */
    void add(QByteArrayView bytes);
    /** Of what was added so far; more can be added. */
    [[nodiscard]] QByteArray result() const;
    /** Begins anew. */
    void reset();

private:
    Sha256 m_pieces; // of the hashes of those that are whole
    Sha256 m_piece; // of what there is of the next one
    qsizetype m_pieceSize = 0;
};

} // namespace Asyncoro::Detail
