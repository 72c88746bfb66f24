// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../../src/distributed/storefolder_p.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <atomic>
#include <sys/stat.h>
#include <thread>
#include <tuple>
#include <unistd.h>

using namespace Asyncoro;
using namespace Asyncoro::Detail;
using namespace std::chrono_literals;

namespace {

const QByteArray Content = "content";
const QByteArray Bytes = "bytes";

int modeOf(const QString &path)
{
    struct stat status{};
    return ::stat(QFile::encodeName(path).constData(), &status) == 0 ? int(status.st_mode & 07777) : -1;
}

/** While there is one, a test that root runs is subject to permissions. */
class AsAnotherUser
{
public:
    AsAnotherUser() = default;
    ~AsAnotherUser() { std::ignore = ::seteuid(m_us); }
    Q_DISABLE_COPY_MOVE(AsAnotherUser)

    [[nodiscard]] bool isSo() const { return m_isSo; }

private:
    const uid_t m_us = ::geteuid();
    const bool m_isSo = m_us != 0 || ::seteuid(65534) == 0;
};

} // namespace

class StoreFolderTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    /** To measure or clean takes each partial file for a moment, also one that is just being made. */
    void partialFilesAreOpenedWhileOthersMeasureAndClean()
    {
        const QTemporaryDir directory;
        StoreFolder folder(directory.path());
        std::atomic<bool> ended = false;
        const auto untilEnded = [&](auto work) {
            return std::jthread([&, work] {
                while (!ended)
                    work();
            });
        };
        const auto measuring = untilEnded([&] { folder.usage({}); });
        const auto cleaning = untilEnded([&] { folder.removePartials(0s); });
        const auto guard = qScopeGuard([&] { ended = true; });
        for (int i = 0; i < 10'000; ++i)
            QVERIFY(folder.openPartial(StorePath(QStringLiteral("file")), QByteArray::number(i)));
    }

    void whatCannotBeCommittedIsStillTheStores_data() { addModes(); }

    void whatCannotBeCommittedIsStillTheStores()
    {
        QFETCH(int, mode);
        const AsAnotherUser user;
        if (!user.isSo())
            QSKIP("root may read everything, and cannot become another user here");
        const QTemporaryDir directory;
        if (!directory.isValid())
            QSKIP("another user may make no folder here");
        StoreFolder folder(directory.path());
        QFile inTheWay(directory.filePath(QStringLiteral("x")));
        QVERIFY(inTheWay.open(QIODevice::WriteOnly));
        const auto open = [&folder] { return folder.openPartial(StorePath(QStringLiteral("x/y")), Content); };
        const auto commit = [&](PartialFile &partial) {
            return folder.commit(partial, {.modified = 1'000'000'007, .mode = mode}, StoreFolder::Existing::Keep);
        };
        {
            const auto partial = open();
            partial->append(Bytes, 0);
            QVERIFY_THROWS_EXCEPTION(FileRefused, commit(*partial));
        }
        const QString name = directory.filePath(QStringLiteral(".asyncoro/") + QString::fromLatin1(Content.toHex()));
        QCOMPARE(modeOf(name), mode | 0600);
        QCOMPARE(folder.usage({}), Bytes.size());
        {
            const auto partial = open();
            QCOMPARE(partial->resume(Bytes.size(), {}), Bytes.size());
            QVERIFY(inTheWay.remove());
            QVERIFY(commit(*partial));
        }
        QCOMPARE(modeOf(directory.filePath(QStringLiteral("x/y"))), mode);
        QCOMPARE(modeOf(name), -1);
    }

    void whatMayNotBeOpenedIsCountedAndRemoved_data() { addModes(); }

    void whatMayNotBeOpenedIsCountedAndRemoved()
    {
        QFETCH(int, mode);
        const AsAnotherUser user;
        if (!user.isSo())
            QSKIP("root may read everything, and cannot become another user here");
        const QTemporaryDir directory;
        if (!directory.isValid())
            QSKIP("another user may make no folder here");
        StoreFolder folder(directory.path());
        const QString name = directory.filePath(QStringLiteral(".asyncoro/") + QString::fromLatin1(Content.toHex()));
        QFile partial(name);
        QVERIFY(partial.open(QIODevice::WriteOnly) && partial.write(Bytes) == Bytes.size());
        partial.close();
        const auto takePermissions = [&] { return ::chmod(QFile::encodeName(name).constData(), mode_t(mode)) == 0; };
        QVERIFY(takePermissions());
        QCOMPARE(folder.usage({}), Bytes.size());
        QVERIFY(takePermissions());
        QCOMPARE(folder.openPartial(StorePath(QStringLiteral("x")), Content)->resume(Bytes.size(), {}), Bytes.size());
        QVERIFY(takePermissions());
        folder.removePartials(0s);
        QCOMPARE(modeOf(name), -1);
        QCOMPARE(folder.usage({}), 0);
    }

private:
    static void addModes()
    {
        QTest::addColumn<int>("mode");
        for (const int mode : {0, 0200, 0400, 0444, 0555, 0644})
            QTest::addRow("%03o", mode) << mode;
    }
};

QTEST_GUILESS_MAIN(StoreFolderTest)
#include "storefolder_internal_test.moc"
