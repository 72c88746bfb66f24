// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Any bytes read as a ping: as they are, and under the proof of somebody who knows the secret.

#include "../../src/distributed/wire/ping_p.h"

#include <QCryptographicHash>
#include <QMessageAuthenticationCode>
#include <QtEndian>

#include <algorithm>
#include <cstdlib>
#include <tuple>

using namespace Asyncoro::Detail;

namespace {

constexpr qsizetype SignedSize = 320; // docs/wire-format.md has these numbers, too
constexpr qsizetype KindAt = 12;
constexpr qsizetype PortAt = 14;

const QByteArray Secret("s3cret");

void check(bool good)
{
    if (!good)
        std::abort();
}

QByteArray proofOf(const QByteArray &bytes, const QByteArray &secret)
{
    return QMessageAuthenticationCode::hash("asyncoro ping 1 " + bytes, secret, QCryptographicHash::Sha256);
}

auto contentOf(const Ping &ping)
{
    return std::tie(ping.version, ping.oldestVersion, ping.kind, ping.direct, ping.incarnation, ping.nonce,
                    ping.address, ping.port, ping.name, ping.services, ping.lookingFor);
}

/** Of printing characters alone, with a single space between two words, and as long as the ping has room for. */
bool isPlain(const QString &text, qsizetype room)
{
    return std::ranges::all_of(text, [](QChar c) { return c.isPrint(); }) && text.toUtf8().size() <= room;
}

void checkPing(const Ping &ping, const QByteArray &bytes)
{
    check(quint8(ping.kind) >= 1 && quint8(ping.kind) <= 3 && quint8(ping.kind) == quint8(bytes[KindAt]));
    check(ping.port == qFromBigEndian<quint16>(bytes.constData() + PortAt));
    check(ping.incarnation.size() == Ping::IncarnationSize && ping.nonce.size() == Ping::NonceSize);
    for (const QString &text : QStringList{ping.address, ping.name, ping.lookingFor} + ping.services)
        check(text == text.simplified() && !text.contains(QChar(u'\0')));
    check(!ping.services.contains(QString()));

    const bool isPlainText = isPlain(ping.address, Ping::AddressSize) && isPlain(ping.name, Ping::NameSize)
        && isPlain(ping.services.join(u' '), Ping::ServicesSize) && isPlain(ping.lookingFor, Ping::ServiceSize);
    const PingReading again = readPing(ping.toBytes(Secret), Secret);
    check(again.ping && (!isPlainText || contentOf(*again.ping) == contentOf(ping)));
}

void checkReading(const QByteArray &bytes)
{
    const PingReading reading = readPing(bytes, Secret);
    check(reading.ping.has_value() == (reading.fault == PingFault::None));
    const bool isProved
        = bytes.size() == Ping::Size && bytes.sliced(SignedSize) == proofOf(bytes.first(SignedSize), Secret);
    check(isProved || !reading.ping);
    check(!isProved || reading.fault != PingFault::WrongSecret);
    if (reading.ping)
        checkPing(*reading.ping, bytes);
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int *argc, char ***argv);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

extern "C" int LLVMFuzzerInitialize(int *, char ***)
{
    return 0;
}

// The input: a ping, perhaps without its proof; or one that is passed on.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const QByteArray input(reinterpret_cast<const char *>(data), qsizetype(size));
    checkReading(input);

    QByteArray content = input.first(std::min(input.size(), SignedSize));
    content.resize(SignedSize, '\0');
    const QByteArray proved = content + proofOf(content, Secret);
    checkReading(proved);
    const PingReading unproved = readPing(content + proofOf(content, "other"), Secret);
    check(!unproved.ping && unproved.fault != PingFault::Malformed); // nothing behind the proof is looked at

    if (const std::optional<PassedPing> passed = PassedPing::fromBytes(input)) {
        check(passed->ping.size() == Ping::Size && input.endsWith(passed->ping));
        const std::optional<PassedPing> again = PassedPing::fromBytes(passed->toBytes());
        check(again && again->port == passed->port && again->ping == passed->ping);
        check(!isPlain(passed->from.toString(), Ping::AddressSize) || again->from == passed->from);
    }
    return 0;
}
