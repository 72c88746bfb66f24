// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QByteArray>
#include <QList>
#include <QtEndian>

#include <algorithm>
#include <cstdint>
#include <utility>

/** What fuzz targets have in common whose input says which operations read a stream, and what is in that. */
namespace ReadingOperations {

/** `Kind` is an enumeration of kinds, the last of which is Count. */
template<typename Kind>
struct Operation {
    Kind kind;
    qint64 size;
    bool tryFirst; // with a deadline in the past
};

/** The one that an operation reads up to, if it needs one. */
template<typename Kind>
const QByteArray &delimiterOf(const Operation<Kind> &operation)
{
    static const QByteArray delimiters[] = {";", "\r\n", ";;"};
    return delimiters[size_t(operation.size) % std::size(delimiters)];
}

/** The bytes of an input, which are taken from its beginning. */
class Input
{
public:
    Input(const std::uint8_t *data, std::size_t size)
        : m_rest(reinterpret_cast<const char *>(data), qsizetype(size))
    {
    }

    /** Fewer where the input ends. */
    QByteArray take(qsizetype count)
    {
        const QByteArray taken = m_rest.first(std::min(count, m_rest.size()));
        m_rest.remove(0, taken.size());
        return taken;
    }
    /** 0 where the input ends. */
    quint8 takeByte()
    {
        const QByteArray byte = take(1);
        return byte.isEmpty() ? 0 : quint8(byte.at(0));
    }
    /** Each is a kind, of which there are `kinds`, and a size of two bytes. */
    template<typename Kind>
    QList<Operation<Kind>> takeOperations(int count, Kind kinds = Kind::Count)
    {
        QList<Operation<Kind>> operations;
        for (; count > 0; --count) {
            const QByteArray bytes = take(3);
            if (bytes.size() == 3)
                operations.append({.kind = Kind(quint8(bytes.at(0)) % quint8(kinds)),
                                   .size = qFromLittleEndian<quint16>(bytes.constData() + 1),
                                   .tryFirst = (quint8(bytes.at(0)) & 0x80) != 0});
        }
        return operations;
    }
    /** The rest, as often as its first byte says. */
    QByteArray takeStream()
    {
        const int times = 1 + takeByte();
        return std::exchange(m_rest, {}).repeated(times);
    }

private:
    QByteArray m_rest;
};

} // namespace ReadingOperations
