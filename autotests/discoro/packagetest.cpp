// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "package_p.h"

#include <KCompressionDevice>
#include <KTar>

#include <QCryptographicHash>
#include <QDir>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTemporaryDir>
#include <QTest>

#include <functional>
#include <optional>

using namespace Asyncoro::Discoro;
using namespace Qt::StringLiterals;

class PackageTest : public QObject
{
    Q_OBJECT

public:
    /** An archive as an attacker may write it, with everything in order but for what a test changes. */
    struct Forgery {
        QJsonObject manifest{
            {"format"_L1, 1},
            {"platform"_L1, Package::thisPlatform()},
            {"qt"_L1, QLatin1StringView(qVersion())},
            {"asyncoro"_L1, QStringLiteral(ASYNCORO_VERSION)},
            {"functions"_L1, QJsonArray{u"compute"_s}},
            {"program"_L1, entry(u"program"_s, "code")},
            {"files"_L1, QJsonArray{entry(u"data/table.csv"_s, "1;2")}},
        };
        std::optional<QByteArray> manifestText;
        QString program = u"program/program"_s;
        QString file = u"files/data/table.csv"_s;
        QByteArray content = "1;2";
        std::function<void(KTar &)> more;
    };

private:
    static QJsonObject entry(const QString &path, const QByteArray &content)
    {
        const QByteArray hash = QCryptographicHash::hash(content, QCryptographicHash::Sha256).toHex();
        return {{"path"_L1, path},
                {"size"_L1, content.size()},
                {"sha256"_L1, QString::fromLatin1(hash)},
                {"executable"_L1, false}};
    }

    static void forge(const Forgery &forgery, const QString &archive)
    {
        KTar tar(archive, u"application/zstd"_s);
        QVERIFY(tar.open(QIODevice::WriteOnly));
        QVERIFY(
            tar.writeFile(u"manifest.json"_s, forgery.manifestText.value_or(QJsonDocument(forgery.manifest).toJson())));
        QVERIFY(tar.writeFile(forgery.program, "code", 0100755));
        if (!forgery.file.isEmpty())
            QVERIFY(tar.writeFile(forgery.file, forgery.content));
        if (forgery.more)
            forgery.more(tar);
        QVERIFY(tar.close());
    }

    static QString errorOf(const std::function<void()> &operation)
    {
        try {
            operation();
        } catch (const PackageError &error) {
            return error.message();
        }
        return u"no error"_s;
    }

    static void writeFile(const QString &name, const QByteArray &content, bool executable = false)
    {
        QVERIFY(QDir().mkpath(QFileInfo(name).path()));
        QFile file(name);
        QVERIFY(file.open(QIODevice::WriteOnly));
        QCOMPARE(file.write(content), content.size());
        if (executable)
            QVERIFY(file.setPermissions(file.permissions() | QFile::ExeOwner));
    }

    static QByteArray contentOf(const QString &name)
    {
        QFile file(name);
        return file.open(QIODevice::ReadOnly) ? file.readAll() : "cannot open " + name.toUtf8();
    }

    QString inFolder(const QString &name) const { return m_folder->filePath(name); }
    QStringList folderEntries() const
    {
        return QDir(m_folder->path()).entryList(QDir::AllEntries | QDir::Hidden | QDir::NoDotAndDotDot);
    }

    std::unique_ptr<QTemporaryDir> m_folder;

private Q_SLOTS:
    void init()
    {
        m_folder = std::make_unique<QTemporaryDir>();
        QVERIFY(m_folder->isValid());
        QVERIFY(QDir::setCurrent(m_folder->path()));
    }

    void keepsPathsRelativeToTheCurrentFolder()
    {
        QCOMPARE(PackageFile::fromSource(u"table.csv"_s).path, u"table.csv"_s);
        QCOMPARE(PackageFile::fromSource(u"./a/../data/table.csv"_s).path, u"data/table.csv"_s);
        QCOMPARE(PackageFile::fromSource(QDir::currentPath() + u"/data/table.csv"_s).path, u"data/table.csv"_s);
        QCOMPARE(PackageFile::fromSource(u"../table.csv"_s).path, u"table.csv"_s);
        QCOMPARE(PackageFile::fromSource(u"/usr/share/table.csv"_s).path, u"table.csv"_s);
        QCOMPARE(PackageFile::fromSource(u"..table.csv"_s).path, u"..table.csv"_s);
    }

