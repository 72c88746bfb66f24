// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// A peer that knows the secret, and calls the functions of a store itself, with whatever it likes.

#include "filetransfertest.h"

#include <Asyncoro/Event>

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

using namespace DistributedTest;

namespace {

const auto AllowAll = FileStore::Access::Add | FileStore::Access::Replace | FileStore::Access::Remove | FileStore::Access::Read;

/** What the peer says that its file is like. */
struct Claim {
    QByteArray content = "content";
    qint64 size = -1; // that of the content
    QString version = QStringLiteral("1");
    QByteArray digest; // that of the content
    std::function<QVariantList(QVariantList piece, qint64 position)> change = [](QVariantList piece, qint64) { return piece; };
};

} // namespace

class FileStoreSecurityTest : public TwoNetworks
{
    Q_OBJECT

private Q_SLOTS:
    void init() { setUp(); }
    void cleanup() { tearDown(); }

    void D09_pathsThatLeadOut_data()
    {
        QTest::addColumn<QString>("name");
        const auto row = [](const char *title, const QString &name) { QTest::newRow(title) << name; };
        row("nothing", QString());
        row("absolute", QStringLiteral("/outside"));
        row("only a slash", QStringLiteral("/"));
        row("parent", QStringLiteral(".."));
        row("in the parent", QStringLiteral("../outside"));
        row("back into the parent", QStringLiteral("a/../../outside"));
        row("back", QStringLiteral("a/../b"));
        row("a sibling with the same beginning", QStringLiteral("../store2/outside"));
        row("itself", QStringLiteral("."));
        row("through itself", QStringLiteral("./a"));
        row("an empty name", QStringLiteral("a//b"));
        row("a slash at the end", QStringLiteral("a/"));
        row("a byte 0", QStringLiteral("a") + QChar(0) + QStringLiteral("/../../outside"));
        row("a long name", QString(256, u'n'));
        row("many folders", QStringLiteral("a/").repeated(64) + u'a');
        row("in the store's own folder", QStringLiteral(".asyncoro/a"));
    }

    void D09_pathsThatLeadOut()
    {
        QFETCH(QString, name);
        openStore({.allowed = AllowAll});
        writeTo(path(QStringLiteral("outside")), "secret");
        const QStringList before = everything();
        QCOMPARE(put(name), int(Reason::BadPath));
        QCOMPARE(ask("folder", name), int(Reason::BadPath));
        QCOMPARE(ask("remove", name), int(Reason::BadPath));
        QCOMPARE(ask("find", name), int(Reason::BadPath));
        QCOMPARE(everything(), before);
    }

    void D10_theStoreItselfStays()
    {
        openStore({.allowed = AllowAll});
        writeTo(stored(QStringLiteral(".asyncoro/broken off")), "x");
        QCOMPARE(ask("remove", QStringLiteral(".asyncoro")), int(Reason::BadPath));
        QCOMPARE(ask("folder", QStringLiteral(".asyncoro")), int(Reason::BadPath));
        QCOMPARE(put(QStringLiteral(".asyncoro")), int(Reason::Exists));
        QCOMPARE(partials(), QStringList(QStringLiteral("broken off")));
    }

    void D09_plantedLinks_data()
    {
        QTest::addColumn<QString>("link");
        QTest::addColumn<QString>("target");
        QTest::addColumn<QString>("name");
        QTest::newRow("a folder outside") << QStringLiteral("link") << QStringLiteral("../outside") << QStringLiteral("link/secret");
        QTest::newRow("a new file there") << QStringLiteral("link") << QStringLiteral("../outside") << QStringLiteral("link/new");
        QTest::newRow("a new folder there") << QStringLiteral("link") << QStringLiteral("../outside") << QStringLiteral("link/new/a");
        QTest::newRow("a file outside") << QStringLiteral("link") << QStringLiteral("../outside/secret") << QStringLiteral("link");
        QTest::newRow("nothing yet") << QStringLiteral("link") << QStringLiteral("../outside/new") << QStringLiteral("link");
        QTest::newRow("within the store") << QStringLiteral("link") << QStringLiteral("a") << QStringLiteral("link/b");
        QTest::newRow("deeper") << QStringLiteral("a/link") << QStringLiteral("../../outside") << QStringLiteral("a/link/new");
        QTest::newRow("to itself") << QStringLiteral("link") << QStringLiteral("link") << QStringLiteral("link/b");
        QTest::newRow("the store's own folder") << QStringLiteral("link") << QStringLiteral(".asyncoro") << QStringLiteral("link/b");
    }

