// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "distributedtest.h"

#include <QBitArray>
#include <QCborArray>
#include <QCborMap>
#include <QDateTime>
#include <QElapsedTimer>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLine>
#include <QLocale>
#include <QMargins>
#include <QRect>
#include <QSet>
#include <QUrl>
#include <QUuid>
#include <QVersionNumber>

#include <limits>
#include <map>
#include <set>

using namespace DistributedTest;

namespace {

class Window
{
    Q_GADGET
    Q_PROPERTY(QRect place MEMBER place)
    Q_PROPERTY(QSizeF scale MEMBER scale)
    Q_PROPERTY(QVariantHash hints MEMBER hints)
    Q_PROPERTY(QMap<QString, int> counts MEMBER counts)
    Q_PROPERTY(QHash<int, QPoint> corners MEMBER corners)
    Q_PROPERTY(QJsonObject state MEMBER state)
    Q_PROPERTY(QPair<int, QString> title MEMBER title)

public:
    friend bool operator==(const Window &, const Window &) = default;

    QRect place;
    QSizeF scale;
    QVariantHash hints;
    QMap<QString, int> counts;
    QHash<int, QPoint> corners;
    QJsonObject state;
    QPair<int, QString> title;
};

class Door
{
    Q_GADGET
};

/** Of another library, so to speak: without functions, or anything else of ours. */
struct Foreign {
    QCborValue content;
};

struct Other {
};

enum class Level { Low, High };

/** As text, like in the documentation. */
void registerVersions()
{
    registerMessageType<QVersionNumber>([](const QVersionNumber &version) { return version.toString(); },
                                        [](const QCborValue &text) {
                                            if (!text.isString())
                                                throw std::domain_error("not a text");
                                            return QVersionNumber::fromString(text.toString());
                                        });
}

QByteArray typed(const char *name, const QCborValue &content)
{
    return QCborValue(QCborTag(0x4153), QCborArray{QLatin1StringView(name), content}).toCbor();
}

/** The same, with content that is not built as a QCborValue. */
QByteArray typedBytes(const QByteArray &name, const QByteArray &content)
{
    return QByteArray::fromHex("d9415382") + QCborValue(QString::fromLatin1(name)).toCbor() + content;
}

QCborValue nested(int depth)
{
    QCborValue value = 1;
    for (int i = 0; i < depth; ++i)
        value = QCborArray{value};
    return value;
}

} // namespace

Q_DECLARE_ASSOCIATIVE_CONTAINER_METATYPE(QMultiMap) // which is not enough to send one

