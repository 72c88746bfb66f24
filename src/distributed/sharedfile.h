// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodistributed_export.h"

#include <Asyncoro/Coro>
#include <Asyncoro/Task>

#include <memory>

namespace Asyncoro {

class PeerNetwork;

namespace Detail {
class FileStoreCore;
class PieceReader;
} // namespace Detail

/**
 * A file of one process that peers may read: a value that travels in messages.
 *
 * Only files that were shared can be read, and only by processes that were given such a value: it holds a key that
 * cannot be guessed. The file is read when it is asked for, so it must stay as it is meanwhile.
 */
class ASYNCORO_DISTRIBUTED_EXPORT SharedFile
{
    Q_GADGET
    Q_PROPERTY(Asyncoro::Coro<> owner MEMBER m_owner)
    Q_PROPERTY(QByteArray key MEMBER m_key)
    Q_PROPERTY(QString name READ name WRITE setName)
    Q_PROPERTY(qint64 size MEMBER m_size)

public:
    SharedFile() = default;

    /**
     * Shares the file at `path` with the peers of `network`. Throws an Error if it is not a regular file that can be
     * read. Ends with unshare() or with the process.
     */
    SharedFile(const PeerNetwork &network, const QString &path);

    /** The process that shares it; invalid if that is this one. */
    [[nodiscard]] Location location() const { return m_owner.location(); }
    /**
     * Its file name without the folder. Where a peer says something else, that is what is behind the last slash; empty
     * if that is no name of a file, as "..". So `folder + '/' + name()` does not lead out of a folder.
     */
    [[nodiscard]] QString name() const { return m_name; }
    /** In bytes, when it was shared. */
    [[nodiscard]] qint64 size() const { return m_size; }

    friend bool operator==(const SharedFile &, const SharedFile &) = default;

    /** In the process that shares it: peers can no longer read it, but for the piece that is under way. */
    void unshare();

private:
    friend class Detail::FileStoreCore;
    friend class SharedFileReader;
    friend Task<> fetchFile(PeerNetwork &network, SharedFile file, QString path);

    SharedFile(const Coro<> &owner, const QByteArray &key, const QString &name, qint64 size);

    void setName(const QString &name); // as it comes from a peer

    Coro<> m_owner; // the anchor of the network that shares it
    QByteArray m_key;
    QString m_name;
    qint64 m_size = 0;
};

/**
 * Reads a shared file from its beginning to its end, piece by piece: never more than one piece is in memory.
 */
class ASYNCORO_DISTRIBUTED_EXPORT SharedFileReader
{
public:
    SharedFileReader(PeerNetwork &network, const SharedFile &file);
    ~SharedFileReader();
    SharedFileReader(const SharedFileReader &) = delete;
    SharedFileReader &operator=(const SharedFileReader &) = delete;

    /**
     * The next piece, of at most PieceSize bytes; empty at the end.
     *
     * One call at a time. Throws what PeerNetwork::call() does: a RemoteError if the file can no longer be read over
     * there. FileRefused if it has changed since the first piece, or is not of the size any more with which it was
     * shared.
     */
    Task<QByteArray> read();

    static constexpr qint64 PieceSize = 1024 * 1024;

private:
    const std::unique_ptr<Detail::PieceReader> m_reader;
};

/**
 * Copies a shared file to `path`, whose folder must exist. It appears there whole or not at all, as
 * AsyncFile::openReplacement() says; an existing file is replaced. It is compared by SHA-256 with what it is over
 * there.
 *
 * Asks for some pieces in advance: a few megabytes are in memory. Throws what SharedFileReader::read() does,
 * FileRefused if what has arrived is not what was sent, and FileError if it cannot be written. Cancelling leaves what
 * was at `path`, and what had arrived is dropped. For transfers with progress that can be resumed, and for folders,
 * modes and times, see sendFiles().
 */
ASYNCORO_DISTRIBUTED_EXPORT Task<> fetchFile(PeerNetwork &network, SharedFile file, QString path);

namespace Detail {
void offerSharedFiles(PeerNetwork &network);
} // namespace Detail

} // namespace Asyncoro
