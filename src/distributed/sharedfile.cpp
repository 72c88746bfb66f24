// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "sharedfile.h"

#include "peernetwork.h"
#include "wire/handshake_p.h"

#include <QDateTime>
#include <QFileInfo>
#include <QHash>
#include <QMutex>
#include <QSaveFile>

namespace Asyncoro {

namespace {

constexpr qsizetype KeySize = 16;

/** The paths of the shared files of this process by their keys. */
struct Shelf {
    QMutex mutex;
    QHash<QByteArray, QString> paths;
};

Shelf &shelf()
{
    static Shelf instance;
    return instance;
}

/** Changes when the file does. */
QString versionOf(const QFileInfo &file)
{
    return QStringLiteral("%1 %2").arg(file.size()).arg(file.lastModified().toMSecsSinceEpoch());
}

/** [version, whether this is the end, bytes] */
Task<QVariantList> readPiece(QByteArray key, qint64 position, qint64 size)
{
    QString path;
    {
        const QMutexLocker lock(&shelf().mutex);
        path = shelf().paths.value(key);
    }
    if (path.isEmpty())
        throw Error(QStringLiteral("the file is not shared, or no longer"));
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        throw Error(QStringLiteral("cannot read %1: %2").arg(path, file.errorString()));
    const QString version = versionOf(QFileInfo(file));
    if (!file.seek(position))
        throw Error(QStringLiteral("cannot read %1: %2").arg(path, file.errorString()));
    const QByteArray bytes = file.read(std::clamp<qint64>(size, 0, SharedFileReader::PieceSize));
    if (file.error() != QFile::NoError)
        throw Error(QStringLiteral("cannot read %1: %2").arg(path, file.errorString()));
    co_return {version, file.atEnd(), bytes};
}

} // namespace

SharedFile::SharedFile(const PeerNetwork &network, const QString &path)
    : m_owner(network.anchor())
    , m_key(Detail::randomBytes(KeySize))
{
    const QFileInfo info(path);
    if (!info.exists())
        throw Error(QStringLiteral("%1 does not exist").arg(path));
    if (!info.isFile())
        throw Error(QStringLiteral("%1 is not a regular file").arg(path));
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        throw Error(QStringLiteral("cannot read %1: %2").arg(path, file.errorString()));
    m_name = info.fileName();
    m_size = info.size();
    const QMutexLocker lock(&shelf().mutex);
    shelf().paths.insert(m_key, info.absoluteFilePath());
}

void SharedFile::unshare()
{
    const QMutexLocker lock(&shelf().mutex);
    shelf().paths.remove(m_key);
}

SharedFileReader::SharedFileReader(PeerNetwork &network, const SharedFile &file)
    : m_network(network)
    , m_file(file)
{
}

Task<QByteArray> SharedFileReader::read()
{
    if (m_atEnd)
        co_return {};
    const auto piece = co_await m_network.call<QVariantList>(m_file.location(), QStringLiteral("asyncoro.file.read"), m_file.m_key,
                                                             m_position, PieceSize);
    if (piece.size() != 3)
        throw WireError(QStringLiteral("malformed piece of a file"));
    if (m_position > 0 && piece[0].toString() != m_version)
        throw Error(QStringLiteral("%1 has changed while it was read").arg(m_file.name()));
    m_version = piece[0].toString();
    const QByteArray bytes = piece[2].toByteArray();
    m_position += bytes.size();
    m_atEnd = piece[1].toBool() || bytes.isEmpty();
    co_return bytes;
}

Task<> fetchFile(PeerNetwork &network, SharedFile file, QString path)
{
    QSaveFile target(path);
    if (!target.open(QIODevice::WriteOnly))
        throw Error(QStringLiteral("cannot write %1: %2").arg(path, target.errorString()));
    SharedFileReader reader(network, file);
    for (;;) {
        const QByteArray bytes = co_await reader.read();
        if (bytes.isEmpty())
            break;
        if (target.write(bytes) != bytes.size())
            throw Error(QStringLiteral("cannot write %1: %2").arg(path, target.errorString()));
    }
    if (!target.commit())
        throw Error(QStringLiteral("cannot write %1: %2").arg(path, target.errorString()));
}

void Detail::offerSharedFiles(PeerNetwork &network)
{
    registerMessageType<SharedFile>();
    network.offer(QStringLiteral("asyncoro.file.read"), &readPiece);
}

} // namespace Asyncoro