/** Types of Qt's, containers, and types that others have made. */
class ValueTypesTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        failOnWarnings();
        registerMessageType<Window>();
        registerMessageType<QPair<int, QString>>();
        registerMessageType<std::pair<Window, QPair<int, QString>>>();
        registerMessageType<QMap<QString, Window>>();
        registerMessageType<std::map<QUuid, QList<QPointF>>>();
        registerMessageType<std::set<double>>();
        registerMessageType<QSet<QUrl>>();
        registerMessageType<QList<QPair<int, QString>>>();
        registerMessageType<QList<QJsonValue>>();
        registerMessageType<QMap<QString, QCborValue>>();
        registerVersions();
        registerMessageType<QMap<QString, QVersionNumber>>();
        registerMessageType<QLocale>(); // which helps nothing: it has no properties
        registerMessageType<Foreign>([](const Foreign &foreign) { return foreign.content; },
                                     [](const QCborValue &content) { return Foreign{content}; });
        m_here = makeNetwork();
        m_there = makeNetwork();
    }

    void cleanupTestCase()
    {
        m_here.reset();
        m_there.reset();
    }

    void roundTrip_data()
    {
        QTest::addColumn<QVariant>("value");
        const auto row = [](const char *name, const auto &value) { QTest::newRow(name) << QVariant::fromValue(value); };
        constexpr int Least = std::numeric_limits<int>::min();
        constexpr int Most = std::numeric_limits<int>::max();
        row("QChar", QChar(u'\u20ac'));
        row("char", 'x');
        row("QPoint", QPoint(Least, Most));
        row("QPointF", QPointF(-0.1, 1e300));
        row("QSize", QSize(640, 480));
        row("QSize invalid", QSize());
        row("QSizeF", QSizeF(1e300, 3));
        row("QRect", QRect(-1, 2, 3, 4));
        row("QRect null", QRect());
        row("QRect of all", QRect(QPoint(Least, Least), QPoint(Most, Most)));
        row("QRectF", QRectF(0.5, 1.5, -2.5, 3));
        row("QLine", QLine(1, 2, 3, Least));
        row("QLineF", QLineF(1, 2.5, 3, -4));
        row("QMargins", QMargins(1, 2, 3, 4));
        row("QMarginsF", QMarginsF(1, 2, 3, 4.5));
        row("QList<QRect>", QList<QRect>{{1, 2, 3, 4}, {}});
        row("QList<QMarginsF>", QList<QMarginsF>{{}, {1, 2, 3, 4}});

        const QJsonObject object{{QStringLiteral("b"), QJsonArray{1, 2.5, QJsonValue(), true, QStringLiteral("ü")}},
                                 {QStringLiteral("a"), QJsonObject{{QString(), std::numeric_limits<qint64>::max()}}}};
        row("QJsonValue null", QJsonValue());
        row("QJsonValue undefined", QJsonValue(QJsonValue::Undefined));
        row("QJsonValue text", QJsonValue(QStringLiteral("x")));
        row("QJsonValue number", QJsonValue(1e300));
        row("QJsonValue object", QJsonValue(object));
        row("QJsonObject", object);
        row("QJsonObject empty", QJsonObject());
        row("QJsonArray", QJsonArray{object, QJsonArray()});
        row("QJsonDocument", QJsonDocument(object));
        row("QJsonDocument of an array", QJsonDocument(QJsonArray{1}));
        row("QJsonDocument null", QJsonDocument());
        row("QList<QJsonValue>", QList<QJsonValue>{1, object});
        row("QList<QJsonObject>", QList<QJsonObject>{object, {}});

        const QCborMap map{{1, QByteArray("\0\xff", 2)}, {QCborArray{QStringLiteral("x")}, nullptr}};
        row("QCborValue undefined", QCborValue());
        row("QCborValue number", QCborValue(-5));
        row("QCborValue date", QCborValue(QDateTime(QDate(2026, 1, 2), QTime(3, 4), QTimeZone::UTC)));
        row("QCborValue URL", QCborValue(QUrl(QStringLiteral("https://example.org/"))));
        row("QCborValue UUID", QCborValue(QUuid::createUuid()));
        row("QCborValue tag", QCborValue(QCborTag(12345), map));
        row("QCborValue simple type", QCborValue(QCborSimpleType(32)));
        row("QCborMap", map);
        row("QCborMap empty", QCborMap());
        row("QCborArray", QCborArray{map, 1.5, QCborValue(QCborValue::Undefined)});
        const QMap<QString, QCborValue> values{{QStringLiteral("a"), map}, {QStringLiteral("b"), 1}};
        row("QMap<QString,QCborValue>", values);

        const QVariantHash inner{{QString(), QSize(1, 2)}};
        const QVariantHash hash{{QStringLiteral("a"), inner}, {QStringLiteral("b"), 1}};
        row("QVariantHash", hash);
        row("QVariantHash empty", QVariantHash());
        row("QByteArrayList", QByteArrayList{QByteArray("a"), QByteArray()});
        row("QMap<QString,int>", QMap<QString, int>{{QStringLiteral("a"), 1}, {QString(), -2}});
        row("QMap<int,QString>", QMap<int, QString>{{-1, QStringLiteral("a")}, {0, QString()}});
        row("QMap<int,QVariant>", QMap<int, QVariant>{{1, QRect(1, 2, 3, 4)}, {2, QVariant()}});
        row("QHash<QString,QByteArray>", QHash<QString, QByteArray>{{QStringLiteral("a"), QByteArray("\0", 1)}});
        row("QHash<int,double>", QHash<int, double>{{1, 0.5}, {2, 3.0}});
        row("QHash empty", QHash<int, double>());
        row("std::map", std::map<QUuid, QList<QPointF>>{{QUuid::createUuid(), {{1, 2}, {3, 4}}}, {QUuid(), {}}});
        row("QSet<QString>", QSet<QString>{QStringLiteral("a"), QStringLiteral("b"), QString()});
        row("QSet<int>", QSet<int>{1, 2, -3});
        row("QSet<QUrl>", QSet<QUrl>{QUrl(QStringLiteral("https://example.org/"))});
        row("std::set", std::set<double>{0.5, 1, -2});
        row("QPair", qMakePair(1, QStringLiteral("a")));
        row("pairs", QList<QPair<int, QString>>{{1, QStringLiteral("a")}, {2, QString()}});
        const Window window{.place = QRect(1, 2, 3, 4),
                            .scale = QSizeF(0.5, 2),
                            .hints = {{QStringLiteral("a"), QVariantList{1}}},
                            .counts = {{QStringLiteral("b"), 2}},
                            .corners = {{1, QPoint(2, 3)}},
                            .state = object,
                            .title = {4, QStringLiteral("c")}};
        row("gadget", window);
        row("QMap to gadgets", QMap<QString, Window>{{QStringLiteral("w"), window}});
        row("pair with a gadget and a pair", std::pair(window, qMakePair(1, QStringLiteral("a"))));

        row("functions for a type of Qt's", QVersionNumber(1, 2, 3));
        row("in a map", QMap<QString, QVersionNumber>{{QStringLiteral("a"), QVersionNumber(1)}});
    }

    void roundTrip()
    {
        QFETCH(QVariant, value);
        const QByteArray bytes = m_here->toBytes(value);
        const QVariant read = m_there->fromBytes(bytes);
        QCOMPARE(read.metaType(), value.metaType());
        QVERIFY2(read == value, qPrintable(QDebug::toString(read)));
        QVERIFY(!QCborValue::fromCbor(bytes).isInvalid()); // the whole is CBOR
        const QVariantList within{1, value, QVariantMap{{QStringLiteral("a"), value}}};
        QCOMPARE(m_there->fromBytes(m_here->toBytes(within)), QVariant(within));
        for (qsizetype size = 0; size < bytes.size(); ++size) {
            const QString text = failureOf<WireError>([&] { return m_here->fromBytes(bytes.first(size)); });
            QVERIFY2(!text.startsWith(u'<'), qPrintable(QString::number(size) + text));
        }
    }

    void functionsTakeAndGiveThem()
    {
        using Sizes = QHash<QString, QSize>;
        using Result = std::pair<Sizes, QMargins>;
        m_there->offer(QStringLiteral("grow"), [](Sizes sizes, std::pair<int, int> by) -> Task<Result> {
            for (QSize &size : sizes)
                size += QSize(by.first, by.second);
            co_return {sizes, QMargins(1, 2, 3, 4)};
        });
        const Sizes sizes{{QStringLiteral("a"), QSize(1, 2)}};
        const auto result =
            waitFor(m_here->call<Result>(m_there->location(), QStringLiteral("grow"), sizes, std::pair(10, 20)));
        QCOMPARE(result.first.value(QStringLiteral("a")), QSize(11, 22));
        QCOMPARE(result.second, QMargins(1, 2, 3, 4));
    }

    void numbersOfOtherEncodersAreRead()
    {
        const auto read = [this](const char *type, const char *content) {
            return m_here->fromBytes(typedBytes(type, QByteArray::fromHex(content)));
        };
        QCOMPARE(read("QSizeF", "8201fa40200000"), QVariant(QSizeF(1, 2.5)));
        QCOMPARE(read("QPoint", "9f0120ff"), QVariant(QPoint(1, -1)));
        QCOMPARE(read("QJsonValue", "f93e00"), QVariant::fromValue(QJsonValue(1.5)));
        QCOMPARE(read("QJsonValue", "1bffffffffffffffff"), QVariant::fromValue(QJsonValue(18446744073709551616.0)));
        QCOMPARE(read("QJsonValue", "3bffffffffffffffff"), QVariant::fromValue(QJsonValue(-18446744073709551616.0)));
    }

    void whatDoesNotFitIsNotRead_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("named");
        const auto row = [](const char *name, const char *type, const QCborValue &content) {
            QTest::addRow("%s: %s", type, name) << typed(type, content) << QString::fromLatin1(type);
        };
        const QCborValue text = QStringLiteral("1");
        for (const char *type :
             {"QPoint", "QPointF", "QSize", "QSizeF", "QRect", "QRectF", "QLine", "QLineF", "QMargins", "QMarginsF"}) {
            row("a number", type, 1);
            row("a map", type, QCborMap{{1, 2}, {3, 4}});
            row("one", type, QCborArray{1});
            row("three", type, QCborArray{1, 2, 3});
            row("five", type, QCborArray{1, 2, 3, 4, 5});
            row("texts", type, QCborArray{text, text, text, text});
            row("null", type, QCborArray{nullptr, nullptr});
            row("lists", type, QCborArray{QCborArray(), QCborArray()});
        }
        row("a fraction", "QSize", QCborArray{1, 2.5});
        row("too large", "QSize", QCborArray{1, qint64(2147483648)});
        row("too small", "QSize", QCborArray{qint64(-2147483649), 1});
        for (const char *type : {"QJsonValue", "QJsonArray", "QJsonObject", "QJsonDocument"}) {
            row("bytes", type, QByteArray("x"));
            row("bytes within", type, QCborArray{QByteArray("x")});
            row("undefined within", type, QCborArray{QCborValue()});
            row("a tag", type, QCborValue(QCborTag(0x4153), QCborArray{QStringLiteral("int"), 1}));
        }
        row("a map", "QJsonArray", QCborMap());
        row("a list", "QJsonObject", QCborArray());
        row("a text", "QJsonDocument", QStringLiteral("{}"));
        row("undefined", "QJsonDocument", QCborValue());
        row("a map", "QCborArray", QCborMap());
        row("a list", "QCborMap", QCborArray());
        for (const char *type : {"QVariantHash", "QMap<QString,int>", "QHash<int,double>"}) {
            row("a number", type, 1);
            row("a list", type, QCborArray{QStringLiteral("a"), 1});
        }
        row("texts for numbers", "QMap<QString,int>", QCborMap{{QStringLiteral("a"), QStringLiteral("x")}});
        row("a list as key", "QMap<QString,int>", QCborMap{{QCborArray(), 1}});
        row("texts as keys", "QHash<int,double>", QCborMap{{QStringLiteral("x"), 1}});
        row("a map", "QSet<int>", QCborMap());
        row("texts", "QSet<int>", QCborArray{QStringLiteral("x")});
        row("a number", "std::pair<int,QString>", 1);
        row("one", "std::pair<int,QString>", QCborArray{1});
        row("three", "std::pair<int,QString>", QCborArray{1, QStringLiteral("a"), 2});
        row("the wrong way round", "std::pair<int,QString>", QCborArray{QStringLiteral("a"), 1});
        row("a number", "QVersionNumber", 1);
        row("anything", "QBitArray", QCborArray{1, 2});
        row("anything", "QRegularExpression", QStringLiteral("(a+)+"));
        row("anything", "QMap<QString,QObject*>", QCborMap());
        row("anything", "std::pair<int,QBitArray>", QCborArray());
    }

    void whatDoesNotFitIsNotRead()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(QString, named);
        const QString text = failureOf<WireError>([&] { return m_here->fromBytes(bytes); });
        QVERIFY2(text.contains(named), qPrintable(text));
    }

    void nothingElseBecomesJson()
    {
        // Qt would insert the keys of a QVariantHash one by one, each before those that are there.
        const QByteArray window = QMetaType::fromType<Window>().name();
        const QString key = QStringLiteral("state");
        const QCborValue hash(QCborTag(0x4153), QCborArray{QStringLiteral("QVariantHash"), QCborMap{{key, 1}}});
        const auto failure = [&](const QByteArray &type, const QCborValue &content) {
            return failureOf<WireError>([&] { return m_here->fromBytes(typed(type, content)); });
        };
        QString text = failure(window, QCborMap{{key, hash}});
        QVERIFY2(text.contains(key), qPrintable(text));
        text = failure("QList<QJsonObject>", QCborArray{hash});
        QVERIFY2(text.contains(QStringLiteral("QList<QJsonObject>")), qPrintable(text));
        m_there->offer(QStringLiteral("json"), [](QJsonObject object) -> Task<qsizetype> { co_return object.size(); });
        const auto call = [&](const QVariant &value) {
            return m_here->call<qsizetype>(m_there->location(), QStringLiteral("json"), value);
        };
        QCOMPARE(waitFor(call(QJsonObject{{key, 1}})), 1);
        text = failureOf<WrongSignature>(call(QVariantHash{{key, 1}}));
        QVERIFY2(text.contains(QStringLiteral("QJsonObject")), qPrintable(text));

        // Neither does JSON itself take the square of its size, in whatever order it comes.
        QByteArray bytes = QByteArray::fromHex("ba") + QByteArray::fromHex("00030000");
        for (int i = 0x30000; i > 0; --i)
            bytes += QByteArray::fromHex("66") + QByteArray::number(0x100000 + i, 16) + '\1';
        QElapsedTimer timer;
        timer.start();
        QCOMPARE(m_here->fromBytes(typedBytes("QJsonObject", bytes)).toJsonObject().size(), 0x30000);
        QCOMPARE(m_here->fromBytes(typedBytes("QCborMap", bytes)).value<QCborMap>().size(), 0x30000);
        QVERIFY2(timer.elapsed() < 10'000, qPrintable(QString::number(timer.elapsed()))); // by inserting, minutes
    }

    void depthIsBounded()
    {
        const auto asForeign = [](int depth) { return QVariant::fromValue(Foreign{nested(depth)}); };
        const auto asCbor = [](int depth) { return QVariant::fromValue(nested(depth)); };
        const auto asJson = [](int depth) { return QVariant::fromValue(nested(depth).toJsonValue()); };
        const QByteArray foreign = QMetaType::fromType<Foreign>().name();
        QCOMPARE(m_there->fromBytes(m_here->toBytes(asForeign(63))).value<Foreign>().content, nested(63));
        QCOMPARE(m_there->fromBytes(m_here->toBytes(asCbor(63))), asCbor(63));
        QCOMPARE(m_there->fromBytes(m_here->toBytes(asJson(63))), asJson(63));
        for (const QVariant &value : {asForeign(64), asCbor(64), asJson(64), asCbor(500)})
            QVERIFY(failureOf<WireError>([&] { return m_here->toBytes(value); }).contains(QStringLiteral("nested")));
        const QByteArrayList names{foreign, "QCborValue", "QCborArray", "QJsonValue"};
        for (const QByteArray &name : names) {
            for (const int depth : {64, 500, 100'000}) {
                const QByteArray bytes = typedBytes(name, QByteArray(depth, '\x81') + '\1');
                const QString text = failureOf<WireError>([&] { return m_here->fromBytes(bytes); });
                QVERIFY2(text.contains(QStringLiteral("nested")), qPrintable(text));
            }
        }
        const QByteArray tags = typedBytes("QCborValue", QByteArray(100'000, '\xc6') + '\1');
        QVERIFY(failureOf<WireError>([&] { return m_here->fromBytes(tags); }).contains(QStringLiteral("nested")));
    }

    void partsAreBounded_data()
    {
        QTest::addColumn<QByteArray>("name");
        QTest::addColumn<bool>("isMap");
        QTest::newRow("functions") << QByteArray(QMetaType::fromType<Foreign>().name()) << false;
        QTest::newRow("functions, in a map") << QByteArray(QMetaType::fromType<Foreign>().name()) << true;
        QTest::newRow("QJsonArray") << QByteArray("QJsonArray") << false;
        QTest::newRow("QMap") << QByteArray("QMap<int,int>") << true;
    }

    void partsAreBounded()
    {
        QFETCH(QByteArray, name);
        QFETCH(bool, isMap);
        // A byte each, but much more in memory. A few are too many behind what has nearly all that there may be.
        const auto ones = [](int count) { return QByteArray(count, '\1'); };
        const QByteArray few = typedBytes(name, QByteArray::fromHex(isMap ? "b98000" : "9a00010000") + ones(0x10000));
        const QByteArray many = typedBytes("QCborValue", QByteArray::fromHex("9a007a0000") + ones(0x7a0000));
        QCOMPARE(QByteArray(m_here->fromBytes(few).typeName()), name);
        const QString text = failureOf<WireError>([&] { return m_here->fromBytes(QByteArray("\x82") + many + few); });
        QVERIFY2(text.contains(QStringLiteral("parts")), qPrintable(text));
    }

    void moreIsNotSent()
    {
        QCborArray array;
        for (int i = 0; i < 0x800000; ++i)
            array.append(i);
        for (const QVariant &value : {QVariant::fromValue(Foreign{array}), QVariant::fromValue(array)}) {
            const QString text = failureOf<WireError>([&] { return m_here->toBytes(value); });
            QVERIFY2(text.contains(QStringLiteral("parts")), qPrintable(text));
        }
    }

    void whatCborHasNoBytesForIsNotSent()
    {
        const QCborValue invalid(QCborValue::Invalid);
        const auto failure = [this](const auto &value) {
            return failureOf<WireError>([&] { return m_here->toBytes(QVariant::fromValue(value)); });
        };
        QVERIFY(failure(invalid).contains(QStringLiteral("invalid QCborValue")));
        QVERIFY(failure(QCborArray{1, invalid}).contains(QStringLiteral("invalid QCborValue")));
        QVERIFY(failure(Foreign{invalid}).contains(QStringLiteral("invalid QCborValue")));
        QVERIFY(failure(QCborMap{{1, QCborSimpleType(24)}}).contains(QStringLiteral("simple value 24")));
    }

    void functionsOfOthers()
    {
        QString text = failureOf<WireError>([&] { return m_here->fromBytes(typed("QVersionNumber", 1)); });
        QCOMPARE(text, QStringLiteral("a QVersionNumber cannot be read: not a text"));

        // The last ones count, functions may have a state, and a list may travel in another way than by its elements.
        const auto factor = std::make_shared<int>(2);
        registerMessageType<QVersionNumber>([](const QVersionNumber &) { return 0; },
                                            [](const QCborValue &) { return QVersionNumber(); });
        registerVersions();
        const auto version = QVariant::fromValue(QVersionNumber(4, 5));
        QCOMPARE(m_here->fromBytes(m_here->toBytes(version)), version);
        registerMessageType<QList<float>>(
            [factor](const QList<float> &list) { return list.size() * *factor; },
            [factor](const QCborValue &value) { return QList<float>(value.toInteger() / *factor); });
        QCOMPARE(m_here->toBytes(QVariant::fromValue(QList<float>(3))), typed("QList<float>", 6));
        QCOMPARE(m_here->fromBytes(typed("QList<float>", 6)), QVariant::fromValue(QList<float>(3)));
        registerMessageType<Level>([](Level level) { return level == Level::High; },
                                   [](const QCborValue &value) { return value.toBool() ? Level::High : Level::Low; });
        const auto high = QVariant::fromValue(Level::High);
        QCOMPARE(m_here->toBytes(high), typed(QMetaType::fromType<Level>().name(), true));
        QCOMPARE(m_here->fromBytes(m_here->toBytes(high)), high);

        // But the formats of Qt's types are what others rely on.
        const auto change = [] {
            registerMessageType<QUrl>([](const QUrl &) { return 0; }, [](const QCborValue &) { return QUrl(); });
        };
        text = failureOf<Error>([&] { change(); });
        QVERIFY2(text.contains(QStringLiteral("QUrl")), qPrintable(text));
    }

    void theSenderIsToldWhatHelps_data()
    {
        QTest::addColumn<QVariant>("value");
        QTest::addColumn<QString>("advice");
        const auto row = [](const char *name, const auto &value, const char *advice) {
            QTest::newRow(name) << QVariant::fromValue(value) << QString::fromLatin1(advice);
        };
        row("of Qt", QBitArray(), "process: call registerMessageType<QBitArray>(toCbor, fromCbor) in both");
        row("gadget of Qt", QLocale(), "process: call registerMessageType<QLocale>(toCbor, fromCbor) in both");
        row("gadget", Door(), "Door cannot be sent to another process: call registerMessageType<");
        row("anything", Other(), "make it a Q_GADGET or give it toCbor() and fromCbor()");
        row("anything of somebody else", Other(), "Other>(toCbor, fromCbor) in both");
        row("pointer", static_cast<QObject *>(this), "what it points to is in this one only");
        row("pair", std::pair(1, 1.5), "call registerMessageType<std::pair<int,double>>() in both");
        row("multi map", QMultiMap<QString, int>(), "registerMessageType<QMultiMap<QString,int>>(toCbor, fromCbor)");
        row("container", std::set<int>(), "call registerMessageType<std::set<int>>() in both");
        row("within", QMap<QString, QBitArray>{{QString(), QBitArray()}}, "a QBitArray cannot be sent");
    }

    void theSenderIsToldWhatHelps()
    {
        QFETCH(QVariant, value);
        QFETCH(QString, advice);
        const QString text = failureOf<WireError>([&] { return m_here->toBytes(value); });
        QVERIFY2(text.contains(advice), qPrintable(text));
    }

private:
    std::unique_ptr<PeerNetwork> m_here;
    std::unique_ptr<PeerNetwork> m_there;
};

QTEST_GUILESS_MAIN(ValueTypesTest)
#include "valuetypestest.moc"