    void D09_plantedLinks()
    {
        QFETCH(QString, link);
        QFETCH(QString, target);
        QFETCH(QString, name);
        openStore({.allowed = AllowAll});
        writeTo(stored(QStringLiteral("a/b")), "inside");
        writeTo(path(QStringLiteral("outside/secret")), "secret");
        QVERIFY(QFile::link(target, stored(link)));
        const QStringList before = everything();
        QCOMPARE(put(name), int(Reason::BadPath));
        QCOMPARE(ask("remove", name), int(Reason::BadPath));
        QCOMPARE(ask("find", name), int(Reason::BadPath));
        QCOMPARE(ask("folder", name), int(Reason::BadPath));
        for (const QString &partial : partials()) // what came before the place was looked at
            QVERIFY(QFile::remove(stored(QStringLiteral(".asyncoro/") + partial)));
        QCOMPARE(everything(), before);
        QCOMPARE(contentOf(path(QStringLiteral("outside/secret"))), QByteArray("secret"));
    }

    void D10_linksInAFolderAreNotFollowed()
    {
        openStore({.allowed = AllowAll});
        writeTo(stored(QStringLiteral("a/b")), "inside");
        writeTo(path(QStringLiteral("outside/secret")), "secret");
        QVERIFY(QFile::link(QStringLiteral("../../outside"), stored(QStringLiteral("a/link"))));
        QCOMPARE(ask("remove", QStringLiteral("a")), 0);
        QCOMPARE(visible(), QStringList());
        QCOMPARE(contentOf(path(QStringLiteral("outside/secret"))), QByteArray("secret"));
    }

    void D09_specialFiles()
    {
        openStore({.allowed = AllowAll});
        QCOMPARE(::mkfifo(QFile::encodeName(stored(QStringLiteral("pipe"))).constData(), 0600), 0);
        for (const char *verb : {"find", "remove"})
            QCOMPARE(ask(verb, QStringLiteral("pipe")), int(Reason::BadPath));
        QCOMPARE(put(QStringLiteral("pipe")), int(Reason::BadPath));
        QCOMPARE(put(QStringLiteral("pipe/a")), int(Reason::BadPath));
        QCOMPARE(visible(), QStringList(QStringLiteral("pipe")));
    }

    /** A link takes the place of a folder, or of the file, between the look at it and the end of the transfer. */
    void D09_aLinkPlantedMeanwhile_data()
    {
        QTest::addColumn<bool>("folder");
        QTest::newRow("in place of the folder") << true;
        QTest::newRow("in place of the file") << false;
    }

    void D09_aLinkPlantedMeanwhile()
    {
        QFETCH(bool, folder);
        openStore({.allowed = AllowAll});
        writeTo(stored(QStringLiteral("a/b")), "inside");
        writeTo(path(QStringLiteral("outside/b")), "secret");
        Claim claim;
        claim.change = [&](const QVariantList &piece, qint64) {
            const QString place = stored(folder ? QStringLiteral("a") : QStringLiteral("a/b"));
            QDir(stored(QStringLiteral("a"))).removeRecursively();
            if (!folder)
                QDir().mkpath(stored(QStringLiteral("a")));
            QFile::link(folder ? path(QStringLiteral("outside")) : path(QStringLiteral("outside/b")), place);
            return piece;
        };
        QCOMPARE(put(QStringLiteral("a/b"), claim), int(Reason::BadPath));
        QCOMPARE(contentOf(path(QStringLiteral("outside/b"))), QByteArray("secret"));
    }

