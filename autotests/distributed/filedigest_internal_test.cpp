// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../../src/distributed/filedigest_p.h"
#include "filetransfertest.h"

#include <QTest>

#include <thread>
#include <vector>

using namespace Asyncoro::Detail;
using DistributedTest::fileDigestOf;
using DistributedTest::randomContent;

class FileDigestTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void isAsDocumented()
    {
        FileDigest digest;
        QCOMPARE(digest.result().toHex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        digest.add(QByteArray(100'000, '\0'));
        QCOMPARE(digest.result().toHex(), "a580adb7c9cdfdce1ac1bde8460f7759013d9fea9f618a78b5166d932e35eaba");
    }

    void doesNotDependOnHowMuchIsAddedAtOnce_data()
    {
        QTest::addColumn<QList<qsizetype>>("sizes"); // used in turn
        QTest::newRow("bytes") << QList<qsizetype>{1};
        QTest::newRow("a piece") << QList<qsizetype>{32'768};
        QTest::newRow("almost a piece") << QList<qsizetype>{32'767};
        QTest::newRow("more than a piece") << QList<qsizetype>{32'769};
        QTest::newRow("as many as are hashed one by one") << QList<qsizetype>{7 * 32'768};
        QTest::newRow("as many as are hashed together") << QList<qsizetype>{8 * 32'768};
        QTest::newRow("more than a processor hashes together") << QList<qsizetype>{1, 40 * 32'768, 0, 5, 32'762};
        QTest::newRow("all") << QList<qsizetype>{3'000'000};
    }

    void doesNotDependOnHowMuchIsAddedAtOnce()
    {
        QFETCH(const QList<qsizetype>, sizes);
        const QByteArray content = randomContent(3'000'000);
        FileDigest digest;
        qsizetype done = 0;
        for (qsizetype i = 0; done < content.size(); ++i) {
            const qsizetype size = std::min(sizes[i % sizes.size()], content.size() - done);
            digest.add(QByteArrayView(content).sliced(done, size));
            done += size;
        }
        QCOMPARE(digest.result(), fileDigestOf(content));
    }

    void isOfWhatWasAddedSoFar()
    {
        const QByteArray content = randomContent(1'000'000);
        FileDigest digest;
        for (qsizetype done = 0; done < content.size(); done += 100'000) {
            QCOMPARE(digest.result(), fileDigestOf(content.first(done)));
            digest.add(QByteArrayView(content).sliced(done, 100'000));
        }
        digest.reset();
        QCOMPARE(digest.result(), fileDigestOf({}));
    }

    void isFoundByAnyThread()
    {
        const QByteArray content = randomContent(5'000'000);
        const QByteArray expected = fileDigestOf(content);
        std::vector<QByteArray> found(8);
        {
            std::vector<std::jthread> threads;
            for (QByteArray &each : found) {
                threads.emplace_back([&] {
                    FileDigest digest;
                    digest.add(content);
                    each = digest.result();
                });
            }
        }
        for (const QByteArray &each : found)
            QCOMPARE(each, expected);
    }
};

QTEST_GUILESS_MAIN(FileDigestTest)
#include "filedigest_internal_test.moc"
