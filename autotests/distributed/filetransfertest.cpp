// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "filetransfertest.h"

#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

using namespace DistributedTest;

namespace {

constexpr qsizetype Large = 16 * 1024 * 1024; // four times what is under way at a time

/** Permissions and time of modification. */
QString attributesOf(const QString &path)
{
    struct stat status{};
    if (::stat(QFile::encodeName(path).constData(), &status) != 0)
        return {};
    return QStringLiteral("%1 %2.%3").arg(status.st_mode & 07777, 0, 8).arg(status.st_mtim.tv_sec).arg(status.st_mtim.tv_nsec);
}

} // namespace

class FileTransferTest : public TwoNetworks
{
    Q_OBJECT

private Q_SLOTS:
    void init() { setUp(); }
    void cleanup() { tearDown(); }

    void D09_sendsAFile_data()
    {
        QTest::addColumn<qsizetype>("size");
        QTest::addColumn<QString>("as");
        QTest::newRow("empty") << qsizetype(0) << QStringLiteral("a");
        QTest::newRow("a byte") << qsizetype(1) << QStringLiteral("a");
        QTest::newRow("a piece") << qsizetype(1024 * 1024) << QStringLiteral("a");
        QTest::newRow("more than a piece") << qsizetype(1024 * 1024 + 1) << QStringLiteral("in/some/folder/a");
        QTest::newRow("more than is under way at a time") << qsizetype(9'000'000) << QStringLiteral("a");
        QTest::newRow("names") << qsizetype(5) << QStringLiteral(" a \n/ファイル\u00e9/..a/...");
    }

    void D09_sendsAFile()
    {
        QFETCH(qsizetype, size);
        QFETCH(QString, as);
        openStore();
        const QByteArray content = randomContent(size);
        writeTo(path(QStringLiteral("a")), content);
        QVERIFY(QFile::setPermissions(path(QStringLiteral("a")), QFile::ReadOwner | QFile::ExeOwner | QFile::ReadGroup));
        qint64 done = -1;
        SendOptions options;
        options.progress = [&](qint64 now, qint64 all) {
            QVERIFY(now >= done && now <= all);
            QCOMPARE(all, size);
            done = now;
        };
        const SentFiles sent = waitFor(send(QStringLiteral("a"), as, options));
        QCOMPARE(sent.sent, 1);
        QCOMPARE(sent.alreadyThere, 0);
        QCOMPARE(sent.bytes, size);
        QCOMPARE(done, size);
        QCOMPARE(contentOf(stored(as)), content);
        QCOMPARE(attributesOf(stored(as)), attributesOf(path(QStringLiteral("a"))));
        QCOMPARE(partials(), QStringList());
    }

    void D09_sendsToItself()
    {
        openStore();
        writeTo(path(QStringLiteral("a")), "content");
        QCOMPARE(waitFor(sendFiles(*m_far, m_far->location(), path(QStringLiteral("a")))).sent, 1);
        QCOMPARE(contentOf(stored(QStringLiteral("a"))), QByteArray("content"));
    }

    void D09_whatIsThereIsNotSentAgain()
    {
        openStore();
        writeTo(path(QStringLiteral("a")), randomContent(1'000'000));
        waitFor(send(QStringLiteral("a")));
        const QString before = attributesOf(stored(QStringLiteral("a")));
        for (const Overwrite overwrite : {Overwrite::Never, Overwrite::IfDifferent, Overwrite::Always}) { // which is not allowed
            writeTo(path(QStringLiteral("a")), randomContent(1'000'000)); // at another time
            const SentFiles sent = waitFor(send(QStringLiteral("a"), {}, {.overwrite = overwrite}));
            QCOMPARE(sent.sent, 0);
            QCOMPARE(sent.alreadyThere, 1);
            QCOMPARE(sent.bytes, 0);
            QCOMPARE(attributesOf(stored(QStringLiteral("a"))), before);
        }
    }

