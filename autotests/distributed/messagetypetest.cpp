// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "distributedtest.h"

#include <Asyncoro/SharedFile>

#include <QBitArray>
#include <QCborArray>
#include <QCborMap>
#include <QDateTime>
#include <QTimeZone>
#include <QUrl>
#include <QUuid>

#include <cmath>
#include <limits>

using namespace DistributedTest;

namespace {

class Shape
{
    Q_GADGET
    Q_PROPERTY(QString name MEMBER name)
    Q_PROPERTY(Kind kind MEMBER kind)
    Q_PROPERTY(QList<double> sides MEMBER sides)
    Q_PROPERTY(QDate made MEMBER made)
    Q_PROPERTY(qsizetype corners READ corners STORED false)

public:
    enum class Kind { Open, Closed = 7 };
    Q_ENUM(Kind)

    [[nodiscard]] qsizetype corners() const { return sides.size(); }
    friend bool operator==(const Shape &, const Shape &) = default;

    QString name;
    Kind kind = Kind::Open;
    QList<double> sides;
    QDate made;
};

class Drawing
{
    Q_GADGET
    Q_PROPERTY(Shape main MEMBER main)
    Q_PROPERTY(QList<Shape> shapes MEMBER shapes)

public:
    friend bool operator==(const Drawing &, const Drawing &) = default;

    Shape main;
    QList<Shape> shapes;
};

class Frozen
{
    Q_GADGET
    Q_PROPERTY(int value READ value CONSTANT)

public:
    [[nodiscard]] int value() const { return 1; }
};

struct Fraction {
    int numerator = 0;
    int denominator = 1;

    [[nodiscard]] QCborValue toCbor() const
    {
        if (denominator == 0)
            throw std::domain_error("no fraction");
        return QCborArray{numerator, denominator};
    }
    static Fraction fromCbor(const QCborValue &cbor)
    {
        if (cbor[1].toInteger() == 0)
            throw std::domain_error("division by zero");
        return {int(cbor[0].toInteger()), int(cbor[1].toInteger())};
    }
    friend bool operator==(const Fraction &, const Fraction &) = default;
};

struct Unregistered {
    int value = 0;
};

QByteArray typed(const char *name, const QCborValue &content)
{
    return QCborValue(QCborTag(0x4153), QCborArray{QLatin1StringView(name), content}).toCbor();
}

} // namespace

