// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include <Asyncoro/Location>

#include <QTest>

using namespace Asyncoro;

class LocationTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void readsAndPrints_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("printed"); // empty: not valid
        QTest::newRow("IPv4") << "192.168.1.2:51350" << "192.168.1.2:51350";
        QTest::newRow("name") << " server:80 " << "server:80";
        QTest::newRow("IPv6") << "[::1]:8000" << "[::1]:8000";
        QTest::newRow("default port") << "server" << "server:4711";
        QTest::newRow("IPv6, default port") << "fe80::1" << "[fe80::1]:4711";
        QTest::newRow("IPv6 in brackets, default port") << "[fe80::1]" << "[fe80::1]:4711";
        QTest::newRow("empty") << "" << "";
        QTest::newRow("port alone") << ":80" << "";
        QTest::newRow("port zero") << "server:0" << "";
        QTest::newRow("port too large") << "server:65536" << "";
        QTest::newRow("port no number") << "server:http" << "";
        QTest::newRow("bracket not closed") << "[::1:80" << "";
        QTest::newRow("text behind the bracket") << "[::1]80" << "";
    }

    void readsAndPrints()
    {
        QFETCH(QString, text);
        QFETCH(QString, printed);
        const Location location = Location::fromString(text, 4711);
        QCOMPARE(location.toString(), printed);
        QCOMPARE(location.isValid(), !printed.isEmpty());
        if (location.isValid())
            QCOMPARE(Location::fromString(printed), location);
    }

    void comparesByAddressAndPort()
    {
        const Location a(QStringLiteral("a"), 2);
        QCOMPARE(a, Location(QStringLiteral("a"), 2));
        QVERIFY(a != Location(QStringLiteral("a"), 3));
        QVERIFY(a < Location(QStringLiteral("a"), 3));
        QVERIFY(a < Location(QStringLiteral("b"), 1));
        QCOMPARE(qHash(a), qHash(Location(QStringLiteral("a"), 2)));
    }
};

QTEST_GUILESS_MAIN(LocationTest)
#include "locationtest.moc"