    void D09_overwrites_data()
    {
        QTest::addColumn<int>("overwrite");
        QTest::addColumn<bool>("allowed");
        QTest::addColumn<QByteArray>("content");
        QTest::addColumn<bool>("replaced");
        const auto row = [](const char *name, Overwrite overwrite, bool allowed, const char *content, bool replaced) {
            QTest::newRow(name) << int(overwrite) << allowed << QByteArray(content) << replaced;
        };
        row("never", Overwrite::Never, true, "longer", false);
        row("never, of the same size", Overwrite::Never, true, "new", false);
        row("if different", Overwrite::IfDifferent, true, "longer", true);
        row("if different, of the same size", Overwrite::IfDifferent, true, "new", true);
        row("always", Overwrite::Always, true, "old", true);
        row("not allowed", Overwrite::IfDifferent, false, "new", false);
        row("always, not allowed", Overwrite::Always, false, "new", false);
    }

    void D09_overwrites()
    {
        QFETCH(int, overwrite);
        QFETCH(bool, allowed);
        QFETCH(QByteArray, content);
        QFETCH(bool, replaced);
        openStore({.allowed = allowed ? FileStore::Access::Add | FileStore::Access::Replace : FileStore::Access::Add});
        writeTo(stored(QStringLiteral("a")), "old");
        writeTo(path(QStringLiteral("a")), content);
        const auto sending = [&] { return send(QStringLiteral("a"), {}, {.overwrite = Overwrite(overwrite)}); };
        if (replaced) {
            QCOMPARE(waitFor(sending()).sent, 1);
            QCOMPARE(contentOf(stored(QStringLiteral("a"))), content);
        } else {
            QCOMPARE(refusalOf(sending()), int(Reason::Exists));
            QVERIFY(failureOf<FileRefused>(sending()).contains(QStringLiteral("\"a\": another file of that name is there")));
            QCOMPARE(contentOf(stored(QStringLiteral("a"))), QByteArray("old"));
        }
        QCOMPARE(partials(), QStringList());
    }

    void D09_aFolderIsNoFile()
    {
        openStore({.allowed = FileStore::Access::Add | FileStore::Access::Replace});
        writeTo(stored(QStringLiteral("a/b")), "x");
        writeTo(path(QStringLiteral("a")), "y");
        for (const Overwrite overwrite : {Overwrite::Never, Overwrite::Always})
            QCOMPARE(refusalOf(send(QStringLiteral("a"), QStringLiteral("a"), {.overwrite = overwrite})), int(Reason::Exists));
        QCOMPARE(refusalOf(send(QStringLiteral("a"), QStringLiteral("a/b/c"))), int(Reason::BadPath)); // nor a file a folder
        QCOMPARE(visible(), QStringList(QStringLiteral("a/b")));
    }

    void D09_sendsAFolder()
    {
        openStore();
        QStringList names;
        for (int i = 0; i < 1000; ++i) {
            names << QStringLiteral("here/%1/%2").arg(i / 100).arg(i);
            writeTo(path(QStringLiteral("folder/%1/%2").arg(i / 100).arg(i)), QByteArray::number(i));
        }
        names.sort();
        QVERIFY(QDir().mkpath(path(QStringLiteral("folder/empty/inside"))));
        qint64 done = 0;
        qint64 size = 0;
        SendOptions options;
        options.progress = [&](qint64 now, qint64 all) {
            done = now;
            size = all;
        };
        const SentFiles sent = waitFor(send(QStringLiteral("folder"), QStringLiteral("here"), options));
        QCOMPARE(sent.sent, 1000);
        QCOMPARE(sent.bytes, 10 + 90 * 2 + 900 * 3);
        QCOMPARE(size, sent.bytes);
        QCOMPARE(done, size);
        QCOMPARE(visible(), names);
        for (int i = 0; i < 1000; ++i)
            QCOMPARE(contentOf(stored(QStringLiteral("here/%1/%2").arg(i / 100).arg(i))), QByteArray::number(i));
        QVERIFY(QFileInfo(stored(QStringLiteral("here/empty/inside"))).isDir());
        const SentFiles again = waitFor(send(QStringLiteral("folder"), QStringLiteral("here")));
        QCOMPARE(again.sent, 0);
        QCOMPARE(again.alreadyThere, 1000);
        QCOMPARE(again.bytes, 0);
    }

