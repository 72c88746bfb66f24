// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "valuesize_p.h"

#include <QCborValue>

namespace Asyncoro::Detail {

/** Whether values of that type are JSON or CBOR, which travel as the CBOR that they are. */
bool isTree(QMetaType type);

/**
 * Whether a value of type `from` may be converted to `to`. Nothing but JSON becomes JSON: Qt inserts one key after the
 * other, for which a peer could choose an order that takes hours.
 */
bool mayBecome(QMetaType from, QMetaType to);

void encodeTree(QCborStreamWriter &writer, const QVariant &value, ValueSize &size);
/** Throws a MalformedFrame that names the type. */
QVariant decodeTree(QCborStreamReader &reader, QMetaType type, ValueSize &size);

/** Any CBOR. Throws a WireError for what CBOR has no bytes for. */
void writeCbor(QCborStreamWriter &writer, const QCborValue &value, ValueSize &size);
QCborValue readCbor(QCborStreamReader &reader, ValueSize &size);

} // namespace Asyncoro::Detail
