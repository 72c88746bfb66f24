// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../../src/distributed/storefolder_p.h"

#include <QTemporaryDir>
#include <QTest>

#include <atomic>
#include <thread>

using namespace Asyncoro::Detail;
using namespace std::chrono_literals;

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
};

QTEST_GUILESS_MAIN(StoreFolderTest)
#include "storefolder_internal_test.moc"
