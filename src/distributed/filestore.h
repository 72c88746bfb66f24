// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "filerefused.h"
#include "peernetwork.h"

#include <QFlags>

#include <chrono>
#include <functional>
#include <limits>
#include <memory>

namespace Asyncoro {

namespace Detail {
class FileStoreCore;
} // namespace Detail

/**
 * A folder of this process in which peers may keep files: see sendFiles(), removeFiles() and findFile() for their
 * side.
 *
 * Unless there is such an object, no peer can write anything anywhere. What they give as a path is relative to the
 * folder and cannot lead out of it: not by "..", not by a symbolic link, not by one that is planted at the wrong
 * moment either; a link or a special file on the way is refused.
 *
 * A file appears under its name when it is whole, compared by SHA-256, and on the disk. Until then it is in the
 * folder ".asyncoro" of the store, which peers cannot name; a transfer that breaks off leaves it there, and the next
 * one of the same file goes on from there.
 *
 * Lives on the thread of its network. Others may use the folder meanwhile: programs find whole files there. Several
 * stores may share one.
 */
class ASYNCORO_DISTRIBUTED_EXPORT FileStore
{
public:
    /** What peers may do. */
    enum class Access : quint8 {
        Add = 1, ///< new files and folders
        Replace = 2, ///< other content for a file that is there; only together with Add
        Remove = 4, ///< files and folders
        Read = 8, ///< any file
    };
    Q_DECLARE_FLAGS(Accesses, Access)

    struct Options {
        /**
         * By which peers name it, if a process has several. A later store of the same network and name takes its
         * place.
         */
        QString name = QStringLiteral("files");
        Accesses allowed = Access::Add;
        /** Which peers may use it; all that take part in the network if it is empty. */
        std::function<bool(const Peer &peer)> accepts = {};
        /** In bytes. */
        qint64 maxFileSize = std::numeric_limits<qint64>::max();
        /** In bytes, of all files that are or arrive in the folder. To make room, what has broken off is removed. */
        qint64 quota = std::numeric_limits<qint64>::max();
        /**
         * How many files may arrive at a time; others wait. No more than a quarter of them, but at least one, come from
         * one peer, and peers take turns: so one that stalls leaves room to others if this is 2 or more. Of one peer no
         * more than 1000 arrive or wait; it is refused others.
         */
        int maxTransfers = 16;
        /** A transfer of which nothing comes for so long ends. */
        std::chrono::milliseconds patience = std::chrono::minutes(1);
        /** What has broken off is kept for so long. */
        std::chrono::seconds keepPartial = std::chrono::days(7);
    };

    /**
     * Offers `folder`, which is made if it is not there, to the peers of `network`. Throws FileError if it cannot be
     * used, and an Error if an option makes no sense.
     */
    FileStore(PeerNetwork &network, const QString &folder, const Options &options);
    FileStore(PeerNetwork &network, const QString &folder);
    /** Peers can use it no longer; transfers end. */
    ~FileStore();
    FileStore(const FileStore &) = delete;
    FileStore &operator=(const FileStore &) = delete;

private:
    const std::shared_ptr<Detail::FileStoreCore> m_core;
};

Q_DECLARE_OPERATORS_FOR_FLAGS(FileStore::Accesses)

} // namespace Asyncoro