    void D09_sendersThatLie_data()
    {
        QTest::addColumn<Claim>("claim");
        QTest::addColumn<int>("reason"); // 0: another failure
        const auto row = [](const char *name, Reason reason, auto prepare) {
            Claim claim;
            prepare(claim);
            QTest::newRow(name) << claim << int(reason);
        };
        const auto changed = [&](const char *name, Reason reason, auto change) {
            row(name, reason, [&](Claim &claim) { claim.change = change; });
        };
        row("more bytes than it said", Reason::Changed, [](Claim &claim) { claim.size = 3; });
        row("fewer bytes than it said", Reason::Changed, [](Claim &claim) { claim.size = 100; });
        row("none of many bytes", Reason::Changed, [](Claim &claim) {
            claim.content.clear();
            claim.size = 1'000'000'000'000;
        });
        row("a wrong SHA-256", Reason::Corrupted, [](Claim &claim) { claim.digest = QByteArray(32, 'x'); });
        row("a short SHA-256", Reason{}, [](Claim &claim) { claim.digest = QByteArray(31, 'x'); });
        row("a negative size", Reason{}, [](Claim &claim) { claim.size = -2; });
        changed("other bytes", Reason::Corrupted, [](QVariantList piece, qint64) {
            piece[2] = QByteArray("CONTENT");
            return piece;
        });
        changed("a long piece", Reason::Changed, [](QVariantList piece, qint64) {
            piece[2] = QByteArray(30'000'000, 'x');
            return piece;
        });
        changed("no end", Reason::Changed, [](QVariantList piece, qint64) {
            piece[1] = false;
            return piece;
        });
        changed("no list of three", Reason{}, [](const QVariantList &piece, qint64) { return piece.first(2); });
        changed("a number for bytes", Reason::Changed, [](QVariantList piece, qint64) {
            piece[2] = 7;
            return piece;
        });
        changed("another version", Reason::Changed, [](QVariantList piece, qint64) {
            piece[0] = QStringLiteral("2");
            return piece;
        });
        changed("a failure", Reason{}, [](const QVariantList &piece, qint64) -> QVariantList {
            throw Error(QStringLiteral("no"));
            return piece;
        });
    }

    void D09_sendersThatLie()
    {
        QFETCH(Claim, claim);
        QFETCH(int, reason);
        openStore({.allowed = AllowAll});
        if (reason == 0)
            QVERIFY(!failureOf<Error>([&] { put(QStringLiteral("a"), claim); }).startsWith(u'<'));
        else
            QCOMPARE(put(QStringLiteral("a"), claim), reason);
        QCOMPARE(visible(), QStringList());
        QCOMPARE(put(QStringLiteral("a")), 0); // the store is as well as before
        QCOMPARE(contentOf(stored(QStringLiteral("a"))), QByteArray("content"));
    }

    void D09_rulesThatDoNotExist()
    {
        openStore({.allowed = AllowAll});
        for (const int overwrite : {-1, 3, 1000})
            QVERIFY(!failureOf<WireError>([&] { put(QStringLiteral("a"), {}, 0644, overwrite); }).startsWith(u'<'));
        QCOMPARE(visible(), QStringList());
    }

    void D09_noProgramGetsOtherRights()
    {
        openStore();
        QCOMPARE(put(QStringLiteral("a"), {}, 07755), 0);
        struct stat status{};
        QCOMPARE(::stat(QFile::encodeName(stored(QStringLiteral("a"))).constData(), &status), 0);
        QCOMPARE(int(status.st_mode & 07777), 0755);
    }

    void D09_whatBrokeOffIsNotBelieved()
    {
        openStore();
        Claim claim;
        claim.digest = "no SHA-256"; // all bytes come before that
        QVERIFY(!failureOf<Error>([&] { put(QStringLiteral("a"), claim); }).startsWith(u'<'));
        QCOMPARE(partials().size(), 1);
        const QString partial = stored(QStringLiteral(".asyncoro/") + partials().first());
        for (const char *other : {"con", "CON", "content and more"}) {
            writeTo(partial, other);
            QCOMPARE(put(QStringLiteral("a")), 0);
            QCOMPARE(contentOf(stored(QStringLiteral("a"))), QByteArray("content"));
            QVERIFY(QFile::remove(stored(QStringLiteral("a"))));
        }
    }

    void D09_aPartialFileThatIsALink()
    {
        openStore();
        Claim claim;
        claim.digest = "no SHA-256"; // all bytes come before that
        QVERIFY(!failureOf<Error>([&] { put(QStringLiteral("a"), claim); }).startsWith(u'<'));
        const QString partial = stored(QStringLiteral(".asyncoro/") + partials().first());
        QVERIFY(QFile::remove(partial));
        writeTo(path(QStringLiteral("outside")), "secret");
        QVERIFY(QFile::link(path(QStringLiteral("outside")), partial));
        QCOMPARE(put(QStringLiteral("a")), 0);
        QCOMPARE(contentOf(stored(QStringLiteral("a"))), QByteArray("content"));
        QCOMPARE(contentOf(path(QStringLiteral("outside"))), QByteArray("secret"));
    }

