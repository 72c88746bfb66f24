// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "treevalues_p.h"

#include "plainvalues_p.h"

#include <QCborArray>
#include <QCborMap>
#include <QFloat16>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QMap>

#include <limits>

namespace Asyncoro::Detail {

namespace {

bool isJson(QMetaType type)
{
    switch (type.id()) {
    case QMetaType::QJsonValue:
    case QMetaType::QJsonObject:
    case QMetaType::QJsonArray:
    case QMetaType::QJsonDocument:
        return true;
    default:
        return false;
    }
}

/** Whether `value` can be written, with all that is in it. */
void check(const QCborValue &value, ValueSize &size)
{
    const auto checkPart = [&size](const QCborValue &part) {
        const ValueSize::Part counted(size);
        check(part, size);
    };
    if (value.isArray()) {
        const QCborArray array = value.toArray();
        for (const QCborValue &element : array)
            checkPart(element);
    } else if (value.isMap()) {
        const QCborMap map = value.toMap();
        for (auto it = map.cbegin(); it != map.cend(); ++it) {
            checkPart(it.key());
            checkPart(it.value());
        }
    } else if (value.isTag()) { // as a date and time is
        checkPart(value.taggedValue());
    } else if (value.isInvalid()) { // of which nothing at all would be written
        throw WireError(QStringLiteral("an invalid QCborValue cannot be sent to another process"));
    } else if (const int simple = value.isSimpleType() ? int(value.toSimpleType()) : 0; simple >= 24 && simple < 32) {
        // RFC 8949, section 3.3
        throw WireError(
            QStringLiteral("the simple value %1 cannot be sent to another process: CBOR has none").arg(simple));
    }
}

/** One item, and what is in it, from `reader` to `writer`. */
void copy(QCborStreamReader &reader, QCborStreamWriter &writer, ValueSize &size)
{
    const auto copyPart = [&] {
        const ValueSize::Part counted(size);
        copy(reader, writer, size);
    };
    const auto copyParts = [&] {
        reader.enterContainer();
        while (hasNext(reader))
            copyPart();
        reader.leaveContainer();
    };
    switch (reader.type()) {
    case QCborStreamReader::UnsignedInteger:
        writer.append(reader.toUnsignedInteger());
        break;
    case QCborStreamReader::NegativeInteger:
        writer.append(reader.toNegativeInteger());
        break;
    case QCborStreamReader::ByteArray:
        writer.append(readBytes(reader));
        return;
    case QCborStreamReader::String: {
        const QByteArray text = reader.readAllUtf8String();
        if (reader.lastError() != QCborError::NoError)
            malformed(reader.lastError().toString());
        writer.appendTextString(text.constData(), text.size());
        return;
    }
    case QCborStreamReader::Array:
        writer.startArray();
        copyParts();
        writer.endArray();
        return;
    case QCborStreamReader::Map:
        writer.startMap();
        copyParts();
        writer.endMap();
        return;
    case QCborStreamReader::Tag:
        writer.append(reader.toTag());
        reader.next();
        copyPart();
        return;
    case QCborStreamReader::SimpleType:
        writer.append(reader.toSimpleType());
        break;
    case QCborStreamReader::Float16:
        writer.append(reader.toFloat16());
        break;
    case QCborStreamReader::Float:
        writer.append(reader.toFloat());
        break;
    case QCborStreamReader::Double:
        writer.append(reader.toDouble());
        break;
    default:
        malformed(QStringLiteral("item of CBOR type %1").arg(int(reader.type())));
    }
    reader.next();
}

QJsonValue readNumber(QCborStreamReader &reader)
{
    constexpr auto Most = quint64(std::numeric_limits<qint64>::max());
    if (reader.isUnsignedInteger()) {
        const quint64 number = reader.toUnsignedInteger();
        return number <= Most ? QJsonValue(qint64(number)) : QJsonValue(double(number));
    }
    if (reader.isNegativeInteger()) {
        const quint64 below = quint64(reader.toNegativeInteger()) - 1; // -1; for there may be 2^64
        return below <= Most ? QJsonValue(reader.toInteger()) : QJsonValue(-1.0 - double(below));
    }
    return floatingPoint(reader);
}

/** What belongs to a value of `type`. */
QJsonValue readJson(QCborStreamReader &reader, QMetaType type, ValueSize &size)
{
    const auto refuse = [type] { malformed(QStringLiteral("no JSON in a %1").arg(typeName(type))); };
    QJsonValue value;
    switch (reader.type()) {
    case QCborStreamReader::Array: {
        QJsonArray array;
        reader.enterContainer();
        while (hasNext(reader)) {
            const ValueSize::Part counted(size);
            array.append(readJson(reader, type, size));
        }
        reader.leaveContainer();
        return array;
    }
    case QCborStreamReader::Map: {
        QMap<QString, QJsonValue> sorted; // as a QJsonObject is, which moves what is behind a new key
        reader.enterContainer();
        while (hasNext(reader)) {
            const ValueSize::Part counted(size);
            const QString key = readText(reader);
            sorted.insert(key, readJson(reader, type, size));
        }
        reader.leaveContainer();
        QJsonObject object;
        for (auto it = sorted.cbegin(); it != sorted.cend(); ++it)
            object.insert(it.key(), it.value());
        return object;
    }
    case QCborStreamReader::String:
        return readText(reader);
    case QCborStreamReader::SimpleType:
        if (reader.isBool())
            value = reader.toBool();
        else if (!reader.isNull())
            refuse();
        break;
    case QCborStreamReader::UnsignedInteger:
    case QCborStreamReader::NegativeInteger:
    case QCborStreamReader::Float16:
    case QCborStreamReader::Float:
    case QCborStreamReader::Double:
        value = readNumber(reader);
        break;
    default:
        refuse();
    }
    reader.next();
    return value;
}

} // namespace

bool isTree(QMetaType type)
{
    switch (type.id()) {
    case QMetaType::QCborValue:
    case QMetaType::QCborArray:
    case QMetaType::QCborMap:
        return true;
    default:
        return isJson(type);
    }
}

bool mayBecome(QMetaType from, QMetaType to)
{
    return !isJson(to) || isJson(from);
}

void writeCbor(QCborStreamWriter &writer, const QCborValue &value, ValueSize &size)
{
    check(value, size);
    value.toCbor(writer);
}

QCborValue readCbor(QCborStreamReader &reader, ValueSize &size)
{
    // By way of bytes: QCborValue would read however much there is, and QCborMap looks at all keys to insert one.
    QByteArray bytes;
    QCborStreamWriter writer(&bytes);
    copy(reader, writer, size);
    QCborParserError error;
    const QCborValue value = QCborValue::fromCbor(bytes, &error);
    if (error.error != QCborError::NoError)
        malformed(error.errorString());
    return value;
}

void encodeTree(QCborStreamWriter &writer, const QVariant &value, ValueSize &size)
{
    QCborValue content;
    switch (value.typeId()) {
    case QMetaType::QCborValue:
        content = value.value<QCborValue>();
        break;
    case QMetaType::QCborArray:
        content = value.value<QCborArray>();
        break;
    case QMetaType::QCborMap:
        content = value.value<QCborMap>();
        break;
    case QMetaType::QJsonValue:
        content = QCborValue::fromJsonValue(value.value<QJsonValue>());
        break;
    case QMetaType::QJsonArray:
        content = QCborArray::fromJsonArray(value.value<QJsonArray>());
        break;
    case QMetaType::QJsonObject:
        content = QCborMap::fromJsonObject(value.value<QJsonObject>());
        break;
    default:
        const auto document = value.value<QJsonDocument>();
        if (document.isArray())
            content = QCborArray::fromJsonArray(document.array());
        else if (document.isObject())
            content = QCborMap::fromJsonObject(document.object());
        else
            content = nullptr;
    }
    writeCbor(writer, content, size);
}

QVariant decodeTree(QCborStreamReader &reader, QMetaType type, ValueSize &size)
{
    const auto need = [type](bool fits) {
        if (!fits)
            malformed(QStringLiteral("no %1").arg(typeName(type)));
    };
    switch (type.id()) {
    case QMetaType::QCborValue:
        return QVariant::fromValue(readCbor(reader, size));
    case QMetaType::QCborArray:
        need(reader.isArray());
        return QVariant::fromValue(readCbor(reader, size).toArray());
    case QMetaType::QCborMap:
        need(reader.isMap());
        return QVariant::fromValue(readCbor(reader, size).toMap());
    case QMetaType::QJsonValue:
        if (reader.isUndefined()) { // which a value in a list or an object cannot be
            reader.next();
            return QVariant::fromValue(QJsonValue(QJsonValue::Undefined));
        }
        return QVariant::fromValue(readJson(reader, type, size));
    case QMetaType::QJsonArray:
        need(reader.isArray());
        return QVariant::fromValue(readJson(reader, type, size).toArray());
    case QMetaType::QJsonObject:
        need(reader.isMap());
        return QVariant::fromValue(readJson(reader, type, size).toObject());
    default:
        need(reader.isArray() || reader.isMap() || reader.isNull());
        if (reader.isMap())
            return QVariant::fromValue(QJsonDocument(readJson(reader, type, size).toObject()));
        if (reader.isArray())
            return QVariant::fromValue(QJsonDocument(readJson(reader, type, size).toArray()));
        reader.next();
        return QVariant::fromValue(QJsonDocument());
    }
}

} // namespace Asyncoro::Detail
