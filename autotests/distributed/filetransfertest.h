// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "distributedtest.h"

#include <Asyncoro/FileStore>
#include <Asyncoro/FileTransfer>

#include <QCryptographicHash>
#include <QDir>
#include <QDirIterator>
#include <QRandomGenerator>
#include <QTemporaryDir>

#include <sys/file.h>

namespace DistributedTest {

using Reason = FileRefused::Reason;

inline QByteArray randomContent(qsizetype size, quint32 seed = 42)
{
    QList<quint32> numbers(size / 4 + 1);
    QRandomGenerator(seed).fillRange(numbers.data(), numbers.size());
    return QByteArray(reinterpret_cast<const char *>(numbers.constData()), size);
}

/** What docs/wire-format.md says that files are compared by. */
inline QByteArray fileDigestOf(const QByteArray &content)
{
    const auto sha256 = [](const QByteArray &bytes) {
        return QCryptographicHash::hash(bytes, QCryptographicHash::Sha256);
    };
    QByteArray pieces;
    for (qsizetype position = 0; position < content.size(); position += 32'768)
        pieces += sha256(content.mid(position, 32'768));
    return sha256(pieces);
}

inline QByteArray contentOf(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray("<unreadable>");
}

inline void writeTo(const QString &path, const QByteArray &content)
{
    QVERIFY(QDir().mkpath(QFileInfo(path).path()));
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly | QIODevice::Truncate) && file.write(content) == content.size());
}

/** With which reason `work` is refused; 0 if it is not. Any other failure passes. */
template<typename Work>
int refusalOf(Work &&work)
{
    try {
        waitFor(std::forward<Work>(work), 30s);
    } catch (const FileRefused &refused) {
        return int(refused.reason());
    }
    return 0;
}

/** Two networks, of which the far one may have a store. */
class TwoNetworks : public QObject
{
protected:
    void setUp()
    {
        failOnWarnings();
        m_folder = std::make_unique<QTemporaryDir>();
        m_near = makeNetwork();
        m_far = makeNetwork();
    }
    void tearDown()
    {
        m_store.reset();
        m_near.reset();
        m_far.reset();
        m_folder.reset();
    }

    void openStore(const FileStore::Options &options = {})
    {
        m_store.reset();
        m_store = std::make_unique<FileStore>(*m_far, path(QStringLiteral("store")), options);
    }

    [[nodiscard]] QString path(const QString &name) const { return m_folder->filePath(name); }
    [[nodiscard]] QString stored(const QString &name) const { return path(QStringLiteral("store/") + name); }

    Task<SentFiles> send(const QString &file, const QString &as = {}, const SendOptions &options = {})
    {
        return sendFiles(*m_near, m_far->location(), path(file), as, options);
    }

    /** All files of the store that a program sees, in order. */
    [[nodiscard]] QStringList visible() const { return filesIn(path(QStringLiteral("store")), QDir::Files | QDir::System); }
    /** The partial files. */
    [[nodiscard]] QStringList partials() const { return filesIn(stored(QStringLiteral(".asyncoro")), QDir::Files | QDir::Hidden); }
    /** Whether the store has ended with a partial file: it may be writing the last piece. */
    [[nodiscard]] bool isLetGo(const QString &partial) const
    {
        QFile file(stored(QStringLiteral(".asyncoro/") + partial));
        return file.open(QIODevice::ReadWrite) && ::flock(file.handle(), LOCK_EX | LOCK_NB) == 0;
    }

    static QStringList filesIn(const QString &folder, QDir::Filters filters)
    {
        QStringList all;
        QDirIterator entries(folder, filters, QDirIterator::Subdirectories);
        while (entries.hasNext())
            all << QDir(folder).relativeFilePath(entries.next());
        all.sort();
        return all;
    }

    std::unique_ptr<QTemporaryDir> m_folder;
    std::unique_ptr<PeerNetwork> m_near;
    std::unique_ptr<PeerNetwork> m_far;
    std::unique_ptr<FileStore> m_store;
};

} // namespace DistributedTest
