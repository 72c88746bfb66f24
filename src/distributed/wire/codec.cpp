// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "codec_p.h"

#include "framesink_p.h"
#include "messagetype.h"
#include "plainvalues_p.h"
#include "sparearrays_p.h"

#include <QCborValue>
#include <QDateTime>
#include <QMetaProperty>
#include <QReadWriteLock>
#include <QSequentialIterable>
#include <QUrl>
#include <QUuid>

#include <mutex>

namespace Asyncoro::Detail {

namespace {

constexpr QCborTag TypedValue{0x4153}; // "AS"
constexpr int MaxDepth = 64; // of a value, which takes up to two levels of CBOR for each
constexpr int MaxParts = 8'000'000; // of a value: a byte in a frame may become many in memory
constexpr quint64 MaxListReserve = 4096; // a length that a frame announces is not yet believed

/** What may travel besides Qt's own values. */
struct Registry {
    QReadWriteLock lock;
    QHash<int, MessageTypeCodec> codecs;
};

Registry &registry()
{
    static Registry instance;
    return instance;
}

bool findCodec(QMetaType type, MessageTypeCodec *codec)
{
    const QReadLocker lock(&registry().lock);
    const auto found = registry().codecs.constFind(type.id());
    if (found == registry().codecs.cend())
        return false;
    *codec = *found;
    return true;
}

/**
 * The type that a peer names. Qt knows the types of its GUI libraries by name even in a process without these, and writes a
 * warning for each that is looked up: so they are only if they have been registered.
 */
QMetaType typeNamed(const QByteArray &name)
{
#define ASYNCORO_TYPE_ENTRY(Name, Id, Type) {QByteArrayLiteral(#Type), Id},
    static const QHash<QByteArray, int> guiTypes{
        QT_FOR_EACH_STATIC_GUI_CLASS(ASYNCORO_TYPE_ENTRY) QT_FOR_EACH_STATIC_WIDGETS_CLASS(ASYNCORO_TYPE_ENTRY)};
#undef ASYNCORO_TYPE_ENTRY
    if (const int id = guiTypes.value(QMetaObject::normalizedType(name.constData()))) { // under which Qt looks, too
        const QReadLocker lock(&registry().lock);
        if (!registry().codecs.contains(id))
            return {};
    }
    return QMetaType::fromName(name);
}

bool isSequence(QMetaType type)
{
    return QMetaType::canView(type, QMetaType::fromType<QSequentialIterable>());
}

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
        const Level level(depth);
        if (++parts > MaxParts)
            throw WireError(QStringLiteral("a value of more than %1 parts cannot be sent to another process").arg(MaxParts));
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
        case QMetaType::QVariantList: {
            const auto &list = get<QVariantList>(value);
            writer.startArray(quint64(list.size()));
            for (const QVariant &element : list)
                encode(element);
            writer.endArray();
            return;
        }
        case QMetaType::QVariantMap: {
            const auto &map = get<QVariantMap>(value);
            writer.startMap(quint64(map.size()));
            for (auto it = map.cbegin(); it != map.cend(); ++it) {
                writer.append(QStringView(it.key()));
                encode(it.value());
            }
            writer.endMap();
            return;
        }
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