    void D09_whatCannotBeSent()
    {
        openStore();
        writeTo(path(QStringLiteral("folder/a")), "x");
        QVERIFY(QFile::link(QStringLiteral("/etc/passwd"), path(QStringLiteral("folder/link"))));
        QVERIFY(failureOf<FileRefused>(send(QStringLiteral("folder"))).contains(QStringLiteral("folder/link is a symbolic link")));
        QCOMPARE(visible(), QStringList());
        QCOMPARE(::mkfifo(QFile::encodeName(path(QStringLiteral("folder/pipe"))).constData(), 0600), 0);
        QCOMPARE(waitFor(send(QStringLiteral("folder"), {}, {.unsendable = Unsendable::Skip})).sent, 1);
        QCOMPARE(visible(), QStringList(QStringLiteral("folder/a")));

        QVERIFY(failureOf<Error>(send(QStringLiteral("folder/pipe"))).contains(QStringLiteral("not a regular file")));
        QVERIFY(failureOf<Error>(send(QStringLiteral("missing"))).contains(path(QStringLiteral("missing"))));
        QCOMPARE(refusalOf(send(QStringLiteral("folder/a"), QStringLiteral("../a"))), int(Reason::BadPath));
    }

    void D09_withoutAStore()
    {
        writeTo(path(QStringLiteral("a")), "x");
        QVERIFY(failureOf<WireError>(send(QStringLiteral("a"))).contains(QStringLiteral("offers no function")));
        openStore();
        m_store.reset();
        QCOMPARE(refusalOf(send(QStringLiteral("a"))), int(Reason::NotAllowed));
        QCOMPARE(visible(), QStringList());
    }

    void D09_severalStores()
    {
        const FileStore other(*m_far, path(QStringLiteral("other")), {.name = QStringLiteral("other")});
        openStore();
        writeTo(path(QStringLiteral("a")), "x");
        waitFor(send(QStringLiteral("a"), {}, {.store = QStringLiteral("other")}));
        QCOMPARE(visible(), QStringList());
        QCOMPARE(contentOf(path(QStringLiteral("other/a"))), QByteArray("x"));
    }

    void D09_whoMayWrite()
    {
        const Location friendly = m_near->location();
        const auto stranger = makeNetwork();
        openStore({.accepts = [friendly](const Peer &peer) { return peer.location() == friendly; }});
        writeTo(path(QStringLiteral("a")), "x");
        QCOMPARE(refusalOf(sendFiles(*stranger, m_far->location(), path(QStringLiteral("a")))), int(Reason::NotAllowed));
        QCOMPARE(visible(), QStringList());
        QCOMPARE(waitFor(send(QStringLiteral("a"))).sent, 1);
    }

    void D09_sizeIsLimited()
    {
        openStore({.maxFileSize = 10});
        writeTo(path(QStringLiteral("a")), QByteArray(11, 'x'));
        QCOMPARE(refusalOf(send(QStringLiteral("a"))), int(Reason::TooLarge));
        writeTo(path(QStringLiteral("a")), QByteArray(10, 'x'));
        QCOMPARE(waitFor(send(QStringLiteral("a"))).sent, 1);
    }

