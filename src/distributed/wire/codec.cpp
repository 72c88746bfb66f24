// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "codec_p.h"

#include "framesink_p.h"
#include "geometry_p.h"
#include "plainvalues_p.h"
#include "sparearrays_p.h"
#include "treevalues_p.h"
#include "typeregistry_p.h"

#include <QAssociativeIterable>
#include <QMetaProperty>
#include <QSequentialIterable>

namespace Asyncoro::Detail {

namespace {

constexpr QCborTag TypedValue{0x4153}; // "AS"
constexpr quint64 MaxListReserve = 4096; // a length that a frame announces is not yet believed

class Encoder
{
public:
    Encoder(QCborStreamWriter &target, HandleMapper &mapper)
        : writer(target)
        , handles(mapper)
    {
    }

    void encode(const QVariant &value)
    {
        const ValueSize::Part part(size);
        switch (value.typeId()) {
        case QMetaType::UnknownType:
        case QMetaType::Nullptr:
            writer.appendNull();
            return;
        case QMetaType::Bool:
            writer.append(value.toBool());
            return;
        case QMetaType::Int:
            writer.append(qint64(value.toInt()));
            return;
        case QMetaType::Double:
            writer.append(value.toDouble());
            return;
        case QMetaType::QString:
            writer.append(QStringView(get<QString>(value)));
            return;
        case QMetaType::QByteArray:
            encodeBytes(get<QByteArray>(value));
            return;
        case QMetaType::QVariantList:
            encodeSequence(get<QVariantList>(value));
            return;
        case QMetaType::QVariantMap:
            encodeMap(get<QVariantMap>(value));
            return;
        default:
            encodeTyped(value);
        }
    }

private:
    template<typename T>
    static const T &get(const QVariant &value)
    {
        return *static_cast<const T *>(value.constData());
    }

    void encodeBytes(const QByteArray &bytes)
    {
        if (bytes.size() >= FrameSink::LongArray) {
            if (auto *sink = dynamic_cast<FrameSink *>(writer.device()))
                sink->announce(bytes);
        }
        writer.append(bytes);
    }

    /** With texts as keys. */
    template<typename Map>
    void encodeMap(const Map &map)
    {
        writer.startMap(quint64(map.size()));
        for (auto it = map.cbegin(); it != map.cend(); ++it) {
            writer.append(QStringView(it.key()));
            encode(it.value());
        }
        writer.endMap();
    }

    void encodeTyped(const QVariant &value)
    {
        const QMetaType type = value.metaType();
        writer.append(TypedValue);
        writer.startArray(2);
        writer.append(QLatin1StringView(type.name()));
        if (isPlain(type.id()))
            encodePlain(writer, value);
        else if (isGeometry(type))
            encodeGeometry(writer, value);
        else if (isTree(type))
            encodeTree(writer, value, size);
        else if (type.id() == QMetaType::QVariantHash)
            encodeMap(get<QVariantHash>(value));
        else if (isHandle(type))
            encodeHandle(writer, value, handles);
        else if (type == QMetaType::fromType<ExitNotice>())
            encodeNotice(get<ExitNotice>(value));
        else if (const auto codec = codecOf(type))
            encodeWith(*codec, value);
        else if (type.flags() & QMetaType::IsEnumeration)
            writer.append(value.toLongLong());
        else if (isAssociation(type))
            encodeAssociation(value.value<QAssociativeIterable>());
        else if (isSequence(type))
            encodeSequence(value.value<QSequentialIterable>());
        else
            throw WireError(whyUnsendable(type));
        writer.endArray();
    }

    void encodeNotice(const ExitNotice &notice)
    {
        writer.startArray(4);
        encodeCoro(writer, notice.coro(), handles);
        writer.append(quint64(notice.state()));
        encode(notice.value());
        writer.append(notice.error());
        writer.endArray();
    }

    void encodeWith(const MessageTypeCodec &codec, const QVariant &value)
    {
        if (codec.toCbor)
            writeCbor(writer, codec.toCbor(value.constData()), size);
        else if (codec.split)
            encodeSequence(codec.split(value.constData()));
        else
            encodeGadget(value.metaType(), value);
    }

    template<typename List>
    void encodeSequence(const List &elements)
    {
        writer.startArray(quint64(elements.size()));
        for (const QVariant &element : elements)
            encode(element);
        writer.endArray();
    }

