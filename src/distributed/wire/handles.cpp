// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "handles_p.h"

#include "codec_p.h"

namespace Asyncoro::Detail {

namespace {

template<typename Handle>
void encode(QCborStreamWriter &writer, const Handle &handle, HandleMapper &handles)
{
    if (handle.isNull()) {
        writer.appendNull();
        return;
    }
    const Identity identity = handles.identify(handle);
    writer.startArray(5);
    writer.append(identity.process);
    writer.append(identity.location.address());
    writer.append(quint64(identity.location.port()));
    if constexpr (!std::is_same_v<Handle, Rci<>>)
        writer.append(identity.id);
    writer.append(identity.name);
    if constexpr (std::is_same_v<Handle, Rci<>>)
        writer.append(identity.signature);
    writer.endArray();
}

template<typename Handle>
Handle decode(QCborStreamReader &reader, HandleMapper &handles, Handle (HandleMapper::*resolve)(const Identity &))
{
    if (reader.isNull()) {
        reader.next();
        return {};
    }
    Identity identity;
    enterArray(reader, 5);
    identity.process = readBytes(reader);
    const QString address = readText(reader);
    const quint64 port = readUnsigned(reader);
    if constexpr (!std::is_same_v<Handle, Rci<>>)
        identity.id = readUnsigned(reader);
    identity.name = readText(reader);
    if constexpr (std::is_same_v<Handle, Rci<>>)
        identity.signature = readText(reader);
    reader.leaveContainer();
    if (port > 0xffff)
        throw MalformedFrame(QStringLiteral("port %1").arg(port));
    identity.location = Location(address, quint16(port));
    return (handles.*resolve)(identity);
}

template<typename Handle>
const Handle &contentOf(const QVariant &value)
{
    return *static_cast<const Handle *>(value.constData());
}

} // namespace

void encodeCoro(QCborStreamWriter &writer, const Coro<> &coro, HandleMapper &handles)
{
    encode(writer, coro, handles);
}

Coro<> decodeCoro(QCborStreamReader &reader, HandleMapper &handles)
{
    return decode(reader, handles, &HandleMapper::resolveCoro);
}

bool isHandle(QMetaType type)
{
    return type == QMetaType::fromType<Coro<>>() || type == QMetaType::fromType<Channel>() || type == QMetaType::fromType<Rci<>>();
}

void encodeHandle(QCborStreamWriter &writer, const QVariant &value, HandleMapper &handles)
{
    if (value.metaType() == QMetaType::fromType<Coro<>>())
        encode(writer, contentOf<Coro<>>(value), handles);
    else if (value.metaType() == QMetaType::fromType<Channel>())
        encode(writer, contentOf<Channel>(value), handles);
    else
        encode(writer, contentOf<Rci<>>(value), handles);
}

QVariant decodeHandle(QCborStreamReader &reader, QMetaType type, HandleMapper &handles)
{
    if (type == QMetaType::fromType<Coro<>>())
        return QVariant::fromValue(decodeCoro(reader, handles));
    if (type == QMetaType::fromType<Channel>())
        return QVariant::fromValue(decode(reader, handles, &HandleMapper::resolveChannel));
    return QVariant::fromValue(decode(reader, handles, &HandleMapper::resolveRci));
}

} // namespace Asyncoro::Detail
