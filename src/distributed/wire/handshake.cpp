// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "handshake_p.h"

#include <QCryptographicHash>
#include <QMessageAuthenticationCode>
#include <QRandomGenerator>
#include <QtEndian>

namespace Asyncoro::Detail {

namespace {

constexpr char HelloMagic[] = "ASYNCORO"; // without the closing zero
constexpr qsizetype HelloMagicSize = 8;

QByteArray bytesOf(quint64 session, quint64 received)
{
    QByteArray bytes(sizeof session + sizeof received, Qt::Uninitialized);
    qToBigEndian(session, bytes.data());
    qToBigEndian(received, bytes.data() + sizeof session);
    return bytes;
}

} // namespace

static_assert(HelloMagicSize + 4 * sizeof(quint16) + Hello::IncarnationSize + Hello::NonceSize == Hello::Size);

QByteArray Hello::toBytes() const
{
    QByteArray bytes(HelloMagic, HelloMagicSize);
    for (const quint16 field : {version, oldestVersion, flags, port}) {
        const quint16 inNetworkOrder = qToBigEndian(field);
        bytes.append(reinterpret_cast<const char *>(&inNetworkOrder), sizeof inNetworkOrder);
    }
    return bytes + incarnation + nonce;
}

std::optional<Hello> Hello::fromBytes(const QByteArray &bytes)
{
    if (bytes.size() != Size || !bytes.startsWith(HelloMagic))
        return {};
    const auto field = [&](qsizetype index) {
        return qFromBigEndian<quint16>(bytes.constData() + HelloMagicSize + index * qsizetype(sizeof(quint16)));
    };
    Hello hello;
    hello.version = field(0);
    hello.oldestVersion = field(1);
    hello.flags = field(2);
    hello.port = field(3);
    hello.incarnation = bytes.mid(Size - NonceSize - IncarnationSize, IncarnationSize);
    hello.nonce = bytes.last(NonceSize);
    return hello;
}

QByteArray SessionRequest::toBytes() const
{
    return bytesOf(session, received) + address;
}

SessionRequest SessionRequest::fromBytes(const QByteArray &bytes)
{
    Q_ASSERT(bytes.size() == Size);
    return {qFromBigEndian<quint64>(bytes.constData()), qFromBigEndian<quint64>(bytes.constData() + sizeof session),
            bytes.last(AddressSize)};
}

QByteArray SessionAnswer::toBytes() const
{
    return char(verdict) + bytesOf(session, received);
}

SessionAnswer SessionAnswer::fromBytes(const QByteArray &bytes)
{
    Q_ASSERT(bytes.size() == Size);
    const char *const position = bytes.constData() + 1;
    return {Verdict(bytes.front()), qFromBigEndian<quint64>(position), qFromBigEndian<quint64>(position + sizeof session)};
}

QByteArray makeProof(const QByteArray &secret, Side side, const QByteArray &transcript)
{
    QMessageAuthenticationCode code(QCryptographicHash::Sha256, secret);
    code.addData("asyncoro peer 4 ");
    code.addData(QByteArray(1, char(side)));
    code.addData(transcript);
    return code.result();
}

bool equalInConstantTime(const QByteArray &a, const QByteArray &b)
{
    if (a.size() != b.size())
        return false;
    volatile char difference = 0;
    for (qsizetype i = 0; i < a.size(); ++i)
        difference = char(difference | (a[i] ^ b[i]));
    return difference == 0;
}

QByteArray randomBytes(qsizetype size)
{
    QByteArray bytes(size, Qt::Uninitialized);
    QRandomGenerator *const system = QRandomGenerator::system();
    for (char &byte : bytes)
        byte = char(system->bounded(256));
    return bytes;
}

} // namespace Asyncoro::Detail
