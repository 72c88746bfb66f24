// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "package_p.h"

#include <KArchiveDirectory>
#include <KArchiveFile>
#include <KCompressionDevice>
#include <KTar>

#include <QCryptographicHash>
#include <QDir>
#include <QFileInfo>
#include <QHash>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSaveFile>
#include <QSet>
#include <QStorageInfo>
#include <QSysInfo>
#include <QTemporaryDir>

#include <algorithm>
#include <memory>

// In the archive: manifest.json, program/NAME, files/PATH...

namespace Asyncoro::Discoro {

using namespace Qt::StringLiterals;

PackageError::~PackageError() = default;

namespace {

constexpr int FormatVersion = 1;
constexpr auto ManifestName = "manifest.json"_L1;
constexpr qint64 ChunkSize = 1 << 16;

QString folderPath(QLatin1StringView folder, const QString &path)
{
    return folder + u'/' + path;
}

// --- Streams ---------------------------------------------------------------------------------------------------------

/** Hands what `from` gives to `take`, piece by piece, and returns its hash. Throws if there are not `size` bytes. */
template<typename Take>
QByteArray stream(QIODevice &from, qint64 size, const QString &name, Take take)
{
    QCryptographicHash hash(QCryptographicHash::Sha256);
    QByteArray chunk(ChunkSize, Qt::Uninitialized);
    qint64 total = 0;
    while (true) {
        const qint64 count = from.read(chunk.data(), chunk.size());
        if (count < 0)
            throw PackageError(u"cannot read %1: %2"_s.arg(name, from.errorString()));
        if (count == 0)
            break;
        total += count;
        if (total > size)
            throw PackageError(u"%1 is longer than it was said to be"_s.arg(name));
        const QByteArrayView piece(chunk.constData(), count);
        hash.addData(piece);
        take(piece);
    }
    if (total < size)
        throw PackageError(u"%1 is shorter than it was said to be"_s.arg(name));
    return hash.result().toHex();
}

QByteArray hashOf(const QString &fileName)
{
    QFile file(fileName);
    if (!file.open(QIODevice::ReadOnly))
        throw PackageError(u"cannot read %1: %2"_s.arg(fileName, file.errorString()));
    return stream(file, file.size(), fileName, [](QByteArrayView) { });
}

// --- The manifest ----------------------------------------------------------------------------------------------------

/** Whether a path leads to a place below its folder, and is written in the one way for that place. */
bool isPlain(const QString &path)
{
    return !path.isEmpty() && !QDir::isAbsolutePath(path) && !path.startsWith(u':') && !path.contains(QChar::Null)
        && QDir::cleanPath(path) == path && path != u"."_s && path != u".."_s && !path.startsWith("../"_L1);
}

void check(const PackageManifest &manifest)
{
    if (!isPlain(manifest.program.path) || manifest.program.path.contains(u'/'))
        throw PackageError(u"the package's program cannot be called \"%1\""_s.arg(manifest.program.path));
    if (manifest.files.size() > Package::MaxFiles)
        throw PackageError(
            u"the package has %1 files; %2 are allowed"_s.arg(manifest.files.size()).arg(Package::MaxFiles));

    QSet<QString> files;
    QSet<QString> folders;
    for (const PackageEntry &file : manifest.files) {
        if (!isPlain(file.path))
            throw PackageError(u"the package has a file that would lie outside of its folder: \"%1\""_s.arg(file.path));
        if (files.contains(file.path))
            throw PackageError(u"the package has two files called %1"_s.arg(file.path));
        files.insert(file.path);
        for (qsizetype slash = file.path.indexOf(u'/'); slash >= 0; slash = file.path.indexOf(u'/', slash + 1))
            folders.insert(file.path.left(slash));
    }
    if (folders.intersects(files))
        throw PackageError(u"the package has a file and a folder called %1"_s.arg(*folders.intersect(files).cbegin()));

    qint64 total = 0; // cannot overflow: so many files of so many bytes
    for (const PackageEntry &entry : manifest.files + QList{manifest.program}) {
        if (entry.size < 0 || entry.size > Package::MaxFileSize)
            throw PackageError(u"%1 is too large for a package: %2 bytes"_s.arg(entry.path).arg(entry.size));
        total += entry.size;
    }
    if (total > Package::MaxUnpackedSize)
        throw PackageError(u"the package takes %1 bytes; %2 are allowed"_s.arg(total).arg(Package::MaxUnpackedSize));
}

QJsonObject toJson(const PackageEntry &entry)
{
    return {
        {"path"_L1, entry.path},
        {"size"_L1, entry.size},
        {"sha256"_L1, QLatin1StringView(entry.sha256)},
        {"executable"_L1, entry.executable},
    };
}

QByteArray toJson(const PackageManifest &manifest)
{
    QJsonArray files;
    for (const PackageEntry &file : manifest.files)
        files.append(toJson(file));
    return QJsonDocument(QJsonObject{
                             {"format"_L1, FormatVersion},
                             {"platform"_L1, manifest.platform},
                             {"qt"_L1, manifest.qtVersion},
                             {"asyncoro"_L1, manifest.asyncoroVersion},
                             {"functions"_L1, QJsonArray::fromStringList(manifest.functions)},
                             {"program"_L1, toJson(manifest.program)},
                             {"files"_L1, files},
                         })
        .toJson();
}

QJsonValue find(const QJsonObject &object, QLatin1StringView name, QJsonValue::Type type)
{
    const QJsonValue value = object.value(name);
    if (value.type() != type)
        throw PackageError(u"the package's manifest is damaged: \"%1\" is missing or of the wrong type"_s.arg(name));
    return value;
}

PackageEntry entryFromJson(const QJsonObject &object)
{
    return {
        .path = find(object, "path"_L1, QJsonValue::String).toString(),
        .size = find(object, "size"_L1, QJsonValue::Double).toInteger(-1),
        .sha256 = find(object, "sha256"_L1, QJsonValue::String).toString().toLatin1(),
        .executable = find(object, "executable"_L1, QJsonValue::Bool).toBool(),
    };
}

PackageManifest manifestFromJson(const QByteArray &json)
{
    QJsonParseError error;
    const QJsonObject object = QJsonDocument::fromJson(json, &error).object();
    if (error.error != QJsonParseError::NoError)
        throw PackageError(u"the package's manifest is damaged: %1"_s.arg(error.errorString()));
    const int format = find(object, "format"_L1, QJsonValue::Double).toInt(-1);
    if (format != FormatVersion)
        throw PackageError(u"the package has format %1; only %2 is known here"_s.arg(format).arg(FormatVersion));

    PackageManifest manifest;
    manifest.platform = find(object, "platform"_L1, QJsonValue::String).toString();
    manifest.qtVersion = find(object, "qt"_L1, QJsonValue::String).toString();
    manifest.asyncoroVersion = find(object, "asyncoro"_L1, QJsonValue::String).toString();
    for (const QJsonValue function : find(object, "functions"_L1, QJsonValue::Array).toArray())
        manifest.functions.append(function.toString());
    manifest.program = entryFromJson(find(object, "program"_L1, QJsonValue::Object).toObject());
    for (const QJsonValue file : find(object, "files"_L1, QJsonValue::Array).toArray())
        manifest.files.append(entryFromJson(file.toObject()));
    check(manifest);
    return manifest;
}

// --- Archives --------------------------------------------------------------------------------------------------------

/** Decompresses a file, but no more than a package may have: a few bytes can stand for very many. */
class Decompressor : public KCompressionDevice
{
public:
    using KCompressionDevice::KCompressionDevice;

protected:
    qint64 readData(char *data, qint64 maxSize) override
    {
        if (pos() > Limit) {
            setErrorString(u"it takes more than %1 bytes"_s.arg(Limit));
            return -1;
        }
        return KCompressionDevice::readData(data, maxSize);
    }

private:
    // each file has a header and is filled up to a multiple of 512 bytes; one with a long path has two headers more
    static constexpr qint64 Limit = Package::MaxUnpackedSize + Package::MaxFiles * 8192 + Package::MaxManifestSize;
};

/** An archive that is written. Nothing is left of it unless commit() was called. */
class ArchiveWriter
{
public:
    explicit ArchiveWriter(const QString &fileName)
        : m_file(fileName)
    {
        if (!m_file.open(QIODevice::WriteOnly))
            fail(m_file.errorString());
        if (!m_compressor.open(QIODevice::WriteOnly) || m_compressor.compressionType() != KCompressionDevice::Zstd)
            fail(u"this KArchive cannot compress with zstd"_s);
        if (!m_tar.open(QIODevice::WriteOnly))
            fail(m_tar.errorString());
    }

