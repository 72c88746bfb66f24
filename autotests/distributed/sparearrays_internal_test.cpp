// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../../src/distributed/sparearrays_p.h"

#include <QTest>

#include <atomic>
#include <deque>
#include <thread>
#include <vector>

using namespace Asyncoro::Detail;
using namespace std::chrono_literals;

namespace {

constexpr qsizetype Size = 512 * 1024;

/** An array of `size` bytes that was filled, and will be spare again. */
QByteArray keptArray(qsizetype size, char content = 'x')
{
    QByteArray bytes = SpareArrays::take(size);
    bytes.fill(content, size);
    SpareArrays::keep(bytes);
    return bytes;
}

} // namespace

class SpareArraysTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void cleanup() { SpareArrays::freeUnused(0ms); }

    void isUsedAgainWhenNobodyHasIt()
    {
        QByteArray bytes = keptArray(Size);
        const char *const memory = bytes.constData();
        bytes.clear();
        const QByteArray again = SpareArrays::take(Size);
        QCOMPARE(static_cast<const void *>(again.constData()), static_cast<const void *>(memory));
        QVERIFY(again.isEmpty());
        QVERIFY(again.capacity() >= Size);
    }

    void isNotUsedWhileSomebodyHasIt()
    {
        const QByteArray bytes = keptArray(Size);
        QByteArray other = SpareArrays::take(Size);
        other.fill('y', Size);
        QCOMPARE(bytes, QByteArray(Size, 'x'));
    }

    void isGivenOnce()
    {
        keptArray(Size);
        QByteArray one = SpareArrays::take(Size);
        QByteArray other = SpareArrays::take(Size);
        one.fill('1', Size);
        other.fill('2', Size);
        QCOMPARE(one, QByteArray(Size, '1'));
    }

    void whoWritesGetsACopy()
    {
        QByteArray bytes = keptArray(Size);
        bytes[0] = 'w'; // a copy is made; the kept memory is spare now
        QByteArray other = SpareArrays::take(Size);
        other.fill('y', Size);
        QCOMPARE(bytes.at(0), 'w');
        QCOMPARE(bytes.at(1), 'x');
    }

    void hasRoomAlthoughSomethingWasRemovedAtTheFront()
    {
        for (int i = 0; i < 100; ++i) {
            QByteArray bytes = SpareArrays::take(Size);
            const char *const memory = bytes.constData();
            bytes.fill('x', Size);
            QCOMPARE(static_cast<const void *>(bytes.constData()), static_cast<const void *>(memory)); // not made anew
            bytes.remove(0, 4096);
            SpareArrays::keep(bytes);
        }
    }

    void aShortOneDoesNotTakeALongOne()
    {
        const char *const memory = keptArray(SpareArrays::MaxSize / 2).constData();
        const QByteArray bytes = SpareArrays::take(SpareArrays::MinSize);
        QVERIFY(static_cast<const void *>(bytes.constData()) != static_cast<const void *>(memory));
        QVERIFY(bytes.capacity() < 2 * SpareArrays::MinSize);
    }

    void shortAndVeryLongOnesAreNotKept_data()
    {
        QTest::addColumn<qsizetype>("size");
        QTest::newRow("short") << SpareArrays::MinSize / 2;
        QTest::newRow("very long") << SpareArrays::MaxSize + 1;
    }

    void shortAndVeryLongOnesAreNotKept()
    {
        QFETCH(const qsizetype, size);
        const QByteArray bytes = keptArray(size);
        QVERIFY(bytes.isDetached());
    }

    void notMoreThanSoMuchIsKept()
    {
        std::deque<QByteArray> arrays;
        for (qsizetype size = 0; size <= SpareArrays::MaxKept; size += Size)
            arrays.push_back(keptArray(Size));
        QVERIFY(arrays.front().isDetached()); // only we have it now
        QVERIFY(!arrays.back().isDetached());
    }

    void isFreedWhenUnused()
    {
        const QByteArray bytes = keptArray(Size);
        SpareArrays::freeUnused(1h);
        QVERIFY(!bytes.isDetached());
        SpareArrays::freeUnused(0ms);
        QVERIFY(bytes.isDetached());
    }

    /** What one thread reads, another one may write into only afterwards; the thread sanitizer sees whether it does. */
    void goesFromThreadToThread()
    {
        for (int round = 0; round < 200; ++round) {
            std::vector<std::jthread> readers;
            std::atomic<int> wrong = 0;
            for (int i = 0; i < 4; ++i) {
                const char content = char('a' + i);
                readers.emplace_back([bytes = keptArray(Size, content), content, &wrong]() mutable {
                    if (!std::as_const(bytes).endsWith(content) || !std::as_const(bytes).startsWith(content))
                        ++wrong;
                    bytes.clear();
                });
            }
            readers.clear();
            QCOMPARE(wrong.load(), 0);
        }
    }
};

QTEST_APPLESS_MAIN(SpareArraysTest)

#include "sparearrays_internal_test.moc"
