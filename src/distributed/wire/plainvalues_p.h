// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QCborStreamReader>
#include <QCborStreamWriter>
#include <QVariant>

namespace Asyncoro::Detail {

/** Whether values of that type of Qt's travel as the text or number that QVariant converts them to. */
bool isPlain(int type);

/** Writes a value of such a type. Throws a WireError for one that could not be read again, as the year 10000. */
void encodePlain(QCborStreamWriter &writer, const QVariant &value);
/** The value of `type`, which is such a type or an enumeration, that is read from `content`; throws a MalformedFrame. */
QVariant decodePlain(QMetaType type, const QVariant &content);

/** Qt would look for enumerators of that name, and write warnings about texts that can be none. They go as numbers. */
bool isTextForEnumeration(QMetaType type, const QVariant &content);

/** The number at which `reader` is, a floating point one of any size: encoders of other languages take the shortest. */
double floatingPoint(const QCborStreamReader &reader);
/** Whether the container that `reader` is in has another item; throws a MalformedFrame if that cannot be told. */
bool hasNext(const QCborStreamReader &reader);

/** For messages. */
inline QString typeName(QMetaType type)
{
    return QString::fromLatin1(type.name());
}

} // namespace Asyncoro::Detail
