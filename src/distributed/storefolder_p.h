// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "descriptor_p.h"
#include "filerefused.h"
#include "filedigest_p.h"

#include <QList>
#include <QMutex>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

namespace Asyncoro::Detail {

/** Where a file is in a store, as a peer gives it: names with slashes between them. */
class StorePath
{
public:
    static constexpr qsizetype MaxDepth = 64;

    /**
     * Throws FileRefused unless it is relative and says nothing twice: no empty names, no "." or "..", no byte 0, and
     * no more than MaxDepth names that a file system of 255 bytes a name can hold.
     */
    explicit StorePath(const QString &text);

    [[nodiscard]] const QString &text() const { return m_text; }
    /** Those of folders. */
    [[nodiscard]] const QList<QByteArray> &folders() const { return m_folders; }
    [[nodiscard]] const QByteArray &name() const { return m_name; }

    [[noreturn]] void refuse(FileRefused::Reason reason, const QString &why) const;
    /** With the system's reason. */
    [[noreturn]] void fail(const QString &operation) const;

private:
    QString m_text;
    QList<QByteArray> m_folders;
    QByteArray m_name;
};

/**
 * A file that has not arrived whole. What there is of it stays when this is destroyed, so that it can be gone on
 * with. One thread at a time is inside.
 */
class PartialFile
{
public:
    PartialFile(StorePath path, Descriptor folder, QByteArray name, Descriptor file);
    ~PartialFile();
    Q_DISABLE_COPY_MOVE(PartialFile)

    void remove();
    /**
     * Takes what is there already, of a file of `size` bytes; gives how much that is. Stops early, with what was
     * read, if asked to.
     */
    qint64 resume(qint64 size, const std::stop_token &stop);
    /** Forgets what is there. */
    void restart();
    /** `position` is where `bytes` belong. Throws if that is not the end: what comes before has failed. */
    void append(const QByteArray &bytes, qint64 position);
    /** FileDigest of what is there. */
    QByteArray digest();

private:
    friend class StoreFolder;

    QMutex m_mutex; // for a thread that goes on with what was cancelled; guards what follows
    const StorePath m_path;
    const Descriptor m_folder; // for partial files
    const QByteArray m_name; // there
    const Descriptor m_file; // locked: nobody else goes on with it
    FileDigest m_hash;
    qint64 m_size = 0; // of which the hash is
};

/**
 * The folder of a store: all that is done there by paths of peers. Everything blocks; any thread.
 *
 * Each name of a path is opened on its own, in the folder that was opened before it, and no symbolic link is
 * followed. So it does not matter what is changed between one step and the next: there is no way out of the folder.
 */
class StoreFolder
{
public:
    /** Makes the folder if it is not there. Throws FileError. */
    explicit StoreFolder(const QString &path);

    /** Opens a file for reading; one that is not open is not there. */
    Descriptor openForReading(const StorePath &path);

    /**
     * What is there of a file that is to come; `content` stands for what it is to hold. Nobody else gets it
     * meanwhile.
     */
    std::shared_ptr<PartialFile> openPartial(const StorePath &path, const QByteArray &content);

    enum class Existing : bool { Keep, Replace };
    struct Attributes {
        qint64 modified = 0; // in nanoseconds since 1970
        int mode = 0; // permissions
    };
    /**
     * Puts a file into its place, on the disk; false if there is one that is to be kept. Its owner may read and write it
     * until it is there, whatever its mode is to be; a crash at that moment may leave it so.
     */
    bool commit(PartialFile &partial, const Attributes &attributes, Existing existing);

    void makeFolder(const StorePath &path);
    /**
     * Removes a file, or a folder with all that is in it, and folders above that are empty then. Gives how many files
     * that were.
     */
    qint64 remove(const StorePath &path);

    /** How many bytes its files have, but for those that are arriving. */
    qint64 usage(const std::stop_token &stop);
    /** Removes partial files that nobody goes on with and that are older than that; with 0 all, whatever their times. */
    void removePartials(std::chrono::seconds age);

private:
    enum class Missing : bool { Leave, Make };

    Descriptor enter(const Descriptor &folder, const QByteArray &name, const StorePath &path, Missing missing);
    std::vector<Descriptor> enterAll(const StorePath &path, Missing missing);
    Descriptor openUnlocked(const QByteArray &partial, int flags);
    qint64 removeTree(const Descriptor &folder, const QByteArray &name, const StorePath &path);
    qint64 usageOf(const Descriptor &folder, const std::stop_token &stop);

    Descriptor m_root;
    Descriptor m_partials; // the hidden folder, which no path leads to
    QMutex m_treeMutex; // so that no folder is removed in which a file is put just now
};

/** FileDigest of all of a file; empty if it was stopped. */
QByteArray digestOf(const Descriptor &file, const StorePath &path, const std::stop_token &stop);

} // namespace Asyncoro::Detail
