// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include <QCborStreamReader>
#include <QCborStreamWriter>
#include <QVariant>

namespace Asyncoro::Detail {

/** Whether values of that type are points, sizes and the like, which travel as lists of two or four numbers. */
bool isGeometry(QMetaType type);

void encodeGeometry(QCborStreamWriter &writer, const QVariant &value);
/** Throws a MalformedFrame that names the type. */
QVariant decodeGeometry(QCborStreamReader &reader, QMetaType type);

} // namespace Asyncoro::Detail