    void encodeAssociation(const QAssociativeIterable &entries)
    {
        writer.startMap(quint64(entries.size()));
        for (auto it = entries.constBegin(), end = entries.constEnd(); it != end; ++it) {
            encode(it.key());
            encode(it.value());
        }
        writer.endMap();
    }

    void encodeGadget(QMetaType type, const QVariant &value)
    {
        const QMetaObject *meta = type.metaObject();
        writer.startMap();
        for (int i = 0; i < meta->propertyCount(); ++i) {
            const QMetaProperty property = meta->property(i);
            if (!property.isStored())
                continue;
            if (!property.isWritable())
                throw WireError(QStringLiteral("a %1 cannot be sent to another process: its property %2 cannot be written; make it "
                                               "MEMBER, or STORED false")
                                    .arg(typeName(type), QString::fromLatin1(property.name())));
            writer.append(QLatin1StringView(property.name()));
            encode(property.readOnGadget(value.constData()));
        }
        writer.endMap();
    }

    QCborStreamWriter &writer;
    HandleMapper &handles;
    ValueSize size{ValueSize::Use::Write};
};

class Decoder
{
public:
    Decoder(QCborStreamReader &source, HandleMapper &mapper, FrameMemory *frame)
        : reader(source)
        , handles(mapper)
        , memory(frame)
    {
    }

    /** What has been decoded. */
    [[nodiscard]] int parts() const { return size.parts(); }

    QVariant decode()
    {
        const ValueSize::Part part(size);
        switch (reader.type()) {
        case QCborStreamReader::Array:
            return decodeList();
        case QCborStreamReader::Map:
            return decodeMap<QVariantMap>();
        case QCborStreamReader::Tag:
            return decodeTyped();
        default:
            return decodeScalar();
        }
    }

private:
    /** What is no container. */
    QVariant decodeScalar()
    {
        switch (reader.type()) {
        case QCborStreamReader::UnsignedInteger:
        case QCborStreamReader::NegativeInteger:
            return decodeInteger();
        case QCborStreamReader::String:
            return readText(reader);
        case QCborStreamReader::ByteArray:
            return decodeBytes();
        case QCborStreamReader::Double:
        case QCborStreamReader::Float:
        case QCborStreamReader::Float16:
            return decodeDouble();
        case QCborStreamReader::SimpleType:
            return decodeSimple();
        default:
            malformed(QStringLiteral("item of CBOR type %1").arg(int(reader.type())));
        }
    }

    QByteArray decodeBytes()
    {
        if (!memory || !reader.isLengthKnown() || reader.length() < quint64(FrameSink::LongArray))
            return readBytes(reader);
        const qsizetype head = memory->body + qsizetype(reader.currentOffset());
        // RFC 8949, 3: the lower five bits of the first byte tell how many bytes of length follow: 24 one, 25 two, ...
        const qsizetype start = head + 1 + (qsizetype(1) << ((memory->bytes.at(head) & 31) - 24));
        const qsizetype rest = memory->bytes.size() - start;
        if (rest < 0 || reader.length() != quint64(rest))
            return readBytes(reader); // and if it is not all there, fails
        reader.next(); // what it read from stays where it is
        QByteArray bytes = std::move(memory->bytes);
        bytes.remove(0, start);
        SpareArrays::keep(bytes);
        return bytes;
    }

    QVariant decodeDouble()
    {
        const double value = floatingPoint(reader);
        reader.next();
        return value;
    }

    QVariant decodeInteger()
    {
        // A plain integer was an int; within a typed value it may be wider, and is converted to that type.
        QVariant value;
        if (reader.isUnsignedInteger()) {
            const quint64 number = reader.toUnsignedInteger();
            value = number <= quint64(std::numeric_limits<int>::max()) ? QVariant(int(number)) : QVariant(number);
        } else {
            const quint64 magnitude = quint64(reader.toNegativeInteger()); // 0 stands for 2^64
            if (magnitude - 1 > quint64(std::numeric_limits<qint64>::max()))
                malformed(QStringLiteral("a number below all that there are"));
            const qint64 number = reader.toInteger();
            value = number >= std::numeric_limits<int>::min() ? QVariant(int(number)) : QVariant(number);
        }
        reader.next();
        return value;
    }

