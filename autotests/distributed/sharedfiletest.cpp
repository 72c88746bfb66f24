// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/SharedFile>

#include "filetransfertest.h"

#include <QMetaProperty>

#include <unistd.h>

using namespace DistributedTest;

class SharedFileTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        failOnWarnings();
        m_folder = std::make_unique<QTemporaryDir>();
        m_near = makeNetwork();
        m_far = makeNetwork();
        m_far->offer(QStringLiteral("file"), [this]() -> Task<SharedFile> { co_return m_shared; });
    }

    void cleanup()
    {
        m_near.reset();
        m_far.reset();
        m_shared = {};
    }

    void isFetched_data()
    {
        QTest::addColumn<QString>("name");
        QTest::addColumn<qsizetype>("size");
        constexpr qsizetype Piece = SharedFileReader::PieceSize;
        QTest::newRow("empty") << QStringLiteral("empty") << qsizetype(0);
        QTest::newRow("one byte") << QStringLiteral("one") << qsizetype(1);
        QTest::newRow("almost a piece") << QStringLiteral("a") << Piece - 1;
        QTest::newRow("a piece") << QStringLiteral("a") << Piece;
        QTest::newRow("a piece and a byte") << QStringLiteral("a") << Piece + 1;
        QTest::newRow("three pieces") << QStringLiteral("a") << 3 * Piece;
        QTest::newRow("20 MB") << QStringLiteral("large") << qsizetype(20'000'000);
        QTest::newRow("spaces") << QStringLiteral(" a file ") << qsizetype(5);
        QTest::newRow("a line break") << QStringLiteral("a\nb") << qsizetype(5);
        QTest::newRow("another script") << QStringLiteral("ファイル\u00e9") << qsizetype(5);
        QTest::newRow("a long name") << QString(200, u'n') << qsizetype(5);
    }

    void isFetched()
    {
        QFETCH(QString, name);
        QFETCH(qsizetype, size);
        const QByteArray content = randomContent(size);
        share(name, content);
        const auto remote = fromFar();
        QCOMPARE(remote.name(), name);
        QCOMPARE(remote.size(), size);
        QCOMPARE(remote.location(), m_far->location());
        const QString copy = path(QStringLiteral("copy"));
        waitFor(fetchFile(*m_near, remote, copy));
        QCOMPARE(contentOf(copy), content);
        // and where it is
        const QString other = path(QStringLiteral("another copy"));
        waitFor(fetchFile(*m_far, m_shared, other));
        QCOMPARE(contentOf(other), content);
    }

    void isReadPieceByPiece()
    {
        share(QStringLiteral("a"), randomContent(2 * SharedFileReader::PieceSize + 10));
        const auto sizes = waitFor([](PeerNetwork *network, SharedFile file) -> Task<QList<qsizetype>> {
            QList<qsizetype> all;
            SharedFileReader reader(*network, file);
            do
                all.append((co_await reader.read()).size());
            while (all.last() > 0);
            all.append((co_await reader.read()).size()); // still the end
            co_return all;
        }(m_near.get(), fromFar()));
        QCOMPARE(sizes, (QList<qsizetype>{SharedFileReader::PieceSize, SharedFileReader::PieceSize, 10, 0, 0}));
    }

    void severalReadersAtOnce()
    {
        const QByteArray content = randomContent(3'000'000);
        share(QStringLiteral("a"), content);
        const auto remote = fromFar();
        QList<Coro<>> fetches;
        for (int i = 0; i < 10; ++i)
            fetches.append(spawn(fetchFile(*m_near, remote, path(QString::number(i)))));
        for (int i = 0; i < 10; ++i) {
            waitFor(fetches[i]);
            QCOMPARE(contentOf(path(QString::number(i))), content);
        }
    }

    void onlyFilesAreShared()
    {
        QVERIFY(failureOf<Error>([&] { SharedFile(*m_far, path(QStringLiteral("missing"))); }).contains(QStringLiteral("does not exist")));
        QVERIFY(failureOf<Error>([&] { SharedFile(*m_far, m_folder->path()); }).contains(QStringLiteral("not a regular file")));
        QVERIFY(failureOf<Error>([&] { SharedFile(*m_far, QStringLiteral("/dev/zero")); }).contains(QStringLiteral("not a regular file")));
        share(QStringLiteral("a"), "x");
        QVERIFY(QFile::setPermissions(path(QStringLiteral("a")), {}));
        if (geteuid() != 0)
            QVERIFY(failureOf<Error>([&] { SharedFile(*m_far, path(QStringLiteral("a"))); }).contains(QStringLiteral("cannot read")));
    }

    void vanishes()
    {
        share(QStringLiteral("a"), "x");
        QVERIFY(QFile::remove(path(QStringLiteral("a"))));
        fetchFails(QStringLiteral("cannot read"));
        QVERIFY(QDir(m_folder->path()).mkdir(QStringLiteral("a"))); // something else took its place
        fetchFails(QStringLiteral("cannot read"));
    }

    void changesWhileItIsRead_data()
    {
        QTest::addColumn<int>("change");
        QTest::newRow("grows") << 0;
        QTest::newRow("shrinks") << 1;
        QTest::newRow("is rewritten") << 2;
        QTest::newRow("is replaced") << 3;
        QTest::newRow("is removed") << 4;
    }

    void changesWhileItIsRead()
    {
        QFETCH(int, change);
        const QByteArray content = randomContent(2 * SharedFileReader::PieceSize + 10);
        share(QStringLiteral("a"), content);
        const QString file = path(QStringLiteral("a"));
        SharedFileReader reader(*m_near, fromFar());
        QCOMPARE(waitFor(reader.read()).size(), SharedFileReader::PieceSize);
        const QDateTime before = QFileInfo(file).lastModified();
        switch (change) {
        case 0:
            write(file, content + 'x');
            break;
        case 1:
            write(file, content.chopped(20));
            break;
        case 2:
        case 3: {
            if (change == 3)
                QVERIFY(QFile::remove(file));
            write(file, QByteArray(content.size(), 'y'));
            QFile touched(file); // its clock may not have moved on
            QVERIFY(touched.open(QIODevice::ReadWrite) && touched.setFileTime(before.addMSecs(10), QFile::FileModificationTime));
            break;
        }
        default:
            QVERIFY(QFile::remove(file));
        }
        const QString text = failureOf<Error>(reader.read());
        QVERIFY2(text.contains(change == 4 ? QStringLiteral("cannot read") : QStringLiteral("a has changed while it was read")), qPrintable(text));
    }

    void unsharedIsRefused()
    {
        share(QStringLiteral("a"), randomContent(2 * SharedFileReader::PieceSize));
        const auto remote = fromFar();
        SharedFileReader reader(*m_near, remote);
        QVERIFY(!waitFor(reader.read()).isEmpty());
        m_shared.unshare();
        QVERIFY(failureOf<RemoteError>(reader.read()).contains(QStringLiteral("no longer")));
        fetchFails(QStringLiteral("no longer"));
    }

    void aKeyThatWasNeverGivenIsRefused()
    {
        share(QStringLiteral("a"), "x");
        const auto read = [&](const QByteArray &key) {
            return failureOf<RemoteError>(m_near->call<QVariantList>(m_far->location(), QStringLiteral("asyncoro.file.read"), key, qint64(0), qint64(10)));
        };
        for (const QByteArray &key : {QByteArray(), QByteArray(16, '\0'), QByteArray("/etc/passwd"), QFile::encodeName(path(QStringLiteral("a")))})
            QVERIFY(read(key).contains(QStringLiteral("not shared")));
    }

    void positionsOutsideAreHarmless()
    {
        share(QStringLiteral("a"), "hello");
        const SharedFile file = fromFar();
        const QMetaObject &meta = SharedFile::staticMetaObject;
        const QByteArray key = meta.property(meta.indexOfProperty("key")).readOnGadget(&file).toByteArray();
        const auto read = [&](qint64 position, qint64 size) {
            return waitFor(m_near->call<QVariantList>(m_far->location(), QStringLiteral("asyncoro.file.read"), key, position, size)).at(2).toByteArray();
        };
        QCOMPARE(read(0, 100), QByteArray("hello"));
        QCOMPARE(read(3, 100), QByteArray("lo"));
        QCOMPARE(read(0, -1), QByteArray());
        QCOMPARE(read(0, std::numeric_limits<qint64>::max()), QByteArray("hello"));
        QCOMPARE(read(100, 10), QByteArray());
        QVERIFY(!failureOf<RemoteError>(m_near->call<QVariantList>(m_far->location(), QStringLiteral("asyncoro.file.read"), key, qint64(-1), qint64(1)))
                     .startsWith(u'<'));
    }

    void nothingIsLeftOfAFetchThatFails()
    {
        share(QStringLiteral("a"), randomContent(3'000'000));
        const auto remote = fromFar();
        const QString target = path(QStringLiteral("copy"));
        write(target, "as it was");
        const auto content = [this] { return QDir(m_folder->path()).entryList(QDir::AllEntries | QDir::Hidden | QDir::System); };
        const QStringList before = content();

        bool halfWay = false; // the first piece is there, the second one never comes
        m_far->withdraw(QStringLiteral("asyncoro.file.read"));
        m_far->offer(QStringLiteral("asyncoro.file.read"), [&](QByteArray, qint64 position, qint64 size) -> Task<QVariantList> {
            if (position > 0) {
                halfWay = true;
                co_await waitForever();
            }
            co_return {QStringLiteral("version"), false, QByteArray(size, 'x')};
        });
        const Coro<> terminated = spawn(fetchFile(*m_near, remote, target));
        QTRY_VERIFY(halfWay);
        terminated.terminate();
        QVERIFY(!failureOf<CoroTerminated>(terminated).startsWith(u'<'));
        QTRY_COMPARE(content(), before); // it is removed in the background

        halfWay = false;
        const Coro<> lost = spawn(fetchFile(*m_near, remote, target));
        QTRY_VERIFY(halfWay);
        m_far.reset();
        QVERIFY(!failureOf<PeerLost>(lost).startsWith(u'<'));
        QTRY_COMPARE(content(), before); // it is removed in the background
        QCOMPARE(contentOf(target), QByteArray("as it was"));
    }

    void aTargetThatCannotBeWritten()
    {
        share(QStringLiteral("a"), "x");
        const auto remote = fromFar();
        const QString target = path(QStringLiteral("no/such/folder/copy"));
        QVERIFY(failureOf<Error>(fetchFile(*m_near, remote, target)).contains(target));
        QVERIFY(failureOf<Error>(fetchFile(*m_near, remote, m_folder->path())).contains(m_folder->path()));
    }

    void replacesWhatWasThere()
    {
        share(QStringLiteral("a"), "new");
        const QString target = path(QStringLiteral("copy"));
        write(target, "old and longer");
        waitFor(fetchFile(*m_near, fromFar(), target));
        QCOMPARE(contentOf(target), QByteArray("new"));
    }

    void isNotTakenIfItIsNotWhatWasSent()
    {
        share(QStringLiteral("a"), "content");
        const auto remote = fromFar();
        m_far->offer(QStringLiteral("asyncoro.file.digest"), [](QByteArray, qint64) -> Task<QVariantList> {
            co_return {QString(), QByteArray(32, 'x')};
        });
        const QString target = path(QStringLiteral("copy"));
        QVERIFY(failureOf<FileRefused>(fetchFile(*m_near, remote, target)).contains(QStringLiteral("a has changed")));
        m_far->offer(QStringLiteral("asyncoro.file.read"), [](QByteArray, qint64, qint64) -> Task<QVariantList> {
            co_return {QString(), true, QByteArray("CONTENT")};
        });
        QVERIFY(failureOf<FileRefused>(fetchFile(*m_near, remote, target)).contains(QStringLiteral("not arrived as it was sent")));
        QVERIFY(!QFile::exists(target));
    }

    void aFileOfNobody()
    {
        QVERIFY(!failureOf<Error>(SharedFileReader(*m_near, SharedFile()).read()).startsWith(u'<'));
    }

private:
    [[nodiscard]] QString path(const QString &name) const { return m_folder->filePath(name); }

    static void write(const QString &file, const QByteArray &content)
    {
        QFile target(file);
        QVERIFY(target.open(QIODevice::WriteOnly | QIODevice::Truncate) && target.write(content) == content.size());
    }

    void share(const QString &name, const QByteArray &content)
    {
        write(path(name), content);
        m_shared = SharedFile(*m_far, path(name));
    }

    /** What m_far shares, as m_near gets it. */
    SharedFile fromFar() { return waitFor(m_near->call<SharedFile>(m_far->location(), QStringLiteral("file"))); }

    void fetchFails(const QString &reason)
    {
        const QString target = path(QStringLiteral("copy"));
        const QString text = failureOf<RemoteError>(fetchFile(*m_near, fromFar(), target));
        QVERIFY2(text.contains(reason), qPrintable(text));
        QVERIFY(!QFile::exists(target));
    }

    std::unique_ptr<QTemporaryDir> m_folder;
    std::unique_ptr<PeerNetwork> m_near;
    std::unique_ptr<PeerNetwork> m_far;
    SharedFile m_shared;
};

QTEST_GUILESS_MAIN(SharedFileTest)
#include "sharedfiletest.moc"
