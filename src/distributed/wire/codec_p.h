// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "handles_p.h"
#include "peererror.h"

#include <QCborStreamReader>
#include <QCborStreamWriter>
#include <QVariant>

namespace Asyncoro::Detail {

/**
 * Bytes that break the format: nothing else is believed of who sent them. Any other WireError is about one value, such as one of
 * a type that is not known here.
 */
class MalformedFrame final : public WireError
{
public:
    explicit MalformedFrame(const QString &what)
        : WireError(QStringLiteral("malformed message: ") + what)
    {
    }
};

[[noreturn]] inline void malformed(const QString &what)
{
    throw MalformedFrame(what);
}

/**
 * Writes `value` as one CBOR item. Throws a WireError that names a type that is not allowed.
 *
 * null, booleans, int, double, texts, byte strings, lists and maps with text keys are what CBOR has; every other type is a
 * two-element array [name of the type, content] with the tag TypedValue.
 */
void encodeValue(QCborStreamWriter &writer, const QVariant &value, HandleMapper &handles);

/** The memory of a frame. */
struct FrameMemory {
    QByteArray bytes;
    qsizetype body = 0; // where it begins, which is what is read
};

/**
 * Reads one item. Throws MalformedFrame for what encodeValue() would not have written, WireError for a type not known here.
 *
 * Where what is read is in `memory`, and a long byte array is the last thing there, that takes the memory for its own.
 * `parts` is told how many parts the value has.
 */
QVariant decodeValue(QCborStreamReader &reader, HandleMapper &handles, FrameMemory *memory = nullptr, int *parts = nullptr);

/** Reads an item that must be of that kind; throws MalformedFrame otherwise. */
quint64 readUnsigned(QCborStreamReader &reader);
bool readBool(QCborStreamReader &reader);
QString readText(QCborStreamReader &reader);
QByteArray readBytes(QCborStreamReader &reader);
/** Enters an array of exactly `length` items. */
void enterArray(QCborStreamReader &reader, quint64 length);

} // namespace Asyncoro::Detail