    QVariant decodeSimple()
    {
        QVariant value;
        if (reader.isBool())
            value = reader.toBool();
        else if (!reader.isNull())
            malformed(QStringLiteral("unknown simple value"));
        reader.next();
        return value;
    }

    QVariantList decodeList()
    {
        QVariantList list;
        if (reader.isLengthKnown())
            list.reserve(qsizetype(std::min(reader.length(), MaxListReserve)));
        reader.enterContainer();
        while (hasNext(reader))
            list.append(decode());
        reader.leaveContainer();
        return list;
    }

    /** With texts as keys. */
    template<typename Map>
    Map decodeMap()
    {
        Map map;
        reader.enterContainer();
        while (hasNext(reader)) {
            const QString key = readText(reader);
            map.insert(key, decode());
        }
        reader.leaveContainer();
        return map;
    }

    QVariant decodeTyped()
    {
        if (reader.toTag() != TypedValue)
            malformed(QStringLiteral("unknown tag %1").arg(quint64(reader.toTag())));
        reader.next();
        enterArray(reader, 2);
        const QString name = readText(reader);
        const QVariant value = decodeContent(name);
        if (reader.hasNext())
            malformed(QStringLiteral("more than a value for %1").arg(name));
        reader.leaveContainer();
        return value;
    }

    QVariant decodeContent(const QString &name)
    {
        const QMetaType type = typeNamed(name.toLatin1());
        if (!type.isValid())
            refuseType(name);
        if (isPlain(type.id()))
            return decodePlain(type, decodeScalar());
        if (isGeometry(type))
            return decodeGeometry(reader, type);
        if (isTree(type))
            return decodeTree(reader, type, size);
        if (type.id() == QMetaType::QVariantHash)
            return decodeHash();
        if (isHandle(type))
            return decodeHandle(reader, type, handles);
        if (type == QMetaType::fromType<ExitNotice>())
            return QVariant::fromValue(decodeNotice());
        if (const auto codec = codecOf(type))
            return decodeWith(*codec, type);
        if (type.flags() & QMetaType::IsEnumeration)
            return decodePlain(type, decodeScalar());
        if (isAssociation(type))
            return decodeAssociation(type);
        if (isSequence(type))
            return decodeSequence(type);
        refuseType(name);
    }

    [[noreturn]] static void refuseType(const QString &name)
    {
        throw WireError(QStringLiteral("the type %1 is not known here: call registerMessageType<%1>()").arg(name));
    }

    QVariant decodeWith(const MessageTypeCodec &codec, QMetaType type)
    {
        if (codec.join)
            return decodeParts(codec, type);
        if (!codec.fromCbor)
            return decodeGadget(type);
        const QCborValue content = readCbor(reader, size);
        try {
            return codec.fromCbor(content);
        } catch (...) {
            throw WireError(QStringLiteral("a %1 cannot be read: %2").arg(typeName(type), errorText(std::current_exception())));
        }
    }

    QVariant decodeHash()
    {
        if (!reader.isMap())
            malformed(QStringLiteral("no map for QVariantHash"));
        return decodeMap<QVariantHash>();
    }

    ExitNotice decodeNotice()
    {
        enterArray(reader, 4);
        const Coro<> coro = decodeCoro(reader, handles);
        const quint64 state = readUnsigned(reader);
        const QVariant value = decode();
        const QString error = readText(reader);
        reader.leaveContainer();
        if (state == 0 || state > quint64(CoroState::Lost))
            malformed(QStringLiteral("state %1 of a coroutine").arg(state));
        return ExitNotice(coro, CoroState(state), value, error);
    }

    QVariant decodeGadget(QMetaType type)
    {
        const QVariantMap properties = reader.isMap() ? decodeMap<QVariantMap>() : QVariantMap();
        QVariant value(type);
        const QMetaObject *meta = type.metaObject();
        for (auto it = properties.cbegin(); it != properties.cend(); ++it) {
            const int index = meta->indexOfProperty(it.key().toLatin1().constData());
            if (index < 0)
                continue; // a newer version of the type
            const QMetaProperty property = meta->property(index);
            const bool fits = !isTextForEnumeration(property.metaType(), it.value())
                && mayBecome(it.value().metaType(), property.metaType());
            if (!fits || !property.writeOnGadget(value.data(), it.value()))
                throw WireError(QStringLiteral("a %1 cannot be read: its property %2 is of another type here").arg(typeName(type), it.key()));
        }
        return value;
    }