    void add(const QString &name, QByteArrayView content)
    {
        if (!m_tar.writeFile(name, content, Readable, {}, {}, NoTime, NoTime, NoTime))
            fail(m_tar.errorString());
    }

    PackageEntry addFile(const QString &source, QLatin1StringView folder, const QString &path)
    {
        const QFileInfo info(source);
        QFile file(source);
        if (info.isDir())
            throw PackageError(u"%1 is a folder, and a package takes files"_s.arg(source));
        if (info.exists() && !info.isFile())
            throw PackageError(u"%1 is no regular file"_s.arg(source));
        if (!file.open(QIODevice::ReadOnly))
            throw PackageError(u"cannot read %1: %2"_s.arg(source, file.errorString()));

        PackageEntry entry{.path = path, .size = file.size(), .sha256 = {}, .executable = info.isExecutable()};
        if (entry.size > Package::MaxFileSize)
            throw PackageError(u"%1 is too large for a package: %2 bytes"_s.arg(source).arg(entry.size));
        if (!m_tar.prepareWriting(folderPath(folder, path), {}, {}, entry.size,
                                  entry.executable ? Executable : Readable, NoTime, NoTime, NoTime))
            fail(m_tar.errorString());
        entry.sha256 = stream(file, entry.size, source, [this](QByteArrayView piece) {
            if (!m_tar.writeData(piece))
                fail(m_file.errorString());
        });
        if (!m_tar.finishWriting(entry.size))
            fail(m_tar.errorString());
        return entry;
    }

