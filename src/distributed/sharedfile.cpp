// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "sharedfile.h"

#include "filerefused.h"
#include "filesource_p.h"
#include "piecereader_p.h"

#include <Asyncoro/AsyncFile>
#include <Asyncoro/FileSystem>

#include <QFileInfo>

namespace Asyncoro {

using namespace Detail;

namespace {

Task<> fetch(NetworkReference network, PieceReader::Source source, QString path)
{
    AsyncFile target;
    co_await target.openReplacement(path);
    PieceReader reader(network, source, {});
    const auto hash = std::make_shared<FileDigest>(); // a thread may go on with it when this has ended
    for (;;) {
        const QByteArray bytes = co_await reader.read();
        if (bytes.isEmpty())
            break;
        co_await onFileThread([hash, bytes] { hash->add(bytes); });
        co_await target.write(bytes);
    }
    if (co_await reader.digest(source.size) != hash->result())
        throw FileRefused(FileRefused::Reason::Corrupted, source.name,
                          QStringLiteral("%1 has not arrived as it was sent").arg(source.name));
    co_await target.commit();
}

} // namespace

SharedFile::SharedFile(const PeerNetwork &network, const QString &path)
    : m_owner(network.anchor())
{
    const QFileInfo info(path);
    if (!info.exists())
        throw Error(QStringLiteral("%1 does not exist").arg(path));
    if (!info.isFile())
        throw Error(QStringLiteral("%1 is not a regular file").arg(path));
    const QString absolutePath = info.absoluteFilePath();
    m_size = openForReading(absolutePath).status().st_size;
    m_name = info.fileName();
    m_key = FileSource::share([absolutePath] { return openForReading(absolutePath); });
}

SharedFile::SharedFile(const Coro<> &owner, const QByteArray &key, const QString &name, qint64 size)
    : m_owner(owner)
    , m_key(key)
    , m_name(name)
    , m_size(size)
{
}

void SharedFile::setName(const QString &name)
{
    m_name = name.sliced(name.lastIndexOf(u'/') + 1);
    if (m_name == u"." || m_name == u".." || m_name.contains(QChar(0)))
        m_name.clear();
}

void SharedFile::unshare()
{
    FileSource::unshare(m_key);
}

SharedFileReader::SharedFileReader(PeerNetwork &network, const SharedFile &file)
    : m_reader(std::make_unique<PieceReader>(NetworkReference(network),
                                             PieceReader::Source{file.location(), file.m_key, file.name(), file.size()},
                                             PieceReader::Window{.pieces = 1, .pieceSize = PieceSize}))
{
}

SharedFileReader::~SharedFileReader() = default;

Task<QByteArray> SharedFileReader::read()
{
    return m_reader->read();
}

Task<> fetchFile(PeerNetwork &network, SharedFile file, QString path)
{
    return fetch(NetworkReference(network), {file.location(), file.m_key, file.name(), file.size()}, std::move(path));
}

void Detail::offerSharedFiles(PeerNetwork &network)
{
    registerMessageType<SharedFile>();
    FileSource::offerTo(network);
}

} // namespace Asyncoro
