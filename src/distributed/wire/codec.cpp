// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "codec_p.h"

#include "framesink_p.h"
#include "messagetype.h"
#include "peererror.h"

#include <QCborValue>
#include <QDateTime>
#include <QMetaProperty>
#include <QReadWriteLock>
#include <QSequentialIterable>
#include <QTimeZone>
#include <QUrl>
#include <QUuid>

#include <cxxabi.h>

#include <mutex>

namespace Asyncoro::Detail {

namespace {

constexpr QCborTag TypedValue{0x4153}; // "AS"
constexpr int MaxDepth = 64; // of a value, which takes up to two levels of CBOR for each
constexpr int MaxParts = 8'000'000; // of a value: a byte in a frame may become many in memory
constexpr quint64 MaxListReserve = 4096; // a length that a frame announces is not yet believed

template<typename E>
std::exception_ptr make(const QString &message)
{
    return std::make_exception_ptr(E(message));
}

/** A TimedOut is made of the operation, and makes its text of that. */
std::exception_ptr makeTimedOut(const QString &message)
{
    static const QString end = TimedOut(QString()).message();
    return make<TimedOut>(message.endsWith(end) ? message.chopped(end.size()) : message);
}

QString demangled(const std::type_info &type);

/** What may travel besides Qt's own values. */
struct Registry {
    QReadWriteLock lock;
    QHash<int, MessageTypeCodec> codecs;
    QHash<QString, std::exception_ptr (*)(const QString &)> errors{
        {demangled(typeid(CoroEnded)), make<CoroEnded>},
        {demangled(typeid(CoroTerminated)), make<CoroTerminated>},
        {demangled(typeid(WireError)), make<WireError>},
        {demangled(typeid(WrongSignature)), make<WrongSignature>},
        {demangled(typeid(ChannelClosed)), make<ChannelClosed>},
        {demangled(typeid(Destroyed)), make<Destroyed>},
        {demangled(typeid(NameTaken)), make<NameTaken>},
        {demangled(typeid(TimedOut)), makeTimedOut},
    };
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

QString typeName(QMetaType type)
{
    return QString::fromLatin1(type.name());
}

[[noreturn]] void malformed(const QString &what)
{
    throw MalformedFrame(what);
}

/** Qt's value types that travel as the text or number that QVariant converts them to. */
bool isPlain(int type)
{
    switch (type) {
    case QMetaType::UInt:
    case QMetaType::LongLong:
    case QMetaType::ULongLong:
    case QMetaType::Long:
    case QMetaType::ULong:
    case QMetaType::Short:
    case QMetaType::UShort:
    case QMetaType::SChar:
    case QMetaType::UChar:
    case QMetaType::Float:
    case QMetaType::QUrl:
    case QMetaType::QUuid:
    case QMetaType::QDate:
    case QMetaType::QTime:
    case QMetaType::QDateTime:
        return true;
    default:
        return false;
    }
}

bool isUnsigned(int type)
{
    return type == QMetaType::ULongLong || type == QMetaType::ULong;
}

/** A local time goes as the same moment in UTC: it means another one elsewhere. A time zone follows in brackets. */
QString textOf(const QDateTime &time)
{
    switch (time.timeSpec()) {
    case Qt::LocalTime:
        return time.toUTC().toString(Qt::ISODateWithMs);
    case Qt::TimeZone:
        return time.toUTC().toString(Qt::ISODateWithMs) + u'[' + QString::fromLatin1(time.timeZone().id()) + u']';
    default:
        return time.toString(Qt::ISODateWithMs);
    }
}

/** `text` of a QDate or QDateTime: which Qt leaves empty for years of more than four digits, too. */
QString dateText(const QVariant &value, const QString &text)
{
    const QDate date = value.toDate();
    if (date.isValid() && (text.isEmpty() || text.startsWith(u'[')))
        throw WireError(QStringLiteral("the year %1 cannot be sent to another process").arg(date.year()));
    return text;
}

QDateTime timeOf(const QString &text)
{
    const qsizetype bracket = text.indexOf(u'[');
    const QDateTime time = QDateTime::fromString(text.left(bracket), Qt::ISODateWithMs);
    if (text.isEmpty())
        return {};
    if (!time.isValid() || time.timeSpec() == Qt::LocalTime)
        malformed(QStringLiteral("no time: ") + text);
    if (bracket >= 0 && !text.endsWith(u']'))
        malformed(QStringLiteral("no time: ") + text);
    QDateTime there = time;
    if (bracket >= 0) {
        if (const QTimeZone zone(text.sliced(bracket + 1).chopped(1).toLatin1()); zone.isValid())
            there = time.toTimeZone(zone);
    }
    if (const QString again = textOf(there); again.isEmpty() || again.startsWith(u'[')) // as "9999-12-31T24:00:00Z"
        malformed(QStringLiteral("no time: ") + text);
    return there;
}

void encodePlain(QCborStreamWriter &writer, const QVariant &value)
{
    switch (value.typeId()) {
    case QMetaType::QUrl:
        writer.append(value.toUrl().toString(QUrl::FullyEncoded));
        break;
    case QMetaType::QUuid:
        writer.append(value.toUuid().toRfc4122());
        break;
    case QMetaType::QDate:
        writer.append(dateText(value, value.toDate().toString(Qt::ISODate)));
        break;
    case QMetaType::QTime:
        writer.append(value.toTime().toString(Qt::ISODateWithMs));
        break;
    case QMetaType::QDateTime:
        writer.append(dateText(value, textOf(value.toDateTime())));
        break;
    case QMetaType::Float:
        writer.append(value.toFloat());
        break;
    default:
        if (isUnsigned(value.typeId()))
            writer.append(value.toULongLong());
        else
            writer.append(value.toLongLong());
    }
}

/** Qt would look for enumerators of that name, and write warnings about texts that can be none. They go as numbers. */
bool isTextForEnumeration(QMetaType type, const QVariant &content)
{
    return type.flags() & QMetaType::IsEnumeration
        && (content.typeId() == QMetaType::QString || content.typeId() == QMetaType::QByteArray);
}

QVariant decodePlain(QMetaType type, const QVariant &content)
{
    if (isTextForEnumeration(type, content))
        malformed(QStringLiteral("a text for a %1").arg(typeName(type)));
    if (type.id() == QMetaType::QUuid && content.typeId() == QMetaType::QByteArray)
        return QUuid::fromRfc4122(content.toByteArray());
    if (type.id() == QMetaType::QUrl)
        return QUrl(content.toString(), QUrl::StrictMode);
    if (type.id() == QMetaType::QDateTime)
        return timeOf(content.toString());
    if (content.typeId() == QMetaType::QString && content.toString().isEmpty())
        return QVariant(type); // a QDate or QTime that is not valid
    QVariant value = content;
    if (!value.convert(type))
        malformed(QStringLiteral("no %1").arg(typeName(type)));
    return value;
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

QString demangled(const std::type_info &type)
{
    int status = 0;
    char *name = abi::__cxa_demangle(type.name(), nullptr, nullptr, &status);
    const QString result = QString::fromLatin1(name ? name : type.name());
    std::free(name);
    return result;
}

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

void addErrorType(const std::type_info &type, std::exception_ptr (*make)(const QString &message))
{
    const QWriteLocker lock(&registry().lock);
    registry().errors.insert(demangled(type), make);
}

std::exception_ptr makeError(const QString &type, const QString &message)
{
    const QReadLocker lock(&registry().lock);
    const auto make = registry().errors.value(type);
    return make ? make(message) : std::make_exception_ptr(RemoteError(type, message));
}

QString errorType(const std::exception_ptr &error)
{
    try {
        std::rethrow_exception(error);
    } catch (const RemoteError &e) {
        return e.type(); // passed on from yet another process
    } catch (const Cancelled &) {
        return demangled(typeid(CoroTerminated));
    } catch (...) {
        const std::type_info *type = abi::__cxa_current_exception_type();
        return type ? demangled(*type) : QStringLiteral("unknown");
    }
}

} // namespace Asyncoro::Detail
