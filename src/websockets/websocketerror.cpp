// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "websocketerror.h"

namespace Asyncoro {

WebSocketClosed::WebSocketClosed(int code, const QString &reason, const QString &message)
    : Error(message)
    , m_code(code)
    , m_reason(reason)
{
}

WebSocketClosed::~WebSocketClosed() = default;

} // namespace Asyncoro
