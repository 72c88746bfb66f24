// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "../../src/dnssd/announcement_p.h"

#include <Asyncoro/Error>

#include <QTest>

using namespace Asyncoro;
using Detail::Announcement;

/** What stands in a TXT record, and what of anybody's TXT record is taken. */
class AnnouncementTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void isReadAsItIsWritten_data()
    {
        QTest::addColumn<QString>("network");
        QTest::addColumn<QStringList>("services");
        QTest::addColumn<QString>("address");
        QTest::newRow("nothing") << QString() << QStringList() << QString();
        QTest::newRow("all") << QStringLiteral("Prüfstand 2") << QStringList{QStringLiteral("a.b"), QStringLiteral("ü")}
                             << QStringLiteral("fd00::1");
        QTest::newRow("as much as there is room for")
            << QString(63, u'n') << QStringList{QString(55, u'a'), QString(56, u'b')} << QStringLiteral("10.1.2.3");
    }

    void isReadAsItIsWritten()
    {
        QFETCH(QString, network);
        QFETCH(QStringList, services);
        QFETCH(QString, address);
        const Announcement written{network, services, QHostAddress(address)};
        written.check();
        const Announcement::Text text = written.toText();
        for (auto entry = text.begin(); entry != text.end(); ++entry)
            QVERIFY2(entry.key().size() + 1 + entry.value().size() <= 255, qPrintable(entry.key())); // as DNS has it
        const auto read = Announcement::fromText(text);
        QVERIFY(read);
        QCOMPARE(read->network, network);
        QCOMPARE(read->services, services);
        QCOMPARE(read->address, QHostAddress(address));
    }

    void refusesWhatIsNoName_data()
    {
        QTest::addColumn<QString>("network");
        QTest::addColumn<QStringList>("services");
        const QString fine = QStringLiteral("fine");
        QTest::newRow("network too long") << QString(32, QChar(0xfc)) << QStringList(); // 64 bytes
        QTest::newRow("network of two lines") << QStringLiteral("a\nb") << QStringList();
        QTest::newRow("empty service") << fine << QStringList{QString(), fine};
        QTest::newRow("comma") << fine << QStringList{QStringLiteral("a,b")};
        QTest::newRow("space") << fine << QStringList{QStringLiteral("a b")};
        QTest::newRow("control character") << fine << QStringList{QStringLiteral("a\x1b")};
        QTest::newRow("too many services") << fine << QStringList{QString(56, u'a'), QString(56, u'b')};
    }

    void refusesWhatIsNoName()
    {
        QFETCH(QString, network);
        QFETCH(QStringList, services);
        QVERIFY_THROWS_EXCEPTION(Error, Announcement({network, services, {}}).check());
    }

    void takesNothingElse_data()
    {
        using Text = Announcement::Text;
        QTest::addColumn<Text>("text");
        const auto with = [](const char *key, const QByteArray &value) {
            Text text{{QStringLiteral("version"), "1"}};
            text.insert(QString::fromLatin1(key), value);
            return text;
        };
        QTest::newRow("nothing") << Text();
        QTest::newRow("no version") << Text{{QStringLiteral("network"), "a"}};
        QTest::newRow("another version") << with("version", "2");
        QTest::newRow("longer version") << with("version", "11");
        QTest::newRow("no address") << with("address", "example.org");
        QTest::newRow("address and more") << with("address", "10.0.0.1:80");
        QTest::newRow("long network") << with("network", QByteArray(64, 'n'));
        QTest::newRow("network of two lines") << with("network", "a\nb");
        QTest::newRow("many services") << with("services", QByteArray(113, 's'));
        QTest::newRow("service with a space") << with("services", "a,b c");
        QTest::newRow("service with an escape") << with("services", "\x1b[2J");
    }

    void takesNothingElse()
    {
        QFETCH(Announcement::Text, text);
        QVERIFY(!Announcement::fromText(text));
    }

    void passesOverWhatItDoesNotKnow()
    {
        const auto read = Announcement::fromText({{QStringLiteral("version"), "1"},
                                                  {QStringLiteral("services"), ",a,,b,"},
                                                  {QStringLiteral("colour"), "\xff\xfe"}});
        QVERIFY(read);
        QCOMPARE(read->services, QStringList({QStringLiteral("a"), QStringLiteral("b")}));
        QVERIFY(read->network.isEmpty());
        QVERIFY(read->address.isNull());
    }

    void namesOfServicesAreShort_data()
    {
        QTest::addColumn<QString>("name");
        QTest::addColumn<qsizetype>("bytes");
        QTest::newRow("short") << QStringLiteral("host:51350") << qsizetype(10);
        QTest::newRow("just fits") << QString(63, u'a') << qsizetype(63);
        QTest::newRow("long") << QString(300, u'a') << qsizetype(63);
        QTest::newRow("two bytes a letter") << QString(40, QChar(0xfc)) << qsizetype(62);
        QTest::newRow("four bytes a letter") << QString::fromUtf8("\xf0\x9f\x98\x80").repeated(20) << qsizetype(60);
    }

    void namesOfServicesAreShort()
    {
        QFETCH(QString, name);
        QFETCH(qsizetype, bytes);
        const QString shortened = Detail::serviceName(name);
        QCOMPARE(shortened.toUtf8().size(), bytes);
        QVERIFY(name.startsWith(shortened));
    }
};

QTEST_GUILESS_MAIN(AnnouncementTest)

#include "announcement_internal_test.moc"