    /** A value that is in one of type `whole`, where one of `type` belongs. */
    QVariant decodePart(QMetaType type, QMetaType whole)
    {
        QVariant value = decode();
        if (value.metaType() == type || type == QMetaType::fromType<QVariant>())
            return value;
        if (isTextForEnumeration(type, value) || !mayBecome(value.metaType(), type) || !value.convert(type))
            malformed(QStringLiteral("element of %1").arg(typeName(whole)));
        return value;
    }

    QVariant decodeSequence(QMetaType type)
    {
        if (!reader.isArray())
            malformed(QStringLiteral("no list for %1").arg(typeName(type)));
        QVariant value(type);
        QSequentialIterable elements = value.view<QSequentialIterable>();
        const QMetaType elementType = elements.metaContainer().valueMetaType();
        reader.enterContainer();
        while (hasNext(reader))
            elements.addValue(decodePart(elementType, type));
        reader.leaveContainer();
        return value;
    }

    QVariant decodeAssociation(QMetaType type)
    {
        if (!reader.isMap())
            malformed(QStringLiteral("no map for %1").arg(typeName(type)));
        QVariant value(type);
        QAssociativeIterable entries = value.view<QAssociativeIterable>();
        const QMetaType keyType = entries.metaContainer().keyMetaType();
        const QMetaType mappedType = entries.metaContainer().mappedMetaType();
        reader.enterContainer();
        while (hasNext(reader)) {
            const QVariant key = decodePart(keyType, type);
            entries.setValue(key, decodePart(mappedType, type));
        }
        reader.leaveContainer();
        return value;
    }

    QVariant decodeParts(const MessageTypeCodec &codec, QMetaType type)
    {
        if (!reader.isArray())
            malformed(QStringLiteral("no list for %1").arg(typeName(type)));
        QVariantList parts;
        reader.enterContainer();
        for (const QMetaType part : codec.parts) {
            if (!hasNext(reader))
                malformed(QStringLiteral("less than a %1").arg(typeName(type)));
            parts.append(decodePart(part, type));
        }
        if (hasNext(reader))
            malformed(QStringLiteral("more than a %1").arg(typeName(type)));
        reader.leaveContainer();
        return codec.join(parts);
    }

    QCborStreamReader &reader;
    HandleMapper &handles;
    FrameMemory *const memory; // of what the reader reads; may be null
    ValueSize size{ValueSize::Use::Read};
};

} // namespace

void encodeValue(QCborStreamWriter &writer, const QVariant &value, HandleMapper &handles)
{
    Encoder(writer, handles).encode(value);
}

QVariant decodeValue(QCborStreamReader &reader, HandleMapper &handles, FrameMemory *memory, int *parts)
{
    Decoder decoder(reader, handles, memory);
    QVariant value = decoder.decode();
    if (parts)
        *parts = decoder.parts();
    return value;
}

quint64 readUnsigned(QCborStreamReader &reader)
{
    if (!reader.isUnsignedInteger())
        malformed(QStringLiteral("no number where one belongs"));
    const quint64 value = reader.toUnsignedInteger();
    reader.next();
    return value;
}

bool readBool(QCborStreamReader &reader)
{
    if (!reader.isBool())
        malformed(QStringLiteral("no truth value where one belongs"));
    const bool value = reader.toBool();
    reader.next();
    return value;
}

QString readText(QCborStreamReader &reader)
{
    if (!reader.isString())
        malformed(QStringLiteral("no text where one belongs"));
    const QString text = reader.readAllString();
    if (reader.lastError() != QCborError::NoError)
        malformed(reader.lastError().toString());
    return text;
}

QByteArray readBytes(QCborStreamReader &reader)
{
    if (!reader.isByteArray())
        malformed(QStringLiteral("no byte string where one belongs"));
    const QByteArray bytes = reader.readAllByteArray();
    if (reader.lastError() != QCborError::NoError)
        malformed(reader.lastError().toString());
    return bytes;
}

void enterArray(QCborStreamReader &reader, quint64 length)
{
    if (!reader.isArray() || !reader.isLengthKnown() || reader.length() != length)
        malformed(QStringLiteral("no list of %1").arg(length));
    reader.enterContainer();
}

} // namespace Asyncoro::Detail
