// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "filesource_p.h"
#include "filestore.h"
#include "filetransfer.h"
#include "piecereader_p.h"
#include "storefolder_p.h"

#include <Asyncoro/Lock>
#include <Asyncoro/Semaphore>

#include <QCache>
#include <QHash>

namespace Asyncoro::Detail {

/** The name of a function that a store offers. */
QString storeFunction(const QString &store, QLatin1StringView verb);

/**
 * What such a function has given without the number in front; throws the FileRefused that it stands for, or a
 * WireError.
 */
QVariantList valuesOf(QVariantList answer, qsizetype count);

/** What a FileStore is for peers. On the thread of the network. */
class FileStoreCore : public std::enable_shared_from_this<FileStoreCore>
{
public:
    FileStoreCore(const PeerNetwork &network, const QString &folder, const FileStore::Options &options);
    ~FileStoreCore();

    void offerTo(PeerNetwork &network);
    void close();

private:
    using Access = FileStore::Access;
    using Reason = FileRefused::Reason;
    using Work = std::function<Task<QVariantList>(FileStoreCore &core, StorePath path)>;
    class Reservation;
    struct Sender;

    /** A file that a peer has and wants to be here. */
    struct Incoming {
        Peer sender;
        QByteArray key;
        StorePath path;
        qint64 size = 0;
        StoreFolder::Attributes attributes;
        Overwrite overwrite = Overwrite::Never;
    };

    static Task<QVariantList> serve(std::weak_ptr<FileStoreCore> weak, Peer caller, QString path, Access needed,
                                    Work work);
    Task<QVariantList> put(Incoming incoming);
    Task<QVariantList> makeFolder(StorePath path);
    Task<QVariantList> remove(StorePath path);
    Task<QVariantList> find(StorePath path);

    void check(const Peer &caller, Access needed, const QString &path) const;
    [[nodiscard]] bool mayReplace() const { return m_options.allowed.testFlag(Access::Replace); }
    Task<bool> isThere(Incoming incoming, PieceReader *reader);
    Task<qint64> receive(Incoming incoming, PieceReader *reader, std::shared_ptr<PartialFile> partial, qint64 position);
    Task<std::unique_ptr<Reservation>> reserve(StorePath path, qint64 size);
    std::chrono::milliseconds patienceFor(qint64 hashed) const;

    const NetworkReference m_network;
    const Coro<> m_anchor;
    const FileStore::Options m_options;
    const std::shared_ptr<StoreFolder> m_folder;
    std::stop_source m_closed;

    Semaphore m_transfers;
    QHash<const PeerLink *, std::weak_ptr<Sender>> m_senders;
    QHash<QByteArray, std::weak_ptr<Lock>> m_turns; // of those who send the same file to the same place
    QCache<QString, FileSource> m_found; // what find() has given last

    // The quota. No more is used than m_used says; when that is too much, it is measured again.
    Lock m_reserving;
    qint64 m_used;
    qint64 m_reserved = 0; // by what is arriving
    qint64 m_released = 0; // in all: what was reserved, and has arrived or not
    QDeadlineTimer m_nextCleaning;
};

} // namespace Asyncoro::Detail