    void D09_quota()
    {
        const auto all = FileStore::Access::Add | FileStore::Access::Replace | FileStore::Access::Remove;
        writeTo(stored(QStringLiteral("was there")), QByteArray(30, 'x'));
        openStore({.allowed = all, .quota = 100});
        writeTo(path(QStringLiteral("a")), QByteArray(40, 'x'));
        const auto sendAs = [&](const char *as) {
            return refusalOf(send(QStringLiteral("a"), QLatin1StringView(as), {.overwrite = Overwrite::Always}));
        };
        QCOMPARE(sendAs("1"), 0);
        QCOMPARE(sendAs("2"), int(Reason::QuotaExceeded)); // 110
        QVERIFY(QFile::remove(stored(QStringLiteral("was there")))); // not by us
        QCOMPARE(sendAs("2"), 0);
        QCOMPARE(sendAs("3"), int(Reason::QuotaExceeded));
        QCOMPARE(waitFor(removeFiles(*m_near, m_far->location(), QStringLiteral("1"))), 1);
        writeTo(stored(QStringLiteral(".asyncoro/broken off")), QByteArray(50, 'x'));
        QFile brokenOff(stored(QStringLiteral(".asyncoro/broken off")));
        QVERIFY(brokenOff.open(QIODevice::ReadWrite)); // by a clock that was fast
        QVERIFY(brokenOff.setFileTime(QDateTime::currentDateTimeUtc().addSecs(3600), QFile::FileModificationTime));
        brokenOff.close();
        QCOMPARE(sendAs("3"), 0); // for which that had to go
        QCOMPARE(partials(), QStringList());
        writeTo(path(QStringLiteral("a")), QByteArray(101, 'x'));
        QCOMPARE(sendAs("4"), int(Reason::QuotaExceeded));
        QCOMPARE(visible(), (QStringList{QStringLiteral("2"), QStringLiteral("3")}));
    }

    void D09_severalTogetherKeepTheQuota()
    {
        openStore({.quota = 3'000'000});
        QList<Coro<SentFiles>> all;
        for (int i = 0; i < 10; ++i) {
            writeTo(path(QString::number(i)), randomContent(1'000'000, quint32(i)));
            all << spawn(send(QString::number(i)));
        }
        QList<int> refusals;
        for (const auto &one : all)
            refusals << refusalOf(one);
        std::ranges::sort(refusals);
        QCOMPARE(refusals, QList<int>(3, 0) + QList<int>(7, int(Reason::QuotaExceeded)));
        QCOMPARE(visible().size(), 3);
    }

    void D09_severalAtOnce()
    {
        openStore({.maxTransfers = 3});
        QList<Coro<SentFiles>> all;
        for (int i = 0; i < 10; ++i) {
            writeTo(path(QString::number(i)), randomContent(3'000'000, quint32(i)));
            all << spawn(send(QString::number(i)));
        }
        for (int i = 0; i < 10; ++i) {
            QCOMPARE(waitFor(all[i]).sent, 1);
            QCOMPARE(contentOf(stored(QString::number(i))), randomContent(3'000'000, quint32(i)));
        }
    }

    void D09_severalToOneName_data()
    {
        QTest::addColumn<int>("overwrite");
        QTest::addColumn<bool>("same");
        QTest::newRow("never, different") << int(Overwrite::Never) << false;
        QTest::newRow("always, different") << int(Overwrite::Always) << false;
        QTest::newRow("never, same") << int(Overwrite::Never) << true;
    }

    void D09_severalToOneName()
    {
        QFETCH(int, overwrite);
        QFETCH(bool, same);
        openStore({.allowed = FileStore::Access::Add | FileStore::Access::Replace});
        QList<Coro<SentFiles>> all;
        QList<QByteArray> contents;
        for (int i = 0; i < 3; ++i) {
            contents << randomContent(4'000'000 + (same ? 0 : i), same ? 1 : quint32(i));
            writeTo(path(QString::number(i)), contents.last());
            all << spawn(send(QString::number(i), QStringLiteral("one"), {.overwrite = Overwrite(overwrite)}));
        }
        int sent = 0;
        int refused = 0;
        for (const auto &one : all) {
            if (refusalOf(one) == int(Reason::Exists))
                ++refused;
            else
                sent += waitFor(one).sent;
        }
        const bool never = Overwrite(overwrite) == Overwrite::Never;
        QCOMPARE(sent, never ? 1 : 3);
        QCOMPARE(refused, never && !same ? 2 : 0);
        QVERIFY(contents.contains(contentOf(stored(QStringLiteral("one")))));
        QCOMPARE(visible(), QStringList(QStringLiteral("one")));
    }