    void commit()
    {
        const bool complete = m_tar.close();
        m_compressor.close();
        if (!complete || m_compressor.error() != QFileDevice::NoError || !m_file.commit())
            fail(m_file.errorString());
    }

private:
    static constexpr mode_t Readable = 0100644;
    static constexpr mode_t Executable = 0100755;
    // equal contents are to give equal archives
    const QDateTime NoTime = QDateTime::fromSecsSinceEpoch(0);

    [[noreturn]] void fail(const QString &reason) const
    {
        throw PackageError(u"cannot write the package %1: %2"_s.arg(m_file.fileName(), reason));
    }

    // each writes into the one before it, and must go before that
    QSaveFile m_file;
    KCompressionDevice m_compressor{&m_file, false, KCompressionDevice::Zstd};
    KTar m_tar{&m_compressor};
};

/** An archive that is read. */
class ArchiveReader
{
public:
    explicit ArchiveReader(const QString &fileName)
        : m_fileName(fileName)
        , m_decompressor(fileName, KCompressionDevice::Zstd)
    {
        if (!QFileInfo(fileName).isFile() || !m_decompressor.open(QIODevice::ReadOnly))
            throw PackageError(u"cannot read the package %1"_s.arg(fileName));
        if (!m_tar.open(QIODevice::ReadOnly))
            throw PackageError(u"%1 is no package, or it is damaged"_s.arg(fileName));
        list(*m_tar.directory(), {});
    }

    /** Regular files by their path. */
    [[nodiscard]] const QHash<QString, const KArchiveFile *> &files() const { return m_files; }

    [[nodiscard]] PackageManifest manifest() const
    {
        const KArchiveFile *file = m_files.value(ManifestName);
        if (!file)
            throw PackageError(u"%1 is no package, or it is damaged: it has no %2"_s.arg(m_fileName, ManifestName));
        if (file->size() > Package::MaxManifestSize)
            throw PackageError(u"the package's manifest is too large: %1 bytes"_s.arg(file->size()));
        QByteArray json;
        read(*file, ManifestName, [&json](QByteArrayView piece) { json.append(piece); });
        PackageManifest manifest = manifestFromJson(json);
        manifest.archiveHash = hashOf(m_fileName);
        return manifest;
    }