/** What travels in messages: by PeerNetwork::toBytes(), which writes what frames hold. */
class MessageTypeTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        failOnWarnings();
        registerMessageType<Shape>();
        registerMessageType<Drawing>();
        registerMessageType<QList<Shape>>();
        registerMessageType<Fraction>();
        registerMessageType<QList<Fraction>>();
        registerMessageType<std::vector<float>>();
        registerMessageType<Frozen>();
    }

    void init()
    {
        m_here = makeNetwork();
        m_there = makeNetwork();
    }

    void roundTrip_data()
    {
        QTest::addColumn<QVariant>("value");
        const auto row = [](const char *name, const QVariant &value) { QTest::newRow(name) << value; };
        row("invalid", QVariant());
        row("true", true);
        row("false", false);
        row("int 0", 0);
        row("int -1", -1);
        row("int max", std::numeric_limits<int>::max());
        row("int min", std::numeric_limits<int>::min());
        row("qint64 0", qint64(0));
        row("qint64 max", std::numeric_limits<qint64>::max());
        row("qint64 min", std::numeric_limits<qint64>::min());
        row("quint64 0", quint64(0));
        row("quint64 max", std::numeric_limits<quint64>::max());
        row("uint max", std::numeric_limits<uint>::max());
        row("long", QVariant::fromValue(std::numeric_limits<long>::min()));
        row("ulong", QVariant::fromValue(std::numeric_limits<ulong>::max()));
        row("short", QVariant::fromValue(std::numeric_limits<short>::min()));
        row("ushort", QVariant::fromValue(std::numeric_limits<ushort>::max()));
        row("schar", QVariant::fromValue<signed char>(-128));
        row("uchar", QVariant::fromValue<uchar>(255));
        row("float", 0.1F);
        row("float infinite", std::numeric_limits<float>::infinity());
        row("double", 0.1);
        row("double whole", 3.0);
        row("double max", std::numeric_limits<double>::max());
        row("double tiny", std::numeric_limits<double>::denorm_min());
        row("double infinite", -std::numeric_limits<double>::infinity());
        row("QString", QStringLiteral("naïve \U0001F600 text"));
        row("QString empty", QString());
        row("QString with a zero", QString(QChar(0)) + u'x');
        row("QByteArray", QByteArray("\0\xff\x80", 3));
        row("QByteArray empty", QByteArray());
        row("QByteArray long", QByteArray(1'000'000, 'x'));
        row("QDate", QDate(2024, 2, 29));
        row("QDate invalid", QDate());
        row("QTime", QTime(23, 59, 59, 999));
        row("QTime invalid", QTime());
        row("QDateTime UTC", QDateTime(QDate(2026, 1, 2), QTime(3, 4, 5, 6), QTimeZone::UTC));
        row("QDateTime offset", QDateTime(QDate(2026, 1, 2), QTime(3, 4, 5, 6), QTimeZone::fromSecondsAheadOfUtc(-5400)));
        row("QDateTime zone", QDateTime(QDate(2026, 7, 2), QTime(3, 4, 5, 6), QTimeZone("Europe/Berlin")));
        row("QDateTime local", QDateTime(QDate(2026, 7, 2), QTime(3, 4, 5, 6)));
        row("QDateTime invalid", QDateTime());
        row("QUrl", QUrl(QStringLiteral("https://user:pass@example.org:8080/a%20b/ü?q=1&r=%2F#f")));
        row("QUrl empty", QUrl());
        row("QUuid", QUuid(QStringLiteral("{67c8770b-44f1-410a-ab9a-f9b5446f13ee}")));
        row("QUuid null", QUuid());
        row("list", QVariantList{1, QStringLiteral("a"), QVariantList{2.5, QVariant()}, QByteArray("b")});
        row("list empty", QVariantList());
        row("map", QVariantMap{{QStringLiteral("a"), 1}, {QString(), QVariantMap{{QStringLiteral("ü"), QVariantList{qint64(1)}}}}});
        row("QStringList", QStringList{QStringLiteral("a"), QString(), QStringLiteral("c")});
        row("QStringList empty", QStringList());
        row("QList<int>", QVariant::fromValue(QList<int>{1, -1}));
        row("QList<double>", QVariant::fromValue(QList<double>{1, 0.5, 1e300}));
        row("QList<qint64>", QVariant::fromValue(QList<qint64>{1, std::numeric_limits<qint64>::min()}));
        row("QList<QDateTime>", QVariant::fromValue(QList<QDateTime>{QDateTime(QDate(2026, 1, 2), QTime(3, 4), QTimeZone::UTC)}));
        row("QList<QVariantMap>", QVariant::fromValue(QList<QVariantMap>{{{QStringLiteral("a"), 1}}, {}}));
        row("QList<QStringList>", QVariant::fromValue(QList<QStringList>{{QStringLiteral("a")}, {}}));
        row("std::vector", QVariant::fromValue(std::vector<float>{1, 0.1F}));
        row("enumeration", QVariant::fromValue(Shape::Kind::Closed));
        const Shape shape{QStringLiteral("line"), Shape::Kind::Closed, {1, 2}, QDate(2000, 1, 1)};
        row("gadget", QVariant::fromValue(shape));
        row("gadget empty", QVariant::fromValue(Shape()));
        row("gadgets", QVariant::fromValue(QList<Shape>{shape, {}}));
        row("gadget in a gadget", QVariant::fromValue(Drawing{shape, {{}, shape}}));
        row("own functions", QVariant::fromValue(Fraction{1, -3}));
        row("list with own functions", QVariant::fromValue(QList<Fraction>{{1, 2}, {3, 4}}));
    }

    void roundTrip()
    {
        QFETCH(QVariant, value);
        const QByteArray bytes = m_here->toBytes(value);
        const QVariant read = m_there->fromBytes(bytes);
        QCOMPARE(read.metaType(), value.metaType());
        QVERIFY2(read == value, qPrintable(QDebug::toString(read)));
        QVERIFY(QCborValue::fromCbor(bytes) != QCborValue(QCborValue::Invalid)); // the whole is CBOR

        m_there->offer(QStringLiteral("echo"), [](QVariant argument) -> Task<QVariant> { co_return argument; });
        const auto echo = waitFor(m_here->call<QVariant>(m_there->location(), QStringLiteral("echo"), value));
        QCOMPARE(echo.metaType(), value.metaType());
        QVERIFY(echo == value);
    }

    void notANumberAndNegativeZero()
    {
        QVERIFY(std::isnan(m_there->fromBytes(m_here->toBytes(std::numeric_limits<double>::quiet_NaN())).toDouble()));
        QVERIFY(std::signbit(m_there->fromBytes(m_here->toBytes(-0.0)).toDouble()));
    }

    void timesKeepTheirMoment()
    {
        const QDateTime zoned(QDate(2026, 7, 2), QTime(3, 4, 5, 6), QTimeZone("Europe/Berlin"));
        auto read = m_there->fromBytes(m_here->toBytes(zoned)).toDateTime();
        QCOMPARE(read.timeZone().id(), QByteArray("Europe/Berlin"));
        QCOMPARE(read.time(), zoned.time());

        // A local time means another moment where it arrives: so it travels as that in UTC.
        const QDateTime local(QDate(2026, 7, 2), QTime(3, 4));
        const qint64 moment = local.toMSecsSinceEpoch();
        const QByteArray bytes = m_here->toBytes(local);
        const QByteArray zone = qgetenv("TZ");
        qputenv("TZ", "Asia/Tokyo");
        tzset();
        read = m_there->fromBytes(bytes).toDateTime();
        QCOMPARE(read.toMSecsSinceEpoch(), moment);
        zone.isNull() ? qunsetenv("TZ") : qputenv("TZ", zone);
        tzset();
    }

    void whatIsNotAllowedIsNotSent_data()
    {
        QTest::addColumn<QVariant>("value");
        QTest::addColumn<QString>("named");
        QTest::newRow("struct") << QVariant::fromValue(Unregistered()) << QStringLiteral("Unregistered");
        QTest::newRow("of Qt, but not ours") << QVariant(QBitArray(2)) << QStringLiteral("QBitArray");
        const auto several = QVariant::fromValue(QMultiHash<QString, int>()); // values for a key
        QTest::newRow("multi hash") << several << QStringLiteral("QMultiHash<QString,int>");
        QTest::newRow("object") << QVariant::fromValue<QObject *>(this) << QStringLiteral("QObject*");
        QTest::newRow("in a list") << QVariant(QVariantList{1, QBitArray(2)}) << QStringLiteral("QBitArray");
        const QVariantMap map{{QStringLiteral("a"), QBitArray(2)}};
        QTest::newRow("in a map") << QVariant(map) << QStringLiteral("QBitArray");
        QTest::newRow("property that cannot be written") << QVariant::fromValue(Frozen()) << QStringLiteral("property value");
    }

    void whatIsNotAllowedIsNotSent()
    {
        QFETCH(QVariant, value);
        QFETCH(QString, named);
        const QString text = failureOf<WireError>([&] { static_cast<void>(m_here->toBytes(value)); });
        QVERIFY2(text.contains(named), qPrintable(text));

        // The sender gets it, and nothing of the message goes out.
        const Coro<> here = Coro<>(m_here->fromBytes(m_there->toBytes(QVariant::fromValue(m_there->anchor()))).value<Coro<>>());
        QVERIFY(failureOf<WireError>([&] { here.send(value); }).contains(named));
        m_there->offer(QStringLiteral("add"), add);
        const auto call = [&](const QVariant &a) { return m_here->call<int>(m_there->location(), QStringLiteral("add"), a, 2); };
        QVERIFY(failureOf<WireError>(call(value)).contains(named));
        QCOMPARE(waitFor(call(1)), 3);
        QCOMPARE(m_here->peers().size(), 1);
    }

    void exceptionsOfATypesOwnFunctionArePassedOn()
    {
        QVERIFY_THROWS_EXCEPTION(std::domain_error, static_cast<void>(m_here->toBytes(QVariant::fromValue(Fraction{1, 0}))));
        const QString text = failureOf<WireError>([&] { return m_here->fromBytes(typed(QMetaType::fromType<Fraction>().name(), QCborArray{1, 0})); });
        QVERIFY2(text.contains(QStringLiteral("Fraction")) && text.contains(QStringLiteral("division by zero")), qPrintable(text));
    }

    void yearsOfMoreThanFourDigitsAreRefused()
    {
        const QDate date(12345, 1, 2);
        for (const QVariant &value : {QVariant(date), QVariant(QDateTime(date, QTime(), QTimeZone::UTC)),
                                      QVariant(QDateTime(date, QTime(), QTimeZone("Europe/Berlin"))), QVariant(QDateTime(date, QTime()))})
            QCOMPARE(failureOf<WireError>([&] { return m_here->toBytes(value); }), QStringLiteral("the year 12345 cannot be sent to another process"));
    }

    void depthIsBounded()
    {
        const auto nested = [](int depth) {
            QVariant value = 1;
            for (int i = 0; i < depth; ++i)
                value = QVariantList{value};
            return value;
        };
        for (const int depth : {60, 63}) // and the number in them
            QCOMPARE(m_there->fromBytes(m_here->toBytes(nested(depth))), nested(depth));
        QVERIFY(failureOf<WireError>([&] { return m_here->toBytes(nested(64)); }).contains(QStringLiteral("nested")));
        // A byte each, but much more in memory.
        QByteArray nulls = QByteArray::fromHex("9a00800000") + QByteArray(0x800000, '\xf6');
        QVERIFY(failureOf<WireError>([&] { return m_here->fromBytes(nulls); }).contains(QStringLiteral("parts")));
        QVERIFY(failureOf<WireError>([&] { return m_here->toBytes(QVariantList(0x800000)); }).contains(QStringLiteral("parts")));
        QVERIFY(failureOf<WireError>([&] { return m_here->fromBytes(QByteArray(64, '\x81') + '\x01'); }).contains(QStringLiteral("nested")));
        // A typed value takes more levels of CBOR, but counts the same.
        const QVariant typedAtTheEnd = QVariantList{QVariant::fromValue(QList<QVariantList>{{qlonglong(1)}})};
        QVariant value = typedAtTheEnd;
        for (int i = 0; i < 60; ++i)
            value = QVariantList{value};
        QCOMPARE(m_there->fromBytes(m_here->toBytes(value)), value);
        QVERIFY(failureOf<WireError>([&] { return m_here->toBytes(QVariantList{value}); }).contains(QStringLiteral("nested")));
        QVERIFY(failureOf<WireError>([&] { return m_here->toBytes(nested(100)); }).contains(QStringLiteral("nested")));
        QVERIFY(failureOf<WireError>([&] { return m_here->fromBytes(QByteArray(100'000, '\x81') + '\x01'); }).contains(QStringLiteral("nested")));
        QByteArray tags;
        for (int i = 0; i < 100'000; ++i)
            tags += QByteArray::fromHex("d9415382f6");
        QVERIFY(!failureOf<WireError>([&] { return m_here->fromBytes(tags); }).startsWith(u'<'));
    }

    void whatWasNotWrittenIsNotRead_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        const auto row = [](const char *name, const QByteArray &bytes) { QTest::newRow(name) << bytes; };
        const auto hex = [](const char *name, const char *bytes) { QTest::newRow(name) << QByteArray::fromHex(bytes); };
        row("nothing", {});
        hex("break", "ff");
        hex("reserved", "1c");
        hex("undefined", "f7");
        hex("simple value", "e0");
        hex("text cut off", "6461");
        hex("text of 2^63 bytes", "7b800000000000000061");
        hex("bytes of 2^64-1", "5bffffffffffffffff61");
        hex("list cut off", "8201");
        hex("list of 2^64-1", "9bffffffffffffffff01");
        hex("list of 2^60", "9b100000000000000001");
        hex("map cut off", "a26161");
        hex("map of 2^63", "bb8000000000000000616101");
        hex("map with a number as key", "a10101");
        hex("text that is no UTF-8", "62c328");
        hex("-2^63-1", "3b8000000000000000");
        hex("-2^64", "3bffffffffffffffff");
        hex("unknown tag", "c001");
        hex("big number", "c249010000000000000000");
        hex("typed, no list", "d9415301");
        hex("typed, of one", "d941538163696e74");
        hex("typed, of three", "d941538363696e740101");
        hex("typed, of unknown length", "d941539f63696e7401ff");
        hex("typed, name a number", "d94153820101");
        hex("tag at the end", "d94153");
        row("no type", typed("", 1));
        row("unknown type", typed("NoSuchType", 1));
        row("type that may not travel", typed("QBitArray", QCborArray{1, 2}));
        row("pointer", typed("QObject*", 1));
        row("type of a library that is not there", typed("QColor", 1));
        row("the same, with more behind a zero", QByteArray::fromHex("d941538268") + QByteArray("QColor\0x", 8) + '\1');
        row("the same, with a space", typed(" QColor", 1));
        row("void", typed("void", 1));
        row("name with a zero", QByteArray::fromHex("d94153826569006e746101"));
        row("qlonglong from a text", typed("qlonglong", QLatin1StringView("x")));
        row("qlonglong from a map", typed("qlonglong", QCborMap()));
        row("float from a list", typed("float", QCborArray()));
        row("QDate from nonsense", typed("QDate", QLatin1StringView("yesterday")));
        row("QDateTime from nonsense", typed("QDateTime", QLatin1StringView("2026-01-02T")));
        row("QDateTime with half a time zone", typed("QDateTime", QLatin1StringView("2026-01-02T03:04:05.000Z[")));
        row("QDateTime with nothing but a time zone", typed("QDateTime", QLatin1StringView("[Europe/Berlin]")));
        row("QDate from another type", typed("QDate", QCborValue(QCborTag(0x4153), QCborArray{QLatin1StringView("QDate"), QLatin1StringView("2026-01-02")})));
        row("QDateTime without an offset", typed("QDateTime", QLatin1StringView("2026-01-02T03:04:05.000")));
        row("QStringList from a text", typed("QStringList", QLatin1StringView("x")));
        row("QStringList of lists", typed("QStringList", QCborArray{QCborMap()}));
        row("QList<double> of texts", typed("QList<double>", QCborArray{QLatin1StringView("x")}));
        row("coroutine from a number", typed("Asyncoro::Coro<void>", 1));
        row("coroutine from too few", typed("Asyncoro::Coro<void>", QCborArray{QByteArray(16, 'x')}));
        row("coroutine of a process with a short name",
            typed("Asyncoro::Coro<void>", QCborArray{QByteArray("x"), QLatin1StringView("127.0.0.1"), 1, 1, QString()}));
        row("coroutine with port 65536",
            typed("Asyncoro::Coro<void>", QCborArray{QByteArray(16, 'x'), QLatin1StringView("127.0.0.1"), 65536, 1, QString()}));
        row("coroutine with a negative id",
            typed("Asyncoro::Coro<void>", QCborArray{QByteArray(16, 'x'), QLatin1StringView("127.0.0.1"), 1, -1, QString()}));
        row("notice of one that runs", typed("Asyncoro::ExitNotice", QCborArray{nullptr, 0, nullptr, QString()}));
        row("notice with another state", typed("Asyncoro::ExitNotice", QCborArray{nullptr, 99, nullptr, QString()}));
    }

    void whatWasNotWrittenIsNotRead()
    {
        QFETCH(QByteArray, bytes);
        const QString text = failureOf<WireError>([&] { return m_here->fromBytes(bytes); });
        QVERIFY2(!text.startsWith(u'<'), qPrintable(text));
    }

    void whatIsCutOffAnywhereIsNotRead()
    {
        const Shape shape{QStringLiteral("line"), Shape::Kind::Closed, {1, 2}, QDate(2000, 1, 1)};
        const QVariantList value{QVariant::fromValue(Drawing{shape, {shape}}), QVariant::fromValue(m_here->anchor()),
                                 QVariant::fromValue(Fraction{1, 2}), QDateTime::currentDateTimeUtc(), -70000, 1.5};
        const QByteArray bytes = m_here->toBytes(value);
        QCOMPARE(m_here->fromBytes(bytes), QVariant(value));
        for (qsizetype size = 0; size < bytes.size(); ++size) {
            const QString text = failureOf<WireError>([&] { return m_here->fromBytes(bytes.first(size)); });
            QVERIFY2(!text.startsWith(u'<'), qPrintable(QString::number(size) + text));
        }
    }

    void alteredBytesAreReadOrRefused()
    {
        const QVariantList value{QVariant::fromValue(Drawing{{}, {{}}}), QVariant::fromValue(m_here->anchor()),
                                 QVariant::fromValue(Fraction{1, 2}), QDateTime::currentDateTimeUtc(), -70000, 1.5,
                                 QVariantMap{{QStringLiteral("a"), QStringList{QStringLiteral("b")}}}};
        const QByteArray bytes = m_here->toBytes(value);
        int refused = 0;
        for (qsizetype i = 0; i < bytes.size(); ++i) {
            for (int flip = 1; flip < 256; flip = flip * 2 + 1) {
                QByteArray altered = bytes;
                altered[i] = char(altered[i] ^ flip);
                const QString text = failureOf<WireError>([&] { return m_there->fromBytes(altered); });
                QVERIFY2(!text.startsWith(u'<') || text == u"<no failure>", qPrintable(text));
                refused += text.startsWith(u'<') ? 0 : 1;
            }
        }
        QVERIFY(refused > bytes.size());
    }

    void newerVersionsOfAGadgetAreRead()
    {
        // A property that is not known here is passed over, one that is missing keeps its default.
        const QCborMap content{{QLatin1StringView("name"), QLatin1StringView("x")}, {QLatin1StringView("colour"), 3}};
        const auto shape = m_here->fromBytes(typed(QMetaType::fromType<Shape>().name(), content)).value<Shape>();
        QCOMPARE(shape, (Shape{QStringLiteral("x"), Shape::Kind::Open, {}, {}}));
        const QCborMap wrong{{QLatin1StringView("sides"), QCborMap()}};
        const QString text = failureOf<WireError>([&] { return m_here->fromBytes(typed(QMetaType::fromType<Shape>().name(), wrong)); });
        QVERIFY2(text.contains(QStringLiteral("sides")), qPrintable(text));
    }

    void numbersOfOtherEncodersAreRead()
    {
        QCOMPARE(m_here->fromBytes(QByteArray::fromHex("f93c00")), QVariant(1.0)); // half a float
        QCOMPARE(m_here->fromBytes(QByteArray::fromHex("fa3fc00000")), QVariant(1.5));
        QCOMPARE(m_here->fromBytes(QByteArray::fromHex("1b0000000000000001")), QVariant(1));
        QCOMPARE(m_here->fromBytes(QByteArray::fromHex("1a80000000")).toLongLong(), 0x80000000LL);
        QCOMPARE(m_here->fromBytes(QByteArray::fromHex("3b7fffffffffffffff")).toLongLong(), std::numeric_limits<qint64>::min());
        QCOMPARE(m_here->fromBytes(QByteArray::fromHex("9f0102ff")), QVariant(QVariantList{1, 2})); // of unknown length
        QCOMPARE(m_here->fromBytes(QByteArray::fromHex("7f61616162ff")), QVariant(QStringLiteral("ab"))); // in pieces
    }

    void handlesAreTheCoroutine()
    {
        const Coro<> own = spawn(waitForever);
        own.setName(QStringLiteral("sleeper"));
        const auto pass = [](const PeerNetwork &from, const PeerNetwork &to, const Coro<> &coro) {
            return to.fromBytes(from.toBytes(QVariant::fromValue(coro))).value<Coro<>>();
        };
        QCOMPARE(pass(*m_here, *m_here, own).data(), own.data()); // its own comes home as itself
        const Coro<> remote = pass(*m_here, *m_there, own);
        QCOMPARE(remote.id(), own.id());
        QCOMPARE(remote.name(), QStringLiteral("sleeper"));
        QCOMPARE(remote.location(), m_here->location());
        QCOMPARE(pass(*m_there, *m_here, remote).data(), own.data());
        const auto third = makeNetwork();
        const Coro<> remoter = pass(*m_there, *third, remote);
        QCOMPARE(remoter, remote);
        QCOMPARE(remoter.location(), m_here->location());
        QCOMPARE(pass(*third, *m_here, remoter).data(), own.data());
        QVERIFY(pass(*m_here, *m_there, Coro<>()).isNull());
        own.terminate();
    }

    void noticesArrive()
    {
        const Coro<> own = spawn(waitForever);
        const ExitNotice notice(own, CoroState::Failed, QVariantList{1}, QStringLiteral("no paper"));
        const auto read = m_there->fromBytes(m_here->toBytes(QVariant::fromValue(notice))).value<ExitNotice>();
        QCOMPARE(read.coro().id(), own.id());
        QCOMPARE(read.state(), CoroState::Failed);
        QCOMPARE(read.value(), QVariant(QVariantList{1}));
        QCOMPARE(read.error(), QStringLiteral("no paper"));
        own.terminate();
    }

private:
    std::unique_ptr<PeerNetwork> m_here;
    std::unique_ptr<PeerNetwork> m_there;
};

QTEST_GUILESS_MAIN(MessageTypeTest)
#include "messagetypetest.moc"
