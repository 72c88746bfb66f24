// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "tlsconfiguration.h"

#include <Asyncoro/Task>

namespace Asyncoro::Detail {

class SocketData;

/** Waits for the end of a handshake. */
class ASYNCORO_NETWORK_EXPORT TlsAwaiter final : public ExternalWait
{
public:
    enum class Role : quint8 { Client, Server };

    TlsAwaiter(SocketData *data, Role role, const TlsConfiguration &configuration, const QString &serverName,
               const QDeadlineTimer &deadline);
    void await_resume() const { throwUnlessDone(); }

protected:
    bool start() override;
    void abandon() noexcept override;

private:
    SocketData *const m_data; // not owning; valid while this waits
    const Role m_role;
    const TlsConfiguration m_configuration;
    const QString m_serverName;
};

} // namespace Asyncoro::Detail
