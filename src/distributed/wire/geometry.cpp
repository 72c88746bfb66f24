// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "geometry_p.h"

#include "codec_p.h"
#include "plainvalues_p.h"

#include <QHash>
#include <QLine>
#include <QMargins>
#include <QRect>

#include <array>
#include <limits>

namespace Asyncoro::Detail {

namespace {

template<typename N>
using Numbers = std::array<N, 4>; // of which some types have only two

/** How a type is made of numbers, which are int or double. */
template<typename N, qsizetype Count>
struct Shape {
    using Number = N;
    static constexpr qsizetype count = Count;
};

template<typename T>
struct ShapeOf;

template<>
struct ShapeOf<QPoint> : Shape<int, 2> {
    static Numbers<int> split(const QPoint &p) { return {p.x(), p.y()}; }
    static QPoint join(const Numbers<int> &n) { return {n[0], n[1]}; }
};
template<>
struct ShapeOf<QPointF> : Shape<double, 2> {
    static Numbers<double> split(const QPointF &p) { return {p.x(), p.y()}; }
    static QPointF join(const Numbers<double> &n) { return {n[0], n[1]}; }
};
template<>
struct ShapeOf<QSize> : Shape<int, 2> {
    static Numbers<int> split(const QSize &s) { return {s.width(), s.height()}; }
    static QSize join(const Numbers<int> &n) { return {n[0], n[1]}; }
};
template<>
struct ShapeOf<QSizeF> : Shape<double, 2> {
    static Numbers<double> split(const QSizeF &s) { return {s.width(), s.height()}; }
    static QSizeF join(const Numbers<double> &n) { return {n[0], n[1]}; }
};
/** As it is kept: its width may be more than an int can hold. */
template<>
struct ShapeOf<QRect> : Shape<int, 4> {
    static Numbers<int> split(const QRect &r) { return {r.left(), r.top(), r.right(), r.bottom()}; }
    static QRect join(const Numbers<int> &n) { return {QPoint(n[0], n[1]), QPoint(n[2], n[3])}; }
};
template<>
struct ShapeOf<QRectF> : Shape<double, 4> {
    static Numbers<double> split(const QRectF &r) { return {r.x(), r.y(), r.width(), r.height()}; }
    static QRectF join(const Numbers<double> &n) { return {n[0], n[1], n[2], n[3]}; }
};
template<>
struct ShapeOf<QLine> : Shape<int, 4> {
    static Numbers<int> split(const QLine &l) { return {l.x1(), l.y1(), l.x2(), l.y2()}; }
    static QLine join(const Numbers<int> &n) { return {n[0], n[1], n[2], n[3]}; }
};
template<>
struct ShapeOf<QLineF> : Shape<double, 4> {
    static Numbers<double> split(const QLineF &l) { return {l.x1(), l.y1(), l.x2(), l.y2()}; }
    static QLineF join(const Numbers<double> &n) { return {n[0], n[1], n[2], n[3]}; }
};
template<>
struct ShapeOf<QMargins> : Shape<int, 4> {
    static Numbers<int> split(const QMargins &m) { return {m.left(), m.top(), m.right(), m.bottom()}; }
    static QMargins join(const Numbers<int> &n) { return {n[0], n[1], n[2], n[3]}; }
};
template<>
struct ShapeOf<QMarginsF> : Shape<double, 4> {
    static Numbers<double> split(const QMarginsF &m) { return {m.left(), m.top(), m.right(), m.bottom()}; }
    static QMarginsF join(const Numbers<double> &n) { return {n[0], n[1], n[2], n[3]}; }
};

void write(QCborStreamWriter &writer, int number)
{
    writer.append(qint64(number));
}

void write(QCborStreamWriter &writer, double number)
{
    writer.append(number);
}

bool read(QCborStreamReader &reader, int *number)
{
    if (!reader.isInteger())
        return false;
    // As -1 is encoded as 0
    const bool positive = reader.isUnsignedInteger();
    const quint64 encoded = positive ? reader.toUnsignedInteger() : quint64(reader.toNegativeInteger()) - 1;
    if (encoded > quint64(std::numeric_limits<int>::max()))
        return false;
    *number = int(reader.toInteger());
    return true;
}

/** Of any kind: encoders of other languages take what fits. */
bool read(QCborStreamReader &reader, double *number)
{
    if (reader.isDouble() || reader.isFloat() || reader.isFloat16())
        *number = floatingPoint(reader);
    else if (int whole = 0; read(reader, &whole))
        *number = whole;
    else
        return false;
    return true;
}

struct Functions {
    void (*encode)(QCborStreamWriter &writer, const void *value);
    QVariant (*decode)(QCborStreamReader &reader);
};

template<typename T>
void encode(QCborStreamWriter &writer, const void *value)
{
    using Shape = ShapeOf<T>;
    const auto numbers = Shape::split(*static_cast<const T *>(value));
    writer.startArray(quint64(Shape::count));
    for (qsizetype i = 0; i < Shape::count; ++i)
        write(writer, numbers[i]);
    writer.endArray();
}

template<typename T>
QVariant decode(QCborStreamReader &reader)
{
    using Shape = ShapeOf<T>;
    const auto refuse = [] { malformed(QStringLiteral("no %1").arg(typeName(QMetaType::fromType<T>()))); };
    if (!reader.isArray())
        refuse();
    reader.enterContainer();
    Numbers<typename Shape::Number> numbers{};
    for (qsizetype i = 0; i < Shape::count; ++i) {
        if (!reader.hasNext() || !read(reader, &numbers[i]))
            refuse();
        reader.next();
    }
    if (reader.hasNext() || reader.lastError() != QCborError::NoError)
        refuse();
    reader.leaveContainer();
    return QVariant::fromValue(Shape::join(numbers));
}

template<typename... T>
QHash<int, Functions> functionsOf()
{
    return {{QMetaType::fromType<T>().id(), Functions{encode<T>, decode<T>}}...};
}

const QHash<int, Functions> &functions()
{
    static const QHash<int, Functions> all =
        functionsOf<QPoint, QPointF, QSize, QSizeF, QRect, QRectF, QLine, QLineF, QMargins, QMarginsF>();
    return all;
}

} // namespace

bool isGeometry(QMetaType type)
{
    return functions().contains(type.id());
}

void encodeGeometry(QCborStreamWriter &writer, const QVariant &value)
{
    functions().constFind(value.typeId())->encode(writer, value.constData());
}

QVariant decodeGeometry(QCborStreamReader &reader, QMetaType type)
{
    return functions().constFind(type.id())->decode(reader);
}

} // namespace Asyncoro::Detail
