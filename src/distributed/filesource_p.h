// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "descriptor_p.h"
#include "filequeue_p.h"
#include "filedigest_p.h"

#include <Asyncoro/Task>

#include <QVariantList>

#include <functional>
#include <memory>
#include <stop_token>

namespace Asyncoro {

class PeerNetwork;

namespace Detail {

/**
 * Reads a file that peers may read, and the digest of it, which it mostly gets by the way: one reader who goes from
 * the beginning to the end lets it be read once. One thread for files at a time: that of a FileQueue.
 */
class FileReadout
{
public:
    /** Opens the file for reading; throws an Error if that cannot be. */
    using Open = std::function<Descriptor()>;

    explicit FileReadout(Open open)
        : m_open(std::move(open))
    {
    }

    /** [version, whether this is the end, bytes]. The version is another one when the file has changed. */
    QVariantList read(qint64 position, qint64 size);
    /** [version, FileDigest of the first `size` bytes]; empty if it was stopped. */
    QVariantList digest(qint64 size, const std::stop_token &stop);

private:
    Descriptor open();
    void addToHash(QByteArrayView bytes);

    const Open m_open;
    QString m_version;
    qint64 m_size = 0;
    FileDigest m_hash; // of the first m_hashed bytes
    qint64 m_hashed = 0;
    QByteArray m_whole; // digest of all of it, once that was reached
};

/** A file that peers can read, by a key that only those have whom it was given to. On the thread of its network. */
class FileSource
{
public:
    /** Called with the position behind each piece that was read. */
    using Progress = std::function<void(qint64 position)>;

    explicit FileSource(FileReadout::Open open, Progress progress = {});
    ~FileSource();
    FileSource(const FileSource &) = delete;
    FileSource &operator=(const FileSource &) = delete;

    /** Lets peers read a file until unshare(): gives its key. */
    static QByteArray share(FileReadout::Open open);
    static void unshare(const QByteArray &key);

    [[nodiscard]] QByteArray key() const { return m_key; }
    /** Why it could not be read, if that was so: peers are told in words only. */
    [[nodiscard]] std::exception_ptr failure() const { return m_shared->failure; }

    static void offerTo(PeerNetwork &network);

private:
    struct Shared {
        explicit Shared(FileReadout::Open open)
            : readout(std::make_shared<FileReadout>(std::move(open)))
        {
        }
        const std::shared_ptr<FileReadout> readout;
        Progress progress;
        std::exception_ptr failure;
        /** In the order in which peers ask, for the sake of the hash. */
        const std::shared_ptr<FileQueue> queue = std::make_shared<FileQueue>();
    };
    class Shelf;

    static Task<QVariantList> read(QByteArray key, qint64 position, qint64 size);
    static Task<QVariantList> digest(QByteArray key, qint64 size);

    const std::shared_ptr<Shared> m_shared;
    const QByteArray m_key;
};

/** Opens `path`, which must be a regular file, for reading. Throws an Error. Blocks. */
Descriptor openForReading(const QString &path);

} // namespace Detail
} // namespace Asyncoro
