// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "filerefused.h"
#include "peernetwork.h"
#include "sharedfile.h"

#include <functional>

namespace Asyncoro {

/** What becomes of a file that is in the store already. */
enum class Overwrite : quint8 {
    Never, ///< one of the same content is fine, any other is an error
    IfDifferent, ///< it is replaced, unless its content is the same
    Always, ///< it is replaced
};

/** What becomes of what is neither a file nor a folder, such as a symbolic link, in a folder that is sent. */
enum class Unsendable : quint8 {
    Refuse, ///< nothing is sent
    Skip, ///< the rest is sent
};

struct SendOptions {
    /** FileStore::Options::name over there. */
    QString store = QStringLiteral("files");
    Overwrite overwrite = Overwrite::Never;
    Unsendable unsendable = Unsendable::Refuse;
    QDeadlineTimer deadline = QDeadlineTimer::Forever;
    /**
     * Called on the network's thread with the bytes that are done and all that there are, after each piece and each
     * file. What it throws ends the transfer.
     */
    std::function<void(qint64 done, qint64 size)> progress = {};
};

/** What sendFiles() has done. */
struct SentFiles {
    int sent = 0; ///< files
    int alreadyThere = 0; ///< files, with the same content
    qint64 bytes = 0; ///< that went over the network
};

/**
 * Sends a file, or a folder with all that is in it, to a FileStore of the process at `to`, where it gets the name
 * `as`, a path with slashes; the last name of `path` if that is empty.
 *
 * A file appears there when it is whole; of a folder each on its own, four at a time. Permissions and time of
 * modification of files are kept. A symbolic link given as `path` is followed; for those in a folder see Unsendable.
 * Of a file that was sent in part before only the rest is sent, if the beginning is the same; a few megabytes are in
 * memory at a time. Of two that send different files to one name at the same time, one is there in the end, whole.
 *
 * Always suspends; resumes on the network's thread; any number may overlap, but a store refuses more than 1000 files of
 * one process at a time. Throws FileRefused if it cannot be sent so, or the store does not take it; FileError or an
 * Error if it cannot be read here; what PeerNetwork::call() does, such as PeerLost, and WireError if there is no such
 * store; TimedOut if the deadline passes. Files of a folder that were sent before that stay there. Cancelling ends it on
 * both sides at once; what has arrived of a file is kept for the next time.
 */
[[nodiscard]] ASYNCORO_DISTRIBUTED_EXPORT Task<SentFiles> sendFiles(PeerNetwork &network, Location to, QString path,
                                                                    QString as = {}, SendOptions options = {});

/**
 * Removes a file, or a folder with all that is in it, from a store of the process at `from`, and the folders above
 * that are empty then. Gives how many files that were.
 *
 * Always suspends, as sendFiles(). Throws FileRefused if it is not there or must not be removed, and what
 * PeerNetwork::call() does. When cancelled, it is removed or not.
 */
[[nodiscard]] ASYNCORO_DISTRIBUTED_EXPORT Task<qint64> removeFiles(PeerNetwork &network, Location from, QString path,
                                                                   QString store = QStringLiteral("files"));

/**
 * A file in a store of the process at `from`, to be read with fetchFile() or a SharedFileReader. Those that were
 * asked for last can be read for as long as they and the store are there.
 *
 * Always suspends, as sendFiles(). Throws FileRefused if it is not there or must not be read, and what
 * PeerNetwork::call() does.
 */
[[nodiscard]] ASYNCORO_DISTRIBUTED_EXPORT Task<SharedFile> findFile(PeerNetwork &network, Location from, QString path,
                                                                    QString store = QStringLiteral("files"));

} // namespace Asyncoro