    void encodeTyped(const QVariant &value)
    {
        const QMetaType type = value.metaType();
        writer.append(TypedValue);
        writer.startArray(2);
        writer.append(QLatin1StringView(type.name()));
        MessageTypeCodec codec;
        if (isPlain(type.id())) {
            encodePlain(writer, value);
        } else if (type.flags() & QMetaType::IsEnumeration) {
            writer.append(value.toLongLong());
        } else if (isHandle(type)) {
            encodeHandle(writer, value, handles);
        } else if (type == QMetaType::fromType<ExitNotice>()) {
            const auto &notice = get<ExitNotice>(value);
            writer.startArray(4);
            encodeCoro(writer, notice.coro(), handles);
            writer.append(quint64(notice.state()));
            encode(notice.value());
            writer.append(notice.error());
            writer.endArray();
        } else if (findCodec(type, &codec)) {
            if (codec.toCbor)
                codec.toCbor(value.constData()).toCbor(writer);
            else
                encodeGadget(type, value);
        } else if (isSequence(type)) {
            const auto elements = value.value<QSequentialIterable>();
            writer.startArray(quint64(elements.size()));
            for (const QVariant &element : elements)
                encode(element);
            writer.endArray();
        } else {
            throw WireError(QStringLiteral("a %1 cannot be sent to another process: make it a Q_GADGET or give it toCbor() and "
                                           "fromCbor(), and call registerMessageType<%1>() in both")
                                .arg(typeName(type)));
        }
        writer.endArray();
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

    struct Level {
        explicit Level(int &value)
            : depth(value)
        {
            if (++depth > MaxDepth) {
                --depth;
                throw WireError(QStringLiteral("a value that is nested more than %1 deep cannot be sent to another process").arg(MaxDepth));
            }
        }
        ~Level() { --depth; }
        Level(const Level &) = delete;
        Level &operator=(const Level &) = delete;
        int &depth;
    };

    QCborStreamWriter &writer;
    HandleMapper &handles;
    int depth = 0;
    int parts = 0;
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

    QVariant decode()
    {
        const Level level(depth);
        if (++parts > MaxParts)
            malformed(QStringLiteral("a value of more than %1 parts").arg(MaxParts));
        switch (reader.type()) {
        case QCborStreamReader::Array:
            return decodeList();
        case QCborStreamReader::Map:
            return decodeMap();
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

    struct Level {
        explicit Level(int &value)
            : depth(value)
        {
            if (++depth > MaxDepth)
                malformed(QStringLiteral("nested more than %1 deep").arg(MaxDepth));
        }
        ~Level() { --depth; }
        Level(const Level &) = delete;
        Level &operator=(const Level &) = delete;
        int &depth;
    };

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

    /** Of any size: encoders of other languages take the shortest. */
    QVariant decodeDouble()
    {
        const double value = reader.isDouble() ? reader.toDouble() : reader.isFloat() ? double(reader.toFloat()) : double(reader.toFloat16());
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
        while (hasNext())
            list.append(decode());
        reader.leaveContainer();
        return list;
    }

    QVariantMap decodeMap()
    {
        QVariantMap map;
        reader.enterContainer();
        while (hasNext()) {
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
        MessageTypeCodec codec;
        if (isHandle(type))
            return decodeHandle(reader, type, handles);
        if (type == QMetaType::fromType<ExitNotice>())
            return QVariant::fromValue(decodeNotice());
        if (isPlain(type.id()) || type.flags() & QMetaType::IsEnumeration)
            return decodePlain(type, decodeScalar());
        if (type.isValid() && findCodec(type, &codec))
            return codec.fromCbor ? decodeWith(codec, type) : decodeGadget(type);
        if (type.isValid() && isSequence(type))
            return decodeSequence(type);
        throw WireError(QStringLiteral("the type %1 is not known here: call registerMessageType<%1>()").arg(name));
    }

    QVariant decodeWith(const MessageTypeCodec &codec, QMetaType type)
    {
        const QCborValue content = QCborValue::fromCbor(reader);
        if (reader.lastError() != QCborError::NoError)
            malformed(reader.lastError().toString());
        try {
            return codec.fromCbor(content);
        } catch (...) {
            throw WireError(QStringLiteral("a %1 cannot be read: %2").arg(typeName(type), errorText(std::current_exception())));
        }
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
        const QVariantMap properties = reader.isMap() ? decodeMap() : QVariantMap();
        QVariant value(type);
        const QMetaObject *meta = type.metaObject();
        for (auto it = properties.cbegin(); it != properties.cend(); ++it) {
            const int index = meta->indexOfProperty(it.key().toLatin1().constData());
            if (index < 0)
                continue; // a newer version of the type
            const QMetaProperty property = meta->property(index);
            if (isTextForEnumeration(property.metaType(), it.value()) || !property.writeOnGadget(value.data(), it.value()))
                throw WireError(QStringLiteral("a %1 cannot be read: its property %2 is of another type here").arg(typeName(type), it.key()));
        }
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
        while (hasNext()) {
            QVariant element = decode();
            if (elementType != QMetaType::fromType<QVariant>()
                && (isTextForEnumeration(elementType, element) || !element.convert(elementType)))
                malformed(QStringLiteral("element of %1").arg(typeName(type)));
            elements.addValue(element);
        }
        reader.leaveContainer();
        return value;
    }

    bool hasNext() const
    {
        if (reader.lastError() != QCborError::NoError)
            malformed(reader.lastError().toString());
        return reader.hasNext();
    }

    QCborStreamReader &reader;
    HandleMapper &handles;
    FrameMemory *const memory; // of what the reader reads; may be null
    int depth = 0;
    int parts = 0;
};

} // namespace

void addMessageType(QMetaType type, const MessageTypeCodec &codec)
{
    if (const QMetaObject *meta = type.metaObject()) {
        for (int i = 0; i < meta->propertyCount(); ++i)
            meta->property(i).metaType().id(); // so that its name is known
    }
    const QWriteLocker lock(&registry().lock);
    registry().codecs.insert(type.id(), codec);
}

void encodeValue(QCborStreamWriter &writer, const QVariant &value, HandleMapper &handles)
{
    Encoder(writer, handles).encode(value);
}

QVariant decodeValue(QCborStreamReader &reader, HandleMapper &handles, FrameMemory *memory)
{
    return Decoder(reader, handles, memory).decode();
}

template<typename... T>
void registerListsOf()
{
    (registerMessageType<QList<T>>(), ...);
}

void registerListTypes()
{
    static std::once_flag once;
    std::call_once(once, [] {
        registerListsOf<bool, int, uint, qint64, quint64, float, double, QByteArray, QVariantList, QVariantMap>();
        registerListsOf<QUrl, QUuid, QDate, QTime, QDateTime, QStringList, Coro<>, Channel, Rci<>>();
    });
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