    void D09_changesWhileItIsSent_data()
    {
        QTest::addColumn<int>("change");
        QTest::newRow("grows") << 0;
        QTest::newRow("shrinks") << 1;
        QTest::newRow("is replaced") << 2;
        QTest::newRow("is removed") << 3;
    }

    void D09_changesWhileItIsSent()
    {
        QFETCH(int, change);
        openStore();
        const QByteArray content = randomContent(Large);
        const QString file = path(QStringLiteral("a"));
        writeTo(file, content);
        bool once = true;
        SendOptions options;
        options.progress = [&](qint64, qint64) {
            if (!std::exchange(once, false))
                return;
            switch (change) {
            case 0:
                return writeTo(file, content + 'x');
            case 1:
                return writeTo(file, content.chopped(1));
            case 2: // at no moment it is not there
                writeTo(path(QStringLiteral("b")), content);
                return std::filesystem::rename(path(QStringLiteral("b")).toStdString(), file.toStdString());
            default:
                QVERIFY(QFile::remove(file));
            }
        };
        const QString text = change == 3 ? failureOf<Error>(send(QStringLiteral("a"), {}, options))
                                         : failureOf<FileRefused>(send(QStringLiteral("a"), {}, options));
        QVERIFY2(text.contains(change == 3 ? QStringLiteral("cannot read") : QStringLiteral("a has changed while it was read")),
                 qPrintable(text));
        QCOMPARE(visible(), QStringList());
    }

    void D09_progressThatThrows()
    {
        openStore();
        writeTo(path(QStringLiteral("a")), randomContent(Large));
        SendOptions options;
        options.progress = [](qint64, qint64) { throw Error(QStringLiteral("enough")); };
        QCOMPARE(failureOf<Error>(send(QStringLiteral("a"), {}, options)), QStringLiteral("enough"));
        QCOMPARE(visible(), QStringList());
    }

    void D09_goesOn_data()
    {
        QTest::addColumn<int>("end");
        QTest::newRow("the sender is terminated") << 0;
        QTest::newRow("its deadline passes") << 1;
        QTest::newRow("its process is gone") << 2;
        QTest::newRow("the store's process is gone") << 3;
        QTest::newRow("the store is closed") << 4;
    }

    void D09_goesOn()
    {
        QFETCH(int, end);
        openStore();
        const QByteArray content = randomContent(Large);
        writeTo(path(QStringLiteral("a")), content);
        Coro<> sender;
        QObject context;
        SendOptions options;
        const auto breakOff = [&] {
            if (end == 0 || end == 1)
                sender.terminate();
            else if (end == 2)
                m_near.reset();
            else if (end == 3)
                m_far.reset();
            else
                m_store.reset();
        };
        bool reached = false;
        options.progress = [&](qint64 done, qint64) {
            if (done > Large / 2 && !std::exchange(reached, true))
                QMetaObject::invokeMethod(&context, breakOff, Qt::QueuedConnection);
        };
        sender = spawn(send(QStringLiteral("a"), {}, options));
        if (end < 2)
            QVERIFY(!failureOf<CoroTerminated>(sender).startsWith(u'<'));
        else if (end < 4)
            QVERIFY(!failureOf<PeerLost>(sender).startsWith(u'<'));
        else
            QCOMPARE(refusalOf(sender), int(Reason::NotAllowed));
        QVERIFY(reached);
        QCOMPARE(visible(), QStringList());
        QCOMPARE(partials().size(), 1);
        QTRY_VERIFY(isLetGo(partials().first()));

        if (!m_near)
            m_near = makeNetwork();
        if (!m_far)
            m_far = makeNetwork();
        openStore();
        const SentFiles sent = waitFor(send(QStringLiteral("a")));
        QCOMPARE(sent.sent, 1);
        QVERIFY2(sent.bytes < Large * 3 / 4, qPrintable(QString::number(sent.bytes)));
        QCOMPARE(contentOf(stored(QStringLiteral("a"))), content);
        QCOMPARE(partials(), QStringList());
    }

