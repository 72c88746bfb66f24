// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "networkreference_p.h"

#include <Asyncoro/Result>

#include <deque>
#include <variant>

namespace Asyncoro::Detail {

/**
 * Reads a file that a peer shares, from a position to its end: asks for several pieces in advance, and gives them in
 * their order. The memory that takes, here and there, is that of the pieces which are asked for and not yet read.
 */
class PieceReader
{
public:
    /** How much a peer gives at most. */
    static constexpr qint64 MaxPieceSize = 1024 * 1024;

    struct Source {
        std::variant<Location, Peer> owner;
        QByteArray key;
        QString name; ///< for messages
        qint64 size = 0;
    };
    /** How much is asked for in advance. */
    struct Window {
        qsizetype pieces = 4;
        qint64 pieceSize = MaxPieceSize;
    };

    PieceReader(NetworkReference network, Source source, Window window);
    /** What is under way is cancelled. */
    ~PieceReader();
    PieceReader(const PieceReader &) = delete;
    PieceReader &operator=(const PieceReader &) = delete;

    /** Before the first read(): that begins at `position`. */
    void start(qint64 position) { m_asked = m_position = position; }

    /**
     * The next piece; empty at the end. One call at a time; the reader lives until it is complete. Throws as
     * PeerNetwork::call(), and FileRefused if the file is no longer as it was, or not of the size that was said.
     */
    Task<QByteArray> read();

    /** The FileDigest of the first `size` bytes over there. Throws as read(). */
    Task<QByteArray> digest(qint64 size);

private:
    template<typename... A>
    Task<QVariantList> call(const QString &function, A... arguments) const;
    void ask();
    void checkVersion(const QVariant &version);
    [[noreturn]] void throwChanged() const;

    const NetworkReference m_network;
    const Source m_source;
    const Window m_window;
    std::deque<Coro<Result<QVariantList>>> m_asking; // in the order of positions
    qint64 m_asked = 0; // up to where
    qint64 m_position = 0; // up to where pieces were given
    QString m_version;
    bool m_atEnd = false;
};

} // namespace Asyncoro::Detail