    void unpacksWhatWasPacked()
    {
        const QByteArray large(1'000'000, 'x');
        const QString oddName = u"data/with space, ünïcode\nand a line"_s;
        const QString longName = u"long/"_s + QString(150, u'a') + u'/' + QString(150, u'b');
        writeFile(u"client"_s, "code", true);
        writeFile(u"empty"_s, {});
        writeFile(u"script.sh"_s, "#!/bin/sh", true);
        writeFile(oddName, large);
        writeFile(longName, "deep");
        const PackageContents contents{
            .program = u"client"_s,
            .functions = {u"compute"_s, u"other"_s},
            .files = {PackageFile::fromSource(u"empty"_s),
                      PackageFile::fromSource(u"script.sh"_s),
                      PackageFile::fromSource(oddName),
                      PackageFile::fromSource(longName),
                      {u"empty"_s, u"another/place"_s}},
        };

        const PackageManifest written = Package::write(contents, u"package"_s);
        QCOMPARE(written.program.path, u"client"_s);
        QCOMPARE(written.program.size, 4);
        QCOMPARE(written.files.size(), 5);
        QCOMPARE(written.files.at(2).sha256, QCryptographicHash::hash(large, QCryptographicHash::Sha256).toHex());
        QCOMPARE(written.unpackedSize(), 4 + 9 + 1'000'000 + 4);
        QVERIFY(written.files.at(1).executable);
        QVERIFY(!written.files.at(0).executable);
        QCOMPARE(written.whyNotHere(), QString());
        QCOMPARE(written.archiveHash,
                 QCryptographicHash::hash(contentOf(u"package"_s), QCryptographicHash::Sha256).toHex());

        for (const PackageManifest &read :
             {Package::readManifest(u"package"_s), Package::unpack(u"package"_s, u"unpacked"_s)}) {
            QCOMPARE(read.functions, contents.functions);
            QCOMPARE(read.program, written.program);
            QCOMPARE(read.files, written.files);
            QCOMPARE(read.archiveHash, written.archiveHash);
        }
        QCOMPARE(contentOf(u"unpacked/program/client"_s), "code");
        QVERIFY(QFileInfo(u"unpacked/program/client"_s).isExecutable());
        QCOMPARE(contentOf(u"unpacked/files/empty"_s), QByteArray());
        QCOMPARE(contentOf(u"unpacked/files/another/place"_s), QByteArray());
        QVERIFY(QFileInfo(u"unpacked/files/script.sh"_s).isExecutable());
        QVERIFY(!QFileInfo(u"unpacked/files/empty"_s).isExecutable());
        QCOMPARE(contentOf(u"unpacked/files/"_s + oddName), large);
        QCOMPARE(contentOf(u"unpacked/files/"_s + longName), "deep");
    }