    void D09_oldOnesAreRemoved()
    {
        writeTo(stored(QStringLiteral(".asyncoro/old")), "x");
        writeTo(stored(QStringLiteral(".asyncoro/new")), "x");
        writeTo(stored(QStringLiteral(".asyncoro/in use")), "x");
        const std::array<timeval, 2> longAgo{timeval{.tv_sec = 1000, .tv_usec = 0}, timeval{.tv_sec = 1000, .tv_usec = 0}};
        for (const char *name : {"old", "in use"})
            QCOMPARE(::utimes(QFile::encodeName(stored(QStringLiteral(".asyncoro/") + QLatin1StringView(name))).constData(), longAgo.data()), 0);
        QFile inUse(stored(QStringLiteral(".asyncoro/in use")));
        QVERIFY(inUse.open(QIODevice::ReadWrite));
        QCOMPARE(::flock(inUse.handle(), LOCK_EX), 0);
        openStore();
        QCOMPARE(partials(), (QStringList{QStringLiteral("in use"), QStringLiteral("new")}));
    }

    void D09_bytesThatDoNotCome()
    {
        openStore({.maxTransfers = 1, .patience = 1s});
        m_near->offer(QStringLiteral("asyncoro.file.read"), [](QByteArray, qint64, qint64) -> Task<QVariantList> {
            co_await waitForever();
            co_return {};
        });
        QCOMPARE(call({}), int(Reason::Stalled));
        QCOMPARE(put(QStringLiteral("b")), 0); // it has not kept the only place
    }

    /** How long a digest may take depends on what is here, not on what the peer says. */
    void D09_aDigestThatDoesNotCome()
    {
        openStore({.patience = 1s});
        constexpr qint64 Piece = 1024 * 1024;
        const auto arrived = [this] {
            const QStringList names = partials();
            return names.isEmpty() ? 0 : QFileInfo(stored(QStringLiteral(".asyncoro/") + names.first())).size();
        };
        m_near->offer(QStringLiteral("asyncoro.file.read"), [&](QByteArray, qint64 position, qint64) -> Task<QVariantList> {
            if (position > 0) {
                while (arrived() < Piece)
                    co_await sleep(1ms);
                throw Error(QStringLiteral("enough"));
            }
            co_return {QStringLiteral("1"), false, QByteArray(Piece, 'x')};
        });
        m_near->offer(QStringLiteral("asyncoro.file.digest"), [](QByteArray, qint64) -> Task<QVariantList> {
            co_await waitForever();
            co_return {};
        });
        Claim claim;
        claim.size = 1'000'000'000'000'000;
        QVERIFY(failureOf<Error>([&] { call(claim); }).contains(QStringLiteral("enough")));
        QTRY_VERIFY(isLetGo(partials().first()));
        QCOMPARE(call(claim), int(Reason::Stalled));
    }

    /** Who does not answer waits with its own files only, of which there may be so many. */
    void D09_oneThatStallsLeavesRoom()
    {
        openStore({.maxTransfers = 8});
        int asked = 0;
        m_near->offer(QStringLiteral("asyncoro.file.read"), [&asked](QByteArray, qint64, qint64) -> Task<QVariantList> {
            ++asked;
            co_await waitForever();
            co_return {};
        });
        QList<Coro<QVariantList>> stalled;
        for (int i = 0; i < 1000; ++i)
            stalled << spawn(putting(QString::number(i), "key"));
        const QVariantList refusal = waitFor(putting(QStringLiteral("one more"), "key"), 30s); // so the others are all there
        QCOMPARE(refusal.at(0).toInt(), int(Reason::TooMany));
        QCOMPARE(refusal.at(2).toString(), QStringLiteral("\"one more\": 1000 files of this process are arriving or waiting already"));
        QTRY_COMPARE(asked, 2); // at a time

        const auto other = makeNetwork();
        for (const char *name : {"a", "b", "c"})
            writeTo(path(QStringLiteral("folder/") + QLatin1StringView(name)), "content");
        QCOMPARE(waitFor(sendFiles(*other, m_far->location(), path(QStringLiteral("folder"))), 30s).sent, 3);
        QCOMPARE(asked, 2);
        for (const auto &coro : stalled) {
            QVERIFY(coro.isRunning());
            coro.terminate();
        }
    }