    template<typename Take>
    QByteArray read(const KArchiveFile &file, const QString &name, Take take) const
    {
        const std::unique_ptr<QIODevice> device(file.createDevice());
        return stream(*device, file.size(), u"%1 in the package"_s.arg(name), take);
    }

private:
    void list(const KArchiveDirectory &folder, const QString &prefix)
    {
        const QStringList names = folder.entries();
        if (names.isEmpty() && !prefix.isEmpty())
            throw PackageError(u"the package has a folder that its manifest does not list: \"%1\""_s.arg(prefix));
        for (const QString &name : names) {
            const QString path = prefix + name;
            const KArchiveEntry *entry = folder.entry(name);
            if (!entry)
                throw PackageError(u"the package has an entry that cannot be read: \"%1\""_s.arg(path));
            if (!entry->symLinkTarget().isEmpty() || entry->isDirectory() == entry->isFile())
                throw PackageError(u"the package has a link, which is not allowed: \"%1\""_s.arg(path));
            if (entry->isDirectory())
                list(static_cast<const KArchiveDirectory &>(*entry), path + u'/');
            else
                m_files.insert(path, static_cast<const KArchiveFile *>(entry));
        }
    }

    const QString m_fileName;
    Decompressor m_decompressor;
    KTar m_tar{&m_decompressor}; // keeps no temporary file: reads forward, again from the start where it must
    QHash<QString, const KArchiveFile *> m_files;
};

// --- Unpacking -------------------------------------------------------------------------------------------------------

/** A file to unpack: what the manifest says of it, and where the archive has it. */
struct Item {
    QString path; // in the archive, and below the target
    const PackageEntry *entry;
    const KArchiveFile *file;
};

/** What the manifest lists, in the order in which the archive has it. Throws unless both have the same. */
QList<Item> itemsOf(const PackageManifest &manifest, const ArchiveReader &archive)
{
    QHash<QString, const KArchiveFile *> files = archive.files();
    files.remove(ManifestName);

    QList<Item> items;
    const auto add = [&](const QString &path, const PackageEntry &entry) {
        const KArchiveFile *file = files.take(path);
        if (!file)
            throw PackageError(u"the package is damaged: %1 is missing"_s.arg(entry.path));
        if (file->size() != entry.size)
            throw PackageError(
                u"the package is damaged: %1 has %2 bytes, not %3"_s.arg(entry.path).arg(file->size()).arg(entry.size));
        items.append({path, &entry, file});
    };
    add(folderPath(Package::ProgramFolder, manifest.program.path), manifest.program);
    for (const PackageEntry &entry : manifest.files)
        add(folderPath(Package::FilesFolder, entry.path), entry);
    if (!files.isEmpty())
        throw PackageError(
            u"the package has a file that its manifest does not list: \"%1\""_s.arg(files.cbegin().key()));

    std::ranges::sort(items, {}, [](const Item &item) { return item.file->position(); });
    return items;
}

void extract(const Item &item, const ArchiveReader &archive, const QString &target)
{
    const QString fileName = target + u'/' + item.path;
    QFile file(fileName);
    QFile::Permissions permissions = QFile::ReadOwner | QFile::WriteOwner;
    if (item.entry->executable)
        permissions |= QFile::ExeOwner;
    if (!QDir().mkpath(QFileInfo(fileName).path())
        || !file.open(QIODevice::WriteOnly | QIODevice::NewOnly, permissions))
        throw PackageError(u"cannot write %1: %2"_s.arg(fileName, file.errorString()));

    const QByteArray hash = archive.read(*item.file, item.entry->path, [&file](QByteArrayView piece) {
        if (file.write(piece.data(), piece.size()) != piece.size())
            throw PackageError(u"cannot write %1: %2"_s.arg(file.fileName(), file.errorString()));
    });
    if (!file.flush())
        throw PackageError(u"cannot write %1: %2"_s.arg(fileName, file.errorString()));
    if (hash != item.entry->sha256)
        throw PackageError(
            u"the package is damaged: %1 does not have the SHA-256 that its manifest says"_s.arg(item.entry->path));
}

QString majorMinor(const QString &version)
{
    return version.section(u'.', 0, 1);
}

} // namespace

PackageFile PackageFile::fromSource(const QString &source)
{
    const QString path = QDir::current().relativeFilePath(QFileInfo(source).absoluteFilePath());
    return {source, isPlain(path) ? path : QFileInfo(source).fileName()};
}

QString PackageManifest::whyNotHere() const
{
    const auto differs = [](const QString &theirs, const QString &ours) {
        return theirs == ours ? QString() : u"it is for %1, this is %2"_s.arg(theirs, ours);
    };
    QString why = differs(platform, Package::thisPlatform());
    if (why.isEmpty())
        why = differs(u"Qt "_s + majorMinor(qtVersion), u"Qt "_s + majorMinor(QLatin1StringView(qVersion())));
    if (why.isEmpty())
        why = differs(u"Asyncoro "_s + asyncoroVersion, QStringLiteral("Asyncoro " ASYNCORO_VERSION));
    return why;
}

qint64 PackageManifest::unpackedSize() const
{
    qint64 size = program.size;
    for (const PackageEntry &file : files)
        size += file.size;
    return size;
}

PackageManifest Package::write(const PackageContents &contents, const QString &archive)
{
    PackageManifest manifest;
    manifest.platform = thisPlatform();
    manifest.qtVersion = QLatin1StringView(qVersion());
    manifest.asyncoroVersion = QStringLiteral(ASYNCORO_VERSION);
    manifest.functions = contents.functions;
    manifest.program.path = QFileInfo(contents.program).fileName();
    for (const PackageFile &file : contents.files)
        manifest.files.append({.path = file.path, .size = 0, .sha256 = {}, .executable = false});
    check(manifest); // before the work

    ArchiveWriter writer(archive);
    manifest.program = writer.addFile(contents.program, ProgramFolder, manifest.program.path);
    if (!manifest.program.executable)
        throw PackageError(u"%1 is no program: it is not executable"_s.arg(contents.program));
    for (qsizetype i = 0; i < contents.files.size(); ++i)
        manifest.files[i] = writer.addFile(contents.files[i].source, FilesFolder, contents.files[i].path);
    check(manifest);
    writer.add(ManifestName, toJson(manifest));
    writer.commit();
    manifest.archiveHash = hashOf(archive);
    return manifest;
}

PackageManifest Package::readManifest(const QString &archive)
{
    return ArchiveReader(archive).manifest();
}

PackageManifest Package::unpack(const QString &archive, const QString &target)
{
    const ArchiveReader reader(archive);
    const PackageManifest manifest = reader.manifest();
    if (const QString why = manifest.whyNotHere(); !why.isEmpty())
        throw PackageError(u"this node cannot run the package: "_s + why);
    const QList<Item> items = itemsOf(manifest, reader);

    if (QFileInfo::exists(target))
        throw PackageError(u"cannot unpack the package to %1: it exists already"_s.arg(target));
    const QString parent = QFileInfo(target).absolutePath();
    const QStorageInfo disk(parent);
    if (disk.isValid() && disk.bytesAvailable() < manifest.unpackedSize())
        throw PackageError(u"the package takes %1 bytes, and %2 has only %3 left"_s.arg(manifest.unpackedSize())
                               .arg(parent)
                               .arg(disk.bytesAvailable()));

    QTemporaryDir temporary(target + ".XXXXXX"_L1);
    if (!temporary.isValid())
        throw PackageError(u"cannot unpack the package to %1: %2"_s.arg(target, temporary.errorString()));
    if (!QDir(temporary.path()).mkdir(ProgramFolder) || !QDir(temporary.path()).mkdir(FilesFolder))
        throw PackageError(u"cannot unpack the package to %1"_s.arg(target));
    for (const Item &item : items)
        extract(item, reader, temporary.path());
    if (!QDir().rename(temporary.path(), target))
        throw PackageError(u"cannot rename %1 to %2"_s.arg(temporary.path(), target));
    temporary.setAutoRemove(false);
    return manifest;
}

QString Package::thisPlatform()
{
    return QSysInfo::kernelType() + u' ' + QSysInfo::buildAbi();
}

} // namespace Asyncoro::Discoro
