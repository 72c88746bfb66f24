// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "ping_p.h"

#include "handshake_p.h"

#include <QCryptographicHash>
#include <QMessageAuthenticationCode>
#include <QtEndian>

#include <algorithm>

namespace Asyncoro::Detail {

namespace {

constexpr char PingMagic[] = "ASYNPING"; // without the closing zero
constexpr char PassedMagic[] = "ASYNPASS";
constexpr qsizetype PingMagicSize = 8;
constexpr quint8 DirectFlag = 1;

// Where things are.
constexpr qsizetype VersionAt = PingMagicSize;
constexpr qsizetype OldestVersionAt = VersionAt + 2;
constexpr qsizetype KindAt = OldestVersionAt + 2;
constexpr qsizetype FlagsAt = KindAt + 1;
constexpr qsizetype PortAt = FlagsAt + 1;
constexpr qsizetype IncarnationAt = PortAt + 2;
constexpr qsizetype NonceAt = IncarnationAt + Ping::IncarnationSize;
constexpr qsizetype AddressAt = NonceAt + Ping::NonceSize;
constexpr qsizetype NameAt = AddressAt + Ping::AddressSize;
constexpr qsizetype ServicesAt = NameAt + Ping::NameSize;
constexpr qsizetype LookingForAt = ServicesAt + Ping::ServicesSize;
constexpr qsizetype ProofAt = LookingForAt + Ping::ServiceSize;
static_assert(ProofAt + ProofSize == Ping::Size);
static_assert(Ping::IncarnationSize == Hello::IncarnationSize);

void putNumber(QByteArray &bytes, qsizetype at, quint16 number)
{
    qToBigEndian(number, bytes.data() + at);
}

quint16 numberAt(const QByteArray &bytes, qsizetype at)
{
    return qFromBigEndian<quint16>(bytes.constData() + at);
}

/** As much of `text` as there is room for, in whole characters. */
void putText(QByteArray &bytes, qsizetype at, qsizetype room, const QString &text)
{
    QString part = text;
    while (part.toUtf8().size() > room)
        part.chop(part.back().isLowSurrogate() ? 2 : 1);
    const QByteArray utf8 = part.toUtf8();
    std::copy(utf8.cbegin(), utf8.cend(), bytes.begin() + at);
}

QString textAt(const QByteArray &bytes, qsizetype at, qsizetype room)
{
    const char *const begin = bytes.constData() + at;
    return QString::fromUtf8(begin, qsizetype(qstrnlen(begin, size_t(room)))).simplified();
}

QByteArray proofOf(const QByteArray &bytes, const QByteArray &secret)
{
    QMessageAuthenticationCode code(QCryptographicHash::Sha256, secret);
    code.addData("asyncoro ping 1 ");
    code.addData(QByteArrayView(bytes).first(ProofAt));
    return code.result();
}

} // namespace

bool Ping::isService(const QString &name)
{
    const QByteArray utf8 = name.toUtf8();
    const auto isOdd = [](QChar c) { return c.isSpace() || !c.isPrint(); };
    return !utf8.isEmpty() && utf8.size() <= ServiceSize && std::ranges::none_of(name, isOdd);
}

bool Ping::fits(const QStringList &services)
{
    return std::ranges::all_of(services, &isService) && services.join(u' ').toUtf8().size() <= ServicesSize;
}

QByteArray Ping::toBytes(const QByteArray &secret) const
{
    QByteArray bytes(Size, '\0');
    std::copy_n(PingMagic, PingMagicSize, bytes.begin());
    putNumber(bytes, VersionAt, version);
    putNumber(bytes, OldestVersionAt, oldestVersion);
    bytes[KindAt] = char(kind);
    bytes[FlagsAt] = char(direct ? DirectFlag : 0);
    putNumber(bytes, PortAt, port);
    std::copy_n(incarnation.cbegin(), IncarnationSize, bytes.begin() + IncarnationAt);
    std::copy_n(nonce.cbegin(), NonceSize, bytes.begin() + NonceAt);
    putText(bytes, AddressAt, AddressSize, address);
    putText(bytes, NameAt, NameSize, name);
    putText(bytes, ServicesAt, ServicesSize, services.join(u' '));
    putText(bytes, LookingForAt, ServiceSize, lookingFor);
    const QByteArray proof = proofOf(bytes, secret);
    std::copy(proof.cbegin(), proof.cend(), bytes.begin() + ProofAt);
    return bytes;
}

PingReading readPing(const QByteArray &bytes, const QByteArray &secret)
{
    PingReading reading;
    if (bytes.size() < FlagsAt + 1 || !bytes.startsWith(PingMagic)) {
        reading.fault = PingFault::NotAPing;
        return reading;
    }
    reading.version = numberAt(bytes, VersionAt);
    reading.direct = quint8(bytes[FlagsAt]) & DirectFlag;
    const quint16 oldest = numberAt(bytes, OldestVersionAt);
    if (reading.version < Ping::ProtocolVersion || oldest > Ping::ProtocolVersion) {
        reading.fault = PingFault::OtherVersion;
        return reading;
    }
    if (bytes.size() != Ping::Size) {
        reading.fault = PingFault::NotAPing;
        return reading;
    }
    if (!equalInConstantTime(bytes.sliced(ProofAt), proofOf(bytes, secret))) {
        reading.fault = PingFault::WrongSecret;
        return reading;
    }
    const auto kind = quint8(bytes[KindAt]);
    if (kind == 0 || kind > quint8(Ping::Kind::Announcement)) {
        reading.fault = PingFault::Malformed;
        return reading;
    }
    Ping ping;
    ping.version = reading.version;
    ping.oldestVersion = oldest;
    ping.kind = Ping::Kind(kind);
    ping.direct = reading.direct;
    ping.port = numberAt(bytes, PortAt);
    ping.incarnation = bytes.sliced(IncarnationAt, Ping::IncarnationSize);
    ping.nonce = bytes.sliced(NonceAt, Ping::NonceSize);
    ping.address = textAt(bytes, AddressAt, Ping::AddressSize);
    ping.name = textAt(bytes, NameAt, Ping::NameSize);
    ping.services = textAt(bytes, ServicesAt, Ping::ServicesSize).split(u' ', Qt::SkipEmptyParts);
    ping.lookingFor = textAt(bytes, LookingForAt, Ping::ServiceSize);
    reading.ping = ping;
    return reading;
}

QByteArray PassedPing::toBytes() const
{
    QByteArray bytes(Size - Ping::Size, '\0');
    std::copy_n(PassedMagic, PingMagicSize, bytes.begin());
    putNumber(bytes, PingMagicSize, port);
    putText(bytes, PingMagicSize + 2, Ping::AddressSize, from.toString());
    return bytes + ping;
}

std::optional<PassedPing> PassedPing::fromBytes(const QByteArray &bytes)
{
    if (bytes.size() != Size || !bytes.startsWith(PassedMagic))
        return {};
    PassedPing passed;
    passed.port = numberAt(bytes, PingMagicSize);
    passed.from = QHostAddress(textAt(bytes, PingMagicSize + 2, Ping::AddressSize));
    passed.ping = bytes.last(Ping::Size);
    return passed;
}

} // namespace Asyncoro::Detail