    void D09_peersTakeTurns()
    {
        openStore({.maxTransfers = 1});
        const auto other = makeNetwork();
        QStringList order;
        Event mayGoOn;
        const auto read = [&](QByteArray key, qint64, qint64) -> Task<QVariantList> {
            order << QString::fromLatin1(key);
            co_await mayGoOn.wait();
            co_return {QStringLiteral("1"), true, QByteArray("content")};
        };
        const auto digest = [](QByteArray, qint64) -> Task<QVariantList> {
            co_return {QStringLiteral("1"), fileDigestOf("content")};
        };
        QList<Coro<QVariantList>> puts;
        for (PeerNetwork *network : {m_near.get(), other.get()}) {
            network->offer(QStringLiteral("asyncoro.file.read"), read);
            network->offer(QStringLiteral("asyncoro.file.digest"), digest);
            for (const char *number : {"1", "2", "3"}) {
                const QByteArray key = QByteArray(network == m_near.get() ? "near " : "other ") + number;
                puts << spawn(putting(QString::fromLatin1(key), key, *network));
            }
            // Answered when those before it wait.
            waitFor(network->call<QVariantList>(m_far->location(), QStringLiteral("asyncoro.store.files.find"), QStringLiteral("x")), 30s);
            QTRY_COMPARE(order, QStringList(QStringLiteral("near 1")));
        }
        mayGoOn.set();
        for (const auto &put : puts)
            QCOMPARE(waitFor(put, 30s).at(0).toInt(), 0);
        QCOMPARE(order, (QStringList{QStringLiteral("near 1"), QStringLiteral("other 1"), QStringLiteral("near 2"), QStringLiteral("other 2"),
                                     QStringLiteral("near 3"), QStringLiteral("other 3")}));
    }

    /** What a peer is not given, it does not read from others by a store. */
    void D09_filesOfOthersAreNotRead()
    {
        openStore();
        writeTo(path(QStringLiteral("a")), "secret");
        const SharedFile shared(*m_far, path(QStringLiteral("a"))); // by the process of the store
        const QMetaObject &meta = SharedFile::staticMetaObject;
        const QByteArray key = meta.property(meta.indexOfProperty("key")).readOnGadget(&shared).toByteArray();
        m_near->offer(QStringLiteral("asyncoro.file.read"), [](QByteArray, qint64, qint64) -> Task<QVariantList> {
            throw Error(QStringLiteral("asked"));
            co_return {};
        });
        QVERIFY(failureOf<Error>([&] { call({}, QStringLiteral("a"), 0644, 0, key); }).contains(QStringLiteral("asked")));
        QCOMPARE(visible(), QStringList());
    }

private:
    /** Asks the store for something; gives the reason for which it refuses, 0 if it does not. */
    int ask(const char *verb, const QString &name)
    {
        const auto function = QStringLiteral("asyncoro.store.files.") + QLatin1StringView(verb);
        return waitFor(m_near->call<QVariantList>(m_far->location(), function, name), 30s).at(0).toInt();
    }

    int call(const Claim &claim, const QString &name = QStringLiteral("a"), int mode = 0644, int overwrite = 2,
             const QByteArray &key = "key")
    {
        const qint64 size = claim.size == -1 ? claim.content.size() : claim.size;
        return waitFor(m_near->call<QVariantList>(m_far->location(), QStringLiteral("asyncoro.store.files.put"), name, key, size,
                                                  qint64(1'000'000'007), mode, overwrite),
                       30s)
            .at(0)
            .toInt();
    }

    /** Begins to put a file of 7 bytes, with a key by which the network knows it. */
    Task<QVariantList> putting(const QString &name, const QByteArray &key) { return putting(name, key, *m_near); }
    Task<QVariantList> putting(const QString &name, const QByteArray &key, PeerNetwork &network)
    {
        return network.call<QVariantList>(m_far->location(), QStringLiteral("asyncoro.store.files.put"), name, key, qint64(7),
                                          qint64(1'000'000'007), 0644, 0);
    }

    /** Puts a file as a peer might that does not use this library. */
    int put(const QString &name, const Claim &claim = {}, int mode = 0644, int overwrite = 2)
    {
        m_near->offer(QStringLiteral("asyncoro.file.read"), [claim](QByteArray, qint64 position, qint64 size) {
            return [](Claim what, qint64 from, qint64 count) -> Task<QVariantList> {
                const bool atEnd = from + count >= what.content.size();
                co_return what.change({what.version, atEnd, what.content.mid(from, count)}, from);
            }(claim, position, size);
        });
        m_near->offer(QStringLiteral("asyncoro.file.digest"), [claim](QByteArray, qint64 size) {
            return [](Claim what, qint64 count) -> Task<QVariantList> {
                const QByteArray digest = fileDigestOf(what.content.first(std::min(count, what.content.size())));
                co_return {QStringLiteral("1"), what.digest.isEmpty() ? digest : what.digest};
            }(claim, size);
        });
        return call(claim, name, mode, overwrite);
    }

    [[nodiscard]] QStringList everything() const
    {
        return filesIn(m_folder->path(), QDir::AllEntries | QDir::Hidden | QDir::System | QDir::NoDotAndDotDot);
    }
};

QTEST_GUILESS_MAIN(FileStoreSecurityTest)
#include "filestoresecuritytest.moc"