    void isCompressedWithZstd()
    {
        writeFile(u"client"_s, QByteArray(1'000'000, 'x'), true);
        Package::write({u"client"_s, {}, {}}, u"package"_s);
        QVERIFY(contentOf(u"package"_s).startsWith("\x28\xb5\x2f\xfd"));
        QVERIFY(QFileInfo(u"package"_s).size() < 10'000);
    }

    void equalContentsGiveEqualArchives()
    {
        writeFile(u"client"_s, "code", true);
        writeFile(u"table"_s, "1;2");
        const PackageContents contents{u"client"_s, {u"compute"_s}, {PackageFile::fromSource(u"table"_s)}};
        const QByteArray first = Package::write(contents, u"package-1"_s).archiveHash;
        QFile table(u"table"_s);
        QVERIFY(table.open(QIODevice::ReadWrite));
        QVERIFY(table.setFileTime(QDateTime::currentDateTime().addDays(-3), QFileDevice::FileModificationTime));
        QCOMPARE(Package::write(contents, u"package-2"_s).archiveHash, first);
    }

    void refusesWhatCannotBePacked_data()
    {
        QTest::addColumn<PackageContents>("contents");
        QTest::addColumn<QString>("error");
        const auto with = [](const PackageFile &file) {
            return PackageContents{u"client"_s, {}, {PackageFile::fromSource(u"table"_s), file}};
        };
        QTest::newRow("no program") << PackageContents{u"missing"_s, {}, {}}
                                    << "cannot read missing: No such file or directory";
        QTest::newRow("not executable") << PackageContents{u"table"_s, {}, {}}
                                        << "table is no program: it is not executable";
        QTest::newRow("no file") << with({u"missing"_s, u"missing"_s})
                                 << "cannot read missing: No such file or directory";
        QTest::newRow("folder") << with({u"folder"_s, u"folder"_s}) << "folder is a folder, and a package takes files";
        QTest::newRow("device") << with({u"/dev/null"_s, u"null"_s}) << "/dev/null is no regular file";
        QTest::newRow("twice") << with({u"client"_s, u"table"_s}) << "the package has two files called table";
        QTest::newRow("file and folder") << with({u"client"_s, u"table/client"_s})
                                         << "the package has a file and a folder called table";
        QTest::newRow("outside") << with({u"client"_s, u"../client"_s})
                                 << "the package has a file that would lie outside of its folder: \"../client\"";
    }
    void refusesWhatCannotBePacked()
    {
        writeFile(u"client"_s, "code", true);
        writeFile(u"table"_s, "1;2");
        QVERIFY(QDir().mkdir(u"folder"_s));
        const QStringList before = folderEntries();

        QFETCH(PackageContents, contents);
        QTEST(errorOf([&] { Package::write(contents, u"package"_s); }), "error");
        QCOMPARE(folderEntries(), before); // nothing is left of the archive
    }

    void refusesToWriteWhereItCannot()
    {
        writeFile(u"client"_s, "code", true);
        QVERIFY(errorOf([&] {
                    Package::write({u"client"_s, {}, {}}, u"missing/package"_s);
                }).startsWith(u"cannot write the package missing/package: "_s));
    }

    void forgeryIsOtherwiseInOrder()
    {
        forge({}, u"package"_s);
        QCOMPARE(errorOf([&] { Package::unpack(u"package"_s, u"unpacked"_s); }), u"no error"_s);
        QCOMPARE(contentOf(u"unpacked/files/data/table.csv"_s), "1;2");
    }

    void refusesForgeries_data()
    {
        QTest::addColumn<Forgery>("forgery");
        QTest::addColumn<QString>("error");

        const auto with = [](const std::function<void(Forgery &)> &change) {
            Forgery forgery;
            change(forgery);
            return forgery;
        };
        const auto withPath = [&with](const QString &path) {
            return with([&](Forgery &forgery) {
                forgery.manifest["files"_L1] = QJsonArray{entry(path, "1;2")};
                forgery.file = u"files/"_s + path;
            });
        };
        const auto withMore = [&with](const std::function<void(KTar &)> &more) {
            return with([&](Forgery &forgery) { forgery.more = more; });
        };
        const auto withEntry = [&with](QLatin1StringView name, const QJsonValue &value) {
            return with([&](Forgery &forgery) { forgery.manifest[name] = value; });
        };

        for (const QString &path : {u"../evil"_s, u"/evil"_s, u"a/../../evil"_s, u"a/../evil"_s, u"a//evil"_s,
                                    u"./evil"_s, u".."_s, u"."_s, u""_s, u"evil/"_s, u"a/.."_s}) {
            QTest::addRow("path %s", qPrintable(path))
                << withPath(path) << u"the package has a file that would lie outside of its folder: \"%1\""_s.arg(path);
        }
        QTest::newRow("path with a null") << with([](Forgery &forgery) {
            forgery.manifest["files"_L1] = QJsonArray{entry(u"a"_s + QChar::Null, "1;2")};
        }) << u"the package has a file that would lie outside of its folder: \"a"_s + QChar::Null + u'"';
        QTest::newRow("program outside") << with([](Forgery &forgery) {
            forgery.manifest["program"_L1] = entry(u"../evil"_s, "code");
            forgery.program = u"program/../evil"_s;
        }) << u"the package's program cannot be called \"../evil\""_s;
        QTest::newRow("program in a folder") << with([](Forgery &forgery) {
            forgery.manifest["program"_L1] = entry(u"a/b"_s, "code");
        }) << u"the package's program cannot be called \"a/b\""_s;

        QTest::newRow("link") << withMore([](KTar &tar) { tar.writeSymLink(u"files/link"_s, u"/etc/passwd"_s); })
                              << u"the package has a link, which is not allowed: \"files/link\""_s;
        QTest::newRow("link in place of a file") << with([](Forgery &forgery) {
            forgery.file.clear();
            forgery.more = [](KTar &tar) { tar.writeSymLink(u"files/data/table.csv"_s, u"/etc/passwd"_s); };
        }) << u"the package has a link, which is not allowed: \"files/data/table.csv\""_s;
        QTest::newRow("unlisted file") << withMore([](KTar &tar) { tar.writeFile(u"files/more"_s, "more"); })
                                       << u"the package has a file that its manifest does not list: \"files/more\""_s;
        QTest::newRow("unlisted file outside")
            << withMore([](KTar &tar) { tar.writeFile(u"../evil"_s, "more"); })
            << u"the package has a file that its manifest does not list: \"../evil\""_s;
        QTest::newRow("unlisted folder") << withMore([](KTar &tar) {
            tar.writeDir(u"files/more"_s);
        }) << u"the package has a folder that its manifest does not list: \"files/more/\""_s;
        QTest::newRow("file missing") << with([](Forgery &forgery) { forgery.file.clear(); })
                                      << u"the package is damaged: data/table.csv is missing"_s;
        QTest::newRow("program missing") << with([](Forgery &forgery) {
            forgery.manifest["program"_L1] = entry(u"other"_s, "code");
        }) << u"the package is damaged: other is missing"_s;
        QTest::newRow("other content") << with([](Forgery &forgery) {
            forgery.content = "1;3";
        }) << u"the package is damaged: data/table.csv does not have the SHA-256 that its manifest says"_s;
        QTest::newRow("other size") << with([](Forgery &forgery) { forgery.content = "1;2;3"; })
                                    << u"the package is damaged: data/table.csv has 5 bytes, not 3"_s;

        const auto withSize = [&with](qint64 size) {
            return with([&](Forgery &forgery) {
                QJsonObject file = entry(u"data/table.csv"_s, "1;2");
                file["size"_L1] = size;
                forgery.manifest["files"_L1] = QJsonArray{file};
            });
        };
        QTest::newRow("negative size") << withSize(-1) << u"data/table.csv is too large for a package: -1 bytes"_s;
        QTest::newRow("huge size") << withSize(qint64(1) << 40)
                                   << u"data/table.csv is too large for a package: 1099511627776 bytes"_s;
        QTest::newRow("listed twice") << with([](Forgery &forgery) {
            const QJsonObject file = entry(u"data/table.csv"_s, "1;2");
            forgery.manifest["files"_L1] = QJsonArray{file, file};
        }) << u"the package has two files called data/table.csv"_s;
        QTest::newRow("too many files") << with([](Forgery &forgery) {
            QJsonArray files;
            for (qsizetype i = 0; i <= Package::MaxFiles; ++i)
                files.append(QJsonObject{{"path"_L1, QString::number(i)},
                                         {"size"_L1, 0},
                                         {"sha256"_L1, QString()},
                                         {"executable"_L1, false}});
            forgery.manifest["files"_L1] = files;
        }) << u"the package has 100001 files; 100000 are allowed"_s;

        QTest::newRow("manifest is no JSON") << with([](Forgery &forgery) { forgery.manifestText = "hello"; })
                                             << u"the package's manifest is damaged: illegal value"_s;
        QTest::newRow("manifest is empty")
            << with([](Forgery &forgery) { forgery.manifestText = "{}"; })
            << u"the package's manifest is damaged: \"format\" is missing or of the wrong type"_s;
        QTest::newRow("format") << withEntry("format"_L1, 2) << u"the package has format 2; only 1 is known here"_s;
        QTest::newRow("wrong type") << withEntry(
            "files"_L1, u"none"_s) << u"the package's manifest is damaged: \"files\" is missing or of the wrong type"_s;
        QTest::newRow("files that are none")
            << withEntry("files"_L1, QJsonArray{1, 2})
            << u"the package's manifest is damaged: \"path\" is missing or of the wrong type"_s;

        const QString here = Package::thisPlatform();
        QTest::newRow("platform") << withEntry("platform"_L1, u"plan9 pdp11"_s)
                                  << u"this node cannot run the package: it is for plan9 pdp11, this is %1"_s.arg(here);
        const QString qt = QLatin1StringView(qVersion()).toString().section(u'.', 0, 1);
        QTest::newRow("Qt") << withEntry("qt"_L1, u"5.15.2"_s)
                            << u"this node cannot run the package: it is for Qt 5.15, this is Qt %1"_s.arg(qt);
        QTest::newRow("Asyncoro")
            << withEntry("asyncoro"_L1, u"9.9"_s)
            << u"this node cannot run the package: it is for Asyncoro 9.9, this is Asyncoro " ASYNCORO_VERSION ""_s;
    }
    void refusesForgeries()
    {
        QFETCH(Forgery, forgery);
        QVERIFY(QDir().mkdir(u"inner"_s));
        forge(forgery, u"inner/package"_s);
        QTEST(errorOf([&] { Package::unpack(u"inner/package"_s, u"inner/unpacked"_s); }), "error");
        QCOMPARE(QDir(u"inner"_s).entryList(QDir::AllEntries | QDir::Hidden | QDir::NoDotAndDotDot),
                 QStringList{u"package"_s});
        QCOMPARE(folderEntries(), QStringList{u"inner"_s});
        QVERIFY(!QFileInfo::exists(u"/evil"_s));
    }

    void followsNoLink()
    {
        Forgery forgery;
        forgery.file.clear();
        forgery.more = [this](KTar &tar) {
            tar.writeSymLink(u"files/data"_s, m_folder->path());
            tar.writeFile(u"files/data/table.csv"_s, "1;2"); // KArchive takes this folder in place of the link
        };
        forge(forgery, u"package"_s);
        QCOMPARE(errorOf([&] { Package::unpack(u"package"_s, u"unpacked"_s); }), u"no error"_s);
        QVERIFY(QFileInfo(u"unpacked/files/data"_s).isDir());
        QVERIFY(!QFileInfo(u"unpacked/files/data"_s).isSymLink());
        QVERIFY(!QFileInfo::exists(u"table.csv"_s));
    }

    void anotherPatchReleaseOfQtWillDo()
    {
        Forgery forgery;
        forgery.manifest["qt"_L1] = QLatin1StringView(qVersion()).toString().section(u'.', 0, 1) + u".99"_s;
        forge(forgery, u"package"_s);
        QCOMPARE(errorOf([&] { Package::unpack(u"package"_s, u"unpacked"_s); }), u"no error"_s);
    }

    void refusesWhatIsNoPackage()
    {
        writeFile(u"text"_s, "hello");
        writeFile(u"empty"_s, {});
        QCOMPARE(errorOf([&] { Package::unpack(u"missing"_s, u"unpacked"_s); }), u"cannot read the package missing"_s);
        for (const QString &file : {u"text"_s, u"empty"_s})
            QVERIFY(errorOf([&] {
                        Package::unpack(file, u"unpacked"_s);
                    }).startsWith(file + u" is no package, or it is damaged"_s));
    }

    void refusesEveryCutOrChangedArchive()
    {
        // content that does not compress, so that a cut or a change anywhere meets something
        QByteArray noise;
        for (int i = 0; noise.size() < 200'000; ++i)
            noise += QCryptographicHash::hash(QByteArray::number(i), QCryptographicHash::Sha256);
        writeFile(u"client"_s, noise, true);
        Package::write({u"client"_s, {}, {}}, u"package"_s);
        const QByteArray archive = contentOf(u"package"_s);
        QVERIFY(archive.size() > 200'000);

        for (qsizetype part = 0; part < 20; ++part) {
            const qsizetype place = archive.size() * part / 20;
            writeFile(u"cut"_s, archive.first(place));
            QVERIFY(errorOf([&] { Package::unpack(u"cut"_s, u"unpacked"_s); }) != u"no error"_s);
            QByteArray other = archive;
            other[place] = char(other.at(place) ^ 0x55);
            writeFile(u"changed"_s, other);
            QVERIFY2(errorOf([&] { Package::unpack(u"changed"_s, u"unpacked"_s); }) != u"no error"_s,
                     QByteArray::number(place).constData());
        }
        QCOMPARE(folderEntries(), (QStringList{u"changed"_s, u"client"_s, u"cut"_s, u"package"_s}));
    }

    void refusesAPlaceThatIsTaken()
    {
        forge({}, u"package"_s);
        writeFile(u"taken/file"_s, "mine");
        QCOMPARE(errorOf([&] { Package::unpack(u"package"_s, u"taken"_s); }),
                 u"cannot unpack the package to taken: it exists already"_s);
        QCOMPARE(QDir(u"taken"_s).entryList(QDir::Files), QStringList{u"file"_s});
        QVERIFY(errorOf([&] {
                    Package::unpack(u"package"_s, u"missing/place"_s);
                }).startsWith(u"cannot unpack the package to missing/place"_s));
    }
};

QTEST_GUILESS_MAIN(PackageTest)
#include "packagetest.moc"