    void D09_deadline()
    {
        openStore({.maxTransfers = 1});
        m_near->offer(QStringLiteral("asyncoro.file.read"), [](QByteArray, qint64, qint64) -> Task<QVariantList> {
            co_await waitForever();
            co_return {};
        });
        writeTo(path(QStringLiteral("a")), "x");
        QVERIFY(failureOf<TimedOut>(send(QStringLiteral("a"), {}, {.deadline = QDeadlineTimer(50)})).contains(path(QStringLiteral("a"))));
    }

    void D10_removes()
    {
        openStore({.allowed = FileStore::Access::Remove});
        const auto remove = [this](const char *name) { return removeFiles(*m_near, m_far->location(), QLatin1StringView(name)); };
        for (const char *name : {"a", "f/g/b", "f/c", "h/i/j", "h/i/k/l"})
            writeTo(stored(QLatin1StringView(name)), "x");
        QVERIFY(QDir().mkpath(stored(QStringLiteral("h/i/empty"))));
        QCOMPARE(waitFor(remove("a")), 1);
        QCOMPARE(waitFor(remove("f/g/b")), 1);
        QVERIFY(!QFile::exists(stored(QStringLiteral("f/g")))); // empty
        QCOMPARE(visible(), (QStringList{QStringLiteral("f/c"), QStringLiteral("h/i/j"), QStringLiteral("h/i/k/l")}));
        QCOMPARE(waitFor(remove("h/i")), 2);
        QVERIFY(!QFile::exists(stored(QStringLiteral("h"))));
        QCOMPARE(waitFor(remove("f")), 1);
        QVERIFY(QFileInfo(path(QStringLiteral("store"))).isDir());
        for (const char *missing : {"a", "f/g/b", "f"})
            QCOMPARE(refusalOf(remove(missing)), int(Reason::Missing));
        openStore();
        writeTo(stored(QStringLiteral("a")), "x");
        QCOMPARE(refusalOf(remove("a")), int(Reason::NotAllowed));
        QCOMPARE(visible(), QStringList(QStringLiteral("a")));
    }

    void D09_fetchesFromAStore()
    {
        openStore({.allowed = FileStore::Access::Read});
        const QByteArray content = randomContent(3'000'000);
        writeTo(stored(QStringLiteral("folder/a")), content);
        const auto find = [this](const char *name) { return findFile(*m_near, m_far->location(), QLatin1StringView(name)); };
        const SharedFile file = waitFor(find("folder/a"));
        QCOMPARE(file.name(), QStringLiteral("a"));
        QCOMPARE(file.size(), content.size());
        waitFor(fetchFile(*m_near, file, path(QStringLiteral("copy"))));
        QCOMPARE(contentOf(path(QStringLiteral("copy"))), content);
        QVERIFY(QFile::remove(stored(QStringLiteral("folder/a")))); // and a link takes its place
        QVERIFY(QFile::link(QStringLiteral("/etc/passwd"), stored(QStringLiteral("folder/a"))));
        QVERIFY(failureOf<RemoteError>(fetchFile(*m_near, file, path(QStringLiteral("copy")))).contains(QStringLiteral("symbolic link")));
        QCOMPARE(refusalOf(find("folder/a")), int(Reason::BadPath));
        QCOMPARE(refusalOf(find("missing")), int(Reason::Missing));
        openStore();
        QCOMPARE(refusalOf(find("folder/a")), int(Reason::NotAllowed));
    }
};

QTEST_GUILESS_MAIN(FileTransferTest)
#include "filetransfertest.moc"
