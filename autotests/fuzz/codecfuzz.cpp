// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Any bytes read as a value of a message. What can be read can be sent on, and means the same then.

#include <Asyncoro/PeerNetwork>

#include <QCborMap>
#include <QCoreApplication>
#include <QJsonObject>
#include <QRectF>
#include <QUuid>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

using namespace Asyncoro;

namespace CodecFuzz {

/** With a property of each kind that there is. */
class Gadget
{
    Q_GADGET
    Q_PROPERTY(int number MEMBER number)
    Q_PROPERTY(QString text MEMBER text)
    Q_PROPERTY(QList<double> list MEMBER list)
    Q_PROPERTY(QVariant any MEMBER any)
    Q_PROPERTY(Colour colour MEMBER colour)
    Q_PROPERTY(QRectF area MEMBER area)
    Q_PROPERTY(QMap<QString, int> counts MEMBER counts)
    Q_PROPERTY(QHash<QString, QVariant> named MEMBER named)
    Q_PROPERTY(QJsonObject tree MEMBER tree)
    Q_PROPERTY(QPair<int, QString> pair MEMBER pair)

public:
    enum Colour : quint8 { Red, Green };
    Q_ENUM(Colour)

    int number = 0;
    QString text;
    QList<double> list;
    QVariant any;
    Colour colour = Red;
    QRectF area;
    QMap<QString, int> counts;
    QHash<QString, QVariant> named;
    QJsonObject tree;
    QPair<int, QString> pair;

    friend bool operator==(const Gadget &, const Gadget &) = default;
};

/** With functions of its own. */
struct Point {
    double x = 0;
    double y = 0;

    [[nodiscard]] QCborValue toCbor() const { return QCborMap{{QStringLiteral("x"), x}, {QStringLiteral("y"), y}}; }
    static Point fromCbor(const QCborValue &value)
    {
        if (!value.isMap())
            throw Error(QStringLiteral("no point"));
        return {value.toMap().value(QStringLiteral("x")).toDouble(),
                value.toMap().value(QStringLiteral("y")).toDouble()};
    }
};

/** With functions of somebody else's, which take anything. */
struct Foreign {
    QCborValue content;
};

} // namespace CodecFuzz

using namespace CodecFuzz;

namespace {

PeerNetwork *network = nullptr;

[[noreturn]] void fail(const char *what, const QByteArray &bytes, const QByteArray &others)
{
    std::fprintf(stderr, "%s:\n%s\n%s\n", what, bytes.toHex().constData(), others.toHex().constData());
    std::abort();
}

/** The bytes of a hash stand in another order each time it is filled. */
QByteArray sorted(QByteArray bytes)
{
    std::sort(bytes.begin(), bytes.end());
    return bytes;
}

/** Whatever is written to the log is the library's fault: it reads only what is there. */
void failByMessage(QtMsgType type, const QMessageLogContext &, const QString &text)
{
    std::fprintf(stderr, "%s\n", qPrintable(text));
    if (type != QtDebugMsg && type != QtInfoMsg)
        std::abort();
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int *argc, char ***argv);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

extern "C" int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const QCoreApplication app(*argc, *argv);
    static PeerNetwork ours;
    network = &ours;
    registerMessageType<Gadget>();
    registerMessageType<QList<Gadget>>();
    registerMessageType<Point>();
    registerMessageType<QList<Point>>();
    registerMessageType<Foreign>([](const Foreign &foreign) { return foreign.content; },
                                 [](const QCborValue &content) { return Foreign{content}; });
    registerMessageType<QPair<int, QString>>();
    registerMessageType<QMap<QString, Gadget>>();
    registerMessageType<QHash<QUuid, Point>>();
    qInstallMessageHandler(failByMessage);
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const QByteArray input(reinterpret_cast<const char *>(data), qsizetype(size));
    QVariant value;
    try {
        value = network->fromBytes(input);
    } catch (const WireError &) {
        return 0;
    }
    const QByteArray bytes = network->toBytes(value);
    const QByteArray again = network->toBytes(network->fromBytes(bytes));
    if (again != bytes && sorted(again) != sorted(bytes))
        fail("a value changes on its way", bytes, again);
    return 0;
}

#include "codecfuzz.moc"
