// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncorowebsockets_export.h"

#include <Asyncoro/SocketError>

#include <QWebSocketProtocol>

namespace Asyncoro {

/**
 * The conversation has ended as WebSocket wants it: one side has said that it closes, with a code and a reason. Where
 * the connection just broke, that is a SocketError.
 */
class ASYNCORO_WEBSOCKETS_EXPORT WebSocketClosed : public Error
{
public:
    WebSocketClosed(int code, const QString &reason, const QString &message);
    ~WebSocketClosed() override;

    /** One of QWebSocketProtocol::CloseCode, or a program's own, from 4000 to 4999. */
    [[nodiscard]] int code() const { return m_code; }
    [[nodiscard]] QString reason() const { return m_reason; }

private:
    int m_code;
    QString m_reason;
};

} // namespace Asyncoro
