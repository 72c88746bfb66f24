// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "filedigest_p.h"

#include "parallelsha256_p.h"

#include <algorithm>

namespace Asyncoro::Detail {

void FileDigest::add(QByteArrayView bytes)
{
    const auto addToPiece = [&](qsizetype size) {
        m_piece.add(bytes.first(size));
        m_pieceSize += size;
        bytes.slice(size);
    };
    if (m_pieceSize > 0)
        addToPiece(std::min(bytes.size(), PieceSize - m_pieceSize));
    if (m_pieceSize == PieceSize) {
        m_pieces.add(m_piece.result());
        m_piece.reset();
        m_pieceSize = 0;
    }
    if (bytes.isEmpty())
        return;
    const QByteArrayView whole = bytes.first(bytes.size() / PieceSize * PieceSize);
    m_pieces.add(sha256OfEach(whole, PieceSize));
    bytes.slice(whole.size());
    addToPiece(bytes.size());
}

QByteArray FileDigest::result() const
{
    if (m_pieceSize == 0)
        return m_pieces.result();
    Sha256 all(m_pieces);
    all.add(m_piece.result());
    return all.result();
}

void FileDigest::reset()
{
    m_pieces.reset();
    m_piece.reset();
    m_pieceSize = 0;
}

} // namespace Asyncoro::Detail
