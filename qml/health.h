// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncoroqml_export.h"

#include <QObject>
#include <qqmlregistration.h>

/** How something is, for the eye: which icon and colour go with its state's word. */
namespace Asyncoro::Qml::Health {
Q_NAMESPACE_EXPORT(ASYNCORO_QML_EXPORT)
QML_ELEMENT

enum class Value : quint8 {
    Good,
    Waiting, ///< on its way to good
    Attention, ///< works, but somebody should look
    Bad,
    Ended, ///< in order
};
Q_ENUM_NS(Value)

} // namespace Asyncoro::Qml::Health
