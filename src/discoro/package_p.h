// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorodiscoro_export.h"

#include <Asyncoro/Error>

#include <QByteArray>
#include <QList>
#include <QStringList>

namespace Asyncoro::Discoro {

/** A package cannot be made, is damaged, or cannot run here. */
class ASYNCORO_DISCORO_EXPORT PackageError : public Error
{
public:
    using Error::Error;
    ~PackageError() override;
};

/** A file that is to go with a computation. */
struct ASYNCORO_DISCORO_EXPORT PackageFile {
    QString source; ///< where it is read
    QString path; ///< where jobs find it: relative to their folder, with '/'

    /** `source` keeps its path relative to the current folder; one from elsewhere gets its leaf name. */
    [[nodiscard]] static PackageFile fromSource(const QString &source);
};

/** What to put into a package. */
struct PackageContents {
    QString program; ///< the executable that has the functions
    QStringList functions; ///< their names
    QList<PackageFile> files;
};

/** One file in a package. */
struct PackageEntry {
    QString path; ///< relative, with '/': of the program to Package::ProgramFolder, of a file to Package::FilesFolder
    qint64 size = 0;
    QByteArray sha256; ///< hexadecimal
    bool executable = false;

    friend bool operator==(const PackageEntry &, const PackageEntry &) = default;
};

/** What a package says of itself. */
struct ASYNCORO_DISCORO_EXPORT PackageManifest {
    QString platform; ///< that the program is compiled for, as Package::thisPlatform()
    QString qtVersion; ///< that the client runs with
    QString asyncoroVersion;
    QStringList functions;
    PackageEntry program;
    QList<PackageEntry> files;
    QByteArray archiveHash; ///< SHA-256 of the archive, hexadecimal: equal contents give equal archives

    /** Why the program cannot run on this machine, for a person; empty if it can. */
    [[nodiscard]] QString whyNotHere() const;
    /** Bytes that program and files take together. */
    [[nodiscard]] qint64 unpackedSize() const;
};

/**
 * A computation's package: its program and files in one archive (tar, compressed with zstd), and manifest.json, which
 * has the SHA-256 of each.
 *
 * All of this blocks while it reads and writes files, holds none of them in memory, may be called on any thread, and
 * throws PackageError.
 */
class ASYNCORO_DISCORO_EXPORT Package
{
public:
    // the two folders that unpack() makes; jobs run in the second
    static constexpr QLatin1StringView ProgramFolder{"program"};
    static constexpr QLatin1StringView FilesFolder{"files"};

    static constexpr qint64 MaxFileSize = (qint64(1) << 33) - 1; ///< bytes; the format allows no more
    static constexpr qint64 MaxUnpackedSize = qint64(1) << 36; ///< bytes
    static constexpr qint64 MaxManifestSize = qint64(1) << 26; ///< bytes
    static constexpr qsizetype MaxFiles = 100'000;

    /** Writes `archive`, all or nothing. */
    static PackageManifest write(const PackageContents &contents, const QString &archive);

    /** What is in `archive`. Checks the manifest, but neither the files nor whether they can run here. */
    [[nodiscard]] static PackageManifest readManifest(const QString &archive);

    /**
     * Makes the folder `target`, which must not exist, with what is in `archive`, all or nothing; only this user can
     * read it. Everything is verified: a package that is not for this machine, that has any path out of its folder, a
     * link, a file more or less than its manifest, or one byte changed is refused.
     */
    static PackageManifest unpack(const QString &archive, const QString &target);

    /** Operating system and binary interface of this build, such as "linux x86_64-little_endian-lp64". */
    [[nodiscard]] static QString thisPlatform();
};

} // namespace Asyncoro::Discoro
