// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "filesource_p.h"

#include "peernetwork.h"
#include "piecereader_p.h"
#include "sparearrays_p.h"
#include "wire/handshake_p.h"

#include <QFile>
#include <QHash>
#include <QMutex>

#include <fcntl.h>

namespace Asyncoro::Detail {

namespace {

constexpr qsizetype KeySize = 16;

[[noreturn]] void throwUnreadable(const QString &why)
{
    throw Error(QStringLiteral("cannot read the file: %1").arg(why));
}

} // namespace

Descriptor openForReading(const QString &path)
{
    const QByteArray name = QFile::encodeName(path);
    // What is no file might let open() wait, as a pipe does, or have a side effect.
    Descriptor file(retried([&] { return ::open(name.constData(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC); }));
    if (!file.isOpen())
        throw Error(QStringLiteral("cannot read %1: %2").arg(path, qt_error_string(errno)));
    if (!S_ISREG(file.status().st_mode))
        throw Error(QStringLiteral("cannot read %1: it is not a regular file").arg(path));
    return file;
}

// --- FileReadout ---

Descriptor FileReadout::open()
{
    Descriptor file = m_open();
    const struct stat status = file.status();
    const auto version = QStringLiteral("%1 %2 %3").arg(status.st_size).arg(modifiedAt(status)).arg(status.st_ino);
    if (version != m_version) {
        m_version = version;
        m_size = status.st_size;
        m_hash.reset();
        m_hashed = 0;
        m_whole.clear();
    }
    return file;
}

void FileReadout::addToHash(QByteArrayView bytes)
{
    m_hash.add(bytes);
    m_hashed += bytes.size();
    if (m_hashed == m_size)
        m_whole = m_hash.result();
}

QVariantList FileReadout::read(qint64 position, qint64 size)
{
    const Descriptor file = open();
    size = std::clamp<qint64>(size, 0, PieceReader::MaxPieceSize);
    QByteArray bytes = SpareArrays::take(size);
    bytes.resizeForOverwrite(size);
    const qint64 got = file.read(bytes.data(), size, position);
    if (got < 0)
        throwUnreadable(qt_error_string(errno));
    bytes.truncate(got);
    if (position == m_hashed && m_whole.isEmpty())
        addToHash(bytes);
    SpareArrays::keep(bytes);
    return {m_version, position + got >= m_size, bytes};
}

QVariantList FileReadout::digest(qint64 size, const std::stop_token &stop)
{
    const Descriptor file = open();
    if (size == m_size && !m_whole.isEmpty())
        return {m_version, m_whole};
    if (size < 0 || size > m_size)
        throwUnreadable(QStringLiteral("it has %1 bytes, not %2").arg(m_size).arg(size));
    if (size < m_hashed) {
        m_hash.reset();
        m_hashed = 0;
    }
    QByteArray piece(PieceReader::MaxPieceSize, Qt::Uninitialized);
    while (m_hashed < size) {
        if (stop.stop_requested())
            return {};
        const qint64 got = file.read(piece.data(), std::min<qint64>(piece.size(), size - m_hashed), m_hashed);
        if (got <= 0)
            throwUnreadable(got < 0 ? qt_error_string(errno) : QStringLiteral("it has become shorter"));
        addToHash(QByteArrayView(piece).first(got));
    }
    return {m_version, m_hash.result()};
}

// --- FileSource ---

/** What can be read in this process, by keys. Any thread. */
class FileSource::Shelf
{
public:
    static QByteArray put(std::shared_ptr<Shared> shared)
    {
        const QByteArray key = randomBytes(KeySize);
        const QMutexLocker lock(&s_mutex);
        s_sources.insert(key, std::move(shared));
        return key;
    }
    static void remove(const QByteArray &key)
    {
        const QMutexLocker lock(&s_mutex);
        s_sources.remove(key);
    }
    static std::shared_ptr<Shared> find(const QByteArray &key)
    {
        const QMutexLocker lock(&s_mutex);
        auto shared = s_sources.value(key);
        if (!shared)
            throw Error(QStringLiteral("the file is not shared, or no longer"));
        return shared;
    }

private:
    static inline QBasicMutex s_mutex;
    static inline QHash<QByteArray, std::shared_ptr<Shared>> s_sources;
};

FileSource::FileSource(FileReadout::Open open, Progress progress)
    : m_shared(std::make_shared<Shared>(std::move(open)))
    , m_key(Shelf::put(m_shared))
{
    m_shared->progress = std::move(progress);
}

FileSource::~FileSource()
{
    m_shared->progress = {};
    unshare(m_key);
}

QByteArray FileSource::share(FileReadout::Open open)
{
    return Shelf::put(std::make_shared<Shared>(std::move(open)));
}

void FileSource::unshare(const QByteArray &key)
{
    Shelf::remove(key);
}

Task<QVariantList> FileSource::read(QByteArray key, qint64 position, qint64 size)
{
    const auto shared = Shelf::find(key);
    try {
        QVariantList piece = co_await shared->queue->run(
            [readout = shared->readout, position, size] { return readout->read(position, size); });
        if (shared->progress)
            shared->progress(position + piece.at(2).toByteArray().size());
        co_return piece;
    } catch (const std::exception &) {
        shared->failure = std::current_exception();
        throw;
    }
}

Task<QVariantList> FileSource::digest(QByteArray key, qint64 size)
{
    const auto shared = Shelf::find(key);
    try {
        co_return co_await shared->queue->run(
            [readout = shared->readout, size](const std::stop_token &stop) { return readout->digest(size, stop); });
    } catch (const std::exception &) {
        shared->failure = std::current_exception();
        throw;
    }
}

void FileSource::offerTo(PeerNetwork &network)
{
    network.offer(QStringLiteral("asyncoro.file.read"), &FileSource::read);
    network.offer(QStringLiteral("asyncoro.file.digest"), &FileSource::digest);
}

} // namespace Asyncoro::Detail
